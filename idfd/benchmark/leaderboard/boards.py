"""From results files to boards: who may be compared with whom, seeds together, ranks."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, replace

import msgspec
import numpy as np

from idfd.benchmark import compare
from idfd.benchmark.bootstrap import Interval
from idfd.benchmark.leaderboard.documents import Board, Pair, Place, Ranking, Row, SeedRow
from idfd.benchmark.leaderboard.significance import compare_pairs, holm, letters, rank_ranges
from idfd.benchmark.metrics.registry import MAIN, METRICS, main_metric
from idfd.benchmark.results import Results
from idfd.benchmark.seeds import Combined, by_recipe, combine, have_own_seeds, split_name


@dataclass(frozen=True)
class Contest:
    """A board with the values of each image behind it.

    Attributes:
        board: The board.
        members: Indices of the results behind each row, by its name.
        values: Value of each image, by row name, metric and image id; means over seeds.
        scenes: Scene of each image, by its id, in the split's order.
    """

    board: Board
    members: dict[str, tuple[int, ...]]
    values: dict[str, dict[str, dict[str, float]]]
    scenes: dict[str, str]

    def ranking(self, metric: str) -> Ranking | None:
        """The ranking by a metric; None where there is none."""
        return next((one for one in self.board.rankings if one.metric == metric), None)

    def shared(self, metric: str) -> tuple[list[str], list[str]]:
        """Rows that have a metric, best first, and the images that all of them have."""
        names = [row.name for row in self.board.rows if metric in row.metrics]
        if not names:
            return [], []
        ids = [one for one in self.scenes if all(one in self.values[n][metric] for n in names)]
        return names, ids

    def table(self, metric: str) -> tuple[list[str], list[str], np.ndarray]:
        """As :meth:`shared`, with the values, (images, models) float64."""
        names, ids = self.shared(metric)
        values = [[self.values[name][metric][one] for name in names] for one in ids]
        return names, ids, np.array(values, np.float64).reshape(len(ids), len(names))


def contests(everything: Sequence[Results]) -> list[Contest]:
    """Group results that were scored alike, put seeds together, and rank each group.

    Args:
        everything: Results in the order in which they were given; the first of a group is the
            reference of the others.

    Returns:
        One contest for each release, split, depth kind, protocol and mask.
    """
    groups: list[list[int]] = []
    for index, one in enumerate(everything):
        for indices in groups:
            if compare.comparable(one, everything[indices[0]]):
                indices.append(index)
                break
        else:
            groups.append([index])
    return [_contest([everything[i] for i in indices], indices) for indices in groups]


def _contest(results: list[Results], indices: list[int]) -> Contest:
    members = _members(results)
    models = {name: combine([results[i] for i in inside]) for name, inside in members.items()}
    rows = [_row(name, model) for name, model in models.items()]
    main = main_metric({name for row in rows for name in row.metrics})
    rows.sort(key=lambda row: _order(row, main.name))
    scenes = {row.id: row.scene for one in results for row in one.images}
    board = Board(
        release=results[0].release,
        protocol=results[0].protocol,
        reference=next(name for name, inside in members.items() if 0 in inside),
        rows=tuple(rows),
        rankings=(),
    )
    told = {name: tuple(indices[i] for i in inside) for name, inside in members.items()}
    values = {name: model.values for name, model in models.items()}
    bare = Contest(board, told, values, scenes)
    found = (_ranking(bare, metric) for metric in MAIN)
    ranked = tuple(one for one in found if one is not None)
    return replace(bare, board=msgspec.structs.replace(board, rankings=ranked))


def _members(results: Sequence[Results]) -> dict[str, tuple[int, ...]]:
    """Results behind each row, by a name of its own; what cannot be averaged stays apart."""
    rows: dict[str, tuple[int, ...]] = {}
    for indices in by_recipe(results):
        if len(indices) > 1 and have_own_seeds([results[i] for i in indices]):
            rows[_free(split_name(results[indices[0]].model.name)[0], rows)] = tuple(indices)
        else:
            for index in indices:
                rows[_free(results[index].model.name, rows)] = (index,)
    return rows


def _free(name: str, taken: Container[str]) -> str:
    number, candidate = 1, name
    while candidate in taken:
        number += 1
        candidate = f"{name} ({number})"
    return candidate


def _order(row: Row, metric: str) -> tuple[bool, float, str]:
    if metric not in row.metrics:
        return True, 0.0, row.name
    mean = row.metrics[metric].mean
    return False, -mean if METRICS[metric].higher_is_better else mean, row.name


def _row(name: str, model: Combined) -> Row:
    # Models without a seed have none to pair with.
    seeds = tuple(
        SeedRow(label=f"seed {seed}", metrics=one.metrics, pooled=one.pooled)
        for seed, one in zip(model.seeds, model.results, strict=False)
    )
    return Row(
        name=name,
        facts=model.first.model,
        metrics=model.metrics,
        pooled=model.pooled,
        seeds=seeds if len(seeds) > 1 else (),
        seed_sd=model.seed_sd,
        skipped=max(len(one.skipped) for one in model.results),
    )


def _ranking(contest: Contest, metric: str) -> Ranking | None:
    names, ids, values = contest.table(metric)
    if not names or not ids:
        return None
    higher = METRICS[metric].higher_is_better
    means = values.mean(axis=0)
    # Best first: letters are given out, and tables sorted, in this order.
    order = np.argsort(-means if higher else means, kind="stable")
    names, values, means = [names[i] for i in order], values[:, order], means[order]
    pairs, different = [], set()
    confidence = contest.board.protocol.confidence
    if len(names) > 1:
        tests = compare_pairs(values, confidence)
        adjusted = [
            holm(np.array([getattr(test, p) for test in tests]))
            for p in ("p_bootstrap", "p_sign_flip")
        ]
        for test, bootstrap, flip in zip(tests, *adjusted, strict=True):
            shown = bool(max(bootstrap, flip) < 1 - confidence)
            if shown:
                different.add((test.one, test.other))
            pairs.append(
                Pair(
                    one=names[test.one],
                    other=names[test.other],
                    difference=Interval(
                        mean=test.mean, low=test.low, high=test.high, images=len(ids)
                    ),
                    p_bootstrap=float(bootstrap),
                    p_sign_flip=float(flip),
                    shown=shown,
                )
            )
    # Sorted by mean, the first of a pair that differs is the better one.
    ranges = rank_ranges(len(names), different)
    groups = letters(len(names), different)
    places = tuple(
        Place(
            model=name,
            rank=1 + int(np.sum(means > mean if higher else means < mean)),
            low=low,
            high=high,
            letters=group_letters,
        )
        for name, mean, (low, high), group_letters in zip(names, means, ranges, groups, strict=True)
    )
    return Ranking(metric=metric, images=len(ids), places=places, pairs=tuple(pairs))
