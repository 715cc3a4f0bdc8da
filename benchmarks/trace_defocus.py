"""Synthetic defocus against photos that are ray-traced through the same thin lens.

Rooms of the simulated rig, 360x240, f = 35 mm, f/2, a sensor 36 mm wide: a pinhole photo (49 rays
a pixel) with exact depth, and for each focus distance a photo of the same pixels traced through
the lens (100 rays a pixel). Each way of computing defocus gets the pinhole photo and the depth.
PSNR is of sRGB values, in dB: of all pixels, within 6 px of a step of over 1 px of blur ("edge"),
and over 12 px from one ("away"). The second table takes the pixels within 4 px of an occlusion:
those of what stands in front, and those of what is behind. The last line of each is a photo traced
once more, with other rays: the noise of the traced photos ends the scale there.

Usage: python benchmarks/trace_defocus.py [--rooms museum,bedroom,...] [--focus 0.7,3]
       [--scene NAME] [--picture FILE.png]
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.capture.simulated.scene.rooms import ENVIRONMENTS, build_scene
from idfd.capture.simulated.tracer import Pupil, TracedScene
from idfd.model.camera import Intrinsics
from idfd.processing.defocus.config import DefocusConfig, customised
from idfd.processing.defocus.lens import signed_circle_px
from idfd.processing.defocus.simulate import defocus_image
from idfd.storage.color import encode_srgb
from idfd.storage.images import encode_png

WIDTH, HEIGHT, FOCAL_MM, F_NUMBER = 360, 240, 35.0, 2.0
PITCH_UM = 36e3 / WIDTH
SHARP_RAYS, LENS_RAYS = 49, 100
GREY = 0.18
EDGE_PX, AWAY_PX, BESIDE_PX = 6, 12, 4
Image = NDArray[np.float32]
Mask = NDArray[np.bool_]


def ways(focus: float) -> dict[str, DefocusConfig | None]:
    """Ways to compute defocus; None leaves the photo as it is."""

    def config(**changes: object) -> DefocusConfig:
        own: dict[str, Any] = {
            "focal_length_mm": FOCAL_MM, "f_number": F_NUMBER, "focus_distance_m": focus,
            "pixel_pitch_um": PITCH_UM,
        }  # fmt: skip
        return customised("idfd", own | changes)

    published = {
        "psf": "gaussian", "rho": 0.3, "light": "encoded", "hidden": "dilated", "layers": 255,
    }  # fmt: skip
    return {
        "nothing done": None,
        "layered, filled, disk, 16": config(),
        "layered, dilated, disk, 16": config(hidden="dilated"),
        "the same filled, encoded values": config(light="encoded"),
        "published (0.3 c, encoded, 255)": config(**published, reach_m=10.0),
        "Gaussian stack (0.25 c, linear)": config(
            engine="gaussian-stack", psf="gaussian", rho=0.25
        ),
    }


def camera(focus: float) -> Intrinsics:
    """The sensor stands at f F / (F - f) behind the lens, F the focus distance."""
    focal = FOCAL_MM * focus / (focus - FOCAL_MM / 1e3) / (PITCH_UM / 1e3)
    return Intrinsics(
        width=WIDTH, height=HEIGHT, fx=focal, fy=focal, cx=WIDTH / 2 - 0.5, cy=HEIGHT / 2 - 0.5
    )


def encoded(light: Image) -> Image:
    return encode_srgb(np.clip(light, 0, 1))


def computed(photo: Image, depth: NDArray[np.float32], config: DefocusConfig | None) -> Image:
    """The defocused photo of a linear one, in sRGB values."""
    if config is None:
        return encoded(photo)
    if config.light == "encoded":
        return np.clip(defocus_image(encoded(photo), depth, config, PITCH_UM), 0, 1)
    return encoded(defocus_image(photo, depth, config, PITCH_UM))


def near(mask: Mask, pixels: int) -> Mask:
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * pixels + 1,) * 2)
    return cv2.dilate(mask.astype(np.uint8), disk).astype(bool)


def parts(circle: NDArray[np.float64], depth: NDArray[np.float32]) -> dict[str, Mask]:
    """Around steps of blur, away from them, and both sides of occlusions."""
    neighbours = np.ones((3, 3), np.uint8)
    step = cv2.dilate(circle, neighbours) - cv2.erode(circle, neighbours) > 1
    low, high = (
        change(depth, np.ones((2 * BESIDE_PX + 1,) * 2)) for change in (cv2.erode, cv2.dilate)
    )
    beside = near(step, BESIDE_PX)
    front = np.log(depth) < (np.log(low) + np.log(high)) / 2
    return {
        "all": np.ones_like(step),
        "edge": near(step, EDGE_PX),
        "away": ~near(step, AWAY_PX),
        "front": beside & front,
        "behind": beside & ~front,
    }


def psnr(found: Image, truth: Image, where: Mask) -> float:
    if not where.any():
        return float("nan")
    return float(-10 * np.log10(np.mean((found[where] - truth[where]) ** 2)))


def score(room: str, scene: str, focus: float) -> tuple[dict[str, dict[str, float]], Image]:
    """PSNR by way and part of the photo, and a strip of pictures."""
    model = build_scene(room, scene, 0, 0)
    traced, lens = TracedScene(model), camera(focus)
    depth = traced.depth(lens, model.pose)
    depth[~np.isfinite(depth)] = depth[np.isfinite(depth)].max()
    photo = traced.radiance(lens, model.pose, SHARP_RAYS)
    gain = np.float32(GREY / photo.mean())
    pupil = Pupil(FOCAL_MM / F_NUMBER / 1e3, focus)
    truth = encoded(gain * traced.radiance(lens, model.pose, LENS_RAYS, 1, pupil))
    photo *= gain
    configs = ways(focus)
    config = next(config for config in configs.values() if config is not None)
    circle = signed_circle_px(config, PITCH_UM, depth.astype(np.float64))
    where = parts(circle, depth)
    images = {name: computed(photo, depth, config) for name, config in configs.items()}
    more = encoded(gain * traced.radiance(lens, model.pose, LENS_RAYS + 21, 1, pupil))
    images["traced again, 121 rays"] = more
    print(
        f"{room}, focus {focus:g} m: circles {circle.min():.1f} to {circle.max():.1f} px, "
        f"edge {where['edge'].mean():.0%}, away {where['away'].mean():.0%} of the photo",
        flush=True,
    )
    picked = (images["layered, filled, disk, 16"], images["Gaussian stack (0.25 c, linear)"])
    errors = [np.clip(4 * np.abs(image - truth), 0, 1) for image in picked]
    strip = np.hstack([images["nothing done"], truth, picked[0], *errors])
    scores = {
        name: {part: psnr(image, truth, mask) for part, mask in where.items()}
        for name, image in images.items()
    }
    return scores, strip


def mean_of(scores: list[dict[str, dict[str, float]]]) -> dict[str, dict[str, float]]:
    """Mean PSNR over rooms."""
    return {
        way: {part: float(np.mean([one[way][part] for one in scores])) for part in first}
        for way, first in scores[0].items()
    }


def print_table(title: str, names: tuple[str, ...], found: dict[str, Any]) -> None:
    """One line for each way, one column for each photo."""
    print(f"\n| {title} | {' | '.join(found)} |\n|{'---|' * (len(found) + 1)}")
    for way in next(iter(found.values())):
        cells = (" / ".join(f"{one[way][name]:.1f}" for name in names) for one in found.values())
        print(f"| {way} | {' | '.join(cells)} |")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rooms", default=",".join(ENVIRONMENTS))
    parser.add_argument("--focus", default="0.7,3", help="metres, with commas")
    parser.add_argument("--scene", default="defocus", help="names the furniture and the view")
    parser.add_argument("--picture", type=Path)
    arguments = parser.parse_args()
    rooms = arguments.rooms.split(",")
    found, strips = {}, []
    for focus in map(float, arguments.focus.split(",")):
        own = []
        for room in rooms:
            scores, strip = score(room, arguments.scene, focus)
            own.append(scores)
            strips.append(strip)
        found |= {f"{room}, {focus:g} m": one for room, one in zip(rooms, own, strict=True)}
        found[f"mean, {focus:g} m"] = mean_of(own)
    print_table("all / edge / away", ("all", "edge", "away"), found)
    print_table("front / behind, within 4 px", ("front", "behind"), found)
    if arguments.picture:
        grid = np.rint(255 * np.vstack(strips)).astype(np.uint8)
        arguments.picture.write_bytes(encode_png(grid, level=9))


if __name__ == "__main__":
    main()
