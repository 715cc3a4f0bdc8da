"""Measurements on a burst of depth frames."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfd.model.burst import Burst

RANGES_MM = {"NFOV_UNBINNED": (500, 3860), "NFOV_2X2BINNED": (500, 5460)}
"""Operating range by depth mode, millimetres (Azure Kinect DK hardware specification)."""
_FULL_RANGE_MM = (250, 6500)
_QUEUE_US = 5_000_000  # no queue of the driver holds frames for longer


def measure(burst: Burst, previous_timestamp_us: int | None) -> dict[str, float]:
    """Validity, range and noise of the depth, repeated and lost frames.

    Args:
        burst: The frames.
        previous_timestamp_us: Last time stamp of the burst before, or None.
    """
    values = measure_depth(burst.depth, burst.mode)
    values["stale_frames"] = float(stale_frames(burst, previous_timestamp_us))
    steps = np.diff(burst.timestamps_us) * burst.frames_per_s / 1e6
    if len(steps):
        values["dropped_frames"] = float(np.maximum(np.rint(steps) - 1, 0).sum())
    return values


def measure_depth(depth: NDArray[np.uint16], mode: str) -> dict[str, float]:
    """``depth_valid``, ``depth_range`` and, of three frames or more, ``depth_noise`` in mm.

    Args:
        depth: (N, H, W) uint16 mm, 0 = no depth. Every second row and column is looked at.
        mode: Depth mode, such as ``NFOV_UNBINNED``.
    """
    some = depth[:, ::2, ::2]
    counts = np.count_nonzero(some, axis=0)
    valid = counts * 2 > len(some)
    values = {"depth_valid": float(valid.mean())}
    if not valid.any():
        return values
    low, high = RANGES_MM.get(mode, _FULL_RANGE_MM)
    measured = some[:, valid]
    known = measured > 0
    values["depth_range"] = float(
        np.count_nonzero((measured >= low) & (measured <= high)) / np.count_nonzero(known)
    )
    always = measured[:, counts[valid] == len(some)]
    if len(some) >= 3 and always.size:
        values["depth_noise"] = float(np.median(always.std(axis=0, ddof=1, dtype=np.float32)))
    return values


def stale_frames(burst: Burst, previous_timestamp_us: int | None) -> int:
    """Frames that repeat the one before, or whose time stamp does not advance.

    A live sensor never gives two equal frames: its noise differs.
    """
    steps = np.diff(burst.timestamps_us, prepend=burst.timestamps_us[0] - 10**6)
    if previous_timestamp_us is not None:
        since = int(burst.timestamps_us[0]) - previous_timestamp_us
        # The device's clock starts anew with the device; then the old time stamp says nothing.
        steps[0] = since if since > -_QUEUE_US else steps[0]
    # Less than half a period after the frame before is no new exposure.
    behind = steps < 0.5e6 / burst.frames_per_s
    same = [False] + [
        _equal(burst.depth, k) and _equal(burst.infrared, k) for k in range(1, len(burst))
    ]
    return int(np.count_nonzero(behind | np.array(same)))


def _equal(frames: NDArray[np.uint16], index: int) -> bool:
    # Most frames differ in the first rows; comparing all of them takes far longer.
    few = slice(frames.shape[1] // 2, frames.shape[1] // 2 + 8)
    first, second = frames[index - 1], frames[index]
    return bool(np.array_equal(first[few], second[few]) and np.array_equal(first, second))


def range_histogram(depth: NDArray[np.uint16], edges_mm: NDArray[Any]) -> NDArray[np.float64]:
    """Share of the valid pixels between each two edges, (len(edges_mm) - 1,).

    Args:
        depth: (..., H, W) uint16 mm, 0 = no depth.
        edges_mm: Ascending edges.
    """
    valid = depth[depth > 0]
    counts = np.histogram(valid, edges_mm)[0]
    return counts / max(1, valid.size)
