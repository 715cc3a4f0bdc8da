"""Looking at a session; nothing is changed, whoever else works on it."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

from idfd.capture.rig import RigProfile
from idfd.capture.session.journal import Journal
from idfd.capture.session.layout import FoundTake, find_scenes, find_takes, read_scene
from idfd.errors import InputError
from idfd.model import schema
from idfd.model.rig import RigCalibration
from idfd.model.session import (
    CALIBRATION,
    JOURNAL,
    RIG,
    SESSION,
    SceneDocument,
    SessionDocument,
    TakeRecord,
)


class SessionReader:
    """Scenes and takes in a folder, read from the disk each time they are asked for.

    Attributes:
        path: The session's folder.
        document: Name, operator and the like.
        profile: The rig that it is shot with.
        journal: What happened.

    Raises:
        InputError: There is no session.
        SchemaError: ``session.json`` or ``rig.json`` is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        remedy = "Check the path, or start a session there"
        self.document = schema.load(SessionDocument, path / SESSION, remedy)
        self.profile = schema.load(RigProfile, path / RIG, "Restore it from the second copy")
        self.journal = Journal(path / JOURNAL)

    @property
    def calibration(self) -> RigCalibration | None:
        """The geometry of the rig, where it is known."""
        path = self.path / CALIBRATION
        return schema.load(RigCalibration, path) if path.exists() else None

    def scenes(self) -> list[SceneDocument]:
        """The scenes, in the order in which they were added."""
        found = [read_scene(folder) for folder in find_scenes(self.path)]
        scenes = [scene for scene in found if scene is not None]
        return sorted(scenes, key=lambda scene: (_time(scene.created_at), scene.name))

    def scene(self, name: str) -> SceneDocument:
        """A scene by name.

        Raises:
            InputError: There is none; the message names those there are.
        """
        scenes = {scene.name: scene for scene in self.scenes()}
        if name not in scenes:
            raise InputError(
                f"there is no scene {name!r}",
                where=self.path,
                limit=f"one of {', '.join(scenes)}" if scenes else "a scene that was added",
                remedy="Add the scene first",
            )
        return scenes[name]

    def takes(self, scene: str | None = None, *, rejected: bool = False) -> list[TakeRecord]:
        """The takes in order of time: those that count, or those that were rejected."""
        found = [take.read() for take in find_takes(self.path, scene) if take.rejected == rejected]
        records = [record for record in found if record is not None]
        return sorted(records, key=lambda record: (_time(record.taken_at), record.number))

    def find(self, take: str) -> FoundTake:
        """A take by id, rejected or not, with its folder.

        Raises:
            InputError: There is none.
        """
        for found in find_takes(self.path, take.rpartition("_")[0]):
            if found.id == take:
                return found
        raise InputError(
            f"there is no take {take!r}", where=self.path, limit="an id such as 'scene_1'"
        )


def _time(text: str) -> datetime:
    """A time for sorting; what is not one comes first."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return datetime.min.replace(tzinfo=timezone.utc)
    return time.astimezone(timezone.utc)
