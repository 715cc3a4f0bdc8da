"""Does a session still hold what was saved?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from idfd.capture.session.layout import find_scenes, find_takes, read_scene
from idfd.errors import InputError
from idfd.model.session import SCENE, TAKE
from idfd.storage.hashing import sha256_file


@dataclass(frozen=True)
class Damage:
    """Something that is not as it was saved; ``path`` is relative to the session."""

    kind: Literal["missing", "changed", "unexpected", "unreadable"]
    path: str
    reason: str


@dataclass(frozen=True)
class Verification:
    """The result of :func:`verify_session`.

    Attributes:
        takes: Takes that were looked at, rejected ones included.
        files: Files whose hashes were compared.
        bytes: Their size together.
        damage: What is wrong; empty if nothing is.
    """

    takes: int
    files: int
    bytes: int
    damage: tuple[Damage, ...]


def verify_session(path: Path) -> Verification:
    """Hash every file of every take again and compare; also for a second copy.

    Args:
        path: The session's folder.
    """
    damage: list[Damage] = []
    files = size = 0

    def found(
        kind: Literal["missing", "changed", "unexpected", "unreadable"], where: Path, reason: str
    ) -> None:
        damage.append(Damage(kind, where.relative_to(path).as_posix(), reason))

    for scene in find_scenes(path):
        if read_scene(scene) is None:
            found("unreadable", scene / SCENE, "missing or damaged")
    takes = find_takes(path)
    for take in takes:
        record = take.read()
        if record is None:
            found("unreadable", take.folder / TAKE, "missing or damaged")
            continue
        listed = {take.folder / TAKE}
        for item in record.files:
            file = take.folder / item.file.path
            listed.add(file)
            if not file.is_file():
                found("missing", file, f"{item.file.bytes} bytes were saved")
                continue
            files += 1
            size += file.stat().st_size
            try:
                sha256 = sha256_file(file)
            except InputError as error:
                found("unreadable", file, error.what)
                continue
            if sha256 != item.file.sha256:
                found("changed", file, f"SHA-256 {sha256[:12]}…, saved {item.file.sha256[:12]}…")
        for file in sorted(take.folder.rglob("*")):
            if file.is_file() and file not in listed:
                found("unexpected", file, "not in the record of the take")
    return Verification(len(takes), files, size, tuple(damage))
