"""Rendered boards are where geometry says, in photos and in the infrared, and calibrate a rig."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from idfd.calibration.boards.files import PRESETS
from idfd.calibration.detection.detect import detect
from idfd.calibration.solve.rig import solve_rig
from idfd.calibration.views import CameraName, Detection, View
from idfd.capture.simulated.board_images import board_images, board_truth
from idfd.capture.simulated.stand import Placement
from idfd.capture.simulated.world import Quality, World
from idfd.errors import InputError

pytest.importorskip("open3d")
pytest.importorskip("numba")

BOARD = PRESETS["a1"]
QUALITY = Quality(1050, 700, 6, 6, 1, 4, 2048, 2)
VIEWS = 8
RIG = 2


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(QUALITY, seed=RIG, rig=RIG, board=BOARD, cache=tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def views(world: World) -> list[View]:
    found = []
    for number in range(VIEWS):
        seen: dict[CameraName, Detection] = {}
        for camera, image in board_images(world, number, defocused=number == 0, frames=5).items():
            try:
                seen[camera] = detect(image, BOARD, where=f"{number}/{camera}")
            except InputError:
                assert camera == "depth"
        found.append(View(f"{number}", seen))
    return found


@pytest.mark.parametrize(("camera", "deviation"), [("photo", 0.06), ("depth", 0.1)])
def test_corners_are_found_without_bias(
    world: World, views: list[View], camera: CameraName, deviation: float
) -> None:
    errors = np.concatenate(
        [
            view.seen[camera].pixels - board_truth(world, number)[camera][view.seen[camera].ids]
            for number, view in enumerate(views)
            if camera in view.seen
        ]
    )
    assert len(errors) > 400
    assert np.abs(errors.mean(axis=0)).max() < 0.02
    assert errors.std(axis=0).max() < deviation


def test_blur_does_not_move_corners(world: World, views: list[View]) -> None:
    seen = views[0].seen
    assert "defocused" in seen
    errors = seen["defocused"].pixels - board_truth(world, 0)["defocused"][seen["defocused"].ids]
    assert np.abs(errors.mean(axis=0)).max() < 0.03


def test_a_rig_is_found_again(world: World, views: list[View]) -> None:
    pair = [
        View(view.name, {c: d for c, d in view.seen.items() if c != "defocused"}) for view in views
    ]
    solution = solve_rig(pair, BOARD, depth=world.mount.depth)
    lens, mount = world.lens.intrinsics, world.mount.depth_to_photo
    assert solution.photo.fx == pytest.approx(lens.fx, rel=5e-4)
    assert solution.photo.cx == pytest.approx(lens.cx, abs=0.5)
    assert solution.photo.cy == pytest.approx(lens.cy, abs=0.5)
    assert solution.depth_to_photo is not None
    shift = np.subtract(solution.depth_to_photo.translation_mm, mount.translation_mm)
    assert np.linalg.norm(shift) < 0.3
    between = np.array(solution.depth_to_photo.rotation) @ np.array(mount.rotation).T
    assert np.degrees(np.linalg.norm(cv2.Rodrigues(between)[0])) < 0.02


def test_a_world_without_a_board_says_so(tmp_path: Path) -> None:
    bare = World(QUALITY, cache=tmp_path)
    with pytest.raises(InputError, match="no board"):
        bare.place(Placement("board", "board", 0))
