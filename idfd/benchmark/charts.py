"""Distributions over images as inline SVG; colours come from the page around it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup, escape
from numpy.typing import NDArray

from idfd.benchmark.bootstrap import Interval
from idfd.benchmark.metrics.registry import Metric

# Narrow, so that the text stays readable when a phone scales the drawing down.
WIDTH, ROW, LEFT, RIGHT = 460, 44, 116, 16
MAX_DOTS = 400


@dataclass(frozen=True)
class Series:
    """Per-image values of one model, (N,) float64, and their mean with its interval."""

    label: str
    values: NDArray[np.float64]
    summary: Interval


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Round values that cover [low, high] in about ``count`` steps of 1, 2 or 5 times 10^n.

    Example:
        >>> ticks(0.0, 1.0)
        [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    """
    span = max(high - low, 1e-9)
    power = 10.0 ** math.floor(math.log10(span / count))
    step = next(power * k for k in (1, 2, 5, 10) if power * k * count >= span * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(step * k, 12) for k in range(first, last + 1)]


def distribution(series: list[Series], metric: Metric) -> Markup:
    """Draw one row per model: images as dots, quartiles as a box, the mean and its interval.

    Args:
        series: One entry per model, not empty.
        metric: The metric that the values belong to.

    Returns:
        An ``<svg>`` element; text in it is escaped.
    """
    values = np.concatenate([one.values for one in series])
    least, most = float(values.min()), float(values.max())
    if most - least < 1e-6:  # one image, or a constant: an axis needs some width
        least, most = least - 0.05 * abs(least) - 1e-3, most + 0.05 * abs(most) + 1e-3
    marks = ticks(least, most)
    low, high = marks[0], max(marks[-1], marks[0] + 1e-9)
    # All labels of an axis get the digits of its step: 1.48, 1.50, 1.52.
    digits = max(0, math.ceil(-math.log10(marks[1] - marks[0]) - 1e-9)) if len(marks) > 1 else 3
    bottom = len(series) * ROW

    def x(value: float) -> str:
        return f"{LEFT + (value - low) / (high - low) * (WIDTH - LEFT - RIGHT):.1f}"

    parts = [
        f'<svg viewBox="0 0 {WIDTH} {bottom + 40}" role="img" class="chart" '
        f'aria-label="{escape(metric.title)} of each image">'
    ]
    for mark in marks:
        parts.append(
            f'<line class="grid" x1="{x(mark)}" x2="{x(mark)}" y1="0" y2="{bottom}"/>'
            f'<text class="tick" x="{x(mark)}" y="{bottom + 16}">{mark:.{digits}f}</text>'
        )
    for index, one in enumerate(series):
        parts.append(_row(one, metric, index * ROW + ROW / 2, x))
    axis = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text class="tick" x="{axis}" y="{bottom + 34}">{escape(metric.heading)}</text>')
    return Markup("".join(parts) + "</svg>")


def _row(one: Series, metric: Metric, middle: float, x: Callable[[float], str]) -> str:
    quartiles = np.percentile(one.values, [25, 50, 75])
    left, centre, right = (x(float(value)) for value in quartiles)
    label = one.label if len(one.label) <= 16 else one.label[:15] + "…"
    parts = [
        f'<text class="name" x="{LEFT - 8}" y="{middle + 4}">{escape(label)}</text>',
        f'<rect class="box" x="{left}" width="{float(right) - float(left):.1f}" '
        f'y="{middle - 10}" height="20"/>',
        f'<line class="median" x1="{centre}" x2="{centre}" y1="{middle - 10}" y2="{middle + 10}"/>',
    ]
    # Thousands of dots say no more than quantiles do, and make the page heavy.
    shown = np.sort(one.values)
    if shown.size > MAX_DOTS:
        shown = np.quantile(shown, np.linspace(0, 1, MAX_DOTS))
    for rank, value in enumerate(shown):
        # A fixed pattern spreads equal values without chance, so that pages are reproducible.
        y = middle + (rank * 7 % 13 - 6) * 1.1
        parts.append(f'<circle class="dot" cx="{x(float(value))}" cy="{y:.1f}" r="2.2"/>')
    mean, low, high = (x(v) for v in (one.summary.mean, one.summary.low, one.summary.high))
    parts.append(
        f'<line class="interval" x1="{low}" x2="{high}" y1="{middle + 15}" y2="{middle + 15}"/>'
        f'<circle class="mean" cx="{mean}" cy="{middle + 15}" r="3.5"><title>'
        f"mean {metric.format(one.summary.mean)} {escape(metric.unit)}</title></circle>"
    )
    return "".join(parts)
