"""Several trainings of one model that differ in their seed alone, as one result."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from idfd.benchmark.bootstrap import Interval, mean_interval
from idfd.benchmark.compare import comparable
from idfd.benchmark.metrics.registry import METRICS
from idfd.benchmark.protocol import load_protocol
from idfd.benchmark.results import Results
from idfd.errors import InputError

_NAME = re.compile(r"(?P<model>.*\S)[\s_-]+(?:seed[\s_-]?|s)(?P<seed>\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Combined:
    """One model over its seeds.

    Attributes:
        name: Name of the model, without the seed.
        results: The results behind it, by rising seed.
        seeds: Their seeds; empty for a model without one.
        values: Value of each image, by metric and image id: the mean over the seeds, of images
            that all of them could score.
        metrics: Mean of these with its interval, which is about other images, not about other
            seeds.
        seed_sd: Standard deviation over the seeds of each metric's mean, divisor n - 1; empty
            with one seed.
        pooled: Values over all scored pixels, mean over the seeds.
        last_image: Scores of the last image alone, mean over the seeds.
    """

    name: str
    results: tuple[Results, ...]
    seeds: tuple[int, ...]
    values: dict[str, dict[str, float]]
    metrics: dict[str, Interval]
    seed_sd: dict[str, float]
    pooled: dict[str, float]
    last_image: dict[str, float]

    @property
    def first(self) -> Results:
        """Results of the first seed; all but the scores and the seed are those of the others."""
        return self.results[0]


def split_name(name: str) -> tuple[str, int | None]:
    """Take the seed off a model's name.

    Example:
        >>> split_name("2hded-seed3"), split_name("net s1"), split_name("median-depth")
        (('2hded', 3), ('net', 1), ('median-depth', None))
    """
    match = _NAME.fullmatch(name)
    return (match["model"], int(match["seed"])) if match else (name, None)


def seed_of(results: Results) -> int | None:
    """The seed of a training, or the number in the model's name; None where there is none."""
    training = results.model.training
    return training.seed if training else split_name(results.model.name)[1]


def have_own_seeds(results: Sequence[Results]) -> bool:
    """Whether every result has a seed, and no two have the same."""
    seeds = {seed_of(one) for one in results}
    return None not in seeds and len(seeds) == len(results)


def by_recipe(results: Sequence[Results]) -> list[list[int]]:
    """Find the results that differ in nothing but the seed.

    They were scored alike, have one name but for the seed, and were trained alike: the same
    network, settings, precision, encoder start and release. Of models without training facts,
    such as predictions from files, only the name is known: ``net-seed0`` and ``net-seed1``.

    Returns:
        Indices into ``results`` for each recipe, in the order given. Two of one recipe may have
        the same seed, or none.
    """
    found: dict[bytes, list[int]] = {}
    for index, one in enumerate(results):
        found.setdefault(_recipe(one), []).append(index)
    return list(found.values())


def group(results: Sequence[Results]) -> list[Combined]:
    """Put the seeds of each model together, in the order in which the models are given.

    Raises:
        InputError: As for :func:`combine`.
    """
    return [combine([results[index] for index in indices]) for indices in by_recipe(results)]


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
    if len(results) > 1:
        _check(results)
    seeds = {index: seed for index, one in enumerate(results) if (seed := seed_of(one)) is not None}
    order = sorted(seeds, key=seeds.__getitem__)
    ordered = tuple(results[index] for index in order) or tuple(results)
    first = ordered[0]
    values = _values(ordered)
    metrics, spread = first.metrics, {}
    if len(ordered) > 1:
        shared = [name for name in METRICS if values.get(name)]
        metrics = {name: _interval(values[name], first.protocol.confidence) for name in shared}
        spread = {
            name: float(np.std([one.metrics[name].mean for one in ordered], ddof=1))
            for name in shared
        }
    return Combined(
        name=split_name(first.model.name)[0],
        results=ordered,
        seeds=tuple(seeds[index] for index in order),
        values=values,
        metrics=metrics,
        seed_sd=spread,
        pooled=_means([one.pooled for one in ordered]),
        last_image=_means([one.last_image for one in ordered]),
    )


def _check(results: Sequence[Results]) -> None:
    name = results[0].model.name
    if not have_own_seeds(results):
        told = ", ".join("none" if (s := seed_of(one)) is None else str(s) for one in results)
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
        parts += [facts.depth_kind, facts.train_images, facts.precision, settings]
    return msgspec.json.encode(parts, order="sorted")


def _values(results: Sequence[Results]) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, list[float]]] = {}
    for one in results:
        for image in one.images:
            for metric, value in image.metrics.items():
                found.setdefault(metric, {}).setdefault(image.id, []).append(value)
    return {
        metric: {
            one: float(np.mean(numbers))
            for one, numbers in images.items()
            if len(numbers) == len(results)
        }
        for metric, images in found.items()
    }


def _interval(values: dict[str, float], confidence: float) -> Interval:
    rules = load_protocol().protocol.bootstrap
    return mean_interval(
        np.array(list(values.values()), np.float64),
        resamples=rules.resamples,
        confidence=confidence,
        seed=rules.seed,
    )


def _means(values: Sequence[dict[str, float]]) -> dict[str, float]:
    names = [name for name in values[0] if all(name in one for one in values)]
    return {name: float(np.mean([one[name] for one in values])) for name in names}
