"""Are the splits alike in depth, blur and environments, as far as chance would make them?"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from idfd.benchmark.validation.groups import Groups, null_chart, tested
from idfd.benchmark.validation.permutation import permutation_test
from idfd.benchmark.validation.survey import BLUR_EDGES, DEPTH_EDGES, Sight, Survey, sizes
from idfd.release.validation import Chart, CheckResult, Finding, Permutations, worst

LEAST_GROUPS = 2.0
"""A split of fewer effective groups shows one scene, not new scenes."""
_CHART_BINS = 5
"""Bins of the survey to one of a chart."""


def wasserstein(
    one: NDArray[np.float64], other: NDArray[np.float64], edges: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Wasserstein-1 distance of histograms: how far mass has to be moved, in units of the edges.

    Args:
        one: Shares, (..., N), that sum to 1.
        other: Shares of the same shape.
        edges: (N + 1,).

    Source: for distributions on a line it is the area between the cumulative distributions
    (Vallender, "Calculation of the Wasserstein distance between probability distributions on the
    line", 1974).

    Example:
        >>> float(wasserstein(np.array([1.0, 0, 0]), np.array([0, 0, 1.0]), np.arange(4.0)))
        2.0
    """
    difference = np.cumsum(one - other, axis=-1)
    return np.asarray((np.abs(difference) * np.diff(edges)).sum(axis=-1))


def jensen_shannon(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Jensen-Shannon divergence of two histograms in bits: 0 for equal, 1 for disjoint ones.

    Source: Lin, "Divergence measures based on the Shannon entropy", 1991.

    Example:
        >>> jensen_shannon(np.array([1.0, 0]), np.array([0, 1.0]))
        1.0
    """
    middle = (one + other) / 2

    def entropy(shares: NDArray[np.float64]) -> float:
        filled = shares[shares > 0]
        return float(-(filled * np.log2(filled)).sum())

    return entropy(middle) - (entropy(one) + entropy(other)) / 2


def check_parity(survey: Survey, groups: Groups) -> CheckResult:
    """Hold the distances between the splits against those of random splits of the same groups.

    Every triple counts the same, however many of its pixels have depth. Environments are compared
    by total variation, the share of triples that would have to change theirs.
    """
    found = sizes(survey.members, survey.records)
    findings = [_effective(split, size.effective_groups) for split, size in found.items()]
    if not groups.pairs:
        return CheckResult(
            name="parity",
            verdict="skipped",
            summary="No two splits hold a scene group of their own to compare.",
            findings=tuple(findings),
        )
    columns: list[tuple[str, str, tuple[int, int], NDArray[np.float64], str]] = []
    missing: list[str] = []
    for name, unit, edges, pick in (
        ("distance of depths", "m", DEPTH_EDGES, _depth),
        ("distance of blurs", "px", BLUR_EDGES, _blur),
    ):
        sums, counts = _sums(survey, groups, pick)
        if not counts.all():
            without = ", ".join(np.array(groups.names)[counts == 0][:3])
            missing.append(f"{name}: not compared, because scene group {without} has none to show")
            continue
        for pair in groups.pairs:
            one, other = (_of_split(groups, sums, counts, split) for split in pair)
            note = _describe(one[0], other[0], edges, unit)
            columns.append((name, unit, pair, wasserstein(one, other, edges), note))
    shares, counts = _environments(survey, groups)
    for pair in groups.pairs if shares.shape[1] > 1 else ():
        one, other = (_of_split(groups, shares, counts, split) for split in pair)
        distance = np.abs(one - other).sum(axis=1) / 2
        columns.append(("distance of environments", "", pair, distance, ""))
    charts = [*_histograms(survey)]
    permutations: Permutations | None = None
    if columns:
        result = permutation_test(np.stack([values for *_, values, _ in columns], axis=1))
        for k, (name, unit, pair, values, note) in enumerate(columns):
            findings.append(tested(name, unit, groups, pair, values, result, k, note))
            title = f"{name.capitalize()} between {groups.label(pair)}"
            charts.append(null_chart(title, f"{name} ({unit or 'share'})", values))
        permutations = groups.permutations(
            "Wasserstein-1 distance of depth and blur, total variation of environments",
            result.smallest,
        )
    return CheckResult(
        name="parity",
        # That splits are large enough is no verdict on their likeness.
        verdict=worst(f.verdict for f in findings if f.p is not None or f.verdict == "warn"),
        summary=_summary(findings),
        findings=tuple(findings),
        permutations=permutations,
        notes=(f"Blur is taken from {survey.blur_from}.", *_cut_note(survey), *missing),
        charts=tuple(charts),
    )


def _summary(findings: list[Finding]) -> str:
    small = [f"'{f.where}'" for f in findings if f.p is None and f.verdict == "warn"]
    text = f"In effect one scene makes up {', '.join(small)}. " if small else ""
    bad = [
        f"{f.name} of {f.where}, {f.value:.3g} {f.unit}".rstrip()
        for f in findings
        if f.p is not None and f.verdict in ("warn", "fail")
    ]
    if bad:
        return f"{text}Larger than chance makes it: {'; '.join(bad)}."
    if any(f.verdict == "skipped" for f in findings):
        return f"{text}There are too few scene groups to tell a difference from chance."
    return f"{text}The splits differ no more than random splits of the same scene groups."


def _cut_note(survey: Survey) -> tuple[str, ...]:
    if not survey.cut:
        return ()
    names = ", ".join(survey.cut)
    return (f"Scene groups that stand in two splits count for the one with most of them: {names}.",)


def _effective(split: str, number: float) -> Finding:
    return Finding(
        name="effective scene groups",
        where=split,
        value=number,
        limit=f"at least {LEAST_GROUPS:g}",
        verdict="pass" if number >= LEAST_GROUPS else "warn",
        note="" if number >= LEAST_GROUPS else "scores on it tell of one scene, not of new ones",
    )


def _depth(sight: Sight) -> NDArray[np.float64]:
    return sight.depth


def _blur(sight: Sight) -> NDArray[np.float64]:
    return sight.blur


def _sums(
    survey: Survey, groups: Groups, pick: Callable[[Sight], NDArray[np.float64]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sum of the histograms of each group, (G, N), and how many triples have one, (G,)."""
    parts = [np.stack([pick(sight) for sight in survey.of_group(name)]) for name in groups.names]
    return (
        np.stack([part.sum(axis=0) for part in parts]),
        np.array([part.any(axis=1).sum() for part in parts], np.float64),
    )


def _environments(
    survey: Survey, groups: Groups
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    names = sorted({record.environment for record in survey.records.values()})
    counts = np.zeros((len(groups.names), len(names)))
    for take in (take for takes in survey.members.values() for take in takes):
        record = survey.records[take]
        counts[groups.names.index(record.group), names.index(record.environment)] += 1
    return counts, counts.sum(axis=1)


def _of_split(
    groups: Groups, sums: NDArray[np.float64], counts: NDArray[np.float64], split: int
) -> NDArray[np.float64]:
    """Mean histogram of a split under each assignment, (B, N)."""
    inside = (groups.ways.labels == split).astype(np.float64)
    return np.asarray(inside @ sums / (inside @ counts)[:, None])


def _describe(
    one: NDArray[np.float64], other: NDArray[np.float64], edges: NDArray[np.float64], unit: str
) -> str:
    middles = (edges[:-1] + edges[1:]) / 2
    return (
        f"means {one @ middles:.2f} and {other @ middles:.2f} {unit}, Jensen-Shannon divergence "
        f"{jensen_shannon(one, other):.3f} bit"
    )


def _histograms(survey: Survey) -> list[Chart]:
    charts = []
    for title, axis, edges, pick in (
        ("Depth by split", "depth (m)", DEPTH_EDGES, _depth),
        ("Blur by split", "blur (px)", BLUR_EDGES, _blur),
    ):
        series = {}
        for split, takes in survey.members.items():
            total = sum((pick(survey.sights[take]) for take in takes), np.zeros(len(edges) - 1))
            shares = total.reshape(-1, _CHART_BINS).sum(axis=1)
            series[split] = np.round(shares / max(shares.sum(), 1e-12), 5)
        filled = np.flatnonzero(sum(series.values()))
        end = int(filled[-1]) + 1 if len(filled) else 1
        charts.append(
            Chart(
                title=title,
                axis=axis,
                edges=tuple(np.round(edges[::_CHART_BINS][: end + 1], 6).tolist()),
                series={split: tuple(shares[:end].tolist()) for split, shares in series.items()},
            )
        )
    return charts
