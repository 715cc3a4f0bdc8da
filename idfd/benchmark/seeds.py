"""Several trainings of one model that differ in their seed alone, as one result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from idfd.benchmark.bootstrap import Interval, mean_interval
from idfd.benchmark.compare import comparable
from idfd.benchmark.leaderboard.seeds import seed_of, split_name
from idfd.benchmark.metrics.registry import METRICS
from idfd.benchmark.protocol import load_protocol
from idfd.benchmark.results import ImageRow, Results
from idfd.errors import InputError


@dataclass(frozen=True)
class Combined:
    """One model over its seeds.

    Attributes:
        name: Name of the model, without the seed.
        results: The results behind it, by rising seed.
        seeds: Their seeds; empty for a model without one.
        metrics: Mean over images with its interval, by metric. An image's value is the mean over
            the seeds, so that the interval is about other images, not about other seeds.
        seed_sd: Standard deviation over the seeds of each metric's mean, divisor n - 1; empty
            with one seed.
        pooled: Values over all scored pixels, mean over the seeds.
        last_image: Scores of the last image alone, mean over the seeds.
    """

    name: str
    results: tuple[Results, ...]
    seeds: tuple[int, ...]
    metrics: dict[str, Interval]
    seed_sd: dict[str, float]
    pooled: dict[str, float]
    last_image: dict[str, float]

    @property
    def first(self) -> Results:
        """Results of the first seed; all but the scores and the seed are those of the others."""
        return self.results[0]


def group(results: Sequence[Results]) -> list[Combined]:
    """Put the seeds of each model together, in the order in which the models are given.

    Results belong together that were scored alike, have one name but for the seed, and were
    trained alike: the same network, settings, encoder start and release.

    Raises:
        InputError: As for :func:`combine`.
    """
    found: dict[bytes, list[Results]] = {}
    for one in results:
        found.setdefault(_recipe(one), []).append(one)
    return [combine(members) for members in found.values()]


def combine(results: Sequence[Results]) -> Combined:
    """Put results of several seeds of one model together.

    Args:
        results: One or more results on the same images under the same protocol.

    Raises:
        InputError: None given, two of one seed, results without a seed, or results on other
            images or under other rules.
    """
    if not results:
        raise InputError("no results to put together", limit="one or more")
    seeds = [seed_of(one) for one in results]
    if len(results) > 1:
        _check(results, seeds)
    known = sorted((seed, index) for index, seed in enumerate(seeds) if seed is not None)
    ordered = tuple(results[index] for _, index in known) or tuple(results)
    first = ordered[0]
    if len(ordered) == 1:
        metrics, spread = first.metrics, {}
    else:
        shared = [name for name in METRICS if all(name in one.metrics for one in ordered)]
        metrics = {name: _interval(ordered, name) for name in shared}
        spread = {
            name: float(np.std([one.metrics[name].mean for one in ordered], ddof=1))
            for name in shared
        }
    return Combined(
        name=split_name(first.model.name)[0],
        results=ordered,
        seeds=tuple(seed for seed, _ in known),
        metrics=metrics,
        seed_sd=spread,
        pooled=_means([one.pooled for one in ordered]),
        last_image=_means([one.last_image for one in ordered]),
    )


def _check(results: Sequence[Results], seeds: list[int | None]) -> None:
    name = results[0].model.name
    if None in seeds or len(set(seeds)) < len(seeds):
        told = ", ".join("none" if seed is None else str(seed) for seed in seeds)
        raise InputError(
            f"{len(results)} results of model '{name}' have the seeds {told}",
            limit="a seed of its own for each",
            remedy="Leave out the copies, or evaluate with another --name what is another model",
        )
    ids = [row.id for row in results[0].images]
    for one in results[1:]:
        if not comparable(one, results[0]) or [row.id for row in one.images] != ids:
            raise InputError(
                f"the results of '{name}' were not scored alike",
                limit="one release, split, depth kind, protocol and mask",
                remedy="Evaluate all seeds in the same way",
            )


def _recipe(one: Results) -> bytes:
    """Everything but the seed that tells results apart, and tells nothing of their scores."""
    parts: list[object] = [
        split_name(one.model.name)[0],
        one.model.origin,
        one.model.predicts,
        one.release,
        one.protocol,
    ]
    facts = one.model.training
    if facts:
        settings = {name: value for name, value in facts.settings.items() if name != "seed"}
        parts += [facts.network, facts.trained_heads, facts.encoder, facts.release_digest]
        parts += [facts.depth_kind, facts.train_images, settings]
    return msgspec.json.encode(parts, order="sorted")


def _interval(results: Sequence[Results], metric: str) -> Interval:
    rules = load_protocol().protocol.bootstrap
    rows: list[tuple[ImageRow, ...]] = list(zip(*(one.images for one in results), strict=True))
    values = [
        np.mean([row.metrics[metric] for row in image])
        for image in rows
        if all(metric in row.metrics for row in image)
    ]
    return mean_interval(
        np.array(values, np.float64),
        resamples=rules.resamples,
        confidence=results[0].protocol.confidence,
        seed=rules.seed,
    )


def _means(values: Sequence[dict[str, float]]) -> dict[str, float]:
    names = [name for name in values[0] if all(name in one for one in values)]
    return {name: float(np.mean([one[name] for one in values])) for name in names}
