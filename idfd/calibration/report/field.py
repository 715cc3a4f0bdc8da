"""Pictures over the image plane: where corners were seen, and how far off they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from markupsafe import Markup, escape
from numpy.typing import NDArray

from idfd.model.calibration import CameraReport

Points = NDArray[np.float64]
_WIDTH = 480
_COLUMNS = 15
_MOST_ARROWS = 1500
_ARROW = 22.0
"""Length at which the arrow of a large residual is drawn; larger ones get longer."""


@dataclass(frozen=True)
class Coverage:
    """Heat map of corners, and the share of the image that holds any."""

    picture: Markup
    covered: float


@dataclass(frozen=True)
class Arrows:
    """Residuals as arrows, how much longer than true they are, and how many of all are drawn."""

    picture: Markup
    scale: float
    shown: int
    total: int


def seen(report: CameraReport) -> tuple[Points, Points]:
    """Corners of the views used and their residuals, (N, 2) pixels each."""
    used = [view for view in report.views if view.used]
    corners = [corner for view in used for corner in view.pixels]
    residuals = [residual for view in used for residual in view.residuals_px]
    return np.array(corners).reshape(-1, 2), np.array(residuals).reshape(-1, 2)


def coverage(report: CameraReport) -> Coverage:
    """Density of corners in square cells; cells without any are hatched."""
    corners, _ = seen(report)
    width, height = report.intrinsics.width, report.intrinsics.height
    rows = max(1, round(_COLUMNS * height / width))
    counts = np.histogram2d(
        corners[:, 1], corners[:, 0], (rows, _COLUMNS), ((-0.5, height - 0.5), (-0.5, width - 0.5))
    )[0].astype(int)
    across, down = _WIDTH / _COLUMNS, _height(report) / rows
    most = max(1, int(counts.max()))
    parts = [_frame(report, "corners of the board over the image")]
    for (row, column), count in np.ndenumerate(counts):
        place = (
            f'x="{column * across:.1f}" y="{row * down:.1f}" width="{across:.1f}" '
            f'height="{down:.1f}"'
        )
        if not count:
            parts.append(f'<rect class="empty" {place}/>')
            continue
        # By the root, so that one corner is told from none where another cell holds hundreds.
        parts.append(
            f'<rect class="heat" {place} fill-opacity="{0.12 + 0.88 * (count / most) ** 0.5:.2f}">'
            f"<title>{count} corners</title></rect>"
        )
    return Coverage(Markup("".join(parts) + "</svg>"), float(np.mean(counts > 0)))


def arrows(report: CameraReport) -> Arrows | None:
    """Where corners are seen against where the solution puts them; None without residuals."""
    corners, residuals = seen(report)
    if not len(residuals) or len(residuals) != len(corners):
        return None
    shrink = _WIDTH / report.intrinsics.width
    large = float(np.percentile(np.hypot(*residuals.T), 95)) * shrink
    # A round factor, so that a reader can divide by it.
    factor = 10.0 ** np.floor(np.log10(_ARROW / max(large, 1e-9)))
    factor *= next(k for k in (5, 2, 1) if k * factor * large <= _ARROW)
    step = -(-len(corners) // _MOST_ARROWS)
    start = (corners[::step] + 0.5) * shrink
    end = start + residuals[::step] * shrink * factor
    path = "".join(
        f"M{a:.1f},{b:.1f}l{c:.1f},{d:.1f}"
        for (a, b), (c, d) in zip(start.tolist(), (end - start).tolist(), strict=True)
    )
    tails = "".join(f"M{a:.1f},{b:.1f}h0" for a, b in start.tolist())
    return Arrows(
        Markup(
            f'{_frame(report, "residuals over the image")}<path class="tail" d="{tails}"/>'
            f'<path class="arrow" d="{path}"/></svg>'
        ),
        scale=float(factor),
        shown=len(start),
        total=len(corners),
    )


def _height(report: CameraReport) -> float:
    return _WIDTH * report.intrinsics.height / report.intrinsics.width


def _frame(report: CameraReport, name: str) -> str:
    height = _height(report)
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height:.1f}" role="img" class="field" '
        f'aria-label="{escape(report.camera)} camera: {escape(name)}">'
        f'<rect class="image" width="{_WIDTH}" height="{height:.1f}"/>'
    )
