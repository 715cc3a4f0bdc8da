"""DED (Ma et al., DID-ANet, TIP 2022): light-field photos, defocused and sharp, with maps of blur.

``image/image_N.jpg``, ``sharp/<prefix>_N.jpg`` and ``filtered/defocus_filterd_N.png`` (so
written), as the authors' reader looks for them. The archive keeps them in ``train``; its ``test``
holds photos only (issue 3 of xytmhy/DID-ANet-Defocus-Deblurring), and cannot be used.

A map has 8 bits and the authors' reader divides it by 255; how it was scaled is not published,
nor that larger values mean more blur, so the release marks it as normalised.

No split is published: the authors draw photos at random. Photos that were refocused from one
light field share their sharp photo, and photos with one sharp photo, byte by byte, are one group.
Depth is absent.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from idfd.errors import InputError
from idfd.model.triple import GivenDefocus
from idfd.release.download import dataset_source
from idfd.release.importers.audit import Audit
from idfd.release.importers.blur_sets import (
    BlurItem,
    blur_tasks,
    decode_grey,
    need_folders,
    none_usable,
    note_folder,
    photos_by_stem,
)
from idfd.release.importers.rgbd_sets import Frame, scenes_of
from idfd.release.triple_folder import SetFacts, TripleTask
from idfd.storage.hashing import sha256_file

LAYOUT = "image/image_N.jpg, sharp/<prefix>_N.jpg and filtered/defocus_filterd_N.png"
_PATTERNS = {
    "image": re.compile(r"^image_(\d+)$"),
    "sharp": re.compile(r"^.+_(\d+)$"),
    "filtered": re.compile(r"^defocus_filterd_(\d+)$"),
}


def verify(source: Path) -> None:
    """Check that the folder holds the dataset.

    Raises:
        InputError: It does not; the error says what is there and how to get the dataset.
    """
    choices = [[f"{home}/{name}" for name in _PATTERNS] for home in (".", "train")]
    need_folders(source, choices, LAYOUT, dataset_source("ded").instructions)


def triples(source: Path) -> tuple[SetFacts, Sequence[TripleTask]]:
    """The photos with their sharp photos and maps of blur, as triples without depth.

    Args:
        source: The folder that holds ``image``, ``sharp`` and ``filtered``, or their ``train``.

    Raises:
        InputError: No complete photo, or a file cannot be read.
    """
    audit = Audit(source)
    home = source if (source / "image").is_dir() else source / "train"
    found = {name: _by_number(home / name, pattern) for name, pattern in _PATTERNS.items()}
    complete = sorted(set.intersection(*(set(files) for files in found.values())))
    for files in found.values():
        for number in sorted(files.keys() - set(complete)):
            lacks = [name for name in _PATTERNS if number not in found[name]]
            audit.add("orphan", [files[number]], f"there is no {' and no '.join(lacks)} {number}")
    if not complete:
        raise none_usable(source, LAYOUT)
    same: dict[str, str] = {}
    items = [
        BlurItem(
            Frame(
                id=f"image-{number}",
                group=same.setdefault(sha256_file(found["sharp"][number]), f"field-{number}"),
                split="",
            ),
            defocused=found["image"][number],
            all_in_focus=found["sharp"][number],
            defocus=found["filtered"][number],
        )
        for number in complete
    ]
    if home != source:
        note_folder(audit, source / "test", "photos without truth")
    frames = [item.frame for item in items]
    audit.use(path for item in items for path in item.files.values())
    facts = SetFacts(
        name="ded",
        title="DED",
        licence="not stated for the photos; see the authors' repository",
        citation=(
            "H. Ma, S. Liu, Q. Liao, J. Zhang, J.-H. Xue: Defocus Image Deblurring Network With "
            "Defocus Map Estimation as Auxiliary Task. IEEE Transactions on Image Processing, 2022"
        ),
        scenes=scenes_of(frames),
        splits=None,
        audit=audit.close(f"not part of the layout {LAYOUT}, or a second file of its number"),
    )
    given = GivenDefocus(origin="DED, from the light field, divided by 255", unit="normalised")
    return facts, blur_tasks("ded", source, items, given, decode_map)


def decode_map(data: bytes, path: Path) -> NDArray[np.float32]:
    """Decode a map of blur to [0, 1], (H, W) float32.

    Raises:
        InputError: Undecodable, or not 8 bits.
    """
    image = decode_grey(data, path)
    if image.dtype != np.uint8:
        raise InputError(f"holds {image.dtype} values", where=path, limit="8 bits")
    return np.asarray(image / 255, np.float32)


def _by_number(folder: Path, pattern: re.Pattern[str]) -> dict[int, Path]:
    """Files of a folder by the number in their name; a second one stays unsettled."""
    found: dict[int, Path] = {}
    for stem, path in photos_by_stem(folder).items():
        match = pattern.match(stem)
        if match:
            found.setdefault(int(match[1]), path)
    return found
