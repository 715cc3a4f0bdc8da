"""Images of a held board with known truth, without drivers and files: for many rigs quickly."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.calibration.boards.geometry import corners_mm, size_mm
from idfd.calibration.projection import project
from idfd.calibration.views import CameraName
from idfd.capture.session.boards import BOARD_SCENES
from idfd.capture.simulated.scene.board_views import held
from idfd.capture.simulated.scene.boards import BoardPose
from idfd.capture.simulated.stand import Placement
from idfd.capture.simulated.tracer import Window
from idfd.capture.simulated.world import World
from idfd.errors import InputError
from idfd.model.board import Board
from idfd.model.camera import Intrinsics

Array = NDArray[np.float64]
EXPOSURE_S = 0.3
"""At f/10: white paper at three quarters of clipping."""
_MARGIN_PX = 16
_SURROUND = 120
_APERTURES: Mapping[CameraName, float] = {"photo": 10.0, "defocused": 2.8}


def board_images(
    world: World, view: int, *, defocused: bool = False, frames: int = 10
) -> dict[CameraName, NDArray[np.uint8] | NDArray[np.uint16]]:
    """What the cameras see of the world's board in a view.

    Photos are rendered where the board is, and plain grey elsewhere.

    Args:
        world: A world with a board.
        view: How it is held.
        defocused: With the photo at f/2.8.
        frames: Infrared frames that are averaged.

    Returns:
        Grey photos (H, W) uint8 and the infrared image (H, W) uint16, by camera.

    Raises:
        InputError: The world has no board, or it cannot be held so that the cameras see it.
    """
    world.place(Placement(BOARD_SCENES, BOARD_SCENES, view))
    pose, board = board_pose(world, view)
    lens = world.lens.intrinsics
    window = _window(lens, pose, board)
    images: dict[CameraName, NDArray[np.uint8] | NDArray[np.uint16]] = {}
    for camera, f_number in _APERTURES.items():
        if camera == "defocused" and not defocused:
            continue
        exposure_s = EXPOSURE_S * (f_number / _APERTURES["photo"]) ** 2
        x, y, width, height = window
        part = world.photo(f_number, exposure_s, 100, view, window)
        whole = np.full((lens.height, lens.width), _SURROUND, np.uint8)
        whole[y : y + height, x : x + width] = cv2.cvtColor(part, cv2.COLOR_RGB2GRAY)
        images[camera] = whole
    _, infrared = world.depth_frames(frames, 0)
    mean = infrared.mean(axis=0)
    images["depth"] = np.rint(mean * (65535 / max(float(mean.max()), 1.0))).astype(np.uint16)
    return images


def board_truth(world: World, view: int) -> dict[CameraName, Array]:
    """Where all corners of the board truly are in the images of a view, (N, 2) pixels by camera.

    NaN behind a camera; corners may lie outside the images.
    """
    pose, board = board_pose(world, view)
    points = 1000 * pose.to_camera(corners_mm(board) / 1000)
    mount = world.mount.depth_to_photo
    in_photo = project(world.lens.intrinsics, points)
    in_depth = project(
        world.mount.depth, (points - mount.translation_mm) @ np.array(mount.rotation)
    )
    return {"photo": in_photo, "defocused": in_photo, "depth": in_depth}


def board_pose(world: World, view: int) -> tuple[BoardPose, Board]:
    """How the world's board is held in a view, and the board.

    Raises:
        InputError: The world has none.
    """
    if world.board is None:
        raise InputError("the world has no board", remedy="Make it with one: World(board=...)")
    pose = held(world.board, view, world.seed, world.lens.intrinsics, world.mount)
    return pose, world.board


def _window(lens: Intrinsics, pose: BoardPose, board: Board) -> Window:
    """The part of the photo that holds the board and its blur."""
    half = (np.array(size_mm(board)) / 2 + board.margin_mm) / 1000
    edge = np.linspace(-1, 1, 33)
    around = [(a, b) for a in (-1.0, 1.0) for b in edge] + [(a, b) for a in edge for b in (-1, 1)]
    outline = np.pad(np.array(around) * half, ((0, 0), (0, 1)))
    seen = project(lens, pose.to_camera(outline))
    low = np.clip(np.floor(np.nanmin(seen, axis=0)) - _MARGIN_PX, 0, None).astype(int)
    high = np.ceil(np.nanmax(seen, axis=0)).astype(int) + _MARGIN_PX
    right, lower = np.minimum(high, (lens.width, lens.height)).tolist()
    left, upper = low.tolist()
    return left, upper, right - left, lower - upper
