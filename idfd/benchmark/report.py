"""One portable HTML page over one or many results."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from idfd.benchmark import compare
from idfd.benchmark.bootstrap import Interval
from idfd.benchmark.charts import Series, distribution
from idfd.benchmark.metrics.registry import METRICS, Metric, main_metric
from idfd.benchmark.results import Results
from idfd.benchmark.thumbnails import INDEX, Pictures, PictureSet, View, pictures_folder
from idfd.errors import InputError, SchemaError
from idfd.model.schema import load
from idfd.processing.pictures import color_stops
from idfd.storage.durable import write_bytes

VIEWS: dict[View, str] = {
    "defocused": "Defocused photo",
    "all_in_focus": "All-in-focus photo",
    "truth": "True depth",
    "depth": "Predicted depth",
    "depth_error": "Absolute depth error",
    "restored": "Deblurred photo",
    "restored_error": "Absolute photo error",
}


@dataclass(frozen=True)
class Picture:
    """A view with its caption and the image as a ``data:`` address."""

    caption: str
    address: str


@dataclass(frozen=True)
class Example:
    """The pictures of one image, and where they stand in the distribution."""

    facts: PictureSet
    metric: Metric
    pictures: list[Picture]


@dataclass(frozen=True)
class Entry:
    """One model's part of the page."""

    results: Results
    difference: Interval | None
    examples: list[Example]


@dataclass(frozen=True)
class Scored:
    """A results file and the pictures beside it; ``stale`` ones belong to other results."""

    results: Results
    examples: list[Example]
    stale: bool = False


def read_results(path: Path) -> Scored:
    """Read a results file and the pictures beside it.

    Raises:
        InputError: There is no such file, or a picture is missing.
        SchemaError: Not a results file, or one that scores nothing.
    """
    results = load(Results, path)
    unknown = sorted(results.metrics.keys() - METRICS.keys())
    if unknown or not results.metrics.keys() & {"rmse", "psnr"}:
        raise SchemaError(
            f"the results hold the metrics {sorted(results.metrics)}",
            where=path,
            limit=f"RMSE or PSNR among {', '.join(METRICS)}",
        )
    folder = pictures_folder(path)
    if not (folder / INDEX).exists():
        return Scored(results, [])
    index = load(Pictures, folder / INDEX)
    if index.created != results.created:
        return Scored(results, [], stale=True)
    return Scored(results, [_example(facts, folder) for facts in index.sets])


def _example(facts: PictureSet, folder: Path) -> Example:
    pictures = []
    for view, caption in VIEWS.items():
        if view not in facts.files:
            continue
        path = folder / Path(facts.files[view]).name
        try:
            data = path.read_bytes()
        except OSError as error:
            raise InputError(
                f"cannot be read ({error.strerror})",
                where=path,
                remedy="Evaluate again to draw the pictures anew",
            ) from None
        kind = "png" if path.suffix == ".png" else "jpeg"
        text = base64.b64encode(data).decode("ascii")
        pictures.append(Picture(caption, f"data:image/{kind};base64,{text}"))
    return Example(facts, METRICS[facts.metric], pictures)


def render(scored: list[Scored], title: str = "Benchmark report") -> str:
    """Render results as one HTML page without external requests.

    Args:
        scored: Results and their pictures, as :func:`read_results` gives them; the first one
            is the reference of paired differences.
        title: Heading of the page.
    """
    from jinja2 import Environment, StrictUndefined

    everything = [one.results for one in scored]
    used = {name for results in everything for name in results.metrics}
    main = main_metric(used)
    entries = [
        Entry(
            one.results,
            compare.difference(one.results, everything[0], main.name) if number else None,
            one.examples,
        )
        for number, one in enumerate(scored)
    ]
    warnings = compare.warnings(everything) + [
        f"The pictures of {one.results.model.name} belong to an earlier evaluation and were left "
        "out; evaluate again to draw them."
        for one in scored
        if one.stale
    ]
    # Names come from files of others, so that escaping must not hang on the template's suffix.
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    source = resources.files("idfd.benchmark") / "templates" / "report.html.j2"
    return environment.from_string(source.read_text(encoding="utf-8")).render(
        title=title,
        entries=entries,
        metrics=[metric for name, metric in METRICS.items() if name in used],
        main=main,
        warnings=warnings,
        charts=_charts(everything),
        stops={"depth": color_stops("depth"), "error": color_stops("error")},
    )


def _charts(everything: list[Results]) -> list[dict[str, Any]]:
    charts = []
    for name in ("rmse", "abs_rel", "psnr", "ssim"):
        series = [
            Series(
                results.model.name,
                np.array([r.metrics[name] for r in results.images if name in r.metrics]),
                results.metrics[name],
            )
            for results in everything
            if name in results.metrics
        ]
        if series:
            charts.append({"metric": METRICS[name], "svg": distribution(series, METRICS[name])})
    return charts


def write_report(results: list[Path], output: Path, title: str = "Benchmark report") -> None:
    """Write the report over results files to ``output``.

    Raises:
        InputError: A file is missing.
        SchemaError: A file is not a results file; see :func:`read_results`.
        StorageError: The page cannot be written.
    """
    page = render([read_results(path) for path in results], title)
    write_bytes(output, page.encode("utf-8"))
