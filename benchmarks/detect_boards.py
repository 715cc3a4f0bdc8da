"""How long finding boards in 24-megapixel photos takes, and how accurate it is.

    python benchmarks/detect_boards.py [views]

The peer is OpenCV's ChArUco detector on the whole photo. The photos are made here, with known
corners: a wide-angle lens, a cluttered background, vignetting, blur, noise and JPEG. The bars are
three times the peer's speed in one process, at no worse accuracy.
"""

from __future__ import annotations

import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from rounds import compare, print_ratios

from idfd.calibration.boards.geometry import corners_mm, opencv_board, picture, pixels_per_mm
from idfd.calibration.detection.detect import detect
from idfd.calibration.projection import project, unproject
from idfd.errors import InputError
from idfd.model.board import Board
from idfd.model.camera import Intrinsics
from idfd.processing.pipeline.local import default_workers
from idfd.storage.images import decode_image

BOARD = Board()
CAMERA = Intrinsics(
    width=6016,
    height=4016,
    fx=2345,
    fy=2345,
    cx=3022.4,
    cy=1998.7,
    model="brown_conrady",
    distortion=(-0.11, 0.06, 0.0006, -0.0004, -0.008),
)
FLAGS = cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION
Array = NDArray[np.float64]


def make_view(path: Path, seed: int) -> Array:
    """Write a photo; return its corners, (N, 2)."""
    random = np.random.default_rng(seed)
    rotation = np.eye(3)
    for axis, angle in enumerate(random.uniform((-35, -35, -20), (35, 35, 20))):
        turn = np.zeros(3)
        turn[axis] = np.radians(angle)
        rotation = np.asarray(cv2.Rodrigues(turn)[0]) @ rotation
    distance = random.uniform(450, 1400)
    place = distance * np.array([*random.uniform((-0.35, -0.2), (0.35, 0.2)), 1.0])
    light = clutter(random)
    paste(light, rotation, place, random.uniform(0.9, 2.0), random.uniform(0.4, 0.95))
    rows, columns = np.ogrid[: CAMERA.height, : CAMERA.width]
    light *= 1 - 0.6 * ((columns - CAMERA.cx) ** 2 + (rows - CAMERA.cy) ** 2) / 3600**2
    light += cv2.randn(np.empty_like(light), 0, random.uniform(0.004, 0.015))
    photo = np.clip(255 * np.clip(light, 0, 1) ** (1 / 2.2), 0, 255).astype(np.uint8)
    cv2.imwrite(str(path), photo, [cv2.IMWRITE_JPEG_QUALITY, 93])
    return project(CAMERA, corners_mm(BOARD) @ rotation.T + place)


def clutter(random: np.random.Generator) -> NDArray[np.float32]:
    """A background of soft texture, lines and dark rectangles that are no markers."""
    light = np.full((CAMERA.height, CAMERA.width), 0.25, np.float32)
    for size in (12, 60, 400):
        noise = random.uniform(-0.1, 0.1, (CAMERA.height // size + 2, CAMERA.width // size + 2))
        wide = cv2.resize(noise.astype(np.float32), None, fx=size, fy=size)
        light += wide[: CAMERA.height, : CAMERA.width]
    for _ in range(400):
        centre = random.uniform(0, (CAMERA.width, CAMERA.height))
        box = cv2.boxPoints((centre, random.uniform(20, 300, 2), random.uniform(0, 90)))
        cv2.fillPoly(light, [box.astype(np.int32)], float(random.uniform(0.02, 0.8)))
    return cv2.GaussianBlur(light, (0, 0), 1.0)


def paste(
    light: NDArray[np.float32], rotation: Array, place: Array, blur: float, brightness: float
) -> None:
    """Put the print in front: nine rays for each pixel, then blur, all in linear light."""
    rate = pixels_per_mm(BOARD, 8)
    # Ink is 14, so that 0 is beside the paper.
    paper = cv2.GaussianBlur(np.maximum(picture(BOARD, 8), 14), (0, 0), 1.0)
    middle = (np.array(paper.shape[::-1]) - 1) / 2
    seen = project(CAMERA, corners_mm(BOARD) @ rotation.T + place)
    left, top = np.maximum(seen.min(axis=0) - 500, 0).astype(int)
    right, bottom = np.minimum(seen.max(axis=0) + 500, (CAMERA.width, CAMERA.height)).astype(int)
    meet = np.linalg.inv(np.column_stack([rotation[:, 0], rotation[:, 1], place]))
    total = np.zeros((bottom - top, right - left), np.float32)
    # Rays bend smoothly: one in four pixels and linear interpolation give all of them.
    rows, columns = np.mgrid[top - 8 : bottom + 12 : 4, left - 8 : right + 12 : 4] + 1.5
    hit = unproject(CAMERA, np.stack([columns, rows], -1)) @ meet.T
    coarse = (hit[..., :2] / hit[..., 2:] * rate + middle).astype(np.float32)
    along_y, along_x = np.gradient(coarse, 4, axis=(0, 1))
    for offset in np.stack(np.meshgrid((-1 / 3, 0, 1 / 3), (-1 / 3, 0, 1 / 3)), -1).reshape(-1, 2):
        moved = coarse + np.float32(offset[0]) * along_x + np.float32(offset[1]) * along_y
        fine = cv2.resize(moved, None, fx=4, fy=4, interpolation=cv2.INTER_LINEAR)
        at = fine[8 : 8 + len(total), 8 : 8 + total.shape[1]]
        total += cv2.remap(paper, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderValue=0) / 9
    patch = light[top:bottom, left:right]
    ink = total * np.float32(brightness / 255)
    patch[:] = cv2.GaussianBlur(np.where(total > 7, ink, patch), (0, 0), blur)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(default_workers()) as pool:
        paths = [Path(folder, f"{number:02d}.jpg") for number in range(count)]
        truth = {path: make_view(path, number) for number, path in enumerate(paths)}
        files = {path: path.read_bytes() for path in paths}
        peer = cv2.aruco.CharucoDetector(opencv_board(BOARD))

        def decode(path: Path) -> NDArray[np.uint8]:
            return np.asarray(decode_image(files[path], path, FLAGS), np.uint8)

        def theirs(path: Path) -> tuple[NDArray[np.int64], Array]:
            corners, ids, _, _ = peer.detectBoard(decode(path))
            found = np.zeros(0) if ids is None else np.ravel(ids)
            return found.astype(np.int64), np.reshape([] if ids is None else corners, (-1, 2))

        def ours(path: Path) -> tuple[NDArray[np.int64], Array]:
            try:
                seen = detect(decode(path), BOARD, where=path.name)
            except InputError as error:
                sys.stderr.write(f"{error}\n")
                return np.zeros(0, np.int64), np.zeros((0, 2))
            return seen.ids, seen.pixels

        for name, way in (("OpenCV", theirs), ("idfd", ours)):
            report(name, {path: way(path) for path in paths}, truth)
        timings = compare(
            {
                "OpenCV, whole photo": lambda: [theirs(path) for path in paths],
                "idfd": lambda: [ours(path) for path in paths],
                "decoding alone": lambda: [decode(path) for path in paths],
                "idfd, all cores": lambda: list(pool.map(ours, paths)),
            },
            rounds=3,
        )
    print_ratios(timings, count, "photo")
    whole, quick, decoding = (timing.median / count for timing in timings[:3])
    print(
        f"without decoding: {1e3 * (whole - decoding):.0f} ms a photo against "
        f"{1e3 * (quick - decoding):.0f} ms, {(whole - decoding) / (quick - decoding):.1f} times "
        f"faster; decoding takes {1e3 * decoding:.0f} ms ({default_workers()} cores, OpenCV "
        f"{cv2.__version__} with its own threads)"
    )


def report(
    name: str, found: dict[Path, tuple[NDArray[np.int64], Array]], truth: dict[Path, Array]
) -> None:
    """Print corners found and their errors."""
    limit = np.array([CAMERA.width, CAMERA.height]) - 1
    visible = sum(int(((t >= 0) & (t <= limit)).all(axis=1).sum()) for t in truth.values())
    error = np.concatenate([pixels - truth[path][ids] for path, (ids, pixels) in found.items()])
    boards = sum(len(ids) >= 6 for ids, _ in found.values())
    print(
        f"{name:8} {boards} of {len(truth)} boards, {len(error)} of {visible} corners; error "
        f"{np.sqrt(np.mean(error**2)):.4f} px rms per axis, mean {error.mean(axis=0).round(4)}, "
        f"largest {np.abs(error).max():.3f}"
    )


if __name__ == "__main__":
    start = time.perf_counter()
    main()
    print(f"took {time.perf_counter() - start:.0f} s")
