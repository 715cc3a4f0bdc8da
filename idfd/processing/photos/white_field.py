"""Vignetting measured on an evenly lit white surface, once per lens and pair of apertures.

What a pair of photos of a scene says about vignetting is mixed with what the scene looks like at
the two apertures. A white surface has no scene: the ratio of two photos of it, at the apertures
and focus of the takes, is the field itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfd.errors import InputError
from idfd.processing.photos.newton import weighted_normal
from idfd.processing.photos.photometry import block_means, exponents
from idfd.processing.photos.reduce import reduce_photo

_DEGREE = 6
_BLOCKS = 108
_ROUGHEST = 0.03
_DARKEST = 0.02
_LEAST_SHARE = 0.9


@dataclass(frozen=True)
class WhiteField:
    """The vignetting between two apertures.

    Attributes:
        width: Of the photos that it was measured on, pixels.
        height: Of them.
        field: As ``PhotometricGain.field``: log gain that brings the larger aperture's photo to
            the smaller one's, 0 in the centre. Its terms are 1, r², r⁴ and r⁶ about the centre,
            and a plane and a second-degree surface for a lens that is not centred.
        residual: Robust standard deviation of the measured log ratio about it.
    """

    width: int
    height: int
    field: tuple[float, ...]
    residual: float


def fit_white_field(all_in_focus: NDArray[Any], defocused: NDArray[Any]) -> WhiteField:
    """Fit the vignetting to two photos of an evenly lit white surface.

    The fit is robust, on block averages in linear light; the exposures may differ.

    Args:
        all_in_focus: At the smaller aperture, RGB, (H, W, 3) uint8 or uint16.
        defocused: At the larger one, of the same size.

    Raises:
        InputError: The sizes differ, or a photo is clipped, dark, or shows texture.
    """
    if all_in_focus.shape != defocused.shape:
        sizes = [f"{photo.shape[1]}x{photo.shape[0]}" for photo in (all_in_focus, defocused)]
        raise InputError(
            f"the two white-field photos are {sizes[0]} and {sizes[1]}",
            limit="two photos of one size",
            remedy="Shoot both with one setting of the image size",
        )
    height, width = all_in_focus.shape[:2]
    factor = max(1, min(height, width) // (2 * _BLOCKS))
    reduced = reduce_photo(all_in_focus, factor), reduce_photo(defocused, factor)
    for name, photo in zip(("smaller", "larger"), reduced, strict=True):
        clipped = float(photo.clipped.mean())
        if clipped > 1 - _LEAST_SHARE:
            raise InputError(
                f"{100 * clipped:.0f} % of the white-field photo at the {name} aperture is clipped",
                limit=f"at most {100 * (1 - _LEAST_SHARE):.0f} %",
                remedy="Shoot it with a shorter exposure",
            )
        light = float(np.percentile(photo.linear.mean(-1), 5))
        if light < _DARKEST:
            raise InputError(
                f"the white-field photo at the {name} aperture is dark ({100 * light:.1f} % of "
                "full scale)",
                limit=f"at least {100 * _DARKEST:g} % all over",
                remedy="Shoot it with a longer exposure; half of full scale is best",
            )
    blocks = block_means(*reduced, _BLOCKS)
    ratio = np.log(np.maximum(blocks.target, 1e-6) / np.maximum(blocks.source, 1e-6))
    # Vignetting is the shadow of the lens's rims and has no colour; what differs between the
    # channels is their gain.
    ratio = (ratio - np.median(ratio, axis=0)).mean(axis=1)
    basis = _terms(blocks.x, blocks.y, width, height)
    q, residual = _robust(basis, ratio)
    # Texture shows where the exposures are divided only if it moves or changes between the
    # photos; in each photo by itself it shows at once.
    roughness = max(_roughness(photo.linear) for photo in reduced)
    if max(residual, roughness) > _ROUGHEST:
        raise InputError(
            f"the white-field photos are not even ({100 * max(residual, roughness):.1f} % from "
            "place to place)",
            limit=f"at most {100 * _ROUGHEST:g} % beside smooth shading",
            remedy="Use an evenly lit blank wall or a diffuser before the lens, out of focus",
        )
    return WhiteField(
        width=width,
        height=height,
        field=tuple(float(value) for value in _polynomial(q, width, height)),
        residual=residual,
    )


def _aspect(width: int, height: int) -> tuple[float, float]:
    """What squares of x and y in [-1, 1] count in r², which is 1 in the corners."""
    square = width * width + height * height
    return width * width / square, height * height / square


def _terms(
    x: NDArray[np.float64], y: NDArray[np.float64], width: int, height: int
) -> NDArray[np.float64]:
    a, b = _aspect(width, height)
    r2 = a * x * x + b * y * y
    return np.stack([np.ones_like(x), r2, r2**2, r2**3, x, y, x * x - y * y, x * y], -1)


def _polynomial(q: NDArray[np.float64], width: int, height: int) -> NDArray[np.float64]:
    """The terms but the constant in the basis ``x^i·y^j`` of the photometry."""
    a, b = _aspect(width, height)
    powers = exponents(_DEGREE)
    result = np.zeros(len(powers))

    def add(i: int, j: int, value: float) -> None:
        result[powers.index((i, j))] += value

    for exponent, factor in ((1, q[1]), (2, q[2]), (3, q[3])):
        # (a·x² + b·y²)^n by the binomial theorem.
        choose = 1
        for k in range(exponent + 1):
            add(2 * (exponent - k), 2 * k, factor * choose * a ** (exponent - k) * b**k)
            choose = choose * (exponent - k) // (k + 1)
    for (i, j), value in (((1, 0), q[4]), ((0, 1), q[5]), ((1, 1), q[7])):
        add(i, j, value)
    add(2, 0, q[6])
    add(0, 2, -q[6])
    return result


def _robust(
    basis: NDArray[np.float64], values: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """Iteratively reweighted least squares with Cauchy weights; dust and shadows lose theirs."""
    weight, noise = np.ones(len(values)), 0.0
    q: NDArray[np.float64] = np.zeros(basis.shape[1])
    for _ in range(20):
        normal, right = weighted_normal(basis, weight, values)
        updated = np.linalg.solve(normal + 1e-9 * len(values) * np.eye(len(q)), right)
        error = values - np.einsum("nk,k->n", basis, updated)
        noise = 1.4826 * float(np.median(np.abs(error)))
        weight = 1 / (1 + (error / (3 * noise + 1e-6)) ** 2)
        step = float(np.abs(updated - q).max())
        q = np.asarray(updated, np.float64)
        if step < 1e-7:
            break
    return q, noise


def _roughness(linear: NDArray[np.float32]) -> float:
    """How much neighbouring places of one photo differ, as a share of their light."""
    light = np.log(np.maximum(linear.mean(-1), 1e-6))
    side = max(1, min(light.shape) // 54)
    rows, columns = light.shape[0] // side, light.shape[1] // side
    places = light[: rows * side, : columns * side].reshape(rows, side, columns, side).mean((1, 3))
    # Second differences: shading by the light and the lens is smooth.
    bends = np.concatenate([np.diff(places, 2, axis=0).ravel(), np.diff(places, 2, axis=1).ravel()])
    return float(np.sqrt(np.mean(bends**2) / 6))
