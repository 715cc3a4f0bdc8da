"""Trainings of one model that differ in the seed only."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from idfd.benchmark.results import Results

_NAME = re.compile(r"(?P<model>.*\S)[\s_-]+(?:seed[\s_-]?|s)(?P<seed>\d+)", re.IGNORECASE)


def split_name(name: str) -> tuple[str, int | None]:
    """Take the seed off a model's name.

    Example:
        >>> split_name("2hded-seed3"), split_name("net s1"), split_name("median-depth")
        (('2hded', 3), ('net', 1), ('median-depth', None))
    """
    match = _NAME.fullmatch(name)
    return (match["model"], int(match["seed"])) if match else (name, None)


def group(results: Sequence[Results]) -> dict[str, tuple[int, ...]]:
    """Put the seeds of a model together.

    Trained networks must have the same settings but for the seed, and the same data; of other
    models only the name is known, such as ``net-seed0`` and ``net-seed1``. Two results with the
    same seed are not averaged.

    Args:
        results: Results that were scored alike.

    Returns:
        Indices into ``results`` for each row of a table, by a name that is unique.
    """
    found: dict[object, list[int]] = {}
    for index, one in enumerate(results):
        found.setdefault(_key(one), []).append(index)
    rows: dict[str, tuple[int, ...]] = {}
    for indices in found.values():
        seeds = {seed_of(results[index]) for index in indices}
        if len(indices) > 1 and None not in seeds and len(seeds) == len(indices):
            rows[_free(split_name(results[indices[0]].model.name)[0], rows)] = tuple(indices)
        else:
            for index in indices:
                rows[_free(results[index].model.name, rows)] = (index,)
    return rows


def _key(results: Results) -> object:
    model = results.model
    parts: list[object] = [split_name(model.name)[0], model.origin, model.predicts]
    facts = model.training
    if facts is not None:
        settings = {name: value for name, value in facts.settings.items() if name != "seed"}
        parts += [facts.network, facts.trained_heads, facts.encoder, facts.release_digest]
        parts += [facts.depth_kind, facts.train_images, settings]
    return msgspec.json.encode(parts, order="sorted")


def seed_of(results: Results) -> int | None:
    """The seed of a training, or the number in the model's name; None where there is none."""
    training = results.model.training
    return training.seed if training else split_name(results.model.name)[1]


def _free(name: str, taken: dict[str, tuple[int, ...]]) -> str:
    number, candidate = 1, name
    while candidate in taken:
        number += 1
        candidate = f"{name} ({number})"
    return candidate
