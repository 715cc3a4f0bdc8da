"""The sums of one Gauss-Newton step, in one pass and always in the same order.

A matrix product may add up in an order that depends on the number of threads; this never does.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class NormalEquations:
    """Sums over the samples, each with its robust weight.

    Attributes:
        normal: JᵀWJ, (9, 9) float64.
        right: JᵀWr, (9,) float64.
        correlation: Of the two images.
    """

    normal: NDArray[np.float64]
    right: NDArray[np.float64]
    correlation: float


@dataclass(frozen=True)
class Samples:
    """Pixels of a template and an image that are compared, (N,) each.

    Attributes:
        template: Values of one, float32.
        image: Values of the other, float32.
        light: Those before they were normalised, float32.
        spread: What these were divided by then, float32.
        slope_x: Mean derivative of both by x, per pixel, float32.
        slope_y: By y.
        column: Where the pixel lies, int32.
        row: Where it lies.
    """

    template: NDArray[np.float32]
    image: NDArray[np.float32]
    light: NDArray[np.float32]
    spread: NDArray[np.float32]
    slope_x: NDArray[np.float32]
    slope_y: NDArray[np.float32]
    column: NDArray[np.int32]
    row: NDArray[np.int32]

    def where(self, kept: NDArray[np.bool_]) -> Samples:
        """Some of the samples."""
        return Samples(
            self.template[kept], self.image[kept], self.light[kept], self.spread[kept],
            self.slope_x[kept], self.slope_y[kept], self.column[kept], self.row[kept],
        )  # fmt: skip


def gather(
    template: NDArray[np.float32],
    image: NDArray[np.float32],
    light: NDArray[np.float32],
    spread: NDArray[np.float32],
    usable: NDArray[np.bool_],
    stride: int,
) -> Samples:
    """Every so-many-th usable pixel of every so-many-th row, with its slopes (Scharr's filter)."""
    return Samples(*_kernels().gather(template, image, light, spread, usable, stride))


def normal_equations(
    samples: Samples,
    parameters: NDArray[np.float64],
    centre: tuple[float, float],
    pixels: float,
    scale: float,
) -> NormalEquations:
    """Add up the normal equations of the nine parameters of the transform.

    Weights are (1 + (r/scale)²)⁻², which Geman and McClure's loss gives.

    Args:
        samples: What is compared.
        parameters: Current parameters, (9,).
        centre: Where the origin of normalised coordinates lies, (x, y) pixels.
        pixels: Pixels per unit of them.
        scale: Residual at which a sample has a quarter of its weight.
    """
    normal, right, products = _kernels().transform(
        samples.template, samples.image, samples.slope_x, samples.slope_y,
        samples.column, samples.row, parameters, *centre, pixels, scale,
    )  # fmt: skip
    norm = float(np.sqrt(products[0] * products[1]))
    return NormalEquations(normal, right, float(products[2]) / (norm + 1e-12))


def weighted_normal(
    jacobian: NDArray[np.float64], weight: NDArray[np.float64], residual: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """JᵀWJ (K, K) and JᵀWr (K,) of a Jacobian (N, K), weights (N,) and residuals (N,)."""
    normal, right = _kernels().weighted(jacobian, weight, residual)
    return normal, right


class _Kernels(NamedTuple):
    gather: Any
    transform: Any
    weighted: Any


@cache
def _kernels() -> _Kernels:
    import numba

    @numba.njit(cache=True)
    def gather(template: Any, image: Any, light: Any, spread: Any, usable: Any, stride: int) -> Any:
        height, width = template.shape
        size = ((height + stride - 1) // stride) * ((width + stride - 1) // stride)
        values = np.empty((6, size), np.float32)
        places = np.empty((2, size), np.int32)
        side, middle = np.float32(3 / 64), np.float32(10 / 64)
        count = 0
        for row in range(1, height - 1, stride):
            for column in range(1, width - 1, stride):
                if not usable[row, column]:
                    continue
                slope_x = slope_y = np.float32(0)
                for both in (template, image):
                    a, b = both[row - 1, column - 1], both[row - 1, column + 1]
                    c, d = both[row + 1, column - 1], both[row + 1, column + 1]
                    slope_x += side * (b - a + d - c)
                    slope_x += middle * (both[row, column + 1] - both[row, column - 1])
                    slope_y += side * (c - a + d - b)
                    slope_y += middle * (both[row + 1, column] - both[row - 1, column])
                values[0, count], values[1, count] = template[row, column], image[row, column]
                values[2, count], values[3, count] = light[row, column], spread[row, column]
                values[4, count], values[5, count] = slope_x, slope_y
                places[0, count], places[1, count] = column, row
                count += 1
        return (
            values[0, :count], values[1, :count], values[2, :count], values[3, :count],
            values[4, :count], values[5, :count], places[0, :count],
            places[1, :count],
        )  # fmt: skip

    @numba.njit(cache=True)
    def transform(
        template: Any, image: Any, slope_x: Any, slope_y: Any, columns: Any, rows: Any,
        p: Any, cx: float, cy: float, pixels: float, scale: float,
    ) -> Any:  # fmt: skip
        normal, right = np.zeros((9, 9)), np.zeros(9)
        products = np.zeros(3)
        row = np.empty(9)
        for k in range(len(template)):
            u, v = (columns[k] - cx) / pixels, (rows[k] - cy) / pixels
            square = u * u + v * v
            radial = 1 + p[8] * square
            ur, vr = u * radial, v * radial
            depth = 1 + p[6] * ur + p[7] * vr
            x = ((1 + p[0]) * ur + p[1] * vr + p[2]) / depth
            y = (p[3] * ur + (1 + p[4]) * vr + p[5]) / depth
            a, b = slope_x[k] * pixels / depth, slope_y[k] * pixels / depth
            e = a * x + b * y
            row[0], row[1], row[2] = a * ur, a * vr, a
            row[3], row[4], row[5] = b * ur, b * vr, b
            row[6], row[7] = -e * ur, -e * vr
            row[8] = square * (
                u * ((1 + p[0]) * a + p[3] * b - p[6] * e)
                + v * (p[1] * a + (1 + p[4]) * b - p[7] * e)
            )
            t, i = float(template[k]), float(image[k])
            share = (t - i) / scale
            weight = 1 / (1 + share * share) ** 2
            for m in range(9):
                scaled = weight * row[m]
                right[m] += scaled * (t - i)
                for n in range(m + 1):
                    normal[m, n] += scaled * row[n]
            products[0] += weight * t * t
            products[1] += weight * i * i
            products[2] += weight * t * i
        for m in range(9):
            for n in range(m):
                normal[n, m] = normal[m, n]
        return normal, right, products

    @numba.njit(cache=True)
    def weighted(jacobian: Any, weight: Any, residual: Any) -> Any:
        count, terms = jacobian.shape
        normal, right = np.zeros((terms, terms)), np.zeros(terms)
        for k in range(count):
            for m in range(terms):
                scaled = weight[k] * jacobian[k, m]
                if scaled == 0.0:
                    continue
                right[m] += scaled * residual[k]
                for n in range(m + 1):
                    normal[m, n] += scaled * jacobian[k, n]
        for m in range(terms):
            for n in range(m):
                normal[n, m] = normal[m, n]
        return normal, right

    return _Kernels(gather, transform, weighted)
