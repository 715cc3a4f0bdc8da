"""Curves over depth: error of the geometry, and blur."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from idfd.calibration.defocus.model import PARAMETERS, circle_gradient, circle_px
from idfd.calibration.report.plot import Plot
from idfd.model.calibration import BlurRow, DepthErrorRow
from idfd.model.defocus import DefocusModel

_STEPS = 120
_MOST_DOTS = 800


def pixel_error(rows: Sequence[DepthErrorRow]) -> Markup:
    """Standard deviation in the photo of points of the depth camera, over their depth."""
    depth = [row.depth_m for row in rows]
    largest = [row.largest_px for row in rows]
    plot = Plot(
        (min(depth), max(depth), "depth in metres"),
        (0.0, max(largest), "standard deviation, px"),
        "Predicted error of depth in the photo, over depth",
    )
    plot.line(depth, largest, "s1", "largest in the field of view")
    plot.line(depth, [row.median_px for row in rows], "s0", "median over the field of view")
    return plot.markup()


def blur(rows: Sequence[BlurRow], model: DefocusModel) -> Markup:
    """Diameter of the blur over depth: patches as dots, the model as curves with their bands."""
    depth = [row.depth_m for row in rows]
    near, far = min(depth, default=0.5), max(depth, default=4.0)
    grid = np.linspace(near, far, _STEPS)
    curves = [(model.f_number, model.scale_px_m, "s0")]
    if model.sharp_f_number and model.sharp_scale_px_m:
        curves.append((model.sharp_f_number, model.sharp_scale_px_m, "s1"))
    fitted = [
        (f_number, style, *_on_axis(msgspec.structs.replace(model, scale_px_m=scale), grid))
        for f_number, scale, style in curves
    ]
    top = max([abs(row.circle_px) for row in rows] + [float((c + b).max()) for *_, c, b in fitted])
    plot = Plot(
        (near, far, "depth in metres"),
        (0.0, top, "diameter of the blur, px"),
        "Blur over depth",
    )
    step = -(-len(rows) // _MOST_DOTS) or 1
    for f_number, style, circle, half in fitted:
        mine = [row for row in rows[::step] if abs(row.f_number / f_number - 1) < 0.05]
        for used, shade in ((True, style), (False, f"{style} unused")):
            group = [row for row in mine if row.used == used]
            plot.dots([row.depth_m for row in group], [abs(row.circle_px) for row in group], shade)
        plot.band(grid, np.maximum(circle - half, 0), circle + half, style)
        plot.line(grid, circle, style, f"f/{f_number:g}")
    return plot.markup()


def _on_axis(
    model: DefocusModel, depth_m: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Diameter on the axis and half its 95 % interval, to first order in the parameters."""
    half = np.zeros_like(depth_m)
    if model.covariance is not None:
        slopes = circle_gradient(model, 1 / depth_m, np.zeros_like(depth_m))
        block = model.covariance.block(PARAMETERS)
        half = 1.96 * np.sqrt(np.einsum("in,ij,jn->n", slopes, block, slopes))
    return np.abs(circle_px(model, depth_m)), half
