"""SYNDOF (Lee et al., CVPR 2019): computed defocus with its map, as shipped with DMENet.

``train/SYNDOF/{image,blur_map,blur_map_binary,blur_map_norm}`` and ``test/SYNDOF/{image,gt}`` in
the archive of DMENet; ``{image,blur_map,…}`` is what the authors' generator writes. The photos
were blurred layer by layer with Gaussians.

A map is a 16-bit PNG with three channels alike, in one of two encodings that cover the same
``σ`` from 0 to 7 px:

- ``coc``, in the archive: ten times ``x`` with ``σ = (max(x, 1) − 1) / 2``, up to 150. The authors
  say so in issue 9 of codeslake/DMENet, and their reader divides by 15.
- ``sigma``, of the generator as published: ten times ``σ = (max(CoC, 1) − 1) / 4``, up to 70.

Each picture was scaled to reach the largest blur, so a value above 70 in the first maps tells
which it is. The release holds the diameter ``c = 4σ``, as
:class:`~idfd.model.defocus.DefocusModel` has it, and it is not signed: the maps do not say on
which side of the plane in focus a point lies.

That ``test/SYNDOF/gt`` is encoded as ``blur_map`` could not be confirmed. The sharp sources are
another archive and the depth maps were stretched to 8 bits, so both are absent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from idfd.errors import InputError
from idfd.model.camera import CameraSettings
from idfd.model.triple import GivenDefocus
from idfd.release.download import dataset_source
from idfd.release.importers.audit import Audit
from idfd.release.importers.blur_sets import (
    BlurItem,
    blur_tasks,
    decode_grey,
    identifier,
    need_folders,
    none_usable,
    note_folder,
    note_orphans,
    photos_by_stem,
)
from idfd.release.importers.rgbd_sets import Frame, published_splits, scenes_of
from idfd.release.triple_folder import SetFacts, TripleTask
from idfd.storage.images import read_bytes

Encoding = Literal["coc", "sigma"]
LAYOUT = "train/SYNDOF/{image,blur_map} and test/SYNDOF/{image,gt}, or {image,blur_map}"
LARGEST_SIGMA = 7.0
_FOLDERS = {"train": ("train/SYNDOF", "blur_map"), "test": ("test/SYNDOF", "gt")}
_GENERATED = (".", "blur_map")
_LARGEST = {"coc": 150, "sigma": 70}
_SAMPLE = 20
# MPI_market_2_frame_0001_f_50_fp_0_33_A_0_2: source, focal length, plane in focus, f-number.
_NAME = re.compile(r"^(?P<source>.+)_f_(?P<focal>\d+)_fp_[\d_]+_A_(?P<number>[\d_]+)$")
_FRAME = re.compile(r"(_frame)?_(im)?\d+$")


def verify(source: Path) -> None:
    """Check that the folder holds the dataset.

    Raises:
        InputError: It does not; the error says what is there and how to get the dataset.
    """
    choices = [
        [f"{home}/image", f"{home}/{maps}"] for home, maps in (*_FOLDERS.values(), _GENERATED)
    ]
    need_folders(source, choices, LAYOUT, dataset_source("syndof").instructions)


def triples(source: Path) -> tuple[SetFacts, Sequence[TripleTask]]:
    """The photos with their maps of blur, as triples without depth or sharp photo.

    Args:
        source: The folder that holds ``train`` and ``test``, or what the generator wrote.

    Raises:
        InputError: No photo with a map, or a file cannot be read.
    """
    audit = Audit(source)
    generated = (source / "image").is_dir()
    items: list[BlurItem] = []
    for split, (home, maps) in ({"": _GENERATED} if generated else _FOLDERS).items():
        folder = source / home
        photos, blur = photos_by_stem(folder / "image"), photos_by_stem(folder / maps)
        both = [stem for stem in photos if stem in blur]
        note_orphans(audit, photos, both, maps)
        note_orphans(audit, blur, both, "image")
        items += [_item(split, stem, photos[stem], blur[stem]) for stem in both]
        for made in ("blur_map_binary", "blur_map_norm"):
            note_folder(audit, folder / made, "made from blur_map")
        note_folder(audit, folder / "depth_decomposed", "depth stretched to 8 bits, not metric")
    if not items:
        raise none_usable(source, LAYOUT)
    for name in ("train", "test"):
        for other in _other_sets(source / name):
            note_folder(audit, other, "another dataset")
    frames = [item.frame for item in items]
    audit.use(path for item in items for path in item.files.values())
    encoding = _encoding(item.defocus for item in items if item.defocus is not None)
    given = GivenDefocus(
        origin=f"SYNDOF, of the blur that was computed (encoding '{encoding}'); without a sign",
        unit="px",
        full_scale_px=4 * LARGEST_SIGMA,
    )
    facts = SetFacts(
        name="syndof",
        title="SYNDOF",
        licence="not stated for the photos; the authors' repository is under AGPL-3.0",
        citation=(
            "J. Lee, S. Lee, S. Cho, S. Lee: Deep Defocus Map Estimation Using Domain "
            "Adaptation. CVPR, 2019"
        ),
        scenes=scenes_of(frames),
        splits=None if generated else published_splits(frames, "folders of the archive"),
        audit=audit.close(f"not part of the layout {LAYOUT}"),
    )
    return facts, blur_tasks("syndof", source, items, given, partial(decode_map, encoding=encoding))


def decode_map(data: bytes, path: Path, encoding: Encoding) -> NDArray[np.float32]:
    """Decode a map to the diameter ``4σ``, (H, W) float32 pixels.

    Raises:
        InputError: Undecodable, not 16 bits, or a value that the encoding does not have.
    """
    image = decode_grey(data, path)
    largest = int(image.max())
    if image.dtype != np.uint16 or largest > _LARGEST[encoding]:
        raise InputError(
            f"holds {image.dtype} values up to {largest}",
            where=path,
            limit=f"uint16 up to {_LARGEST[encoding]} (encoding '{encoding}')",
        )
    stored = image.astype(np.float32) / 10
    sigma = stored if encoding == "sigma" else (np.maximum(stored, 1) - 1) / 2
    return np.asarray(4 * sigma, np.float32)


def _encoding(maps: Iterable[Path]) -> Encoding:
    for path in islice(maps, _SAMPLE):
        # A damaged map fails where its triple is made, and the others tell as well.
        with suppress(InputError):
            if decode_grey(read_bytes(path), path).max() > _LARGEST["sigma"]:
                return "coc"
    return "sigma"


def _item(split: str, stem: str, photo: Path, blur: Path) -> BlurItem:
    match = _NAME.match(stem)
    source = match["source"] if match else stem
    number = float(match["number"].replace("_", ".", 1)) if match else 0.0
    return BlurItem(
        # Frames of one film show one scene, and one frame was blurred more than once.
        Frame(
            id=identifier(f"{split}-{stem}" if split else stem),
            group=identifier(_FRAME.sub("", source)),
            split=split,
        ),
        defocused=photo,
        defocus=blur,
        wide=CameraSettings(f_number=number, focal_length_mm=float(match["focal"]))
        if match and number > 0
        else None,
    )


def _other_sets(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_dir() and path.name != "SYNDOF")
