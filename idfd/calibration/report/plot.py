"""Plots as inline SVG; colours come from the page around them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup, escape
from numpy.typing import NDArray

# Narrow, so that the text stays readable when a phone scales the drawing down.
WIDTH, HEIGHT = 520, 280
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 12, 44

Values = Sequence[float] | NDArray[np.float64]


@dataclass(frozen=True)
class Axis:
    """A linear scale from values to places of the drawing.

    Attributes:
        marks: Ascending round values; the first and the last are the ends of the axis.
        start: Place of the first.
        end: Place of the last.
        title: What is drawn, with its unit.
    """

    marks: tuple[float, ...]
    start: float
    end: float
    title: str

    def __call__(self, value: float) -> float:
        """Place of a value, held inside of the drawing's neighbourhood."""
        share = (value - self.marks[0]) / (self.marks[-1] - self.marks[0])
        return self.start + min(max(share, -0.2), 1.2) * (self.end - self.start)

    def labels(self) -> list[str]:
        """The marks with the digits that their distance asks for: 0.5, 1.0, 1.5."""
        digits = max(0, math.ceil(-math.log10(self.marks[1] - self.marks[0]) - 1e-9))
        return [f"{mark:.{digits}f}" for mark in self.marks]


def round_marks(low: float, high: float, count: int = 6) -> tuple[float, ...]:
    """At least two round values that cover [low, high], in steps of 1, 2 or 5 times 10^n.

    Example:
        >>> round_marks(0.0, 1.0)
        (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    """
    span = max(high - low, 1e-6)
    power = 10.0 ** math.floor(math.log10(span / count))
    step = next(power * k for k in (1, 2, 5, 10) if power * k * count >= span * 0.999)
    first = math.floor(low / step + 1e-9)
    last = max(math.ceil(high / step - 1e-9), first + 1)
    return tuple(round(step * k, 12) for k in range(first, last + 1))


class Plot:
    """A frame with two axes that things are drawn into, one after the other.

    Args:
        x: Least and greatest value across, and the title of the axis.
        y: The same upwards.
        name: What it shows, for readers who do not see it.
    """

    def __init__(self, x: tuple[float, float, str], y: tuple[float, float, str], name: str) -> None:
        self.x = Axis(round_marks(x[0], x[1]), LEFT, WIDTH - RIGHT, x[2])
        self.y = Axis(round_marks(y[0], y[1], 5), HEIGHT - BOTTOM, TOP, y[2])
        self._parts = [
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" class="chart" '
            f'aria-label="{escape(name)}">'
        ]
        for mark, label in zip(self.x.marks, self.x.labels(), strict=True):
            place = f"{self.x(mark):.1f}"
            self._parts.append(
                f'<line class="grid" x1="{place}" x2="{place}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>'
                f'<text class="tick" x="{place}" y="{HEIGHT - BOTTOM + 16}">{label}</text>'
            )
        for mark, label in zip(self.y.marks, self.y.labels(), strict=True):
            place = f"{self.y(mark):.1f}"
            self._parts.append(
                f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{place}" y2="{place}"/>'
                f'<text class="side" x="{LEFT - 6}" y="{self.y(mark) + 4:.1f}">{label}</text>'
            )
        middle, height = (LEFT + WIDTH - RIGHT) / 2, (TOP + HEIGHT - BOTTOM) / 2
        self._parts.append(
            f'<text class="tick" x="{middle}" y="{HEIGHT - 8}">{escape(self.x.title)}</text>'
            f'<text class="tick" transform="translate(12 {height}) rotate(-90)">'
            f"{escape(self.y.title)}</text>"
        )

    def band(self, x: Values, low: Values, high: Values, style: str) -> None:
        """Fill the space between two curves."""
        there = [f"{self.x(a):.1f},{self.y(b):.1f}" for a, b in zip(x, high, strict=True)]
        back = [f"{self.x(a):.1f},{self.y(b):.1f}" for a, b in zip(x, low, strict=True)]
        self._parts.append(f'<path class="band {style}" d="M{"L".join(there + back[::-1])}Z"/>')

    def line(self, x: Values, y: Values, style: str, label: str) -> None:
        """Draw a curve."""
        places = [f"{self.x(a):.1f},{self.y(b):.1f}" for a, b in zip(x, y, strict=True)]
        self._parts.append(
            f'<path class="series {style}" d="M{"L".join(places)}">'
            f"<title>{escape(label)}</title></path>"
        )

    def dots(self, x: Values, y: Values, style: str) -> None:
        """Draw points."""
        self._parts += [
            f'<circle class="dot {style}" cx="{self.x(a):.1f}" cy="{self.y(b):.1f}" r="2.2"/>'
            for a, b in zip(x, y, strict=True)
        ]

    def markup(self) -> Markup:
        """The drawing as an ``<svg>`` element; text in it is escaped."""
        return Markup("".join(self._parts) + "</svg>")
