"""How well views of a board calibrate a rig whose truth is known, and whether intervals hold it.

    python benchmarks/solve_rigs.py [rigs] [views] [first]

Each rig has another lens and another mount. Of each, ray-traced photos at f/10 (thin-lens blur,
distortion, sensor noise) and infrared images are looked at as those of a session are. The bars:
focal length within 0.05 %, centre within 0.5 px, extrinsics within 0.3 mm and 0.02 degrees, and
95 % intervals that hold the truth in at least 90 % of 50 rigs.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.calibration.boards.files import PRESETS
from idfd.calibration.detection.detect import detect
from idfd.calibration.solve.rig import RigSolution, solve_rig
from idfd.calibration.views import CameraName, Detection, View
from idfd.capture.simulated.board_images import board_images, board_truth
from idfd.capture.simulated.world import Quality, World
from idfd.errors import InputError
from idfd.model.calibration import ParameterRow

QUALITY = Quality(1500, 1000, 8, 8, 1, 8, 2048, 2)
BOARD = PRESETS["a1"]
BARS = {"focal": 0.05, "centre": 0.5, "shift": 0.3, "turn": 0.02}
UNITS = {"focal": "%", "centre": "px", "shift": "mm", "turn": "deg"}


def look(
    world: World, views: int
) -> tuple[list[View], dict[CameraName, list[NDArray[np.float64]]]]:
    """Views of the board, and the distances of their corners from the truth."""
    found = []
    errors: dict[CameraName, list[NDArray[np.float64]]] = defaultdict(list)
    for view in range(views):
        seen: dict[CameraName, Detection] = {}
        truth = board_truth(world, view)
        for camera, image in board_images(world, view).items():
            try:
                seen[camera] = detect(image, BOARD, where=f"{view}/{camera}")
            except InputError:
                continue
            errors[camera].append(seen[camera].pixels - truth[camera][seen[camera].ids])
        found.append(View(f"{view:02d}", seen))
    return found, errors


def rows(solution: RigSolution, world: World) -> Iterator[tuple[ParameterRow, float]]:
    """Estimated parameters and what they truly are."""
    lens, mount = world.lens.intrinsics, world.mount.depth_to_photo
    turn = np.degrees(cv2.Rodrigues(np.array(mount.rotation))[0].ravel())
    truth = {"fx": lens.fx, "fy": lens.fy, "cx": lens.cx, "cy": lens.cy}
    truth |= dict(zip(("rx", "ry", "rz"), turn.tolist(), strict=True))
    truth |= dict(zip(("tx", "ty", "tz"), mount.translation_mm, strict=True))
    (photo,) = [camera for camera in solution.cameras if camera.camera == "photo"]
    for row in (*photo.parameters, *solution.extrinsics):
        if row.name in truth:
            yield row, truth[row.name]


def errors_of(solution: RigSolution, world: World) -> dict[str, float]:
    """Largest error of each kind; of the turn and the shift the length."""
    off = {row.name: row.value - truth for row, truth in rows(solution, world)}
    mount = world.mount.depth_to_photo
    assert solution.depth_to_photo is not None
    between = np.array(solution.depth_to_photo.rotation) @ np.array(mount.rotation).T
    return {
        "focal": 100 * max(abs(off["fx"]), abs(off["fy"])) / world.lens.intrinsics.fx,
        "centre": max(abs(off["cx"]), abs(off["cy"])),
        "shift": float(np.linalg.norm([off["tx"], off["ty"], off["tz"]])),
        "turn": float(np.degrees(np.linalg.norm(cv2.Rodrigues(between)[0]))),
    }


def main() -> None:
    count, views, first = [*map(int, sys.argv[1:]), *(50, 20, 1)[len(sys.argv) - 1 :]]
    cv2.setNumThreads(2)
    held: dict[str, list[bool]] = defaultdict(list)
    worst: dict[str, list[float]] = defaultdict(list)
    offsets: dict[CameraName, list[NDArray[np.float64]]] = defaultdict(list)
    models: dict[str, int] = defaultdict(int)
    began = time.perf_counter()
    for rig in range(first, first + count):
        with tempfile.TemporaryDirectory() as folder:
            world = World(QUALITY, seed=rig, cache=Path(folder), rig=rig, board=BOARD)
            seen, errors = look(world, views)
        for camera, parts in errors.items():
            offsets[camera] += parts
        start = time.perf_counter()
        solution = solve_rig(seen, BOARD, depth=world.mount.depth)
        spent = time.perf_counter() - start
        hold = {}
        for row, truth in rows(solution, world):
            assert row.low is not None
            assert row.high is not None
            hold[row.name] = row.low <= truth <= row.high
            held[row.name].append(hold[row.name])
        found = errors_of(solution, world)
        for kind, value in found.items():
            worst[kind].append(value)
        models[solution.photo.model] += 1
        told = ", ".join(f"{kind} {value:.4f} {UNITS[kind]}" for kind, value in found.items())
        print(
            f"rig {rig}: {told}; {sum(hold.values())} of {len(hold)} intervals hold the truth; "
            f"{solution.photo.model}, solved in {spent:.1f} s, "
            f"{len(solution.dropped)} left out, {(time.perf_counter() - began) / 60:.1f} min",
            flush=True,
        )
    print(f"\n{count} rigs, {views} views each, photos {QUALITY.width} x {QUALITY.height}")
    for camera, parts in offsets.items():
        together = np.concatenate(parts)
        mean, spread = together.mean(axis=0), together.std(axis=0)
        print(
            f"corners, {camera}: {len(together)}, bias {mean[0]:+.4f} {mean[1]:+.4f} px, "
            f"deviation {spread[0]:.4f} {spread[1]:.4f} px"
        )
    for kind, values in worst.items():
        within = np.mean(np.array(values) <= BARS[kind])
        print(
            f"{kind}: median {np.median(values):.4f}, worst {max(values):.4f} {UNITS[kind]}; "
            f"within {BARS[kind]} {UNITS[kind]} in {100 * within:.0f} %"
        )
    shares = {name: 100 * np.mean(values) for name, values in held.items()}
    print("truth in the 95 % interval: " + ", ".join(f"{n} {s:.0f} %" for n, s in shares.items()))
    print(f"all of them: {np.mean(list(shares.values())):.1f} %; models: {dict(models)}")


if __name__ == "__main__":
    main()
