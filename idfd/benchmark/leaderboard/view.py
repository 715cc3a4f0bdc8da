"""What the page shows of a board, in the order and form in which it is drawn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from idfd.benchmark.charts import Series, distribution, scatter
from idfd.benchmark.leaderboard.boards import Contest
from idfd.benchmark.leaderboard.documents import Board, Place, Ranking, Row
from idfd.benchmark.leaderboard.gallery import Gallery
from idfd.benchmark.leaderboard.tables import columns, conditions, markdown, ranked
from idfd.benchmark.metrics.registry import KINDS, METRICS, Metric

CHARTED = (
    *("rmse", "rmse_minmax", "abs_rel", "abs_rel_minmax", "kld"),
    *("psnr", "ssim", "defocus_mae"),
)
MOST_IMAGES = 200
"""Rows of the table of images; a larger split would make the page slow, and is in the files."""


@dataclass(frozen=True)
class Cell:
    """A model minus another: the mean, its interval, both p, and 'better', 'worse' or ''."""

    mean: float
    low: float
    high: float
    p_bootstrap: float
    p_sign_flip: float
    verdict: str


@dataclass(frozen=True)
class RankingView:
    """A ranking with the difference of every row of the matrix to every column."""

    ranking: Ranking
    metric: Metric
    places: dict[str, Place]
    cells: dict[tuple[str, str], Cell]
    groups: dict[str, list[str]]


@dataclass(frozen=True)
class Table:
    """The models of one kind of metrics, best first."""

    kind: str
    heading: str
    metrics: list[Metric]
    rows: list[Row]
    pooled: str | None
    ranking: RankingView | None


@dataclass(frozen=True)
class Chart:
    """A drawing with its heading."""

    title: str
    svg: Markup


@dataclass(frozen=True)
class Breakdown:
    """Values of one metric by scene or image (rows) and model (columns); None where not scored."""

    metric: Metric
    models: list[str]
    rows: list[tuple[str, str, list[float | None]]]
    left_out: int = 0


@dataclass(frozen=True)
class BoardView:
    """Everything that the page shows of a board."""

    board: Board
    conditions: str
    tables: list[Table]
    distributions: list[Chart]
    scatters: list[Chart]
    scenes: list[Breakdown]
    images: list[Breakdown]
    gallery: Gallery
    markdown: str

    @property
    def legacy(self) -> bool:
        """Whether the scores are for comparison with published tables only."""
        return self.board.protocol.kind == "legacy"


def view(contest: Contest, gallery: Gallery) -> BoardView:
    """Arrange a contest for the page."""
    board = contest.board
    metrics = columns(board)
    rankings = {one.metric: _ranking(one) for one in board.rankings}
    main = [METRICS[name] for name in rankings]
    return BoardView(
        board=board,
        conditions=conditions(board),
        tables=[
            table
            for kind, heading in KINDS.items()
            if (table := _table(board, kind, heading, metrics, rankings)).rows
        ],
        distributions=[
            _distribution(contest, name) for name in CHARTED if METRICS[name] in metrics
        ],
        scatters=[chart for metric in main for chart in _scatters(contest, metric)],
        scenes=[_scenes(contest, metric) for metric in main],
        images=[_images(contest, metric) for metric in main],
        gallery=gallery,
        markdown=markdown(board),
    )


def _ranking(ranking: Ranking) -> RankingView:
    metric = METRICS[ranking.metric]
    cells = {}
    for pair in ranking.pairs:
        gap = pair.difference
        # Where a difference is shown, its sign says which model is better.
        better = (gap.mean > 0) == bool(metric.higher_is_better)
        verdicts = ("better", "worse") if better else ("worse", "better")
        p = (pair.p_bootstrap, pair.p_sign_flip)
        one, other = verdicts if pair.shown else ("", "")
        cells[pair.one, pair.other] = Cell(gap.mean, gap.low, gap.high, *p, one)
        cells[pair.other, pair.one] = Cell(-gap.mean, -gap.high, -gap.low, *p, other)
    groups: dict[str, list[str]] = {}
    for place in ranking.places:
        for letter in place.letters.split():
            groups.setdefault(letter, []).append(place.model)
    return RankingView(ranking, metric, {one.model: one for one in ranking.places}, cells, groups)


def _table(
    board: Board,
    kind: str,
    heading: str,
    metrics: list[Metric],
    rankings: dict[str, RankingView],
) -> Table:
    shown = [metric for metric in metrics if metric.kind == kind]
    ranking = next((one for one in rankings.values() if one.metric.kind == kind), None)
    rows = ranked(board, shown)
    pooled = {name for row in rows for name in row.pooled} & {metric.name for metric in shown}
    return Table(kind, heading, shown, rows, min(pooled, default=None), ranking)


def _distribution(contest: Contest, name: str) -> Chart:
    series = [
        Series(row.name, np.array(list(contest.values[row.name][name].values())), row.metrics[name])
        for row in contest.board.rows
        if name in row.metrics
    ]
    return Chart(METRICS[name].title, distribution(series, METRICS[name]))


def _scatters(contest: Contest, metric: Metric) -> list[Chart]:
    names, ids, values = contest.table(metric.name)
    reference = contest.board.reference
    if reference not in names or not ids:
        return []
    theirs = values[:, names.index(reference)]
    return [
        Chart(
            f"{name}: {metric.title}",
            scatter(theirs, values[:, column], ids, (reference, name), metric),
        )
        for column, name in enumerate(names)
        if name != reference
    ]


def _scenes(contest: Contest, metric: Metric) -> Breakdown:
    names, ids, values = contest.table(metric.name)
    places: dict[str, list[int]] = {}
    for place, one in enumerate(ids):
        places.setdefault(contest.scenes[one], []).append(place)
    rows = [
        (scene, str(len(inside)), [float(value) for value in values[inside].mean(axis=0)])
        for scene, inside in sorted(places.items())
    ]
    return Breakdown(metric, names, [(scene, count, list(means)) for scene, count, means in rows])


def _images(contest: Contest, metric: Metric) -> Breakdown:
    names = [row.name for row in contest.board.rows if metric.name in row.metrics]
    rows = []
    for one, scene in contest.scenes.items():
        values = [contest.values[name][metric.name].get(one) for name in names]
        if any(value is not None for value in values):
            rows.append((one, scene, values))
    return Breakdown(metric, names, rows[:MOST_IMAGES], max(0, len(rows) - MOST_IMAGES))
