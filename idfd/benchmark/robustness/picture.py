"""Curves of metrics against the strength of each degradation, as one SVG file."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from markupsafe import escape

from idfd.benchmark.bootstrap import Interval
from idfd.benchmark.charts import Axis
from idfd.benchmark.metrics.registry import METRICS, Metric
from idfd.benchmark.robustness.levels import strength
from idfd.benchmark.robustness.report import DegradedScores, RobustnessReport
from idfd.processing.degrade.settings import STRENGTH

DRAWN = ("rmse", "rmse_minmax", "psnr", "defocus_mae")
_WIDTH, _HEIGHT = 250, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 12, 26, 40
_STYLE = (
    "text{font:11px system-ui,sans-serif;fill:#333}.grid{stroke:#ddd}.zero{stroke:#888}"
    ".curve{fill:none;stroke:#1f6fb4;stroke-width:1.5}.interval{stroke:#1f6fb4}"
    ".mean{fill:#1f6fb4}.title{font-weight:600}"
)


def picture(report: RobustnessReport) -> str:
    """Draw a row for each kind, and for each metric its mean and its change against clean.

    Args:
        report: With one level or more of each kind that is to be drawn.

    Returns:
        An SVG document; whiskers are the bootstrap intervals over images.
    """
    kinds = sorted({one.degradation.kind for one in report.levels})
    metrics = [METRICS[name] for name in DRAWN if name in report.clean.metrics]
    width, height = 2 * len(metrics) * _WIDTH, len(kinds) * _HEIGHT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img" '
        f'aria-label="Robustness of {escape(report.clean.model.name)}"><style>{_STYLE}</style>'
        f'<rect width="{width}" height="{height}" fill="#fff"/>'
    ]
    for row, kind in enumerate(kinds):
        levels = sorted(
            (one for one in report.levels if one.degradation.kind == kind),
            key=lambda one: strength(one.degradation),
        )
        names = ["clean", *(f"{strength(one.degradation):g}" for one in levels)]
        for column, metric in enumerate(metrics):
            for place, (title, values) in enumerate(_curves(report, levels, metric)):
                x, y = (2 * column + place) * _WIDTH, row * _HEIGHT
                unit = f"{kind} [{STRENGTH[kind][1]}]"
                parts.append(f'<g transform="translate({x} {y})">')
                parts += _panel(title, unit, names, values, metric, zero=place == 1)
                parts.append("</g>")
    return "".join(parts) + "</svg>\n"


def _curves(
    report: RobustnessReport, levels: Sequence[DegradedScores], metric: Metric
) -> tuple[tuple[str, list[Interval]], tuple[str, list[Interval]]]:
    clean = report.clean.metrics[metric.name]
    nothing = Interval(mean=0.0, low=0.0, high=0.0, images=clean.images)
    means = [clean, *(one.results.metrics[metric.name] for one in levels)]
    change = [nothing, *(one.change[metric.name] for one in levels)]
    return (metric.heading, means), (f"change of {metric.title}", change)


def _panel(
    title: str,
    unit: str,
    names: Sequence[str],
    values: Sequence[Interval],
    metric: Metric,
    zero: bool,
) -> list[str]:
    axis = Axis.around(np.array([(v.low, v.mean, v.high) for v in values]).ravel(), 4)
    inside = _HEIGHT - _TOP - _BOTTOM
    step = (_WIDTH - _LEFT - _RIGHT) / len(values)

    def x(index: int) -> float:
        return round(_LEFT + (index + 0.5) * step, 1)

    def y(value: float) -> float:
        return round(_TOP + (1 - axis.share(value)) * inside, 1)

    parts = [f'<text class="title" x="{_LEFT}" y="16">{escape(title)}</text>']
    for mark in axis.marks:
        kind = "zero" if zero and mark == 0 else "grid"
        parts.append(
            f'<line class="{kind}" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y(mark)}" '
            f'y2="{y(mark)}"/><text x="{_LEFT - 5}" y="{y(mark) + 4}" text-anchor="end">'
            f"{mark:.{axis.digits}f}</text>"
        )
    points = " ".join(f"{x(i)},{y(value.mean)}" for i, value in enumerate(values))
    parts.append(f'<polyline class="curve" points="{points}"/>')
    for i, (name, value) in enumerate(zip(names, values, strict=True)):
        parts.append(
            f'<line class="interval" x1="{x(i)}" x2="{x(i)}" y1="{y(value.low)}" '
            f'y2="{y(value.high)}"/><circle class="mean" cx="{x(i)}" cy="{y(value.mean)}" r="3">'
            f"<title>{name}: {metric.format(value.mean)} {escape(metric.unit)}</title></circle>"
            f'<text x="{x(i)}" y="{_HEIGHT - _BOTTOM + 16}" text-anchor="middle">{name}</text>'
        )
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    parts.append(
        f'<text x="{middle}" y="{_HEIGHT - _BOTTOM + 32}" text-anchor="middle">{unit}</text>'
    )
    return parts
