"""A fake rig before which a board is held: each take shows it as the test says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from fake_rig import FakeDepthCamera, FakePhotoCamera, FakeRig, Faults, fake_profile
from numpy.typing import NDArray

from idfd.calibration.boards.geometry import corners_mm, picture, pixels_per_mm
from idfd.capture.rig import Place
from idfd.model.board import Board

BOARD = Board(columns=7, rows=5, square_mm=80.0, marker_mm=60.0, dictionary="DICT_4X4_50")
PHOTO = (900, 600)
DEPTH = (640, 576)
_GREY = 110
_FINE = 4


@dataclass(frozen=True)
class Hold:
    """How the board is held: where, metres before the camera, and which edge is away, degrees."""

    right_m: float = 0.0
    down_m: float = 0.0
    distance_m: float = 0.9
    upper_away: float = 0.0
    left_away: float = 0.0
    shown: bool = True


class BoardRig(FakeRig):
    """Shows the next of its holds with every take; the last one stays."""

    def __init__(self, *holds: Hold) -> None:
        faults = Faults()
        self.holds = list(holds)
        self.now = self.holds[0]
        self.hand = 0  # holds used up
        self.dark: list[bool] = []  # bursts whose infrared shows nothing
        super().__init__(fake_profile(), _Photo(faults, self), _Depth(faults, self))
        self.photo.settings = self.photo.settings.__class__(2.8, 0.125, 100, "Daylight", "jpeg")

    def place(self, place: Place) -> None:
        super().place(place)
        self.now = self.holds[min(self.hand, len(self.holds) - 1)]
        self.hand += 1


class _Photo(FakePhotoCamera):
    def __init__(self, faults: Faults, rig: BoardRig) -> None:
        super().__init__(faults, PHOTO)
        self.rig = rig

    def _picture(self) -> bytes:
        return self._render()  # never the one of another hold

    def _render(self) -> bytes:
        f_number = self.settings.f_number or 10.0
        focal = 14 / 36 * PHOTO[0]
        image = seen(self.rig.now, PHOTO, focal, (0.0, 0.0))
        rng = np.random.default_rng(self.rig.hand)
        noisy: NDArray[Any] = image.astype(float) + rng.normal(0, 2, image.shape)
        if f_number < 8:
            noisy = cv2.GaussianBlur(noisy, (0, 0), 0.8)
        grey = np.clip(noisy, 0, 255).astype(np.uint8)
        colour = np.repeat(grey[..., None], 3, axis=2)
        return cv2.imencode(".jpg", colour, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()


class _Depth(FakeDepthCamera):
    def __init__(self, faults: Faults, rig: BoardRig) -> None:
        super().__init__(faults, DEPTH)
        self.rig = rig

    def _frames(self, frames: int) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
        depth, _ = super()._frames(frames)
        image = seen(self.rig.now, DEPTH, 504.0, (-0.09, 0.0)).astype(np.uint16) * 3 + 20
        if self.rig.dark and self.rig.dark.pop(0):
            image = np.zeros_like(image)
        # Little noise: looking for reasons in it would take a second for each image.
        noise = self._rng.integers(0, 2, (frames, *image.shape), dtype=np.uint16)
        return depth, image + noise


def seen(
    hold: Hold, size: tuple[int, int], focal_px: float, camera_m: tuple[float, float]
) -> NDArray[np.uint8]:
    """The board before a grey wall, as a camera without distortion sees it."""
    width, height = size
    if not hold.shown:
        return np.full((height, width), _GREY, np.uint8)
    drawn = picture(BOARD, 2.0)
    turns = np.radians([-hold.upper_away, hold.left_away])
    rotation = cv2.Rodrigues(np.array([turns[0], 0, 0]))[0]
    rotation = rotation @ cv2.Rodrigues(np.array([0, turns[1], 0]))[0]
    place = 1000 * np.array([hold.right_m, hold.down_m, hold.distance_m])
    place[:2] -= 1000 * np.array(camera_m)
    fine = _FINE * np.array(size)
    focal, (cx, cy) = _FINE * focal_px, (fine - 1) / 2
    matrix = np.array([[focal, 0, cx], [0, focal, cy], [0, 0, 1]])
    to_image = matrix @ np.stack([rotation[:, 0], rotation[:, 1], place], axis=1)
    rate = pixels_per_mm(BOARD, 2.0)
    middle = (np.array(drawn.shape[::-1]) - 1) / 2
    to_board = np.array([[1, 0, -middle[0]], [0, 1, -middle[1]], [0, 0, rate]]) / rate
    large = np.full(fine[::-1], _GREY, np.uint8)
    cv2.warpPerspective(
        drawn, to_image @ to_board, fine.tolist(), large, cv2.INTER_LINEAR, cv2.BORDER_TRANSPARENT
    )
    # Averaged over pixels, as a sensor does: edges must not be jagged.
    return np.asarray(cv2.resize(large, size, interpolation=cv2.INTER_AREA), np.uint8)


CORNERS = len(corners_mm(BOARD))
