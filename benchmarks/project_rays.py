"""A table of rays for every pixel against ``cv2.undistortPoints`` at equal accuracy.

    python benchmarks/project_rays.py [megapixels]

OpenCV iterates to a fixed point, a number of times that its caller chooses; here it gets the
fewest that bring every pixel that idfd inverts back to within 1e-6 pixels, and its rows are handed
over in pieces that fit the cache, as idfd does for itself. Both are timed on one thread, and idfd
on all cores as it runs by default. Where no number of iterations reaches the corners, OpenCV's
worst error after 1000 is printed instead of a ratio.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable
from functools import partial

import cv2
import msgspec
import numpy as np
from rounds import compare, print_ratios

from idfd.calibration.projection import project, ray_table, unproject
from idfd.model.camera import Intrinsics

LIMIT_PX = 1e-6
LENSES = {
    "14 mm, 24 Mpx": Intrinsics(
        width=6016, height=4016, fx=2346.0, fy=2346.0, cx=3010.2, cy=2004.4, model="brown_conrady",
        distortion=(-0.055, 0.031, 2e-4, -1e-4, -6e-3),
    ),
    "Kinect colour, 3072p": Intrinsics(
        width=4096, height=3072, fx=1960.9, fy=1960.9, cx=2053.1, cy=1556.2, model="rational",
        distortion=(-0.3154, -2.3338, 1.29e-5, 4.63e-5, 1.7716, -0.4287, -2.1107, 1.6565),
    ),
    "Kinect depth, NFOV": Intrinsics(
        width=640, height=576, fx=504.6, fy=504.7, cx=332.8, cy=333.8, model="rational",
        distortion=(0.55, -0.021, -7.2e-5, 2.1e-5, -0.0027, 0.89, 0.086, -0.014),
    ),
}  # fmt: skip


def rows_of(camera: Intrinsics) -> list[np.ndarray]:
    """Pixels of the image in pieces of some 8192, (N, 1, 2)."""
    rows, columns = np.mgrid[: camera.height, : camera.width]
    pixels = np.stack([columns, rows], -1).reshape(-1, 1, 2).astype(np.float64)
    return np.array_split(pixels, max(1, len(pixels) // 8192))


def opencv(camera: Intrinsics, pieces: list[np.ndarray], count: int) -> np.ndarray:
    # OpenCV 4 has a function of its own for what OpenCV 5 takes as an argument.
    undistort = getattr(cv2, "undistortPointsIter", cv2.undistortPoints)
    matrix = np.array([[camera.fx, 0, camera.cx], [0, camera.fy, camera.cy], [0, 0, 1]])
    criteria = (cv2.TERM_CRITERIA_COUNT, count, 0)
    lens = np.array(camera.distortion)
    found = [undistort(part, matrix, lens, R=None, P=None, criteria=criteria) for part in pieces]
    return np.concatenate(found).reshape(-1, 2)


def idfd_on_one_thread(camera: Intrinsics, pieces: list[np.ndarray]) -> np.ndarray:
    return np.concatenate([unproject(camera, part[:, 0])[:, :2] for part in pieces])


def idfd(camera: Intrinsics) -> np.ndarray:
    ray_table.cache_clear()
    return ray_table(camera)


def worst(camera: Intrinsics, rays: np.ndarray, pixels: np.ndarray) -> float:
    """Largest distance in pixels of rays that are projected again."""
    again = project(camera, np.c_[rays.reshape(-1, 2), np.ones(len(pixels))])
    # Where OpenCV lands beyond the fold there is no way back at all.
    return float(np.nan_to_num(np.abs(again - pixels), nan=np.inf).max())


def fewest_iterations(camera: Intrinsics) -> tuple[int | None, float]:
    """Iterations that OpenCV needs on the border and a grid, and its error with them."""
    columns, rows = (np.linspace(0, n - 1, 200) for n in (camera.width, camera.height))
    pixels = np.stack(np.meshgrid(columns, rows), -1).reshape(-1, 2)
    for count in [*range(1, 40), *range(40, 200, 10), 1000]:
        error = worst(camera, opencv(camera, [pixels.reshape(-1, 1, 2)], count), pixels)
        if error < LIMIT_PX:
            return count, error
    return None, error


def main() -> None:
    scale = float(sys.argv[1]) / 24.16 if len(sys.argv) > 1 else 1.0
    cv2.setNumThreads(1)
    for name, full in LENSES.items():
        camera = msgspec.structs.replace(full, height=max(1, round(full.height * scale)))
        pieces = rows_of(camera)
        pixels = np.concatenate(pieces)[:, 0]
        count, error = fewest_iterations(camera)
        print(f"{name}: idfd's worst error {worst(camera, idfd(camera), pixels):.1e} px")
        own: dict[str, Callable[[], object]] = {
            "idfd, one thread": partial(idfd_on_one_thread, camera, pieces),
            "idfd, all cores": partial(idfd, camera),
        }
        if count is None:
            print(f"OpenCV never gets there: {error:.1e} px after 1000 iterations")
        else:
            print(f"OpenCV needs {count} iterations for {error:.1e} px")
            own = {"cv2.undistortPoints": partial(opencv, camera, pieces, count)} | own
        print_ratios(compare(own, rounds=5), len(pixels) / 1e6, "Mpx")
        ray_table.cache_clear()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory {peak:.0f} MiB, the lists of pixels and OpenCV's results included")


if __name__ == "__main__":
    main()
