"""The robustness table, for people."""

from __future__ import annotations

from collections.abc import Sequence

from idfd.benchmark.compare import notes
from idfd.benchmark.metrics.registry import METRICS, Metric
from idfd.benchmark.names import markdown_text
from idfd.benchmark.robustness.levels import strength
from idfd.benchmark.robustness.report import RobustnessReport
from idfd.processing.degrade.settings import STRENGTH

SHOWN = (
    *("rmse", "rmse_minmax", "abs_rel", "delta1", "kld"),
    *("psnr", "ssim", "psnr_floor", "defocus_mae"),
)


def shown(report: RobustnessReport) -> tuple[Metric, ...]:
    """The metrics of the table that were scored."""
    return tuple(METRICS[name] for name in SHOWN if name in report.clean.metrics)


def headings(report: RobustnessReport) -> tuple[str, ...]:
    """Of the columns of :func:`rows`."""
    return ("photos", "level", *(metric.heading for metric in shown(report)))


def rows(report: RobustnessReport) -> list[tuple[str, ...]]:
    """One row for the clean photos and one for each level, by kind and rising strength."""
    metrics = shown(report)
    clean = ["clean", "–"]
    for metric in metrics:
        value = report.clean.metrics[metric.name]
        clean.append(_value(metric, value.mean, value.low, value.high))
    table = [tuple(clean)]
    ordered = sorted(
        report.levels, key=lambda one: (one.degradation.kind, strength(one.degradation))
    )
    for one in ordered:
        kind = one.degradation.kind
        cells = [kind, f"{strength(one.degradation):g} {STRENGTH[kind][1]}"]
        for metric in metrics:
            mean, change = one.results.metrics[metric.name].mean, one.change[metric.name]
            cells.append(
                f"{metric.format(mean)}; {_signed(metric, change.mean)} "
                f"({_signed(metric, change.low)} to {_signed(metric, change.high)})"
            )
        table.append(tuple(cells))
    return table


def reading(report: RobustnessReport) -> str:
    """How to read a cell."""
    facts = report.clean
    return (
        f"{facts.model.name} on {facts.release.name} {facts.release.version}"
        + (f", split {facts.release.split}" if facts.release.split else "")
        + f", {facts.release.images} images. Mean over images; of degraded photos also the change "
        f"against the same photos clean, with its {100 * facts.protocol.confidence:g} % bootstrap "
        "interval over images: an interval without 0 is a change that other photos of this kind "
        "would show too."
    )


def markdown(report: RobustnessReport) -> str:
    """The table as Markdown, with the settings of each level."""
    lines = [f"# Robustness of {markdown_text(report.clean.model.name)}", "", reading(report), ""]
    for note in notes([report.clean]):
        lines += [f"**{markdown_text(note)}**", ""]
    columns = headings(report)
    lines += [_row(columns), _row(["---"] * len(columns)), *map(_row, rows(report)), ""]
    for one in report.levels:
        settings = ", ".join(f"{k} {v:g}" for k, v in one.degradation.settings.items())
        lines.append(f"- {one.degradation.kind}: {settings}, seed {one.degradation.seed}")
    return "\n".join(lines) + "\n"


def _value(metric: Metric, mean: float, low: float, high: float) -> str:
    return f"{metric.format(mean)} ({metric.format(low)} to {metric.format(high)})"


def _signed(metric: Metric, value: float) -> str:
    return ("+" if value >= 0 else "−") + metric.format(abs(value))


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(markdown_text(cell) for cell in cells) + " |"
