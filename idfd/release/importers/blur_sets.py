"""What the readers of deblurring and defocus sets share: photos, with or without a map of blur.

The photos and the map of such a set lie on one grid of pixels already, and there is no depth. So
there is nothing to curate: each becomes a triple as it is, and what the set lacks is named in
:attr:`~idfd.model.triple.TripleRecord.absent`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.errors import InputError
from idfd.model.camera import CameraSettings
from idfd.model.capture import Scene, Split, SplitTable
from idfd.model.provenance import FileReference, provenance
from idfd.model.triple import (
    Crop,
    DepthSource,
    GivenDefocus,
    Modality,
    PairTransform,
    PhotometricGain,
    Triple,
    TripleRecord,
)
from idfd.release.importers.audit import Audit, files_under, listing
from idfd.release.triple_folder import TripleTask, task_key
from idfd.storage.hashing import sha256_file
from idfd.storage.images import decode_image, decode_photo, read_bytes

PHOTOS = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp"})
Decode = Callable[[bytes, Path], NDArray[np.float32]]


@dataclass(frozen=True)
class BlurItem:
    """The files of one triple.

    Attributes:
        id: Of the triple.
        defocused: Photo.
        all_in_focus: Photo of the same pixels, or None.
        defocus: Map of blur on the same pixels, or None.
        group: Items of one group never cross a drawn split; by default the item is its own.
        split: Name of the published split, or None.
        wide: What the defocused photo was taken with, or None.
        small: What the all-in-focus photo was taken with, or None.
    """

    id: str
    defocused: Path
    all_in_focus: Path | None = None
    defocus: Path | None = None
    group: str | None = None
    split: str | None = None
    wide: CameraSettings | None = None
    small: CameraSettings | None = None

    @property
    def files(self) -> dict[str, Path]:
        """Its files by what they hold."""
        named = {
            "all_in_focus": self.all_in_focus,
            "defocused": self.defocused,
            "defocus": self.defocus,
        }
        return {name: path for name, path in named.items() if path is not None}

    @property
    def scene(self) -> str:
        """Name of its scene, which is its group."""
        return self.group or self.id


def blur_tasks(
    name: str,
    root: Path,
    items: Sequence[BlurItem],
    given: GivenDefocus | None = None,
    decode: Decode | None = None,
) -> list[TripleTask]:
    """The tasks that make triples of items.

    Args:
        name: Of the importer.
        root: The folder that the paths of files are told relative to.
        items: The files.
        given: What the maps of blur are; with ``decode``, or neither.
        decode: Reads a map of blur, (H, W) float32 in the unit of ``given``.

    Raises:
        InputError: A file cannot be read.
    """
    paths = [path for item in items for path in item.files.values()]
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        references = dict(zip(paths, pool.map(partial(_reference, root), paths), strict=True))

    def task(item: BlurItem) -> TripleTask:
        sources = {what: references[path] for what, path in item.files.items()}
        parts = [name, item.id, item.scene, {k: v.sha256 for k, v in sources.items()}]
        parts += [repr((given, item.wide, item.small))]
        make = partial(_make, name, item, sources, given, decode)
        return TripleTask(item.id, task_key(*parts), make)

    return [task(item) for item in items]


def scenes_of(items: Iterable[BlurItem], environment: str = "unknown") -> tuple[Scene, ...]:
    """The scenes of items, each its own group."""
    return tuple(
        Scene(name=name, group=name, environment=environment)
        for name in sorted({item.scene for item in items})
    )


def published_splits(items: Iterable[BlurItem], grouping: str) -> SplitTable:
    """The splits that items came in."""
    members: dict[str, list[str]] = {}
    for item in items:
        assert item.split is not None
        members.setdefault(item.split, []).append(item.id)
    return SplitTable(
        origin="published",
        grouping=grouping,
        splits=tuple(Split(name=name, takes=tuple(ids)) for name, ids in members.items()),
    )


def photos_by_stem(folder: Path, suffixes: frozenset[str] = PHOTOS) -> dict[str, Path]:
    """Files directly in a folder by their stem, in the order of their names.

    A second file of a stem is left out, and so it is named when the audit closes.
    """
    found: dict[str, Path] = {}
    for path in files_under(folder) if folder.is_dir() else ():
        if path.parent == folder and path.suffix.lower() in suffixes:
            found.setdefault(path.stem, path)
    return found


def note_folder(audit: Audit, folder: Path, reason: str) -> None:
    """Account for a whole folder that is not read, by one entry in place of thousands."""
    files = files_under(folder) if folder.is_dir() else []
    if files:
        audit.use(files)
        audit.add("unexpected", [folder], f"its {len(files)} files are {reason}")


def note_orphans(audit: Audit, found: dict[str, Path], paired: Iterable[str], lacks: str) -> None:
    """Name the files whose stem has no partner."""
    for stem in sorted(found.keys() - set(paired)):
        audit.add("orphan", [found[stem]], f"there is no {lacks} '{stem}'")


def need_folders(source: Path, choices: Sequence[Sequence[str]], layout: str, get: str) -> None:
    """Check that one of several sets of folders is there.

    Args:
        source: The dataset's folder.
        choices: Sets of folders, relative to it; the first one is told where none is there.
        layout: How the dataset lies on disk.
        get: How the reader gets it.

    Raises:
        InputError: No set is complete; the error says what is there and what to change.
    """
    if not source.is_dir():
        raise InputError("there is no such folder", where=source, limit=layout, remedy=get)
    if not any(all((source / name).is_dir() for name in names) for names in choices):
        missing = [name for name in choices[0] if not (source / name).is_dir()]
        raise InputError(
            f"{', '.join(missing)} not found; the folder holds {listing(source)}",
            where=source,
            limit=layout,
            remedy=get,
        )


def none_usable(source: Path, layout: str) -> InputError:
    """The error where a folder has the layout, but no files that belong together."""
    return InputError("no photo has all its partners", where=source, limit=layout)


def identifier(text: str) -> str:
    """A file name as an identifier of the data model."""
    return re.sub(r"[^A-Za-z0-9_.-]", "-", text).lstrip("_.-")[:110] or "unnamed"


def decode_grey(data: bytes, path: Path) -> NDArray[Any]:
    """Decode a map whose channels are alike to one, (H, W), in the type of the file.

    Raises:
        InputError: Undecodable, or channels that differ.
    """
    image = decode_image(data, path, cv2.IMREAD_UNCHANGED)
    if image.ndim == 2:
        return image
    colours = image[..., :3]  # a fourth one is opacity
    if (colours != colours[..., :1]).any():
        raise InputError("is a colour image", where=path, limit="a map of one channel")
    return np.asarray(colours[..., 0])


def eight_bit(photo: NDArray[Any]) -> NDArray[np.uint8]:
    """A photo with 8 bits a channel: of 16 bits, ``round(v / 257)``, so that full scale stays."""
    if photo.dtype == np.uint16:
        return ((photo.astype(np.uint32) + 128) // 257).astype(np.uint8)
    return np.asarray(photo, np.uint8)


def _reference(root: Path, path: Path) -> FileReference:
    return FileReference(
        path=path.relative_to(root).as_posix(),
        sha256=sha256_file(path),
        bytes=path.stat().st_size,
    )


def _make(
    name: str,
    item: BlurItem,
    sources: dict[str, FileReference],
    given: GivenDefocus | None,
    decode: Decode | None,
) -> Triple:
    defocused = eight_bit(decode_photo(read_bytes(item.defocused), item.defocused))
    shape = defocused.shape[:2]
    sharp, defocus = np.zeros_like(defocused), None
    absent: tuple[Modality, ...] = ("depth",)
    if item.all_in_focus is None:
        absent = ("all_in_focus", *absent)
    else:
        sharp = eight_bit(decode_photo(read_bytes(item.all_in_focus), item.all_in_focus))
        _same_size(sharp, shape, item.all_in_focus, item.defocused)
    if item.defocus is not None and decode is not None:
        defocus = decode(read_bytes(item.defocus), item.defocus).astype(np.float16)
        _same_size(defocus, shape, item.defocus, item.defocused)
    height, width = shape
    record = TripleRecord(
        id=item.id,
        scene=item.scene,
        group=item.scene,
        environment="unknown",
        taken_at=None,
        all_in_focus=item.small,
        defocused=item.wide,
        intrinsics=None,
        absent=absent,
        given_defocus=None if defocus is None else given,
        sources=sources,
        transform=PairTransform(
            homography=(1, 0, 0, 0, 1, 0, 0, 0, 1), radial=0, centre=(0, 0), scale=1
        ),
        gain=PhotometricGain(channels=(0, 0, 0), field=(), tone=()),
        crop=Crop(x=0, y=0, width=width, height=height),
        checks=(),
        measures={},
        verdict="pass",
        provenance=provenance({"importer": name}),
    )
    return Triple(
        all_in_focus=sharp,
        defocused=defocused,
        depth=np.zeros(shape, np.uint16),
        source=np.full(shape, DepthSource.NONE, np.uint8),
        uncertainty=None,
        record=record,
        defocus=defocus,
    )


def _same_size(array: NDArray[Any], shape: tuple[int, ...], path: Path, defocused: Path) -> None:
    if array.shape[:2] != shape:
        raise InputError(
            f"is {array.shape[1]}x{array.shape[0]} pixels",
            where=path,
            limit=f"{shape[1]}x{shape[0]}, as {defocused.name}",
        )
