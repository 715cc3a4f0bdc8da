"""A validation of splits for people: as pages of its own, and for the data card."""

from __future__ import annotations

import math
from html import escape
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from idfd.release.validation import Chart, Finding, SplitValidation
from idfd.storage.durable import write_bytes

if TYPE_CHECKING:
    from jinja2 import Environment

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _RIGHT, _TOP = 480, 200, 44, 40, 12, 12
_TICKS = 5


def environment() -> Environment:
    """Templates of the release pages, with what they need to show a validation."""
    import jinja2

    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(str(resources.files("idfd.release") / "templates")),
        autoescape=jinja2.select_autoescape(["html.j2"]),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    made.filters.update(draw=draw, number=number, spread=spread)
    return made


def write_pages(validation: SplitValidation, path: Path) -> list[Path]:
    """Write the pages ``.md`` and ``.html`` beside the document.

    Args:
        validation: What was found.
        path: The document's file, ``<release>.validation.json``.

    Returns:
        The paths that were written.

    Raises:
        StorageError: They cannot be written.
    """
    context = {"validation": validation, "stale": False, "name": path.with_suffix("").stem}
    made = environment()
    written = []
    for kind in ("md", "html"):
        page = made.get_template(f"validation-page.{kind}.j2").render(context)
        write_bytes(path.with_suffix(f".{kind}"), page.encode())
        written.append(path.with_suffix(f".{kind}"))
    return written


def number(value: float | None) -> str:
    """A number in a table, with three digits.

    Example:
        >>> number(0.07741), number(12.0), number(None)
        ('0.0774', '12', '–')
    """
    return "–" if value is None else f"{value:.3g}"


def spread(finding: Finding) -> str:
    """The interval of a finding, or what 90 of 100 random splits give."""
    if finding.low is None or finding.high is None:
        return "–"
    return f"{finding.low:.3g} to {finding.high:.3g}"


def draw(chart: Chart) -> str:
    """A chart as inline SVG; colours come from the page around it."""
    low, high = chart.edges[0], chart.edges[-1]
    # A released split may lie outside of what the bins hold.
    low, high = min([low, *chart.marks.values()]), max([high, *chart.marks.values()])
    highest = max(0.01, *(max(shares) for shares in chart.series.values()))

    def x(value: float) -> float:
        return _LEFT + (value - low) / (high - low) * (_WIDTH - _LEFT - _RIGHT)

    def y(share: float) -> float:
        return _HEIGHT - _BOTTOM - share / highest * (_HEIGHT - _BOTTOM - _TOP)

    step = _step((high - low) / _TICKS)
    parts = [
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" class="chart" '
        f'aria-label="{escape(chart.title)}">'
    ]
    for share in (0, highest / 2, highest):
        parts.append(
            f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y(share):.1f}" '
            f'y2="{y(share):.1f}"/><text class="side" x="{_LEFT - 6}" y="{y(share) + 4:.1f}">'
            f"{100 * share:.0f} %</text>"
        )
    for k in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1):
        parts.append(
            f'<text class="tick" x="{x(k * step):.1f}" y="{_HEIGHT - _BOTTOM + 16}">'
            f"{k * step:.6g}</text>"
        )
    for place, (name, shares) in enumerate(chart.series.items()):
        path = f"M{x(chart.edges[0]):.1f},{y(0):.1f}" + "".join(
            f"V{y(share):.1f}H{x(edge):.1f}"
            for share, edge in zip(shares, chart.edges[1:], strict=True)
        )
        parts.append(
            f'<path class="series s{place % 4}" d="{path}V{y(0):.1f}">'
            f"<title>{escape(name)}</title></path>"
        )
    for place, (name, value) in enumerate(chart.marks.items(), start=len(chart.series)):
        parts.append(
            f'<path class="series s{place % 4}" d="M{x(value):.1f},{y(0):.1f}V{_TOP}">'
            f"<title>{escape(name)}: {value:.3g}</title></path>"
        )
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    parts.append(
        f'<text class="tick" x="{middle}" y="{_HEIGHT - 6}">{escape(chart.axis)}</text></svg>'
    )
    return "".join(parts)


def _step(least: float) -> float:
    """The smallest of 1, 2 or 5 times a power of 10 that is at least ``least``."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(power * k for k in (1, 2, 5, 10) if power * k >= least * (1 - 1e-9))
