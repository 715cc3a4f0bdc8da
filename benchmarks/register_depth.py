"""Depth into the photo: idfd against cv2.registerDepth and a ray cast of the depth mesh (Embree).

A scene of two walls, a box and a ball in closed form, noise of 2 mm, distortion on both sides;
the photo's view is that of the depth camera, so that most of its pixels get a depth. What each
contender may keep from frame to frame is ready before: tables of rays, and the tensor of rays of
the ray cast. OpenCV's function has no distortion of the depth camera and gives points, not a
surface; ``idfd`` gives the source map as well and, in its second row, the uncertainty.

Prints processor time first, which holds up beside other load, then wall time of clean rounds; and
how far each is from the closed form.

Usage: python benchmarks/register_depth.py [--size 6000x4000] [--no-rounds]
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from rounds import compare, print_ratios

from idfd.calibration.projection import ray_table
from idfd.model.rig import RigCalibration
from idfd.model.triple import Crop, DepthSource
from idfd.processing.depth.maps import DepthMap
from idfd.processing.depth.register import register

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests/processing/depth"))
from register_scenes import RATIONAL, Scene, bent_rig, lens_camera

PHOTO_LENS = (0.09, -0.12, 0.0003, -0.0004, 0.02)
ROWS = 500
"""Rows of the photo that are cast at a time, for the memory."""


class RayCast:
    """The depth mesh, without what is cut, seen along the photo's rays."""

    def __init__(self, rig: RigCalibration) -> None:
        import open3d as o3d

        self.o3d, self.rig = o3d, rig
        table = ray_table(rig.photo)
        self.rays = np.zeros((*table.shape[:2], 6), np.float32)
        self.rays[..., 3:5], self.rays[..., 5] = table, 1

    def __call__(self, depth: NDArray[np.float32]) -> NDArray[np.float32]:
        """Depth on the photo's pixels, infinite where a ray hits nothing."""
        metric = depth.astype(np.float64)
        points = np.dstack([ray_table(self.rig.depth) * metric[..., None], metric])
        points = self.rig.depth_to_photo.apply(points)
        corner = np.arange(depth.size).reshape(depth.shape)
        a, b = corner[:-1, :-1].ravel(), corner[:-1, 1:].ravel()
        c, d = corner[1:, :-1].ravel(), corner[1:, 1:].ravel()
        triangles = np.concatenate([np.stack([a, b, d], 1), np.stack([a, d, c], 1)])
        of = depth.ravel()[triangles]
        kept = (of.min(axis=1) > 0) & (of.max(axis=1) <= 1.02 * of.min(axis=1))
        scene = self.o3d.t.geometry.RaycastingScene()
        scene.add_triangles(
            points.reshape(-1, 3).astype(np.float32), triangles[kept].astype(np.uint32)
        )
        strips = [
            scene.cast_rays(self.o3d.core.Tensor(self.rays[top : top + ROWS]))["t_hit"].numpy()
            for top in range(0, len(self.rays), ROWS)
        ]
        return np.concatenate(strips)


def with_opencv(depth: NDArray[np.uint16], rig: RigCalibration) -> NDArray[np.uint16]:
    transform = np.eye(4)
    transform[:3, :3] = rig.depth_to_photo.rotation
    transform[:3, 3] = np.array(rig.depth_to_photo.translation_mm) / 1000  # it takes metres
    matrices = [
        np.array([[c.fx, 0, c.cx], [0, c.fy, c.cy], [0, 0, 1]]) for c in (rig.depth, rig.photo)
    ]
    size = rig.photo.width, rig.photo.height
    out = cv2.registerDepth(  # type: ignore[attr-defined]
        matrices[0], matrices[1], np.array(rig.photo.distortion), transform, depth, size
    )
    return np.asarray(out, np.uint16)


def report_accuracy(name: str, found: NDArray[np.float32], truth: NDArray[np.float64]) -> None:
    # Where the surface is smooth over two pixels of the depth camera.
    side = np.ones((2 * (found.shape[1] // 320) + 1,) * 2, np.uint8)
    smooth = (cv2.dilate(truth, side) - cv2.erode(truth, side)) < 0.05 * truth
    has = (found > 0) & np.isfinite(found) & (truth > 0)
    error = (found - truth)[has & smooth]
    wrong = np.mean(np.abs(found - truth)[has] > 20)
    print(
        f"{name:28} filled {100 * has.mean():5.1f} %   RMSE where smooth "
        f"{np.sqrt(np.mean(error**2)):6.2f} mm   off by over 20 mm {100 * wrong:.3f} %"
    )


def processor_time(action: Callable[[], object], rounds: int = 3) -> float:
    action()
    best = np.inf
    for _ in range(rounds):
        start = time.process_time()
        action()
        best = min(best, time.process_time() - start)
    return float(best)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", default="6000x4000")
    parser.add_argument("--no-rounds", action="store_true", help="processor time only")
    arguments = parser.parse_args()
    width, height = (int(part) for part in arguments.size.split("x"))
    rig = bent_rig(
        lens_camera(width, height, 0.79 * width, PHOTO_LENS),
        lens_camera(640, 576, 504.0, RATIONAL),
        turn=(0.01, 0.02, 0.003),
        shift=(-40.0, 5.0, -10.0),
    )
    scene = Scene()
    depth = scene.depth_view(rig)
    depth += np.random.default_rng(0).normal(0, 2, depth.shape)
    image = np.rint(depth).astype(np.uint16)
    plain = DepthMap.of_image(image, DepthSource.FUSED)
    told = DepthMap(plain.depth, plain.source, np.full(depth.shape, 2, np.float32))
    crop = Crop(x=0.0, y=0.0, width=width, height=height)
    cast = RayCast(rig)

    truth, _ = scene.photo_view(rig)
    report_accuracy("cv2.registerDepth", with_opencv(image, rig).astype(np.float32), truth)
    report_accuracy("Embree ray cast", cast(plain.depth), truth)
    report_accuracy("idfd", register(plain, rig, crop).depth, truth)

    contenders: dict[str, Callable[[], object]] = {
        "cv2.registerDepth (peer)": lambda: with_opencv(image, rig),
        "Embree ray cast (peer)": lambda: cast(plain.depth),
        "idfd": lambda: register(plain, rig, crop),
        "idfd, with uncertainty": lambda: register(told, rig, crop),
    }
    spent = {name: processor_time(action) for name, action in contenders.items()}
    for name, seconds in spent.items():
        print(f"{name:28} {1000 * seconds:8.0f} ms of processor time", end="")
        print("".join(f"  {spent[peer] / seconds:6.1f}x" for peer in list(spent)[:2]))
    if not arguments.no_rounds:
        timings = compare(contenders)
        print_ratios(timings, 1, "maps")
        print_ratios(timings[1:], 1, "maps")


if __name__ == "__main__":
    main()
