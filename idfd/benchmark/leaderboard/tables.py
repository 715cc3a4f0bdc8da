"""The leaderboard for papers and programs: JSON, CSV and Markdown."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

from idfd.benchmark.leaderboard.documents import Board, Leaderboard, Row
from idfd.benchmark.metrics.registry import KINDS, METRICS, Metric
from idfd.benchmark.names import csv_text, markdown_text
from idfd.errors import InputError
from idfd.model.schema import encode

_COLUMNS = (
    *("release", "version", "digest", "split", "depth_kind", "protocol", "protocol_sha256", "mask"),
    *("model", "metric", "unit", "mean", "low", "high", "images", "seeds", "seed_sd"),
    *("rank", "rank_low", "rank_high", "letters"),
)


def writer(path: Path) -> Callable[[Leaderboard], bytes]:
    """The function that encodes a leaderboard for a file's suffix.

    Raises:
        InputError: There is none.
    """
    found = _WRITERS.get(path.suffix.lower())
    if found is None:
        raise InputError(
            f"no table can be written as '{path.suffix}'",
            where=path,
            limit=f"a name that ends in one of {', '.join(_WRITERS)}",
        )
    return found


def columns(board: Board) -> list[Metric]:
    """Metrics that any model of a board has, in the registry's order."""
    used = {name for row in board.rows for name in row.metrics}
    return [metric for name, metric in METRICS.items() if name in used]


def ranked(board: Board, metrics: list[Metric]) -> list[Row]:
    """Models that have any of the metrics of one kind, best first by the one that ranks them."""
    names = {metric.name for metric in metrics}
    ranks = {
        place.model: place.rank
        for ranking in board.rankings
        if ranking.metric in names
        for place in ranking.places
    }
    rows = [row for row in board.rows if names & row.metrics.keys()]
    return sorted(rows, key=lambda row: ranks.get(row.name, len(rows) + 1))


def conditions(board: Board) -> str:
    """One line that says what the scores of a board have in common."""
    release, protocol = board.release, board.protocol
    split = f"split {release.split}" if release.split else "whole release"
    return (
        f"{release.name} {release.version} ({release.digest[:8]}), {split}, "
        f"{release.depth_kind} depth, protocol {protocol.name} ({protocol.sha256[:8]}), "
        f"mask {protocol.mask}"
    )


def markdown(board: Board) -> str:
    """A board as Markdown tables, one for each kind of metrics.

    Every cell holds the mean and its interval; with several seeds the standard deviation over
    them follows after ±.
    """
    parts = [f"{conditions(board)}; {100 * board.protocol.confidence:g} % intervals over images."]
    for kind in KINDS:
        metrics = [metric for metric in columns(board) if metric.kind == kind]
        rows = ranked(board, metrics)
        if not rows:
            continue
        lines = [["Model", *(metric.heading for metric in metrics)]]
        lines += [
            [markdown_text(row.name), *(_cell(row, metric) for metric in metrics)] for row in rows
        ]
        lines.insert(1, ["---"] + ["---:"] * len(metrics))
        parts.append("\n".join(f"| {' | '.join(line)} |" for line in lines))
    return "\n\n".join(parts) + "\n"


def _cell(row: Row, metric: Metric) -> str:
    value = row.metrics.get(metric.name)
    if value is None:
        return "–"
    spread = f" ± {metric.format(row.seed_sd[metric.name])}" if row.seeds else ""
    low, high = metric.format(value.low), metric.format(value.high)
    return f"{metric.format(value.mean)}{spread} [{low}, {high}]"


def _markdown(leaderboard: Leaderboard) -> bytes:
    warnings = "".join(f"> {markdown_text(warning)}\n>\n" for warning in leaderboard.warnings)
    text = "\n".join(markdown(board) for board in leaderboard.boards)
    return f"# {markdown_text(leaderboard.title)}\n\n{warnings}\n{text}".encode()


def _csv(leaderboard: Leaderboard) -> bytes:
    """One line for each model and metric, so that boards with other metrics share a file."""
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerow(_COLUMNS)
    for board in leaderboard.boards:
        release, protocol = board.release, board.protocol
        places = {
            (ranking.metric, place.model): place
            for ranking in board.rankings
            for place in ranking.places
        }
        for row in board.rows:
            for metric in columns(board):
                value = row.metrics.get(metric.name)
                if value is None:
                    continue
                place = places.get((metric.name, row.name))
                table.writerow(
                    [release.name, release.version, release.digest, release.split or ""]
                    + [release.depth_kind, protocol.name, protocol.sha256, protocol.mask]
                    + [csv_text(row.name), metric.name, metric.unit]
                    + [value.mean, value.low, value.high, value.images]
                    + [len(row.seeds) or 1, row.seed_sd.get(metric.name, "")]
                    + ([place.rank, place.low, place.high, place.letters] if place else [""] * 4)
                )
    return text.getvalue().encode()


_WRITERS: dict[str, Callable[[Leaderboard], bytes]] = {
    ".json": encode,
    ".csv": _csv,
    ".md": _markdown,
}
