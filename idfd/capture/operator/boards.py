"""What the cameras saw of the board in the takes of a board session, and what is still missing.

Nothing is kept but the session itself: after a kill everything is found again in its photos.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from idfd.calibration.boards.geometry import corners_mm, dictionary
from idfd.calibration.coverage import ADVISED, Aims, Coverage, coverage, rough_pose
from idfd.calibration.observe import observe
from idfd.calibration.sources import find_images
from idfd.calibration.views import CameraName, Detection, View
from idfd.capture.session.boards import stored_board
from idfd.capture.session.reader import SessionReader
from idfd.errors import InputError
from idfd.model.board import Board
from idfd.model.session import TakeRecord

SHARED = Aims(views=8, cells=0.5, tilt_deg=15.0, tilted=1, ways=4, distance_ratio=1.5)
"""What the depth camera has to see of the board, for where it stands beside the photo camera."""
CAMERAS: tuple[CameraName, ...] = ("photo", "defocused", "depth")
_SENSOR_MM = 36.0
_WIDE = 0.6
"""Focal length over the width of the picture where nothing tells it."""
_DEPTH_FOCAL = 0.79
"""The same of an Azure Kinect's depth camera in a narrow field of view."""
_DEPTH_SIDE = 0.4
"""How far beside the axis, over the distance, the depth camera sees a board whole."""
_DEPTH_BIT_PX = 3.0


@dataclass(frozen=True)
class Look:
    """What a take shows of the board.

    Attributes:
        corners: Number of corners that each camera saw; those that saw none are not in it.
        problems: Why a camera saw none.
        missed: Cameras that saw none and should have, by where the board was held.
    """

    corners: dict[CameraName, int] = field(default_factory=dict)
    problems: dict[CameraName, str] = field(default_factory=dict)
    missed: tuple[CameraName, ...] = ()


def watch_of(session: SessionReader) -> BoardWatch | None:
    """A watch for a board session; None for a session of scenes."""
    board = stored_board(session.path)
    return BoardWatch(session, board) if board is not None else None


class BoardWatch:
    """Looks for the board in each take of a session, and says how to hold it next.

    Args:
        session: A board session; the takes that it holds are looked at again.
        board: What they show.

    Raises:
        InputError: The folder cannot be read.
    """

    def __init__(self, session: SessionReader, board: Board) -> None:
        self.board = board
        self._session = session
        calibration = session.calibration
        self._focal = calibration.photo.fx / calibration.photo.width if calibration else None
        self._views: dict[str, View] = {}
        takes = session.takes()
        if takes:
            self._observe({take.id for take in takes}, takes[0])

    @property
    def views(self) -> int:
        """Takes whose all-in-focus photo shows the board."""
        return len(self._seen("photo"))

    @property
    def photo(self) -> Coverage:
        """What the all-in-focus photos cover."""
        return self._coverage("photo", ADVISED)

    @property
    def shared(self) -> Coverage:
        """What the infrared images cover in takes whose photo shows the board, too."""
        return self._coverage("depth", SHARED)

    @property
    def enough(self) -> bool:
        """Whether the session can be calibrated from well."""
        return self.photo.enough and self.shared.enough

    @property
    def next_step(self) -> str:
        """One sentence: how to hold the board in the next take, or that it is enough."""
        photo = self.photo
        if not photo.enough:
            return photo.next_step
        shared = self.shared
        return f"Before both cameras: {shared.next_step}" if not shared.enough else photo.next_step

    def look(self, take: TakeRecord) -> Look:
        """Find the board in a take that was saved."""
        problems = self._observe({take.id}, take)
        view = self._views.get(take.id)
        seen: Mapping[CameraName, Detection] = view.seen if view else {}
        corners = {camera: len(seen[camera].ids) for camera in CAMERAS if camera in seen}
        missed = [camera for camera in self._expected(seen) if camera not in seen]
        return Look(corners, problems, tuple(missed))

    def forget(self, take: str) -> None:
        """Leave out a take that was rejected."""
        self._views.pop(take, None)

    def _observe(self, takes: set[str], any_take: TakeRecord) -> dict[CameraName, str]:
        """Look at takes; returns why cameras saw nothing (of the last such take)."""
        if self._focal is None and (millimetres := any_take.all_in_focus.focal_length_mm):
            self._focal = millimetres / _SENSOR_MM
        images = [item for item in find_images(self._session.path) if item.view in takes]
        try:
            found = observe(images, self.board, os.cpu_count() or 1)
        except InputError as error:  # no camera saw it
            return {"photo": error.what}
        self._views |= {view.name: view for view in found.views}
        return {item.camera: item.reason for item in found.dropped if item.camera is not None}

    def _expected(self, seen: Mapping[CameraName, Detection]) -> tuple[CameraName, ...]:
        """Cameras that should see the board where the photo shows it."""
        photo = seen.get("photo")
        if photo is None:
            return ("photo",)
        corners = corners_mm(self.board)[photo.ids, :2]
        pose = rough_pose(corners, photo, self._focal_px("photo", photo))
        if pose is None:
            return ("photo", "defocused")
        x, y, z = pose.place_mm
        bits = dictionary(self.board).markerSize + 2 if self.board.dictionary else 10
        bit_mm = (self.board.marker_mm or self.board.square_mm) / bits
        told_apart = _DEPTH_FOCAL * 640 * bit_mm / z >= _DEPTH_BIT_PX
        if max(abs(x), abs(y)) < _DEPTH_SIDE * z and told_apart:
            return CAMERAS
        return ("photo", "defocused")

    def _seen(self, camera: CameraName) -> list[Detection]:
        views = [view.seen for view in self._views.values() if "photo" in view.seen]
        return [seen[camera] for seen in views if camera in seen]

    def _coverage(self, camera: CameraName, aims: Aims) -> Coverage:
        seen = self._seen(camera)
        focal = self._focal_px(camera, seen[0]) if seen else 1.0
        return coverage(seen, self.board, focal, aims)

    def _focal_px(self, camera: CameraName, seen: Detection) -> float:
        share = _DEPTH_FOCAL if camera == "depth" else self._focal or _WIDE
        return share * seen.size[0]
