"""Compare several results: what keeps them from being comparable, and paired differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from idfd.benchmark.bootstrap import Interval, paired_difference
from idfd.benchmark.protocol import load_protocol
from idfd.benchmark.results import Results

_FACTS: tuple[tuple[str, Callable[[Results], object]], ...] = (
    ("releases", lambda r: f"{r.release.name} {r.release.version} ({r.release.digest[:8]})"),
    ("splits", lambda r: r.release.split or "whole release"),
    ("depth maps", lambda r: r.release.depth_kind),
    ("protocols", lambda r: f"{r.protocol.name} ({r.protocol.sha256[:8]})"),
    ("masks", lambda r: r.protocol.mask),
)


def warnings(results: Sequence[Results]) -> list[str]:
    """Sentences about what keeps the results from being compared, for the reader.

    Args:
        results: Results in the order of the report.

    Returns:
        One sentence per fact that differs, per custom protocol and per skipped image set.
    """
    found = []
    for name, fact in _FACTS:
        values = list(dict.fromkeys(str(fact(one)) for one in results))
        if len(values) > 1:
            found.append(
                f"The {name} differ ({'; '.join(values)}): these scores cannot be compared."
            )
    for one in results:
        if one.protocol.custom:
            found.append(
                f"{one.model.name} was scored under the custom protocol {one.protocol.name}, "
                "not under a published one."
            )
        if one.skipped:
            found.append(
                f"{one.model.name}: {len(one.skipped)} of {one.release.images} images have no "
                f"{one.protocol.mask} depth in range and were left out of the depth scores."
            )
    return found


def comparable(one: Results, other: Results) -> bool:
    """Whether release content, split, depth maps, protocol and mask are the same."""
    return all(fact(one) == fact(other) for _, fact in _FACTS) and (
        (one.release.digest, one.protocol.sha256) == (other.release.digest, other.protocol.sha256)
    )


def difference(one: Results, reference: Results, metric: str) -> Interval | None:
    """Paired difference ``one - reference`` of a metric over the images that both have.

    Returns:
        Mean difference with its bootstrap interval at idfd's default settings; None where the
        results are not comparable or share no image.
    """
    if not comparable(one, reference):
        return None
    theirs = {row.id: row.metrics for row in reference.images}
    pairs = [
        (row.metrics[metric], theirs[row.id][metric])
        for row in one.images
        if metric in row.metrics and metric in theirs.get(row.id, {})
    ]
    if not pairs:
        return None
    values, others = np.array(pairs, np.float64).T
    rules = load_protocol().protocol.bootstrap
    return paired_difference(
        values,
        others,
        resamples=rules.resamples,
        confidence=one.protocol.confidence,
        seed=rules.seed,
    )
