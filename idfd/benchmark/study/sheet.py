"""The tables of a study as Markdown, HTML and CSV."""

from __future__ import annotations

import base64
import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from idfd.benchmark.metrics.registry import METRICS
from idfd.benchmark.names import csv_text, markdown_text
from idfd.benchmark.seeds import Combined
from idfd.storage.durable import write_bytes

NONE = "–"
_NUMBERS = (
    "trained_on", "model", "scored_on", "metric", "unit", "value", "low", "high", "images",
    "seed_sd", "seeds", "protocol", "protocol_sha256", "precision", "hardware",
)  # fmt: skip


@dataclass(frozen=True)
class Sheet:
    """One table of texts."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Page:
    """What a study found.

    Attributes:
        title: Of the page.
        sentences: What to know of it, in words.
        sheets: Its tables.
        measured: The models behind them, for the CSV file.
        picture: JPEG below the tables, and what it shows.
    """

    title: str
    sentences: tuple[str, ...]
    sheets: tuple[Sheet, ...]
    measured: tuple[Combined, ...]
    picture: tuple[bytes, str] | None = None


def cell(one: Combined | None, name: str) -> str:
    """Mean over images with its interval, and the standard deviation over seeds.

    Example:
        ``0.981 (0.857–1.111) ± 0.012``
    """
    if one is None or name not in one.metrics:
        return NONE
    write, interval = METRICS[name].format, one.metrics[name]
    text = f"{write(interval.mean)} ({write(interval.low)}–{write(interval.high)})"
    return f"{text} ± {write(one.seed_sd[name])}" if name in one.seed_sd else text


def conditions(one: Combined) -> str:
    """Seeds and hardware of a model, in words."""
    facts = [r.model.training for r in one.results if r.model.training]
    hardware = "; ".join(sorted({f"{fact.hardware}, {fact.precision}" for fact in facts}))
    return f"{len(one.seeds)} seed{'s' if len(one.seeds) > 1 else ''}, {hardware}"


def reading(measured: Iterable[Combined]) -> str:
    """How to read a cell."""
    first = next(iter(measured)).first
    return (
        f"Cells hold the mean over images ({100 * first.protocol.confidence:g} % bootstrap "
        f"interval over images) ± standard deviation over seeds; protocol {first.protocol.name}, "
        f"mask {first.protocol.mask}. {NONE}: not measured."
    )


def write_page(page: Page, folder: Path, name: str) -> list[Path]:
    """Write ``<name>.md``, ``.html``, ``.csv`` and, where there is a picture, ``.jpg``.

    Returns:
        The paths that were written.

    Raises:
        StorageError: They cannot be written.
    """
    files = {
        "md": markdown(page, f"{name}.jpg").encode(),
        "html": html(page).encode(),
        "csv": comma_separated(page.measured).encode(),
    }
    if page.picture is not None:
        files["jpg"] = page.picture[0]
    written = []
    for suffix, data in files.items():
        written.append(folder / f"{name}.{suffix}")
        write_bytes(written[-1], data)
    return written


def markdown(page: Page, picture: str) -> str:
    """The page as Markdown, with a link to its picture."""
    parts = [f"# {markdown_text(page.title)}\n"]
    parts += [f"{markdown_text(sentence)}\n" for sentence in page.sentences]
    for sheet in page.sheets:
        rows = (sheet.headings, ("---",) * len(sheet.headings), *sheet.rows)
        lines = [f"| {' | '.join(_plain(text) for text in row)} |" for row in rows]
        parts.append("\n".join([f"## {markdown_text(sheet.title)}\n", *lines, ""]))
    if page.picture is not None:
        parts.append(f"![{markdown_text(page.picture[1])}]({picture})\n")
    return "\n".join(parts)


def _plain(text: str) -> str:
    return text if text == "---" else markdown_text(text)


def html(page: Page) -> str:
    """The page as HTML without external requests."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    source = resources.files("idfd.benchmark") / "templates" / "study.html.j2"
    picture = None if page.picture is None else base64.b64encode(page.picture[0]).decode()
    return environment.from_string(source.read_text(encoding="utf-8")).render(
        page=page, picture=picture
    )


def comma_separated(measured: Sequence[Combined]) -> str:
    """One line for each number, for programs."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_NUMBERS)
    for one in measured:
        facts, data, protocol = one.first.model.training, one.first.release, one.first.protocol
        assert facts is not None
        for name, interval in one.metrics.items():
            writer.writerow(
                [
                    csv_text(facts.release),
                    csv_text(one.name),
                    csv_text(data.name),
                    name,
                    METRICS[name].unit,
                    interval.mean,
                    interval.low,
                    interval.high,
                    interval.images,
                    one.seed_sd.get(name, ""),
                    " ".join(str(seed) for seed in one.seeds),
                    protocol.name,
                    protocol.sha256,
                    facts.precision,
                    facts.hardware,
                ]
            )
    return text.getvalue()
