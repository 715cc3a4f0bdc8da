"""The leaderboard document: everything that its tables, for people and for programs, say."""

from __future__ import annotations

from typing import ClassVar

from idfd.benchmark.bootstrap import Interval
from idfd.benchmark.results import ModelFacts, ProtocolFacts, ReleaseFacts
from idfd.model.schema import Document, Record


class SeedRow(Record, frozen=True, kw_only=True):
    """One training of a model that was trained with several seeds."""

    label: str
    metrics: dict[str, Interval]
    pooled: dict[str, float]


class Row(Record, frozen=True, kw_only=True):
    """One model of a board.

    Attributes:
        name: Name of the model, unique in its board.
        facts: The model as its (first) results file describes it.
        metrics: Mean over images with its interval. With several seeds an image's value is the
            mean over the seeds, so that the interval covers images, not seeds.
        pooled: Values over all scored pixels; the mean over seeds.
        seeds: The trainings behind the row; empty where there is one.
        seed_sd: Standard deviation over seeds of each metric's mean, divisor n - 1.
        skipped: Number of images without depth to score.
    """

    name: str
    facts: ModelFacts
    metrics: dict[str, Interval]
    pooled: dict[str, float]
    seeds: tuple[SeedRow, ...]
    seed_sd: dict[str, float]
    skipped: int


class Pair(Record, frozen=True, kw_only=True):
    """Two models on the same images.

    Attributes:
        one: Name of the first model.
        other: Name of the second model.
        difference: Mean of ``one - other`` with its bootstrap interval (of this pair alone).
        p_bootstrap: Two-sided p of the paired bootstrap after Holm's correction over all pairs.
        p_sign_flip: The same of the sign-flip test.
        shown: Both are below ``1 - confidence``.
    """

    one: str
    other: str
    difference: Interval
    p_bootstrap: float
    p_sign_flip: float
    shown: bool


class Place(Record, frozen=True, kw_only=True):
    """A model's rank by one metric.

    Attributes:
        model: Name of the model.
        rank: Rank of its mean; equal means share a rank.
        low: Best rank that the shown differences leave open.
        high: Worst such rank.
        letters: Models that share a letter were not shown to differ.
    """

    model: str
    rank: int
    low: int
    high: int
    letters: str


class Ranking(Record, frozen=True, kw_only=True):
    """The models of a board by one metric, best first, over the ``images`` they all have."""

    metric: str
    images: int
    places: tuple[Place, ...]
    pairs: tuple[Pair, ...]


class Board(Record, frozen=True, kw_only=True):
    """Models that were scored alike, and may be ranked.

    Attributes:
        release: The data; all results of a board have it in common.
        protocol: The rules; likewise.
        reference: Name of the model that the others are compared with.
        rows: Models, best first by the main metric.
        rankings: One for RMSE and one for PSNR, where they were scored.
    """

    release: ReleaseFacts
    protocol: ProtocolFacts
    reference: str
    rows: tuple[Row, ...]
    rankings: tuple[Ranking, ...]


class Leaderboard(Document, frozen=True, kw_only=True):
    """Boards in the order of their first results file; scores of two boards do not compare."""

    SCHEMA: ClassVar[str] = "idfd/leaderboard"
    VERSION: ClassVar[str] = "1.0.0"

    title: str
    warnings: tuple[str, ...]
    boards: tuple[Board, ...]
