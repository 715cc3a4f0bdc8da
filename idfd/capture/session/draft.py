"""A take that is being shot: a hidden folder until all of it is on the disk."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from idfd.errors import InputError
from idfd.model import schema
from idfd.model.session import DRAFTS, SCENES, TAKE, SceneDocument, TakeRecord
from idfd.storage.durable import (
    make_folder,
    publish_folder,
    remove_leftovers,
    storage_error,
    write_bytes,
)


class Draft:
    """A folder for the files of one take.

    Attributes:
        folder: Where the files go. It lies outside of the scenes, so no reader sees it.
        id: The id that the take will have.
        number: Its number in the scene.
        scene: The scene that is shot.
    """

    def __init__(self, session: Path, scene: SceneDocument, number: int) -> None:
        self.id = f"{scene.name}_{number}"
        self.number = number
        self.scene = scene
        self._record: TakeRecord | None = None
        self._target = session / SCENES / scene.name / self.id
        drafts = session / DRAFTS
        make_folder(drafts)
        try:
            self.folder = Path(tempfile.mkdtemp(prefix=f"{self.id}.", dir=drafts))
        except OSError as error:
            raise storage_error(error, drafts) from error

    def commit(self, record: TakeRecord) -> Path:
        """Save the take: flush all files, then rename the folder to its place in the scene.

        Args:
            record: What ``take.json`` will hold; it must list exactly the files in the folder.

        Returns:
            The folder of the take.

        Raises:
            InputError: The record is of another take, or does not fit the files.
            StorageError: The disk refuses; nothing is saved.
        """
        named = (record.id, record.scene, record.number)
        if named != (self.id, self.scene.name, self.number):
            raise InputError(f"the record is of take {record.id}", limit=f"take {self.id}")
        remove_leftovers(self.folder)
        self._compare(record)
        write_bytes(self.folder / TAKE, schema.encode(record))
        self._record = record
        publish_folder(self.folder, self._target)
        return self._target

    @property
    def saved(self) -> TakeRecord | None:
        """The record, once the take stands in its scene, even if an interrupt hid that it does."""
        return self._record if self._target.exists() else None

    def discard(self) -> None:
        """Remove what is not saved; a saved take is not touched."""
        if self.saved is None:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _compare(self, record: TakeRecord) -> None:
        listed = {item.file.path: item.file.bytes for item in record.files}
        found = {
            path.relative_to(self.folder).as_posix(): path.stat().st_size
            for path in self.folder.rglob("*")
            if path.is_file()
        }
        if listed != found:
            name = min(
                name for name in listed.keys() | found if listed.get(name) != found.get(name)
            )
            raise InputError(
                f"{found.get(name, 'no')} bytes are on the disk",
                where=self.folder / name,
                limit=f"{listed.get(name, 'no')} bytes, as the record of {self.id} says",
                remedy="Shoot the take again",
            )
