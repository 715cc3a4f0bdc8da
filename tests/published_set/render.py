"""Rendered rooms, photographed at two apertures through a thin lens, with known truth.

A room is a wall, a floor in slices of depth, and objects that stand at their depths and hide
each other. Each layer is blurred by the disk of its depth and the layers are composited from
back to front with blurred masks, in linear light (Hasinoff and Kutulakos, ICCV 2007). What lies
hidden behind an object is painted too, so a blurred edge shows what a real lens would see.

Between the two photos the tripod moves a little, the exposure differs, and the open aperture
darkens the corners: the same faults that curation has to undo on real photographs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.calibration.thin_lens import circle_of_confusion_px
from idfd.errors import InputError
from idfd.model.triple import PairTransform
from idfd.processing.photos.transform import as_record, map_points
from idfd.storage.color import encode_srgb
from published_set.textures import TEXTURES, noise, planks

SENSOR_WIDTH_UM = 3872 * 6.05
"""Sensor of a Nikon D200, as in DFD_Indoor; the pixel pitch follows from the image's width."""
MIN_SIDE_PX = 64
FLOOR_SLICES = 8


@dataclass(frozen=True)
class Lens:
    """Optics of the simulated camera."""

    focal_length_mm: float = 35.0
    focus_distance_m: float = 1.2
    small_aperture: float = 8.0
    large_aperture: float = 2.8

    def circle_px(self, depth_m: float, f_number: float, width: int) -> float:
        """Diameter of the blur disk at a depth, pixels of an image of ``width``."""
        return circle_of_confusion_px(
            depth_m,
            focal_length_mm=self.focal_length_mm,
            f_number=f_number,
            focus_distance_m=self.focus_distance_m,
            pixel_pitch_um=SENSOR_WIDTH_UM / width,
        )


@dataclass(frozen=True)
class Layer:
    """A part of the scene at one depth, for blurring.

    Attributes:
        colour: Linear RGB, (H, W, 3) float32, painted beyond the mask too.
        alpha: Coverage in [0, 1], (H, W) float32.
        depth_m: Depth for the blur.
        depth_mm: Depth map of the layer, (H, W) uint16.
    """

    colour: NDArray[np.float32]
    alpha: NDArray[np.float32]
    depth_m: float
    depth_mm: NDArray[np.uint16]


@dataclass(frozen=True)
class View:
    """Two photos of a rendered scene and the truth about them.

    Attributes:
        all_in_focus: Photo at the small aperture, (H, W, 3) uint8 sRGB.
        defocused: Photo at the large aperture, after the tripod moved, (H, W, 3) uint8 sRGB.
        depth: Depth of every pixel of the all-in-focus photo, (H, W) uint16 mm, no holes.
        depth_with_holes: ``depth`` as a sensor would give it: 0 beside depth edges and in a
            few patches.
        transform: Maps pixels of the all-in-focus photo to the defocused one.
        gain: Exposure of the defocused photo relative to the other, per channel, at the centre.
        vignetting: Loss of light of the defocused photo in the corner, in [0, 1].
    """

    all_in_focus: NDArray[np.uint8]
    defocused: NDArray[np.uint8]
    depth: NDArray[np.uint16]
    depth_with_holes: NDArray[np.uint16]
    transform: PairTransform
    gain: tuple[float, float, float]
    vignetting: float


def render_view(
    seed: int,
    room: int = 0,
    view: int = 0,
    size: tuple[int, int] = (480, 320),
    lens: Lens | None = None,
) -> View:
    """Render one view of a room.

    Args:
        seed: Seed of the set; the same arguments give the same pixels.
        room: Rooms differ in wall and floor.
        view: Views of a room differ in the objects.
        size: Width and height, pixels.
        lens: Optics.

    Raises:
        InputError: The size is too small for objects to be seen.
    """
    width, height = size
    if min(size) < MIN_SIDE_PX:
        raise InputError(
            f"the size is {width}x{height}", limit=f"at least {MIN_SIDE_PX} pixels each way"
        )
    lens = lens or Lens()
    layers = build_layers(seed, room, view, size)
    rng = np.random.default_rng([seed, room, view, 1])
    depth = layers[0].depth_mm.copy()
    for layer in layers[1:]:
        np.copyto(depth, layer.depth_mm, where=layer.alpha >= 0.5)
    transform = as_record(_disturbance(rng), width, height)
    exposure = 2 ** rng.uniform(-0.15, 0.15)
    gain = exposure * rng.uniform(0.97, 1.03, 3)
    vignetting = float(rng.uniform(0.1, 0.3))
    sharp = composite(layers, lens, lens.small_aperture)
    wide = _move(composite(layers, lens, lens.large_aperture), transform)
    light = gain * _fall_off(width, height, vignetting)[..., None]
    return View(
        all_in_focus=_expose(rng, sharp),
        defocused=_expose(rng, wide * light),
        depth=depth,
        depth_with_holes=_punch_holes(rng, depth),
        transform=transform,
        gain=(float(gain[0]), float(gain[1]), float(gain[2])),
        vignetting=vignetting,
    )


def build_layers(seed: int, room: int, view: int, size: tuple[int, int]) -> list[Layer]:
    """The layers of a view, from back to front; the first one is opaque everywhere."""
    width, height = size
    fixed = np.random.default_rng([seed, room])
    free = np.random.default_rng([seed, room, view, 0])
    wall_m = fixed.uniform(3.2, 4.6)
    horizon = int(height * fixed.uniform(0.52, 0.62))
    floor_near_m = fixed.uniform(0.9, 1.1)
    # Wall and floor are wider than the photo: views of a room show different parts of them.
    left = int(free.integers(0, width // 2))
    wall = noise(fixed, width + width // 2, height)[:, left : left + width]
    floor = planks(fixed, width + width // 2, height)[:, left : left + width]
    parts = _floor(floor, horizon, wall_m, floor_near_m)
    for depth_m in free.uniform(0.8, wall_m - 0.3, int(free.integers(6, 10))).tolist():
        texture = TEXTURES[int(free.integers(len(TEXTURES)))](free, width, height)
        parts.append(_flat(texture, _shape(free, width, height, depth_m), depth_m))
    # Floor slices and objects together: an object behind a part of the floor ends at the floor.
    parts.sort(key=lambda layer: -layer.depth_m)
    return [_flat(wall, np.ones((height, width), np.float32), wall_m), *parts]


def composite(layers: list[Layer], lens: Lens, f_number: float) -> NDArray[np.float32]:
    """Photograph layers through a thin lens: linear RGB, (H, W, 3) float32."""
    width = layers[0].alpha.shape[1]
    out = np.zeros_like(layers[0].colour)
    for layer in layers:
        if not layer.alpha.any():
            continue
        kernel = disk(round(lens.circle_px(layer.depth_m, f_number, width), 2))
        part = _window(layer.alpha, len(kernel) - 1)
        alpha = layer.alpha[part]
        # Premultiplied by its coverage, a blurred layer carries no colour from outside its mask.
        stack = np.dstack([layer.colour[part] * alpha[..., None], alpha])
        blurred = cv2.filter2D(stack, -1, kernel, borderType=cv2.BORDER_REFLECT)
        out[part] = out[part] * (1 - blurred[..., 3:]) + blurred[..., :3]
    return np.asarray(out, np.float32)


def _window(alpha: NDArray[np.float32], margin: int) -> tuple[slice, slice]:
    """Rows and columns that a mask touches, and a margin around them."""
    rows, columns = np.flatnonzero(alpha.any(1)), np.flatnonzero(alpha.any(0))
    return (
        slice(max(int(rows[0]) - margin, 0), int(rows[-1]) + margin + 1),
        slice(max(int(columns[0]) - margin, 0), int(columns[-1]) + margin + 1),
    )


@lru_cache(maxsize=256)
def disk(diameter_px: float) -> NDArray[np.float32]:
    """Disk kernel that sums to 1, its edge weighted by coverage, (K, K) float32, K odd."""
    radius = diameter_px / 2
    half = max(int(np.ceil(radius - 0.5)), 0)
    # Coverage by 9 x 9 samples in each pixel.
    steps = (np.arange((2 * half + 1) * 9) - ((2 * half + 1) * 9 - 1) / 2) / 9
    inside = steps[:, None] ** 2 + steps[None] ** 2 <= radius * radius
    cells = inside.reshape(2 * half + 1, 9, 2 * half + 1, 9).sum((1, 3)).astype(np.float32)
    if cells.sum() == 0:
        cells[half, half] = 1
    kernel = cells / cells.sum()
    kernel.flags.writeable = False
    return np.asarray(kernel, np.float32)


def _flat(colour: NDArray[np.float32], alpha: NDArray[np.float32], depth_m: float) -> Layer:
    return Layer(colour, alpha, depth_m, np.full(alpha.shape, round(depth_m * 1e3), np.uint16))


def _floor(colour: NDArray[np.float32], horizon: int, far_m: float, near_m: float) -> list[Layer]:
    height, width = colour.shape[:2]
    rows = np.arange(height)
    # On a plane the inverse depth is linear in the row (perspective).
    share = np.clip((rows - horizon) / (height - 1 - horizon), 0, 1)
    depth = 1 / (1 / far_m + share * (1 / near_m - 1 / far_m))
    depth_mm = np.repeat(np.rint(depth * 1e3).astype(np.uint16)[:, None], width, 1)
    borders = np.linspace(horizon, height, FLOOR_SLICES + 1).round().astype(int)
    layers = []
    for top, bottom in pairwise(borders):
        # A slice goes on behind the nearer ones: two blurred masks that only touch leave a seam.
        alpha = np.repeat((rows >= top).astype(np.float32)[:, None], width, 1)
        layers.append(Layer(colour, alpha, float(depth[top:bottom].mean()), depth_mm))
    return layers


def _shape(
    rng: np.random.Generator, width: int, height: int, depth_m: float
) -> NDArray[np.float32]:
    """A box, an ellipse or a star with smooth edges, larger the nearer it is."""
    mask = np.zeros((height, width), np.uint8)
    radius = height * rng.uniform(0.14, 0.24) / depth_m**0.6
    centre = np.array([rng.uniform(0.05, 0.95) * width, rng.uniform(0.25, 0.85) * height])
    kind = rng.integers(3)
    corners = {0: 4, 1: 48, 2: 12}[int(kind)]
    angles = np.arange(corners) * 2 * np.pi / corners + rng.uniform(0, 2 * np.pi)
    reach = np.where(np.arange(corners) % 2, 1.0, 0.55 if kind == 2 else 1.0) * radius
    aspect = rng.uniform(0.7, 1.4)
    points = centre + np.stack(
        [np.cos(angles) * reach * aspect, np.sin(angles) * reach / aspect], 1
    )
    cv2.fillPoly(mask, [np.rint(points * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return np.asarray(mask / 255, np.float32)


def _disturbance(rng: np.random.Generator) -> NDArray[np.float64]:
    """A touch of the tripod and focus breathing, as :mod:`idfd.processing.photos.transform` has."""
    parameters = np.zeros(9)
    turn, breathing = rng.normal(0, 0.0015), rng.normal(0.002, 0.001)
    parameters[[0, 4]] = breathing
    parameters[1], parameters[3] = -turn, turn
    parameters[[2, 5]] = rng.uniform(-0.008, 0.008, 2)
    parameters[[6, 7]] = rng.normal(0, 0.0004, 2)
    parameters[8] = rng.normal(0, 0.0006)
    return parameters


def _move(image: NDArray[np.float32], transform: PairTransform) -> NDArray[np.float32]:
    """Image whose pixel ``transform(x)`` shows what ``image`` shows at ``x``."""
    height, width = image.shape[:2]
    target = np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1).astype(np.float64)
    source = target.copy()
    # The transform is near the identity, so this fixed-point iteration contracts quickly.
    for _ in range(4):
        source += target - map_points(transform, source)
    maps = source.astype(np.float32)
    moved = cv2.remap(
        image, maps[..., 0], maps[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
    )
    return np.asarray(moved, np.float32)


def _fall_off(width: int, height: int, loss: float) -> NDArray[np.float32]:
    y, x = np.mgrid[:height, :width]
    radius = np.hypot(x - (width - 1) / 2, y - (height - 1) / 2) / (np.hypot(width, height) / 2)
    return np.asarray(1 - loss * radius**2, np.float32)


def _expose(rng: np.random.Generator, linear: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Add shot noise (10000 electrons at white) and read noise, encode as 8-bit sRGB."""
    light = np.clip(linear, 0, 1)
    noisy = light + rng.standard_normal(light.shape, np.float32) * np.sqrt(light / 1e4 + 1e-6)
    return np.rint(255 * np.clip(encode_srgb(np.clip(noisy, 0, 1)), 0, 1)).astype(np.uint8)


def _punch_holes(rng: np.random.Generator, depth: NDArray[np.uint16]) -> NDArray[np.uint16]:
    high = cv2.dilate(depth, np.ones((3, 3), np.uint8))
    low = cv2.erode(depth, np.ones((3, 3), np.uint8))
    holes = (high / np.maximum(low, 1) > 1.1).astype(np.uint8)
    height, width = depth.shape
    for _ in range(4):
        centre = (int(rng.integers(width)), int(rng.integers(height)))
        cv2.circle(holes, centre, int(rng.integers(4, max(5, height // 20))), 1, -1)
    return np.where(holes, 0, depth).astype(np.uint16)
