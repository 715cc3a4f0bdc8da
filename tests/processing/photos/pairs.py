"""Make defocused photos with known geometry, gain and blur from a sharp one."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.model.triple import PairTransform, PhotometricGain
from idfd.processing.photos.blur_match import disk_kernel
from idfd.processing.photos.photometry import field_on_grid
from idfd.processing.photos.transform import as_record, map_points
from idfd.storage.color import encode_srgb, linear_from_uint8

MARGIN = 32


def random_parameters(
    generator: np.random.Generator, width: int, height: int
) -> NDArray[np.float64]:
    """A tripod touched: shift to 10 px, turn to 0.6 degrees, scale to 1.5 %, some perspective."""
    half = np.hypot(width, height) / 2
    angle, scale = generator.uniform(-0.01, 0.01), 1 + generator.uniform(-0.015, 0.015)
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    dx, dy = generator.uniform(-10, 10, 2) / half
    return np.array([cos - 1, -sin, dx, sin, cos - 1, dy, *generator.uniform(-3e-3, 3e-3, 2), 0])


def make_pair(
    photo: NDArray[np.uint8],
    parameters: NDArray[np.float64],
    *,
    radius: float,
    disk: bool,
    gain: float = 1.0,
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], PairTransform]:
    """Cut (all-in-focus, defocused) from a photo; the margin keeps the frame's surroundings real.

    The defocused photo D fulfils D(W(x)) = blur(A)(x) with the returned transform W of the photo.
    """
    height, width = photo.shape[:2]
    record = as_record(parameters, width, height)
    maps = np.empty((height, width, 2), np.float32)
    for top in range(0, height, 128):  # in bands, which a large photo's memory needs
        rows = np.arange(top, min(top + 128, height))
        grid = np.stack(np.meshgrid(np.arange(width), rows), -1).astype(np.float64)
        inverse = grid.copy()  # fixed-point inversion of W, to far below a thousandth of a pixel
        for _ in range(6):
            inverse += grid - map_points(record, inverse)
        maps[rows] = inverse
    linear = cv2.remap(
        linear_from_uint8(photo), maps[..., 0], maps[..., 1], cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REFLECT,
    )  # fmt: skip
    if radius > 0.5:
        linear = (
            cv2.filter2D(linear, -1, disk_kernel(radius))
            if disk
            else cv2.GaussianBlur(linear, (0, 0), radius / 2)
        )
    defocused = np.rint(encode_srgb(np.clip(linear * gain, 0, 1)) * 255).astype(np.uint8)
    inner = (slice(MARGIN, height - MARGIN), slice(MARGIN, width - MARGIN))
    return np.ascontiguousarray(photo[inner]), np.ascontiguousarray(defocused[inner]), record


def corner_errors(
    found: PairTransform, truth: PairTransform, shape: tuple[int, ...]
) -> NDArray[np.float64]:
    """Distance between where the four corners were found and where they are, pixels."""
    height, width = shape[:2]
    corners = np.array([[0, 0], [width - 1, 0], [0, height - 1], [width - 1, height - 1]], float)
    there = map_points(truth, corners + MARGIN) - MARGIN
    return np.asarray(np.linalg.norm(map_points(found, corners) - there, axis=1))


def gain_field(gain: PhotometricGain, width: int, height: int) -> NDArray[np.float64]:
    """The smooth part of the log gain over a frame, (H, W)."""
    x, y = (2 * (np.arange(size) + 0.5) / size - 1 for size in (width, height))
    return field_on_grid(gain.field, x, y)


def textured_photo(width: int = 700, height: int = 500, seed: int = 0) -> NDArray[np.uint8]:
    """A photo-like image: shapes of all sizes with edges in all directions, no clipping."""
    generator = np.random.default_rng(seed)
    image = np.full((height, width, 3), 110, np.uint8)
    for _ in range(260):
        centre = tuple(int(v) for v in generator.integers(0, (width, height)))
        size = int(generator.integers(4, 60))
        colour = tuple(int(v) for v in generator.integers(30, 215, 3))
        if generator.random() < 0.5:
            cv2.circle(image, centre, size, colour, -1, cv2.LINE_AA)
        else:
            box = cv2.boxPoints((centre, (size, size * 1.7), float(generator.uniform(0, 90))))
            cv2.fillPoly(image, [box.astype(np.int32)], colour, cv2.LINE_AA)
    noise = generator.normal(0, 3, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)
