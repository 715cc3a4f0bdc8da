"""Values of images as inline SVG; colours come from the page around it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup, escape
from numpy.typing import NDArray

from idfd.benchmark.bootstrap import Interval
from idfd.benchmark.metrics.registry import Metric

# Narrow, so that the text stays readable when a phone scales the drawing down.
WIDTH, ROW, LEFT, RIGHT = 460, 44, 116, 16
MAX_DOTS = 400
SIDE = 260


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


@dataclass(frozen=True)
class Axis:
    """Round limits around values, and the labels of the steps between them."""

    low: float
    high: float
    marks: list[float]
    digits: int

    @classmethod
    def around(cls, values: NDArray[np.float64], count: int = 5) -> Axis:
        """An axis of about ``count`` steps that covers all values."""
        least, most = float(values.min()), float(values.max())
        if most - least < 1e-6:  # one image, or a constant: an axis needs some width
            least, most = least - 0.05 * abs(least) - 1e-3, most + 0.05 * abs(most) + 1e-3
        marks = ticks(least, most, count)
        high = max(marks[-1], marks[0] + 1e-9)
        # All labels of an axis get the digits of its step: 1.48, 1.50, 1.52.
        digits = max(0, math.ceil(-math.log10(marks[1] - marks[0]) - 1e-9)) if marks[1:] else 3
        return cls(marks[0], high, marks, digits)

    def share(self, value: float) -> float:
        """Where a value lies between the limits, 0 to 1."""
        return (value - self.low) / (self.high - self.low)


def distribution(series: list[Series], metric: Metric) -> Markup:
    """Draw one row per model: images as dots, quartiles as a box, the mean and its interval.

    Args:
        series: One entry per model, not empty.
        metric: The metric that the values belong to.

    Returns:
        An ``<svg>`` element; text in it is escaped.
    """
    values = np.concatenate([one.values for one in series])
    axis = Axis.around(values)
    bottom = len(series) * ROW

    def x(value: float) -> str:
        return f"{LEFT + axis.share(value) * (WIDTH - LEFT - RIGHT):.1f}"

    parts = [
        f'<svg viewBox="0 0 {WIDTH} {bottom + 40}" role="img" class="chart" '
        f'aria-label="{escape(metric.title)} of each image">'
    ]
    for mark in axis.marks:
        parts.append(
            f'<line class="grid" x1="{x(mark)}" x2="{x(mark)}" y1="0" y2="{bottom}"/>'
            f'<text class="tick" x="{x(mark)}" y="{bottom + 16}">{mark:.{axis.digits}f}</text>'
        )
    for index, one in enumerate(series):
        parts.append(_row(one, metric, index * ROW + ROW / 2, x))
    centre = (LEFT + WIDTH - RIGHT) / 2
    parts.append(
        f'<text class="tick" x="{centre}" y="{bottom + 34}">{escape(metric.heading)}</text>'
    )
    return Markup("".join(parts) + "</svg>")


def _short(name: str) -> Markup:
    return escape(name if len(name) <= 16 else name[:15] + "…")


def _row(one: Series, metric: Metric, middle: float, x: Callable[[float], str]) -> str:
    quartiles = np.percentile(one.values, [25, 50, 75])
    left, centre, right = (x(float(value)) for value in quartiles)
    parts = [
        f'<text class="name" x="{LEFT - 8}" y="{middle + 4}">{_short(one.label)}</text>',
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


def scatter(
    reference: NDArray[np.float64],
    values: NDArray[np.float64],
    ids: Sequence[str],
    names: tuple[str, str],
    metric: Metric,
) -> Markup:
    """Draw a model's value of each image over the reference's; equal values lie on the diagonal.

    Args:
        reference: The reference's values, (N,) float64, not empty.
        values: The model's values of the same images, (N,) float64.
        ids: Images, for the text that shows when pointing at a dot.
        names: Names of the reference and of the model.
        metric: The metric that the values belong to.

    Returns:
        An ``<svg>`` element; text in it is escaped.
    """
    axis = Axis.around(np.concatenate([reference, values]), 4)
    left, top, inside = 52, 8, SIDE - 60

    def x(value: float) -> str:
        return f"{left + axis.share(value) * inside:.1f}"

    def y(value: float) -> str:
        return f"{top + (1 - axis.share(value)) * inside:.1f}"

    above = int(np.count_nonzero(values > reference))
    below = int(np.count_nonzero(values < reference))
    label = (
        f"{metric.title} of each image, {names[1]} over {names[0]}: {above} of {values.size} "
        f"images above the diagonal, {below} below"
    )
    parts = [
        f'<svg viewBox="0 0 {SIDE} {SIDE + 8}" role="img" class="chart scatter" '
        f'aria-label="{escape(label)}">'
    ]
    for mark in axis.marks:
        text = f"{mark:.{axis.digits}f}"
        parts.append(
            f'<line class="grid" x1="{x(mark)}" x2="{x(mark)}" y1="{top}" y2="{top + inside}"/>'
            f'<line class="grid" y1="{y(mark)}" y2="{y(mark)}" x1="{left}" x2="{left + inside}"/>'
            f'<text class="tick" x="{x(mark)}" y="{top + inside + 16}">{text}</text>'
            f'<text class="name" x="{left - 6}" y="{float(y(mark)) + 4:.1f}">{text}</text>'
        )
    low, high = axis.low, axis.high
    parts.append(
        f'<line class="median" x1="{x(low)}" y1="{y(low)}" x2="{x(high)}" y2="{y(high)}"/>'
    )
    step = max(1, math.ceil(values.size / MAX_DOTS))
    for one, theirs, value in zip(ids[::step], reference[::step], values[::step], strict=True):
        parts.append(
            f'<circle class="dot" cx="{x(float(theirs))}" cy="{y(float(value))}" r="3"><title>'
            f"{escape(one)}: {metric.format(theirs)} → {metric.format(value)}</title></circle>"
        )
    middle = left + inside / 2
    parts.append(
        f'<text class="tick" x="{middle}" y="{top + inside + 34}">{_short(names[0])}</text>'
    )
    return Markup("".join(parts) + "</svg>")
