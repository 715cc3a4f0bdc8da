"""Does what is learned on 'train' hold on the other splits as well as chance allows?

A network cannot be trained hundreds of times, so a light model stands in: ridge regression of the
logarithm of depth on the energies, colours and places of patches of the defocused photo, with
squares and products. It is fitted anew for every assignment of the scene groups to the splits,
which costs next to nothing, because the normal equations of a split are sums over its groups.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from idfd.benchmark.validation.groups import Groups, null_chart, tested
from idfd.benchmark.validation.permutation import WARN_P, permutation_test
from idfd.benchmark.validation.survey import Survey
from idfd.release.validation import CheckResult, Finding, worst

RIDGE = 0.01
"""Weight of the penalty for each patch, on standardised features."""
_CLIP = 3.0
_CHUNK = 500


@dataclass(frozen=True)
class Equations:
    """Normal equations of each of G groups: what least squares needs of its N patches.

    Attributes:
        gram: Sums of products of the F features, (G, F, F).
        moment: Sums of features times target, (G, F).
        square: Sums of squared targets, (G,).
        patches: N of each group, (G,).
    """

    gram: NDArray[np.float64]
    moment: NDArray[np.float64]
    square: NDArray[np.float64]
    patches: NDArray[np.float64]

    def of(self, inside: NDArray[np.float64]) -> Equations:
        """Sums over groups.

        Args:
            inside: 1 for a group that counts, (B, G).
        """
        return Equations(
            np.einsum("bg,gij->bij", inside, self.gram),
            inside @ self.moment,
            inside @ self.square,
            inside @ self.patches,
        )


def equations(survey: Survey, groups: Groups) -> Equations:
    """Normal equations of the patches of each group.

    Features are standardised over all patches of the release, which no assignment changes.
    """
    sights = {name: survey.of_group(name) for name in groups.names}
    features = {name: np.concatenate([s.features for s in part]) for name, part in sights.items()}
    whole = np.concatenate(list(features.values()))
    mean, spread = whole.mean(axis=0), np.maximum(whole.std(axis=0), 1e-9)
    parts = []
    for name, part in sights.items():
        x = _expand(np.clip((features[name] - mean) / spread, -_CLIP, _CLIP))
        y = np.concatenate([sight.log_depth for sight in part])
        parts.append((x.T @ x, x.T @ y, y @ y, len(y)))
    return Equations(*(np.array(column, np.float64) for column in zip(*parts, strict=True)))


def _expand(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """A constant, the values, and all their products in pairs."""
    first, second = np.triu_indices(values.shape[1])
    return np.hstack([np.ones((len(values), 1)), values, values[:, first] * values[:, second]])


def fit(train: Equations) -> NDArray[np.float64]:
    """Weights of ridge regression, (B, F); the constant is not penalised."""
    penalty = RIDGE * train.patches[:, None] * np.ones(train.moment.shape[1])
    penalty[:, 0] = 0
    system = train.gram + penalty[:, None, :] * np.eye(penalty.shape[1])
    return np.asarray(np.linalg.solve(system, train.moment[..., None])[..., 0])


def error(weights: NDArray[np.float64], test: Equations) -> NDArray[np.float64]:
    """RMS error of predictions, (B,), in the target's unit."""
    squares = (
        test.square
        - 2 * np.einsum("bf,bf->b", weights, test.moment)
        + np.einsum("bi,bij,bj->b", weights, test.gram, weights)
    )
    return np.sqrt(np.maximum(squares, 0) / test.patches)


def errors(system: Equations, groups: Groups, pair: tuple[int, int]) -> NDArray[np.float64]:
    """Error on the second split of a model fitted to the first, for each assignment, (B,)."""
    found = []
    for start in range(0, len(groups.ways.labels), _CHUNK):
        labels = groups.ways.labels[start : start + _CHUNK]
        source, target = ((labels == split).astype(np.float64) for split in pair)
        found.append(error(fit(system.of(source)), system.of(target)))
    return np.concatenate(found)


def skill(system: Equations) -> tuple[float, float]:
    """Error on groups that were left out, and that of a constant, over all patches.

    The constant is the mean of the other groups. A light model without skill cannot show whether
    learning generalises.
    """
    others = 1 - np.eye(len(system.patches))
    train, test = system.of(others), system.of(1 - others)
    constant = np.zeros_like(train.moment)
    # The first feature is 1, so that its moment is the sum of the targets.
    constant[:, 0] = train.moment[:, 0] / train.patches

    def pooled(weights: NDArray[np.float64]) -> float:
        squares = error(weights, test) ** 2 * test.patches
        return float(np.sqrt(squares.sum() / test.patches.sum()))

    return pooled(fit(train)), pooled(constant)


def check_generalisation(survey: Survey, groups: Groups) -> CheckResult:
    """Hold the light model's error on each other split against that of random splits."""
    if not groups.pairs:
        return _skipped("No two splits hold a scene group of their own.")
    system = equations(survey, groups)
    if not system.patches.all():
        empty = ", ".join(np.array(groups.names)[system.patches == 0][:3])
        return _skipped(f"Scene group {empty} has no patch with depth.")
    columns = [errors(system, groups, pair) for pair in groups.pairs]
    result = permutation_test(np.stack(columns, axis=1))
    model, constant = skill(system)
    gain = 1 - model / constant
    findings = [
        Finding(
            name="skill of the light model on scene groups left out",
            where="all splits",
            value=gain,
            limit="above 0",
            verdict="pass" if gain > 0 else "skipped",
            note=f"error {model:.3f}, that of a constant {constant:.3f} (ln depth)"
            + ("" if gain > 0 else "; a model that learns nothing cannot show what generalises"),
        )
    ]
    notes = []
    charts = []
    for k, (pair, values) in enumerate(zip(groups.pairs, columns, strict=True)):
        easier = float(np.mean(values <= values[0] * (1 + 1e-9)))
        one, other = (groups.splits[split] for split in pair)
        name = f"error on '{other}' of a light model of '{one}'"
        findings.append(tested(name, "ln depth", groups, pair, values, result, k, ""))
        charts.append(null_chart(name.capitalize(), "RMS error (ln depth)", values))
        if easier <= WARN_P:
            notes.append(
                f"'{other}' is easier than chance would make it ({100 * easier:.1f} % of random "
                "splits are as easy); look for scenes that stand in both splits under two names."
            )
    return CheckResult(
        name="generalisation",
        verdict=worst(finding.verdict for finding in findings[1:]) if gain > 0 else "skipped",
        summary=_summary(findings, gain),
        findings=tuple(findings),
        permutations=groups.permutations(
            "RMS error in ln depth of ridge regression, fitted to 'train' and tested on the other "
            "split; large is suspicious",
            result.smallest,
        ),
        notes=tuple(notes),
        charts=tuple(charts),
    )


def _skipped(reason: str) -> CheckResult:
    return CheckResult(name="generalisation", verdict="skipped", summary=reason, findings=())


def _summary(findings: list[Finding], gain: float) -> str:
    if gain <= 0:
        return "The light model learns nothing here that holds on new scene groups."
    verdict = worst(finding.verdict for finding in findings[1:])
    if verdict == "skipped":
        return "There are too few scene groups to tell a bad split from chance."
    if verdict == "pass":
        return "What is learned on one split holds on the others as well as chance allows."
    return "A split is harder to predict from the training split than chance would make it."
