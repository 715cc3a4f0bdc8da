"""What keeps several results from being compared, and what to know of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from idfd.benchmark.results import Results

_FACTS: tuple[tuple[str, Callable[[Results], object]], ...] = (
    ("releases", lambda r: f"{r.release.name} {r.release.version} ({r.release.digest[:8]})"),
    ("splits", lambda r: r.release.split or "whole release"),
    ("depth maps", lambda r: r.release.depth_kind),
    ("protocols", lambda r: f"{r.protocol.name} ({r.protocol.sha256[:8]})"),
    ("masks", lambda r: r.protocol.mask),
)


def warnings(results: Sequence[Results]) -> list[str]:
    """Sentences about what keeps the results from being compared or trusted, for the reader.

    Args:
        results: Results in the order of the report.

    Returns:
        One sentence per fact that differs, then the :func:`notes`.
    """
    found = []
    for name, fact in _FACTS:
        values = list(dict.fromkeys(str(fact(one)) for one in results))
        if len(values) > 1:
            found.append(
                f"The {name} differ ({'; '.join(values)}): these scores cannot be compared."
            )
    return found + notes(results)


def notes(results: Sequence[Results]) -> list[str]:
    """Sentences about single results: custom protocols, images without depth, and their warnings.

    Models that a sentence holds for share it.
    """
    said: dict[str, list[str]] = {}
    for one in results:
        for sentence in _about(one):
            models = said.setdefault(sentence, [])
            if one.model.name not in models:
                models.append(one.model.name)
    return [f"{', '.join(models)}: {sentence}" for sentence, models in said.items()]


def _about(one: Results) -> list[str]:
    found = list(one.warnings)
    if one.protocol.custom:
        found.append(
            f"scored under the custom protocol {one.protocol.name}, not under a published one."
        )
    if one.skipped:
        found.append(
            f"{len(one.skipped)} of {one.release.images} images have no {one.protocol.mask} depth "
            "in range and were left out of the depth scores."
        )
    return found


def comparable(one: Results, other: Results) -> bool:
    """Whether release content, split, depth maps, protocol and mask are the same."""
    return all(fact(one) == fact(other) for _, fact in _FACTS) and (
        (one.release.digest, one.protocol.sha256) == (other.release.digest, other.protocol.sha256)
    )
