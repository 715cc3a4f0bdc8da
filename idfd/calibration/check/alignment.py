"""How far outlines of the depth camera lie beside the edges of the photo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.calibration.check.outlines import Outlines

_FOCAL_PX = 600.0
"""Focal length at which edges are compared: about the depth camera's own."""
_RADIUS_DEG = 2.5
_SOFTNESS_PX = 1.2
_CONTEXT_PX = 31
_NOISE_LEVELS = 2.0
_STRONGEST = 3.0
_TILES = 12
_DRAWS = 40
_FIRST_STEP_PX = 2.0
_LAST_STEP_PX = 0.5
_HILL_PX = 1.5
_AROUND = np.stack(np.meshgrid(*[[0.0, -1.0, 1.0]] * 4, indexing="ij"), axis=-1).reshape(-1, 4)
"""Steps from a place to its neighbours in all combinations; the first is none."""
_LEAST_POINTS = 150
_MOST_POINTS = 2500
_LEAST_TILES = 8


@dataclass(frozen=True)
class Alignment:
    """The movement that brings outlines onto edges best; pixels of the photo at full size.

    Attributes:
        shift: At the middle of the outlines, (x, y), from where the calibration puts them to where
            the photo has edges.
        displacement: Root mean square movement over all outlines.
        deviation: Standard deviation of the movement, by a bootstrap over parts of the frame.
        contrast: How far the best shift stands out of all others, in standard deviations of these.
        points: Points of outlines that it rests on.
    """

    shift: tuple[float, float]
    displacement: float
    deviation: float
    contrast: float
    points: int


def measure_alignment(
    photo: NDArray[np.uint8], factor: float, focal_px: float, outlines: Outlines
) -> Alignment | None:
    """Search for the movement at which the photo changes most across the outlines.

    A shift, a roll and a magnification, as small moves of a camera look in a picture.

    Args:
        photo: Grey, (H, W) uint8, possibly at reduced size.
        factor: Full-size pixels per pixel of it.
        focal_px: Focal length of the photo camera, pixels at full size.
        outlines: Where the calibration puts them, pixels at full size.

    Returns:
        None where there are too few outlines.
    """
    scale = min(1.0, _FOCAL_PX * factor / focal_px)
    small = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    scale /= factor  # working pixels per full-size pixel
    change = _change(np.asarray(small, np.float32))
    radius = int(np.ceil(np.radians(_RADIUS_DEG) * focal_px * scale))
    height, width = small.shape
    at = (outlines.pixels + 0.5) * scale - 0.5
    inside = ((at >= radius) & (at < np.array([width, height]) - 1 - radius)).all(axis=1)
    # A few thousand say as much as all of them, which lie side by side.
    step = -(-np.count_nonzero(inside) // _MOST_POINTS) or 1
    at, outward = at[inside][::step], outlines.outward[inside][::step].astype(np.float32)
    if len(at) < _LEAST_POINTS:
        return None
    tile = (at // (max(height, width) / _TILES)).astype(int)
    part = tile[:, 0] * _TILES + tile[:, 1]
    order = np.argsort(part, kind="stable")
    at, outward = at[order], outward[order]
    _, first, counts = np.unique(part[order], return_index=True, return_counts=True)
    if len(first) < _LEAST_TILES:
        return None
    scores = _scores(change, at, outward, first, radius)
    centres = np.add.reduceat(at, first) / counts[:, None]
    directions = _directions(centres, counts)
    share = counts / counts.sum()
    motion = directions @ _best(scores, directions, np.ones(len(scores)))
    rng = np.random.default_rng(0)  # the same take gives the same value
    drawn = [
        directions @ _best(scores, directions, draw)
        for draw in rng.multinomial(len(scores), np.full(len(scores), 1 / len(scores)), _DRAWS)
    ]
    off = ((np.array(drawn) - motion) ** 2).sum(axis=2) @ share
    total = scores.sum(axis=0)
    x, y = share @ motion / scale
    return Alignment(
        shift=(float(x), float(y)),
        displacement=float(np.sqrt(share @ (motion**2).sum(axis=1)) / scale),
        # The share of a normal distribution within one deviation; one wild draw changes nothing.
        deviation=float(np.sqrt(np.quantile(off, 0.68)) / scale),
        contrast=float((total.max() - total.mean()) / (total.std() + 1e-9)),
        points=len(at),
    )


def _change(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """Gradient over what is usual nearby, (H, W, 2): faint edges count as much as strong ones."""
    soft = cv2.GaussianBlur(grey, (0, 0), _SOFTNESS_PX)
    # Scharr's weights add up to 32: levels per pixel.
    gradient = np.stack(
        [cv2.Scharr(soft, cv2.CV_32F, *way, scale=1 / 32) for way in ((1, 0), (0, 1))]
    )
    power = cv2.blur((gradient**2).sum(axis=0), (_CONTEXT_PX, _CONTEXT_PX))
    return np.ascontiguousarray((gradient / (np.sqrt(power) + _NOISE_LEVELS)).transpose(1, 2, 0))


def _scores(
    change: NDArray[np.float32],
    at: NDArray[np.float64],
    outward: NDArray[np.float32],
    first: NDArray[np.intp],
    radius: int,
) -> NDArray[np.float64]:
    """Change across the outlines at every whole shift, by part of the frame: (T, 2r+1, 2r+1).

    ``first`` holds the place of each part's first outline; the parts lie one after the other.
    """
    side = 2 * radius + 1
    base = np.floor(at).astype(int)
    share = (at - base).astype(np.float32)
    # One row of shifts at a time: the same outlines look at neighbouring pixels.
    out = np.empty((len(first), side, side))
    columns = base[:, :1] + np.arange(-radius, radius + 2)
    for row, down in enumerate(range(-radius, radius + 1)):
        upper, lower = (
            np.einsum("nkc,nc->nk", change[base[:, 1:] + down + more, columns], outward)
            for more in (0, 1)
        )
        mixed = upper + share[:, 1:] * (lower - upper)
        value = mixed[:, :-1] + share[:, :1] * (mixed[:, 1:] - mixed[:, :-1])
        out[:, row] = np.add.reduceat(np.minimum(np.abs(value), _STRONGEST), first)
    return out


def _directions(centres: NDArray[np.float64], counts: NDArray[np.intp]) -> NDArray[np.float64]:
    """Movement of each part by a unit of shift, roll and magnification, (T, 2, 4).

    A unit moves a part at the usual distance from the middle by one pixel.
    """
    away = centres - np.average(centres, axis=0, weights=counts)
    away /= np.sqrt((away**2).sum(axis=1).mean())
    out = np.zeros((len(centres), 2, 4))
    out[:, 0, 0] = out[:, 1, 1] = 1
    out[:, 0, 2], out[:, 1, 2] = -away[:, 1], away[:, 0]
    out[:, :, 3] = away
    return out


def _best(
    scores: NDArray[np.float64], directions: NDArray[np.float64], weights: NDArray[Any]
) -> NDArray[np.float64]:
    """Shift, roll and magnification of the highest score, (4,), by a search that narrows down."""
    from scipy.ndimage import map_coordinates

    used = np.flatnonzero(weights)
    volume, weight, directions = scores[used], weights[used], directions[used]
    middle = (scores.shape[1] - 1) // 2
    row, column = np.unravel_index(np.tensordot(weight, volume, 1).argmax(), scores.shape[1:])
    best = np.array([column - middle, row - middle, 0.0, 0.0])
    part = np.arange(len(used), dtype=np.float64)

    def score(tried: NDArray[np.float64]) -> NDArray[np.float64]:
        x, y = np.moveaxis(np.einsum("tdk,ck->ctd", directions, tried), 2, 0)
        places = [np.broadcast_to(part, x.shape), y + middle, x + middle]
        return map_coordinates(volume, places, order=1, mode="nearest") @ weight

    step = _FIRST_STEP_PX
    while step >= _LAST_STEP_PX:
        tried = best + step * _AROUND
        place = int(score(tried).argmax())
        best = tried[place]
        if place == 0:
            step /= 2
    # The top of a parabola through all of the hill; interpolated scores have kinks on the lines.
    return best + _HILL_PX * _top(score(best + _HILL_PX * _AROUND))


def _top(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Top of the parabola through scores at :data:`_AROUND`, (4,), at most one step away."""
    across, down = np.triu_indices(4)
    design = np.concatenate(
        [np.ones((len(_AROUND), 1)), _AROUND, _AROUND[:, across] * _AROUND[:, down]], axis=1
    )
    fitted = np.linalg.lstsq(design, values, rcond=None)[0]
    bend = np.zeros((4, 4))
    bend[across, down] = fitted[5:]
    bend = bend + bend.T
    if np.linalg.eigvalsh(bend).max() >= 0:
        return np.zeros(4)
    return np.clip(np.linalg.solve(bend, -fitted[1:5]), -1, 1)
