"""Steps of a run, and after which of them it validates."""

from __future__ import annotations

import math
from dataclasses import dataclass

from idfd.benchmark.training.config import TrainConfig


@dataclass(frozen=True)
class Plan:
    """Steps of a run.

    Attributes:
        triples: Triples of one epoch.
        batch: Triples of one step.
        steps: Steps of the whole run.
        due: Numbers of steps done after which the run validates; the last step is one.
    """

    triples: int
    batch: int
    steps: int
    due: frozenset[int]

    def epoch(self, step: int) -> float:
        """Passes over the triples after ``step`` steps."""
        return step * self.batch / self.triples


def make_plan(config: TrainConfig, triples: int) -> Plan:
    """Plan a run; epochs follow each other without a gap, so a batch may hold triples of two.

    Example:
        >>> plan = make_plan(TrainConfig(epochs=4, batch=4), triples=10)
        >>> plan.steps, sorted(plan.due)
        (10, [3, 5, 8, 10])
    """
    steps = math.ceil(config.epochs * triples / config.batch)
    every = config.validation.every * triples / config.batch
    due = {math.ceil(k * every) for k in range(1, int(steps / every) + 1)} | {steps}
    return Plan(triples, config.batch, steps, frozenset(due))
