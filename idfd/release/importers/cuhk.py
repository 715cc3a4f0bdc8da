"""CUHK (Shi et al., CVPR 2014): photos with masks of what is out of focus, drawn by people.

``{train,test}/CUHK/{image,gt}`` in the archive of DMENet, or ``{image,gt}`` as published:
``out_of_focusNNNN.jpg`` with ``out_of_focusNNNN.png``, 704 of them, beside 296 photos
``motionNNNN`` whose blur is of motion and which are left out.

White is blurred and black is sharp: Kim et al.'s reader calls 0 sharp and the rest blurred, and
D-DFFNet's inverts the masks for a network that looks for what is sharp. A mask says whether a
pixel is blurred, not how much, so the release marks the map as normalised: 1 blurred, 0 sharp.

There is neither a sharp photo nor depth. Each photo is its own group.
"""

from __future__ import annotations

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
    lone_frame,
    need_folders,
    none_usable,
    note_folder,
    note_orphans,
    photos_by_stem,
)
from idfd.release.importers.rgbd_sets import published_splits, scenes_of
from idfd.release.triple_folder import SetFacts, TripleTask

LAYOUT = "{train,test}/CUHK/{image,gt}, or {image,gt}"
_HOMES = {"train": "train/CUHK", "test": "test/CUHK"}
_MOTION = "motion"


def verify(source: Path) -> None:
    """Check that the folder holds the dataset.

    Raises:
        InputError: It does not; the error says what is there and how to get the dataset.
    """
    choices = [[f"{home}/image", f"{home}/gt"] for home in (*_HOMES.values(), ".")]
    need_folders(source, choices, LAYOUT, dataset_source("cuhk").instructions)


def triples(source: Path) -> tuple[SetFacts, Sequence[TripleTask]]:
    """The photos with their masks, as triples without depth or sharp photo.

    Args:
        source: The folder that holds ``train`` and ``test``, or ``image`` and ``gt``.

    Raises:
        InputError: No photo with a mask, or a file cannot be read.
    """
    audit = Audit(source)
    whole = (source / "image").is_dir()
    items: list[BlurItem] = []
    for split, home in ({"": "."} if whole else _HOMES).items():
        photos, masks = (
            photos_by_stem(source / home / "image"),
            photos_by_stem(source / home / "gt"),
        )
        moved = [path for found in (photos, masks) for path in _moved(found)]
        for path in moved:
            audit.add("unexpected", [path], "its blur is of motion")
        both = [stem for stem in photos if stem in masks]
        note_orphans(audit, photos, both, "gt")
        note_orphans(audit, masks, both, "image")
        items += [
            BlurItem(
                lone_frame(split, stem),
                defocused=photos[stem],
                defocus=masks[stem],
            )
            for stem in both
        ]
    if not items:
        raise none_usable(source, LAYOUT)
    for name in _HOMES:
        for other in sorted((source / name).iterdir()) if (source / name).is_dir() else ():
            if other.is_dir() and other.name != "CUHK":
                note_folder(audit, other, "another dataset")
    frames = [item.frame for item in items]
    audit.use(path for item in items for path in item.files.values())
    facts = SetFacts(
        name="cuhk",
        title="CUHK blur detection, out of focus",
        licence="not stated; ask the authors",
        citation="J. Shi, L. Xu, J. Jia: Discriminative Blur Detection Features. CVPR, 2014",
        scenes=scenes_of(frames),
        splits=None if whole else published_splits(frames, "folders of the archive of DMENet"),
        audit=audit.close(f"not part of the layout {LAYOUT}"),
    )
    given = GivenDefocus(origin="CUHK, drawn by people: 1 blurred, 0 sharp", unit="normalised")
    return facts, blur_tasks("cuhk", source, items, given, decode_mask)


def decode_mask(data: bytes, path: Path) -> NDArray[np.float32]:
    """Decode a mask to 1 where it is blurred and 0 where it is sharp, (H, W) float32.

    Raises:
        InputError: Undecodable, or not 8 bits.
    """
    image = decode_grey(data, path)
    if image.dtype != np.uint8:
        raise InputError(f"holds {image.dtype} values", where=path, limit="8 bits, black and white")
    return (image > 127).astype(np.float32)


def _moved(found: dict[str, Path]) -> list[Path]:
    """Take the photos with motion blur out of ``found``."""
    return [found.pop(stem) for stem in list(found) if stem.startswith(_MOTION)]
