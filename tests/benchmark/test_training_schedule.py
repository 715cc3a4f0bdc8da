from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idfd.benchmark.training.config import ScheduleConfig, TrainConfig, ValidationConfig
from idfd.benchmark.training.plan import make_plan
from idfd.benchmark.training.schedule import rate_factor

torch = pytest.importorskip("torch")


def test_cosine_is_that_of_torch() -> None:
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimiser = torch.optim.SGD([parameter], lr=1.0)
    peer = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=50, eta_min=0.02)
    config = ScheduleConfig(kind="cosine", floor=0.02)
    for step in range(50):
        assert rate_factor(config, step, 50) == pytest.approx(peer.get_last_lr()[0], abs=1e-12)
        optimiser.step()
        peer.step()


@given(
    kind=st.sampled_from(["constant", "cosine", "plateau"]),
    warmup=st.integers(0, 40),
    steps=st.integers(1, 200),
    floor=st.floats(0, 1),
)
def test_the_rate_rises_and_never_grows_after(
    kind: str, warmup: int, steps: int, floor: float
) -> None:
    config = ScheduleConfig(kind=kind, warmup_steps=warmup, floor=floor)  # type: ignore[arg-type]
    factors = [rate_factor(config, step, steps) for step in range(steps)]
    assert all(0 < factor <= 1 + 1e-12 for factor in factors) or floor == 0
    rise, rest = factors[:warmup], factors[warmup:]
    assert rise == sorted(rise)
    assert all(after <= before + 1e-12 for before, after in itertools.pairwise(rest))
    if rest:
        assert rest[0] == pytest.approx(1)
        assert min(rest) >= floor - 1e-12


def test_a_plateau_lowers_the_rate_down_to_the_floor() -> None:
    config = ScheduleConfig(kind="plateau", factor=0.5, floor=0.1)
    assert rate_factor(config, 9, 10, plateau=0.25) == 0.25
    assert rate_factor(config, 9, 10, plateau=0.01) == 0.1
    assert rate_factor(ScheduleConfig(kind="constant"), 9, 10, plateau=0.25) == 1


@given(
    triples=st.integers(1, 300),
    batch=st.integers(1, 16),
    epochs=st.integers(1, 50),
    every=st.integers(1, 60),
)
def test_a_plan_covers_its_epochs_and_ends_with_a_validation(
    triples: int, batch: int, epochs: int, every: int
) -> None:
    plan = make_plan(
        TrainConfig(epochs=epochs, batch=batch, validation=ValidationConfig(every=every)), triples
    )
    assert (plan.steps - 1) * batch < epochs * triples <= plan.steps * batch
    assert max(plan.due) == plan.steps
    assert min(plan.due) >= 1
    for step in plan.due - {plan.steps}:
        # The first step at or after the end of a whole number of intervals.
        share = plan.epoch(step) / every
        assert share - math.floor(share + 1e-9) < batch / triples / every + 1e-9
    assert len(plan.due) <= epochs // every + 1
