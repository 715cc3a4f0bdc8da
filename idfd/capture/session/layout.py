"""Where things lie in a session's folder, and what is found there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import msgspec

from idfd.errors import InputError, SchemaError
from idfd.model import schema
from idfd.model.capture import Identifier
from idfd.model.session import REJECTED, SCENE, SCENES, TAKE, SceneDocument, TakeRecord

SCENE_NAME_LENGTH = 100  # leaves room for the number in the ids of its takes


@dataclass(frozen=True)
class FoundTake:
    """A folder that holds a take, whatever the state of its record."""

    id: str
    scene: str
    folder: Path
    rejected: bool

    @property
    def number(self) -> int:
        """The number in the id; 0 where there is none."""
        return take_number(self.id, self.scene)

    def read(self) -> TakeRecord | None:
        """The record, or None where it is missing or damaged (a session goes on without it)."""
        try:
            return schema.load(TakeRecord, self.folder / TAKE)
        except (InputError, SchemaError):
            return None


def take_number(take: str, scene: str) -> int:
    """The number ``k`` of a take id ``<scene>_<k>``; 0 if the id is of another form."""
    head, _, tail = take.rpartition("_")
    return int(tail) if head == scene and tail.isascii() and tail.isdigit() else 0


def find_takes(session: Path, scene: str | None = None) -> list[FoundTake]:
    """The takes on disk, rejected ones included, by scene and number."""
    found = []
    for place in _folders(session / SCENES):
        if scene is not None and place.name != scene:
            continue
        for rejected, parent in ((False, place), (True, place / REJECTED)):
            found += [
                FoundTake(folder.name, place.name, folder, rejected)
                for folder in _folders(parent)
                if folder.name != REJECTED
            ]
    return sorted(found, key=lambda take: (take.scene, take.number, take.id))


def find_scenes(session: Path) -> list[Path]:
    """The folders of the scenes, by name."""
    return _folders(session / SCENES)


def read_scene(folder: Path) -> SceneDocument | None:
    """The document of a scene, or None where it is missing or damaged."""
    try:
        return schema.load(SceneDocument, folder / SCENE)
    except (InputError, SchemaError):
        return None


def check_name(name: str, what: str) -> str:
    """Return a name that files and tables can carry.

    Raises:
        InputError: It cannot; the remedy proposes one that can.
    """
    try:
        msgspec.convert(name, Identifier)
        if len(name) <= SCENE_NAME_LENGTH:
            return name
    except msgspec.ValidationError:
        pass
    raise InputError(
        f"{what} {name!r} cannot be a name of a folder",
        limit=f"1 to {SCENE_NAME_LENGTH} letters, digits, '-', '_' and '.', a letter or digit "
        "first",
        remedy=f"Call it {slug(name)!r}",
    )


def slug(text: str) -> str:
    """The nearest text that can be a name: ``Lab 2 (left)`` becomes ``Lab-2-left``."""
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", text).strip("-_.")
    return plain[:SCENE_NAME_LENGTH] or "unnamed"


def _folders(parent: Path) -> list[Path]:
    if not parent.is_dir():
        return []
    return sorted(
        path for path in parent.iterdir() if path.is_dir() and not path.name.startswith(".")
    )
