"""Thresholds, and the judgement of a measured value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from idfd.model.triple import Check

Verdict = Literal["pass", "warn", "fail"]


@dataclass(frozen=True)
class Limit:
    """Thresholds of one check; beyond ``warn`` it warns, beyond ``fail`` it fails."""

    warn: float
    fail: float
    unit: str
    higher_is_better: bool = False

    def judge(self, name: str, value: float) -> Check:
        """Hold a value against the limit. A value that is not a number fails."""
        sign = -1 if self.higher_is_better else 1
        verdict: Verdict = "pass"
        if sign * value > sign * self.warn:
            verdict = "warn"
        if sign * value > sign * self.fail or not np.isfinite(value):
            verdict = "fail"
        return Check(
            name=name,
            value=round(float(value), 4) if np.isfinite(value) else 1e9,
            warn=float(self.warn),  # 12 and 12.0 would be different bytes in a file
            fail=float(self.fail),
            unit=self.unit,
            verdict=verdict,
            higher_is_better=self.higher_is_better,
        )


def worst(verdicts: list[Verdict]) -> Verdict:
    """The worst of some verdicts; ``pass`` where there are none."""
    return max(verdicts, key=("pass", "warn", "fail").index, default="pass")


def reasons(checks: tuple[Check, ...]) -> tuple[str, ...]:
    """The checks that did not pass, with value and limit, as text."""
    return tuple(
        f"{c.name} {c.value:.3g} {c.unit} (limit {c.fail if c.verdict == 'fail' else c.warn:g})"
        for c in checks
        if c.verdict != "pass"
    )
