"""The pixels of a triple's photos: on the crop's grid, 8 bits, straight from the source.

Where a pixel of the crop is no larger than one of the source, the defocused photo is interpolated
(Keys' cubic on encoded values, which rings less beside highlights than linear light would). Where
it is larger, both photos are averaged over the pixel's area in linear light: that is what a
sensor with such pixels would have measured, and nothing aliases.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.errors import InputError
from idfd.model.curation import PairFit
from idfd.model.triple import Crop, PhotometricGain
from idfd.processing.photos.photometry import encode_table, field_on_grid, gain_tables
from idfd.processing.photos.sampling import kernels
from idfd.processing.photos.transform import IDENTITY, as_parameters, centre_and_scale
from idfd.storage.color import eight_bit, levels_per_byte, linear_table

_STRIP = 32
"""Rows at a time: few enough to stay in the processor's cache."""
_LATTICE = 16
"""Columns from one exact value of the smooth gain to the next; between them it is linear."""


def render_sharp(photo: NDArray[Any], crop: Crop) -> NDArray[np.uint8]:
    """The all-in-focus photo on the crop's pixels; those of a native crop are the photo's own.

    Args:
        photo: RGB, (H, W, 3) uint8 or uint16.
        crop: Which pixels.

    Returns:
        RGB, (crop.height, crop.width, 3) uint8.

    Raises:
        InputError: The crop reaches beyond the photo.
    """
    _check_inside(photo, crop)
    if not crop.native:
        return _render(photo, None, crop)
    return np.ascontiguousarray(eight_bit(photo[crop.window]))


def render_defocused(photo: NDArray[Any], fit: PairFit, crop: Crop) -> NDArray[np.uint8]:
    """The defocused photo on the crop's pixels, aligned and matched to the all-in-focus one.

    Clipped highlights stay clipped where the gain would darken them: their true value is unknown,
    and the all-in-focus photo is clipped there too.

    Args:
        photo: RGB, (H, W, 3) uint8 or uint16.
        fit: Of the pair.
        crop: Which pixels of the all-in-focus photo.

    Returns:
        RGB, (crop.height, crop.width, 3) uint8.

    Raises:
        InputError: The photo is not of the size that was fitted, or the crop reaches beyond it.
    """
    height, width = photo.shape[:2]
    if (width, height) != (fit.width, fit.height):
        raise InputError(
            f"the photo is {width}x{height}",
            limit=f"{fit.width}x{fit.height}, the size of the fit",
            remedy="Fit the pair again",
        )
    _check_inside(photo, crop)
    return _render(photo, fit, crop)


def _check_inside(photo: NDArray[Any], crop: Crop) -> None:
    height, width = photo.shape[:2]
    right, bottom = crop.x + crop.width * crop.scale, crop.y + crop.height * crop.scale
    if right > width + 1e-6 or bottom > height + 1e-6:
        raise InputError(
            f"the crop ends at ({right:g}, {bottom:g})",
            limit=f"a window of the photo's {width}x{height} pixels",
            remedy="Crop again: it was made for photos of another size",
        )


def _render(photo: NDArray[Any], fit: PairFit | None, crop: Crop) -> NDArray[np.uint8]:
    """Strip by strip, so that nothing of the size of the photo is held beside it."""
    height, width = photo.shape[:2]
    centre, half = centre_and_scale(width, height)
    parameters = IDENTITY
    if fit is not None:
        parameters, centre, half = (
            as_parameters(fit.transform), fit.transform.centre, fit.transform.scale,
        )  # fmt: skip
    gains = None if fit is None else _field_lattice(fit.gain, crop, width, height)
    out = np.empty((crop.height, crop.width, 3), np.uint8)
    for top in range(0, crop.height, _STRIP):
        strip = crop.part(0, top, crop.width, min(_STRIP, crop.height - top))
        places = np.empty((2, strip.height, strip.width), np.float32)
        kernels().place_all(parameters, *centre, half, *_first(strip), strip.scale, places)
        values = _averaged(photo, places, strip) if crop.scale > 1 else _interpolated(photo, places)
        part = out[top : top + strip.height]
        if fit is None or gains is None:
            np.rint(np.clip(values, 0, 255), out=part, casting="unsafe")
        else:
            rows = gains[top : top + strip.height]
            _kernels()[1](values, gain_tables(fit.gain), rows, encode_table(), part)
    return out


def _first(crop: Crop) -> tuple[float, float]:
    """Where in the source the first pixel of a crop is centred."""
    return crop.x + 0.5 * crop.scale - 0.5, crop.y + 0.5 * crop.scale - 0.5


def _interpolated(photo: NDArray[Any], places: NDArray[np.float32]) -> NDArray[np.float32]:
    """Encoded values in [0, 255] at places of a photo; outside, its border is mirrored."""
    height, width = photo.shape[:2]
    low = np.clip(np.floor(places.min((1, 2))) - 4, 0, (width - 1, height - 1)).astype(int)
    high = np.clip(np.ceil(places.max((1, 2))) + 5, low + 1, (width, height)).astype(int)
    source = photo[low[1] : high[1], low[0] : high[0]].astype(np.float32)
    if photo.dtype == np.uint16:
        source /= levels_per_byte(photo.dtype)
    x, y = places[0] - np.float32(low[0]), places[1] - np.float32(low[1])
    # In single precision OpenCV's vector code beats a compiled loop by three.
    values = cv2.remap(source, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(values, np.float32)


def _averaged(photo: NDArray[Any], places: NDArray[np.float32], crop: Crop) -> NDArray[np.float32]:
    """Encoded values in [0, 255] of the light on squares of ``crop.scale`` around the places."""
    values = np.empty((*places.shape[1:], 3), np.float32)
    table = linear_table(photo.dtype)
    _kernels()[0](photo, places, crop.scale, table, encode_table(), values)
    return values


def _field_lattice(
    gain: PhotometricGain, crop: Crop, width: int, height: int
) -> NDArray[np.float32]:
    """Gain of the smooth field on each row of a crop and every so-many-th column."""
    x, y = _first(crop)
    columns = x + np.arange(crop.width // _LATTICE + 2) * _LATTICE * crop.scale
    rows = y + np.arange(crop.height) * crop.scale
    return np.exp(
        field_on_grid(gain.field, 2 * (columns + 0.5) / width - 1, 2 * (rows + 0.5) / height - 1)
    ).astype(np.float32)


@cache
def _kernels() -> tuple[Any, Any]:
    import numba

    @numba.njit(cache=True)
    def average(
        photo: Any, places: Any, side: float, linear: Any, encode: Any, values: Any
    ) -> None:
        height, width = photo.shape[:2]
        last = len(encode) - 1
        share = np.float32(last / (side * side))
        half = np.float32(0.5)
        most = int(np.ceil(side)) + 2
        weights, index = np.empty(most, np.float32), np.empty(most, np.uintp)
        for row in range(values.shape[0]):
            for column in range(values.shape[1]):
                # Pixel k of the photo covers [k, k + 1) here. Its border is repeated outside, and
                # a wild transform must not run out of the integers.
                x = min(max(places[0, row, column] + 0.5, -side), width + side)
                y = min(max(places[1, row, column] + 0.5, -side), height + side)
                left, right = x - side / 2, x + side / 2
                upper, lower = y - side / 2, y + side / 2
                first = int(np.floor(left))
                count = int(np.ceil(right)) - first
                for n in range(count):
                    i = first + n
                    weights[n] = min(i + 1, right) - max(i, left)
                    index[n] = min(max(i, 0), width - 1)
                red = green = blue = np.float32(0)
                for j in range(int(np.floor(upper)), int(np.ceil(lower))):
                    wy = np.float32(min(j + 1, lower) - max(j, upper))
                    line = np.uintp(min(max(j, 0), height - 1))
                    for n in range(count):
                        w, k = wy * weights[n], index[n]
                        red += w * linear[np.uintp(photo[line, k, 0])]
                        green += w * linear[np.uintp(photo[line, k, 1])]
                        blue += w * linear[np.uintp(photo[line, k, 2])]
                values[row, column, 0] = encode[min(int(red * share + half), last)]
                values[row, column, 1] = encode[min(int(green * share + half), last)]
                values[row, column, 2] = encode[min(int(blue * share + half), last)]

    @numba.njit(cache=True)
    def match(values: Any, tables: Any, gains: Any, encode: Any, out: Any) -> None:
        zero, half, white = np.float32(0), np.float32(0.5), np.float32(255)
        bright, span = np.float32(240), np.float32(1 / 15)
        steps = np.float32((tables.shape[1] - 1) / 255)
        last = np.float32(len(encode) - 1)
        for row in range(values.shape[0]):
            for column in range(values.shape[1]):
                k, rest = column // _LATTICE, np.float32((column % _LATTICE) / _LATTICE)
                gain = last * (gains[row, k] + rest * (gains[row, k + 1] - gains[row, k]))
                for c in range(3):
                    t = min(max(values[row, column, c], zero), white)
                    # Unsigned indices spare the check for Python's negative ones.
                    light = tables[c, np.uintp(np.int32(t * steps + half))] * gain + half
                    result = encode[np.uintp(np.int32(min(light, last)))]
                    if t > bright and result < t:
                        result += (t - result) * (t - bright) * span
                    out[row, column, c] = np.uint8(np.int32(result + half))

    return average, match
