"""What the readers of deblurring and defocus sets share: photos, with or without a map of blur.

The photos and the map of such a set lie on one grid of pixels already, and there is no depth. So
there is nothing to curate: each becomes a triple as it is, and what the set lacks is named in
:attr:`~idfd.model.triple.TripleRecord.absent`.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from idfd.errors import InputError
from idfd.model.camera import CameraSettings
from idfd.model.provenance import FileReference
from idfd.model.triple import GivenDefocus, Triple
from idfd.release.importers.audit import Audit, files_under, listing
from idfd.release.importers.rgbd_sets import Frame, make_triple, measured_where
from idfd.release.triple_folder import TripleTask, task_key
from idfd.storage.color import eight_bit
from idfd.storage.hashing import sha256_file
from idfd.storage.images import decode_image, decode_photo, read_bytes

PHOTOS = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp"})
Decode = Callable[[bytes, Path], NDArray[np.float32]]


@dataclass(frozen=True)
class BlurItem:
    """The files of one triple.

    Attributes:
        frame: What the triple is called, and where it belongs.
        defocused: Photo.
        all_in_focus: Photo of the same pixels, or None.
        defocus: Map of blur on the same pixels, or None.
        wide: What the defocused photo was taken with, or None.
        small: What the all-in-focus photo was taken with, or None.
    """

    frame: Frame
    defocused: Path
    all_in_focus: Path | None = None
    defocus: Path | None = None
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
        hashes = {what: reference.sha256 for what, reference in sources.items()}
        key = task_key(name, hashes, repr((item.frame, item.wide, item.small, given)))
        return TripleTask(item.frame.id, key, partial(_make, name, item, sources, given, decode))

    return [task(item) for item in items]


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


def lone_frame(split: str, stem: str) -> Frame:
    """The frame of a photo whose scene is not known, as a scene of its own."""
    take = identifier(f"{split}-{stem}" if split else stem)
    return Frame(id=take, group=take, split=split)


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
    defocused = _photo(item.defocused)
    shape = defocused.shape[:2]
    sharp = None if item.all_in_focus is None else _photo(item.all_in_focus)
    defocus = None
    if item.defocus is not None and decode is not None:
        defocus = decode(read_bytes(item.defocus), item.defocus).astype(np.float16)
    for array, path in ((sharp, item.all_in_focus), (defocus, item.defocus)):
        if array is not None and array.shape[:2] != shape:
            raise InputError(
                f"is {array.shape[1]}x{array.shape[0]} pixels",
                where=path,
                limit=f"{shape[1]}x{shape[0]}, as {item.defocused.name}",
            )
    depth = np.zeros(shape, np.uint16)
    triple = make_triple(
        name, item.frame, depth, measured_where(depth), sources,
        all_in_focus=sharp, defocused=defocused,
    )  # fmt: skip
    record = msgspec.structs.replace(
        triple.record,
        all_in_focus=item.small,
        defocused=item.wide,
        absent=(*triple.record.absent, "depth"),
        given_defocus=given,
    )
    return dataclasses.replace(triple, record=record, defocus=defocus)


def _photo(path: Path) -> NDArray[np.uint8]:
    return eight_bit(decode_photo(read_bytes(path), path))
