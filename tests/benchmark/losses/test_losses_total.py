"""The loss of a step: its terms, which pixels they see, and the balance between the heads."""

from __future__ import annotations

import json

import msgspec
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from idfd.benchmark.losses.config import LossConfig
from idfd.benchmark.losses.depth import gradient, l1
from idfd.benchmark.losses.photo import charbonnier, ssim
from idfd.benchmark.losses.total import Balance, depth_weight, terms, total
from idfd.benchmark.network.twohead import Output

SHAPE = (2, 1, 16, 16)


def make_batch(seed: int = 0) -> dict[str, Tensor]:
    """A third of the depth unknown, a third of the rest in-painted, with true depths of NaN."""
    generator = np.random.default_rng(seed)
    kind = generator.integers(0, 3, SHAPE)
    depth = np.where(kind > 0, generator.uniform(0.5, 4, SHAPE), np.nan)
    return {
        "depth": torch.from_numpy(depth),
        "valid": torch.from_numpy(kind > 0),
        "measured": torch.from_numpy(kind > 1),
        "all_in_focus": torch.from_numpy(generator.random((2, 3, 16, 16))),
    }


def make_output(seed: int = 1) -> Output:
    generator = np.random.default_rng(seed)
    depth, aif = generator.uniform(0.5, 4, SHAPE), generator.uniform(-1, 1, (2, 3, 16, 16))
    return Output(torch.from_numpy(depth).requires_grad_(), torch.from_numpy(aif).requires_grad_())


def test_terms_are_the_named_losses_of_the_thesis() -> None:
    output, batch, config = make_output(), make_batch(), LossConfig()
    found = terms(output, batch, config)
    assert (config.gradient, config.ssim, config.epsilon) == (0.001, 4, 1e-3)
    assert output.depth is not None
    assert output.aif is not None
    weight = batch["valid"].float()
    photo = (output.aif + 1) / 2
    expected = {
        "depth_l1": l1(output.depth, batch["depth"], weight),
        "depth_gradient": gradient(output.depth, batch["depth"], weight),
        "charbonnier": charbonnier(photo, batch["all_in_focus"], 1e-3),
        "ssim": ssim(photo, batch["all_in_focus"]),
    }
    expected["depth"] = expected["depth_l1"] + 0.001 * expected["depth_gradient"]
    expected["deblur"] = expected["charbonnier"] + 4 * (1 - expected["ssim"])
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name].item() == pytest.approx(value.item(), rel=1e-12), name


def test_one_head_has_its_own_terms_and_a_lambda_of_1() -> None:
    output, batch = make_output(), make_batch()
    for single, name in (
        (output._replace(aif=None), "depth"),
        (output._replace(depth=None), "deblur"),
    ):
        found = terms(single, batch, LossConfig())
        assert {"depth", "deblur"} & found.keys() == {name}
        balance = Balance("auto")
        loss, factor = total(found, balance)
        assert torch.equal(loss, found[name])
        assert factor.item() == 1
        assert balance.means == ()


@pytest.mark.parametrize("pixels", ["valid", "measured"])
def test_pixels_that_do_not_count_have_no_influence(pixels: str) -> None:
    config = msgspec.structs.replace(LossConfig(), pixels=pixels)
    batch = make_batch()
    counted = depth_weight(batch, config) > 0
    assert torch.equal(counted, batch[pixels])
    found = []
    for value in (float("nan"), 0.0, float("inf")):
        output = make_output()
        changed = {**batch, "depth": batch["depth"].where(counted, torch.tensor(value).double())}
        loss = terms(output, changed, config)["depth"]
        loss.backward()  # type: ignore[no-untyped-call]
        assert output.depth is not None
        assert output.depth.grad is not None
        assert (output.depth.grad[~counted] == 0).all()
        found.append((loss.item(), output.depth.grad.sum().item()))
    assert len(set(found)) == 1
    assert np.isfinite(found).all()


def test_measured_never_counts_what_is_not_valid() -> None:
    batch = make_batch()
    batch["measured"] = torch.ones_like(batch["measured"])
    config = LossConfig(pixels="measured")
    assert torch.equal(depth_weight(batch, config) > 0, batch["valid"])


@pytest.mark.parametrize(
    ("sigma", "weight"),
    [(0.0, 1), (0.1, 0.5), (0.2, 0.2), (float("nan"), 1), (float("inf"), 0)],
)
def test_uncertain_depth_counts_less(sigma: float, weight: float) -> None:
    batch = make_batch()
    valid = batch["valid"]
    batch["uncertainty"] = torch.full(SHAPE, sigma)
    found = depth_weight(batch, LossConfig(uncertainty=0.1))
    assert found[valid].numpy() == pytest.approx(np.full(int(valid.sum()), weight), rel=1e-6)
    assert (found[~valid] == 0).all()
    assert torch.equal(depth_weight(batch, LossConfig()), valid.float())


def test_uncertainty_turns_the_loss_towards_sure_pixels() -> None:
    truth = torch.ones(1, 1, 1, 2)
    batch = {
        "depth": truth,
        "valid": truth > 0,
        "measured": truth > 0,
        "uncertainty": torch.tensor([[[[0.0, 0.3]]]]),
    }
    output = Output(torch.tensor([[[[1.1, 2.0]]]]), None)
    weights = np.array([1, 1 / (1 + 3**2)])
    expected = (weights * [0.1, 1.0]).sum() / weights.sum()
    found = terms(output, batch, LossConfig(uncertainty=0.1))
    assert found["depth_l1"].item() == pytest.approx(expected, rel=1e-6)


def scalars(depth: float, deblur: float) -> tuple[Tensor, Tensor]:
    return torch.tensor(depth, dtype=torch.float64), torch.tensor(deblur, dtype=torch.float64)


@pytest.mark.parametrize("setting", [0.0, 0.1, 7])
def test_a_fixed_lambda_stays(setting: float) -> None:
    balance = Balance(setting)
    for depth in (1.0, 5.0):
        factor = balance.update(*scalars(depth, 0.3))
        assert factor.item() == pytest.approx(setting, rel=1e-7)
        assert factor.is_floating_point()
    assert balance.means == ()


@given(st.lists(st.tuples(st.floats(1e-4, 100), st.floats(1e-4, 100)), min_size=1, max_size=20))
def test_automatic_lambda_is_the_ratio_of_the_running_means(
    steps: list[tuple[float, float]],
) -> None:
    balance = Balance("auto", memory=0.9)
    means = np.array(steps[0])
    for step in steps:
        factor = balance.update(*scalars(*step)).item()
        means = 0.9 * means + 0.1 * np.array(step)
        assert factor == pytest.approx(means[0] / means[1], rel=1e-6)
    assert balance.means == pytest.approx(tuple(means), rel=1e-12)


def test_automatic_lambda_makes_equal_contributions() -> None:
    generator = np.random.default_rng(0)
    balance = Balance("auto")
    shares = []
    for step in range(400):
        # Both terms fall, at different rates, and jump from batch to batch.
        depth = 2 * np.exp(-step / 150) * generator.uniform(0.5, 1.5)
        deblur = 0.4 * np.exp(-step / 600) * generator.uniform(0.5, 1.5)
        factor = balance.update(*scalars(depth, deblur)).item()
        shares.append(factor * deblur / (depth + factor * deblur))
    assert shares[0] == pytest.approx(0.5)
    assert np.mean(shares[50:]) == pytest.approx(0.5, abs=0.1)


def test_the_balance_goes_on_from_its_means() -> None:
    steps = [scalars(1 / (k + 1), 0.2 + 0.01 * k) for k in range(10)]
    whole = Balance("auto")
    factors = [whole.update(*step) for step in steps]
    first = Balance("auto")
    for step in steps[:5]:
        first.update(*step)
    stored = json.loads(json.dumps(first.means))
    second = Balance("auto", tuple(stored))
    assert [second.update(*step).item() for step in steps[5:]] == [f.item() for f in factors[5:]]
    assert second.means == whole.means


def test_the_total_is_depth_plus_lambda_times_deblur_and_lambda_learns_nothing() -> None:
    output = make_output()
    found = terms(output, make_batch(), LossConfig())
    loss, factor = total(found, Balance("auto"))
    assert not factor.requires_grad
    assert loss.item() == pytest.approx(2 * found["depth"].item(), rel=1e-6)
    (along,) = torch.autograd.grad(loss, output.aif, retain_graph=True)  # type: ignore[arg-type]
    (alone,) = torch.autograd.grad(found["deblur"], output.aif)  # type: ignore[arg-type]
    assert torch.allclose(along, factor * alone)


def test_lambda_comes_from_the_terms_that_all_processes_share() -> None:
    found = dict(zip(("depth", "deblur"), scalars(1.0, 1.0), strict=True))
    shared = iter(scalars(6.0, 2.0))
    loss, factor = total(found, Balance("auto"), lambda term: next(shared))
    assert factor.item() == 3
    assert loss.item() == 4


def test_derivatives_of_the_whole_loss_are_those_of_its_values() -> None:
    output, batch = make_output(), make_batch()
    assert output.depth is not None
    assert output.aif is not None

    def loss(depth: Tensor, aif: Tensor) -> Tensor:
        return total(terms(Output(depth, aif), batch, LossConfig()), Balance(0.1))[0]

    assert torch.autograd.gradcheck(loss, (output.depth, output.aif), fast_mode=True)
