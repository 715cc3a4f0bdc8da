"""What importers share: look at every file once, account for every file, write it down."""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from idfd.errors import InputError
from idfd.model.capture import AuditEntry, Collection
from idfd.model.provenance import FileReference
from idfd.model.triple import MAX_DEPTH_MM
from idfd.storage.hashing import sha256_bytes
from idfd.storage.images import decode_image, depth_to_millimetres, quiet_opencv, read_bytes

Kind = Literal["orphan", "size_mismatch", "unreadable", "not_metric", "unexpected"]
Content = Literal["photo", "depth"]


@dataclass(frozen=True)
class Inspection:
    """What was found in one image file.

    Attributes:
        path: The file.
        reference: Path under the root, hash and size; None where the file cannot be read.
        size: Width and height in pixels; None where the image cannot be decoded.
        problem: Kind of the problem and the reason, or None.
    """

    path: Path
    reference: FileReference | None = None
    size: tuple[int, int] | None = None
    problem: tuple[Kind, str] | None = None


def inspect(path: Path, root: Path, content: Content) -> Inspection:
    """Read, hash and decode one file, once.

    Depth is called metric only if it is 16-bit with values that can be millimetres: 8-bit
    maps and maps that end exactly at 255 or 65535 were stretched to their range.

    Args:
        path: The file.
        root: The folder that the reference is relative to.
        content: What the file should hold.
    """
    try:
        data = read_bytes(path)
    except InputError as error:
        return Inspection(path, problem=("unreadable", _sentence(error)))
    reference = FileReference(
        path=path.relative_to(root).as_posix(), sha256=sha256_bytes(data), bytes=len(data)
    )
    try:
        flags = cv2.IMREAD_COLOR if content == "photo" else cv2.IMREAD_UNCHANGED
        image = decode_image(data, path, flags)
    except InputError as error:
        return Inspection(path, reference, problem=("unreadable", _sentence(error)))
    size = (image.shape[1], image.shape[0])
    if content == "photo":
        return Inspection(path, reference, size)
    try:
        depth = depth_to_millimetres(image, path)
    except InputError as error:
        kind: Kind = "not_metric" if image.dtype == np.uint8 else "unreadable"
        return Inspection(path, reference, size, (kind, _sentence(error)))
    highest = int(depth.max())
    if highest == MAX_DEPTH_MM or highest <= np.iinfo(np.uint8).max:
        reason = (
            f"its largest value is {highest}, so it was stretched to the range of its type or "
            "holds no depth; millimetres between 256 and 65534 were expected"
        )
        return Inspection(path, reference, size, ("not_metric", reason))
    return Inspection(path, reference, size)


def inspect_all(files: dict[Path, Content], root: Path) -> dict[Path, Inspection]:
    """Inspect files in a pool of threads (OpenCV and hashing release the interpreter lock)."""
    # decode_image sets and restores the process-wide level; set here, threads restore the same.
    with quiet_opencv(), ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        found = pool.map(lambda item: inspect(item[0], root, item[1]), files.items())
        return {inspection.path: inspection for inspection in found}


def files_under(root: Path) -> list[Path]:
    """All files under a folder but hidden ones and those in hidden folders, sorted.

    Raises:
        InputError: A folder cannot be listed.
    """

    def refuse(error: OSError) -> None:
        raise InputError(f"cannot be listed ({error.strerror})", where=error.filename)

    found = []
    for folder, folders, names in os.walk(root, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [Path(folder, name) for name in sorted(names) if not name.startswith(".")]
    return found


def listing(folder: Path) -> str:
    """The first names in a folder, for messages.

    Raises:
        InputError: The folder cannot be listed.
    """
    try:
        names = sorted(path.name for path in folder.iterdir())
    except OSError as error:
        raise InputError(f"cannot be listed ({error.strerror})", where=folder) from None
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return (", ".join(names[:5]) + more) or "nothing"


@dataclass
class Audit:
    """The account of the files under a root: used by a take, or named with a reason."""

    root: Path
    entries: list[AuditEntry] = field(default_factory=list)
    settled: set[Path] = field(default_factory=set)

    def use(self, paths: Iterable[Path]) -> None:
        """Note files that a take uses, or whose content one does."""
        self.settled.update(paths)

    def add(self, kind: Kind, paths: Iterable[Path], reason: str) -> None:
        """Name a file, or files with one fate under the first one's name, and why."""
        first, *others = paths
        self.settled.update((first, *others))
        if others:
            names = ", ".join(self._name(path) for path in others)
            reason += f" (so is {names})" if len(others) == 1 else f" (so are {names})"
        self.entries.append(AuditEntry(kind=kind, path=self._name(first), reason=reason))

    def close(self, reason: str) -> tuple[AuditEntry, ...]:
        """Name every file that nobody has settled as unexpected; return all entries, sorted."""
        for path in files_under(self.root):
            if path not in self.settled:
                self.add("unexpected", [path], reason)
        return tuple(sorted(self.entries, key=lambda entry: (entry.kind, entry.path)))

    def _name(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()


def settle_take(audit: Audit, take: str, files: dict[str, Inspection]) -> bool:
    """Decide whether the files of a take can be used together, and settle them.

    Args:
        audit: The account to write to.
        take: Name of the take, for messages.
        files: Inspections by what they are in the take, such as "all-in-focus photo".

    Returns:
        True if every file is sound and all have one size. Otherwise each unsound file is
        named with its problem and each sound one as the orphan it leaves.
    """
    bad = {what: found for what, found in files.items() if found.problem}
    for found in bad.values():
        assert found.problem is not None
        audit.add(found.problem[0], [found.path], found.problem[1])
    if bad:
        for what, found in files.items():
            if what not in bad:
                audit.add("orphan", [found.path], f"the {' and the '.join(bad)} of {take} is unfit")
        return False
    sizes = {what: found.size for what, found in files.items()}
    if len(set(sizes.values())) > 1:
        told = ", ".join(f"{what} {size[0]}x{size[1]}" for what, size in sizes.items() if size)
        for found in files.values():
            audit.add("size_mismatch", [found.path], f"the files of {take} differ in size: {told}")
        return False
    audit.use(found.path for found in files.values())
    return True


def report(collection: Collection) -> str:
    """The audit as Markdown for people: counts, then every file left out and why."""
    kinds = sorted({entry.kind for entry in collection.audit})
    lines = [
        f"# Audit of {collection.title}",
        "",
        f"{len(collection.takes)} takes in {len(collection.scenes)} scenes can be used.",
    ]
    for split in collection.splits.splits if collection.splits else ():
        lines.append(f"- {split.name}: {len(split.takes)} takes")
    if not kinds:
        lines += ["", "Every file is used."]
    for kind in kinds:
        entries = [entry for entry in collection.audit if entry.kind == kind]
        lines += ["", f"## {kind.replace('_', ' ')} ({len(entries)})", ""]
        lines += [f"- `{entry.path}`: {entry.reason}" for entry in entries]
    return "\n".join(lines) + "\n"


def _sentence(error: InputError) -> str:
    return f"{error.what}; {error.limit} was expected" if error.limit else error.what
