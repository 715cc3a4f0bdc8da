"""How well blur is known after a defocus calibration, and how long the fit takes.

    python benchmarks/fit_defocus.py [focus distances in metres]

Photos of a ChArUco board at nine distances, rendered with a thin lens at the pixel pitch of a
24-megapixel camera (in windows about the board), with noise, vignetting and 8-bit sRGB. The bars:
radii within 5 % or 0.2 pixels from 0.5 to 5 m, the focus distance within 2 %.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace

import numpy as np

from idfd.calibration.boards import geometry
from idfd.calibration.defocus.fit import fit_defocus
from idfd.calibration.defocus.model import circle_px
from idfd.calibration.defocus.patches import (
    Patch,
    Photo,
    board_depth_m,
    board_patches,
    plane_patches,
)
from idfd.calibration.defocus.prints import Print
from idfd.calibration.projection import project
from idfd.calibration.solve.poses import Pose
from idfd.capture.simulated.scene.boards import BoardPose, board_scene
from idfd.capture.simulated.world import QUALITIES, World
from idfd.model.board import Board

DISTANCES_M = (0.5, 0.62, 0.8, 1.0, 1.3, 1.8, 2.6, 3.6, 5.0)
DEPTHS_M = (0.5, 0.65, 0.8, 1.0, 1.5, 2.0, 3.0, 5.0)
WINDOW = (420, 340)
SMALL, LARGE = 10.0, 2.8
QUALITY = replace(QUALITIES["full"], samples=192, fewest=64)
"""With the 32 rays of the preset, each ray reads the print over a wide spot, which adds blur of its
own: radii are then 1.3 % too large."""
POSE_ERROR = 0.001
"""Standard deviation of the poses' distances, over the distance."""


def cut(world: World, seed: int) -> list[Patch]:
    """Patches of a board held at all distances."""
    random = np.random.default_rng(seed)
    board = Board()
    printed, corners, camera = Print.of(board), geometry.corners_mm(board), world.lens.intrinsics
    patches: list[Patch] = []
    for number, distance in enumerate(DISTANCES_M):
        right, down = distance * random.uniform(-0.5, 0.5), distance * random.uniform(-0.3, 0.3)
        tilt, turn, roll = random.uniform(-30, 30, 3) * (1, 1, 0.3)
        held = BoardPose(distance, right, down, tilt, turn, roll)
        world.show(board_scene(board, held))
        error = 1 + POSE_ERROR * random.standard_normal()
        pose = Pose(held.rotation, 1000 * error * np.array([right, down, distance]))
        middle = np.rint(project(camera, pose.translation)).astype(int)
        corner = (int(middle[0]) - WINDOW[0] // 2, int(middle[1]) - WINDOW[1] // 2)
        small, large = (
            Photo(
                world.photo(
                    number_f, 0.25 * (number_f / SMALL) ** 2, 100, number, (*corner, *WINDOW)
                ),
                number_f,
                corner,
            )
            for number_f in (SMALL, LARGE)
        )
        view, depth = f"{distance:g} m", board_depth_m(printed, pose, camera)
        centres = project(camera, pose.apply(corners))
        patches += plane_patches(view, small, large, depth, camera, centres=centres)
        patches += board_patches(view, small, printed, corners, pose, camera, large=False)
    return patches


def main() -> None:
    """Print a table for each focus distance."""
    for focus in [float(text) for text in sys.argv[1:]] or [0.8, 1.5]:
        world = World(QUALITY, focus_distance_m=focus)
        patches = cut(world, seed=3)
        began = time.perf_counter()
        fit = fit_defocus(patches, world.lens.intrinsics, focal_length_mm=14.0)
        seconds = time.perf_counter() - began
        model, (near, far) = fit.model, fit.focus_interval_m
        low, high = fit.f_number_interval or (np.nan, np.nan)
        print(
            f"focus {focus:g} m: found {model.focus_distance_m:.4f} ({near:.4f} to {far:.4f}), "
            f"f/{model.effective_f_number:.3f} ({low:.3f} to {high:.3f}), {model.psf}, "
            f"{sum(row.used for row in fit.rows)} of {len(patches)} patches, {seconds:.1f} s"
        )
        print(f"{'depth m':>8} {'true radius px':>15} {'found':>8} {'error':>8} {'bar':>6}")
        for depth in DEPTHS_M:
            true = float(world.lens.circle_px(np.array(depth), LARGE)) / 2
            found = float(circle_px(model, depth)) / 2
            bar = max(0.05 * abs(true), 0.2)
            print(f"{depth:8.2f} {true:15.3f} {found:8.3f} {found - true:8.3f} {bar:6.2f}")


if __name__ == "__main__":
    main()
