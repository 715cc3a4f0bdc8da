"""Losses on depth maps against their formulas, written out in numpy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from idfd.benchmark.losses.depth import gradient, l1

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]
Map = NDArray[np.float64]
both = pytest.mark.parametrize("loss", [l1, gradient])


def draw(seed: int = 0, shape: tuple[int, ...] = (2, 1, 6, 7)) -> tuple[Map, Map, Map]:
    """Prediction, truth and a mask with holes."""
    generator = np.random.default_rng(seed)
    prediction, truth = generator.uniform(0.5, 4, (2, *shape))
    return prediction, truth, (generator.random(shape) < 0.7).astype(np.float64)


def value(loss: Loss, *arrays: Map) -> float:
    return loss(*(torch.from_numpy(array) for array in arrays)).item()


def test_l1_is_the_mean_over_known_pixels() -> None:
    prediction, truth, mask = draw()
    expected = np.abs(prediction - truth)[mask > 0].mean()
    assert value(l1, prediction, truth, mask) == pytest.approx(expected, rel=1e-12)


def test_l1_weights_pixels() -> None:
    prediction, truth, mask = draw()
    weight = mask * np.random.default_rng(1).uniform(0, 3, mask.shape)
    expected = np.average(np.abs(prediction - truth), weights=weight)
    assert value(l1, prediction, truth, weight) == pytest.approx(expected, rel=1e-12)


def test_gradient_is_the_mean_over_pairs_of_known_pixels() -> None:
    prediction, truth, mask = draw()
    residual = prediction - truth
    expected = 0.0
    for axis in (-1, -2):
        known = np.diff(mask, axis=axis) == 0
        known &= np.take(mask, range(mask.shape[axis] - 1), axis) > 0
        expected += np.abs(np.diff(residual, axis=axis))[known].mean()
    assert value(gradient, prediction, truth, mask) == pytest.approx(expected, rel=1e-12)


def test_gradient_of_a_ramp_is_its_slope() -> None:
    y, x = np.mgrid[:5, :8].astype(float)
    error = (0.25 * x - 0.5 * y)[None, None]
    assert value(gradient, 2 + error, np.full_like(error, 2), np.ones_like(error)) == 0.75


def test_gradient_counts_a_pair_with_its_smaller_weight() -> None:
    error = np.array([[[[0.0, 1.0, 3.0]]]])
    weight = np.array([[[[1.0, 0.5, 0.25]]]])
    expected = (0.5 * 1 + 0.25 * 2) / 0.75
    assert value(gradient, error, np.zeros_like(error), weight) == pytest.approx(expected)


@both
@given(seed=st.integers(0, 10_000), offset=st.floats(-3, 3))
def test_an_offset_moves_l1_alone(loss: Loss, seed: int, offset: float) -> None:
    _, truth, mask = draw(seed)
    mask[..., :2, :2] = 1
    expected = abs(offset) if loss is l1 else 0
    assert value(loss, truth + offset, truth, mask) == pytest.approx(expected, abs=1e-12)


@both
@given(seed=st.integers(0, 10_000), factor=st.floats(0.01, 100))
def test_only_the_ratio_of_weights_counts(loss: Loss, seed: int, factor: float) -> None:
    prediction, truth, mask = draw(seed)
    assert value(loss, prediction, truth, factor * mask) == pytest.approx(
        value(loss, prediction, truth, mask), rel=1e-9
    )


@both
@pytest.mark.parametrize("unknown", [float("nan"), float("inf"), -float("inf"), 0.0, 1e30])
@pytest.mark.parametrize("where", ["truth", "prediction"])
@pytest.mark.parametrize("width", [7, 64])  # torch has other code for long rows
def test_unknown_pixels_change_neither_value_nor_gradient(
    loss: Loss, unknown: float, where: str, width: int
) -> None:
    arrays = draw(shape=(2, 1, 6, width))
    found = []
    for filled in (1.0, unknown):
        prediction, truth, mask = (torch.from_numpy(array.copy()) for array in arrays)
        (truth if where == "truth" else prediction)[mask == 0] = filled
        prediction.requires_grad_()
        result = loss(prediction, truth, mask)
        result.backward()  # type: ignore[no-untyped-call]
        assert prediction.grad is not None
        assert (prediction.grad[mask == 0] == 0).all()
        found.append((result.detach(), prediction.grad))
    assert torch.equal(found[0][0], found[1][0])
    assert torch.equal(found[0][1], found[1][1])
    assert found[0][1].abs().sum() > 0


@both
def test_nothing_known_costs_nothing(loss: Loss) -> None:
    prediction = torch.ones(1, 1, 4, 4, requires_grad=True)
    result = loss(prediction, torch.full_like(prediction, torch.nan), torch.zeros(1, 1, 4, 4))
    result.backward()  # type: ignore[no-untyped-call]
    assert result.item() == 0
    assert prediction.grad is not None
    assert (prediction.grad == 0).all()


@both
def test_derivatives_are_those_of_the_values(loss: Loss) -> None:
    prediction, truth, mask = (torch.from_numpy(array) for array in draw(3))
    prediction.requires_grad_()
    assert torch.autograd.gradcheck(lambda p: loss(p, truth, mask), prediction, eps=1e-7)
