"""The files in the body: on its memory card, or in its RAM until the host has fetched them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from idfd.capture.simulated.nikon.codes import Format, Response
from idfd.capture.simulated.nikon.ptp import ObjectInfo, Refusal, StorageInfo

CARD = 0x00010001
_DCIM, _FOLDER, _FIRST_FILE = 0x28000000, 0x28640000, 0x29190001
_ALL = 0xFFFFFFFF


@dataclass(frozen=True)
class StoredFile:
    """A file; its bytes are the parts in a row, which files of equal pictures share."""

    info: ObjectInfo
    parts: Sequence[bytes] = ()


class Store:
    """Files by handle. The card lives in memory.

    Args:
        capacity: Size of the card in bytes.
        folder: Name of the card's folder of photos.
    """

    def __init__(self, capacity: int, folder: str) -> None:
        self._capacity = capacity
        self._next = _FIRST_FILE
        self._objects = {
            _DCIM: StoredFile(_folder_info("DCIM", 0)),
            _FOLDER: StoredFile(_folder_info(folder, _DCIM)),
        }

    @property
    def free(self) -> int:
        """Free bytes of the card."""
        infos = (item.info for item in self._objects.values())
        return self._capacity - sum(info.size for info in infos if info.storage == CARD)

    def add(
        self,
        name: str,
        parts: Sequence[bytes],
        size: tuple[int, int],
        taken_at: datetime,
        in_ram: bool,
    ) -> int:
        """Keep a file.

        Returns:
            Its handle.
        """
        length = sum(map(len, parts))
        kind = Format.JPEG if name.endswith(".JPG") else Format.UNDEFINED
        storage, parent = (0, 0) if in_ram else (CARD, _FOLDER)
        time = f"{taken_at:%Y%m%dT%H%M%S}"
        info = ObjectInfo(storage, kind, length, size[0], size[1], parent, name, time)
        handle, self._next = self._next, self._next + 1
        self._objects[handle] = StoredFile(info, tuple(parts))
        return handle

    def get(self, handle: int) -> StoredFile:
        """A file or folder.

        Raises:
            Refusal: There is no such handle.
        """
        try:
            return self._objects[handle]
        except KeyError:
            raise Refusal(Response.INVALID_HANDLE) from None

    def delete(self, handle: int) -> None:
        """Remove a file.

        Raises:
            Refusal: There is no such handle, or it is a folder.
        """
        if self.get(handle).info.is_folder:
            raise Refusal(Response.ACCESS_DENIED)
        del self._objects[handle]

    def drop_ram(self) -> None:
        """Remove all files in RAM."""
        self._objects = {h: item for h, item in self._objects.items() if item.info.storage == CARD}

    def handles(self, kind: int = 0, parent: int = 0) -> list[int]:
        """Handles on the card.

        Args:
            kind: Only files of this format; 0 for all.
            parent: Only those in a folder; 0 for all, ``0xFFFFFFFF`` for the root.
        """
        return [
            handle
            for handle, item in self._objects.items()
            if item.info.storage == CARD
            and kind in (0, item.info.format)
            and (parent == 0 or item.info.parent == (0 if parent == _ALL else parent))
        ]

    def describe(self, shots_left: int) -> StorageInfo:
        """The card."""
        return StorageInfo("NIKON D750  [Slot 1]", self._capacity, self.free, shots_left)


def _folder_info(name: str, parent: int) -> ObjectInfo:
    return ObjectInfo(CARD, Format.FOLDER, 0, 0, 0, parent, name, "20260101T000000", True)
