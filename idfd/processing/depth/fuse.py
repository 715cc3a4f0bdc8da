"""A burst of depth frames becomes one depth map, with what its frames say about its noise."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from idfd.errors import InputError
from idfd.model.triple import DepthSource
from idfd.processing.depth import noise
from idfd.processing.depth.maps import DepthMap

FuseMethod = Literal["median", "clipped_mean", "mode"]
METHODS: tuple[FuseMethod, ...] = ("median", "clipped_mean", "mode")
"""In the order in which :mod:`idfd.processing.depth.sorting` numbers them."""


@dataclass(frozen=True)
class FuseConfig:
    """How a burst is fused.

    Attributes:
        method: ``clipped_mean``: mean of the values but for the lowest and the highest quarter.
            ``median``: the middle one, of an even number the mean of the middle two. ``mode``:
            the most frequent one, the smallest of several, as published with the first dataset.
        least_share: A pixel that has a value in this share of the frames, or fewer, stays empty.
        largest_spread_mm: A pixel whose frames spread more (a robust standard deviation) stays
            empty: it flickers between a near and a far thing. The Azure Kinect itself gives no
            depth beyond 17 mm, and the spread of few frames is uncertain. None keeps all.
        pooled_px: Side of the square of pixels that are taken to be about as noisy as the one in
            the middle, odd.
        pooled_frames: So many frames of the neighbourhood count for the noise of a pixel beside
            its own.
    """

    method: FuseMethod = "clipped_mean"
    least_share: float = 0.5
    largest_spread_mm: float | None = 25.0
    pooled_px: int = 5
    pooled_frames: float = 20.0

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise InputError(
                f"there is no fusion '{self.method}'",
                where="denoise.fuse.method",
                limit=f"one of {', '.join(METHODS)}",
            )
        odd = self.pooled_px > 0 and self.pooled_px % 2 == 1
        if not (0 <= self.least_share < 1 and odd and self.pooled_frames > 0):
            raise InputError(
                f"least_share is {self.least_share}, pooled_px {self.pooled_px}, "
                f"pooled_frames {self.pooled_frames}",
                where="denoise.fuse",
                limit="a share from 0 to below 1, an odd number and a positive one",
                remedy="Change the settings",
            )


def fuse(burst: NDArray[np.uint16], config: FuseConfig = FuseConfig()) -> DepthMap:
    """Fuse the valid values of each pixel.

    The uncertainty is the standard deviation of the fused value: the spread of the pixel's own
    frames with its outliers drawn in, made steadier by its neighbours' (both are noise of the
    same light), times what the estimator makes of it, and what the rounding to whole millimetres
    leaves. Systematic errors of the sensor are not in it. A single frame's noise is told from how
    pixels depart from the lines through their neighbours. Of the mode it is that of one frame.

    Args:
        burst: (N, H, W) uint16 millimetres, 0 = no depth.
        config: Method and limits.

    Returns:
        Depth on the same pixels, with its source, its uncertainty (None where nothing tells of
        the noise, as with a single pixel of a single frame) and the number of valid values.

    Raises:
        InputError: The burst is not three-dimensional or not uint16, or it has no pixel, or no or
            more than 65535 frames.
    """
    if burst.dtype != np.uint16 or burst.ndim != 3 or 0 in burst.shape or len(burst) > 65535:
        raise InputError(
            f"the burst is {burst.dtype} of shape {burst.shape}",
            limit="uint16 of shape (N, H, W) with 1 to 65535 frames",
            remedy="Give the depth frames as the camera made them, in millimetres",
        )
    depth, count, winsorised = sorted_values(burst, config.method, config.least_share)
    frames = len(burst)
    if frames == 1:
        variance, freedom = noise.spatial_variance(depth)
    else:
        variance = winsorised * noise.by_count(noise.frame_variance, frames, count)
        if config.largest_spread_mm is not None:
            depth[variance > config.largest_spread_mm**2] = 0
        freedom = noise.by_count(noise.freedom, frames, count) * (depth > 0)
    # One frame says nothing about its own noise, only about that around it.
    own = freedom if frames > 1 else np.zeros_like(freedom)
    pooled = noise.pooled_variance(variance, freedom, own, config.pooled_px, config.pooled_frames)
    source = DepthSource.FUSED if frames > 1 else DepthSource.MEASURED
    return DepthMap(
        depth,
        np.where(depth > 0, source, DepthSource.NONE).astype(np.uint8),
        None if pooled is None else _uncertainty(depth, count, pooled, frames, config.method),
        count,
    )


def sorted_values(
    burst: NDArray[np.uint16], method: FuseMethod = "median", least_share: float = 0.0
) -> tuple[NDArray[np.float32], NDArray[np.uint16], NDArray[np.float32]]:
    """The fused values alone.

    As many threads work as numba is set to use (``NUMBA_NUM_THREADS``); the result is the same.

    Args:
        burst: (N, H, W) uint16, 0 = no value.
        method: See :class:`FuseConfig`.
        least_share: See :class:`FuseConfig`.

    Returns:
        The values, (H, W) float32, 0 = none; the number of valid ones, (H, W) uint16; and their
        variance after the outer quarters were drawn in to the rest, (H, W) float32.
    """
    import numba

    from idfd.processing.depth import sorting

    frames, height, width = burst.shape
    flat = np.ascontiguousarray(burst).reshape(frames, -1)
    fused, variance = np.empty((2, height * width), np.float32)
    count = np.empty(height * width, np.uint16)
    # The network is made here, before threads would make it at once.
    pairs = sorting.network(frames)
    least = int(least_share * frames)

    threads = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
    step = -(-flat.shape[1] // threads)

    def part(first: int) -> None:
        # Strips of the whole arrays: the compiled code relies on their rows being contiguous.
        sorting.fuse_pixels(
            flat, pairs, METHODS.index(method), least, first, min(first + step, flat.shape[1]),
            fused, count, variance,
        )  # fmt: skip

    if threads == 1:
        part(0)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(part, range(0, flat.shape[1], step)))
    shape = (height, width)
    return fused.reshape(shape), count.reshape(shape), variance.reshape(shape)


def _uncertainty(
    depth: NDArray[np.float32],
    count: NDArray[np.uint16],
    variance: NDArray[np.float32],
    frames: int,
    method: FuseMethod,
) -> NDArray[np.float32]:
    """Standard deviation of the fused values, (H, W) float32 mm; NaN where there is none."""
    if method == "median":
        share = noise.by_count(noise.median_variance, frames, count)
        fused = share * variance + (1 - share) * np.float32(noise.ROUNDING)
    elif method == "clipped_mean":
        share = noise.by_count(noise.clipped_mean_variance, frames, count)
        fused = share * variance + (1 - share) * noise.rounding_left(variance)
    else:
        fused = variance
    return np.where(depth > 0, np.sqrt(fused), np.float32(np.nan))
