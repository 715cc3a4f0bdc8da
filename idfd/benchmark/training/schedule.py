"""The learning rate at a step."""

from __future__ import annotations

import math

from idfd.benchmark.training.config import ScheduleConfig


def rate_factor(config: ScheduleConfig, step: int, steps: int, plateau: float = 1.0) -> float:
    """Share of the largest rate that a step uses.

    Args:
        config: How the rate goes.
        step: The step, from 0.
        steps: Steps of the whole run.
        plateau: Factor that plateaus have brought so far.

    Example:
        >>> rate_factor(ScheduleConfig(kind="cosine", warmup_steps=10, floor=0), 0, 100)
        0.1
    """
    if step < config.warmup_steps:
        return (step + 1) / config.warmup_steps
    if config.kind == "cosine":
        done = (step - config.warmup_steps) / max(steps - config.warmup_steps, 1)
        return config.floor + (1 - config.floor) * (1 + math.cos(math.pi * done)) / 2
    return max(plateau, config.floor) if config.kind == "plateau" else 1.0
