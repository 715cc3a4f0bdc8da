"""The regularisers against their formulas, written out in numpy and scipy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from idfd.benchmark.losses.config import LossConfig, Regulariser
from idfd.benchmark.losses.depth import gradient
from idfd.benchmark.losses.regularisers import (
    FLOOR_M,
    REGULARISERS,
    eigen,
    godard,
    hu,
    ummenhofer,
    xian,
)
from idfd.benchmark.losses.total import terms
from idfd.benchmark.network.twohead import Output
from idfd.storage.images import read_depth

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]
Map = NDArray[np.float64]
all_losses = pytest.mark.parametrize("loss", REGULARISERS.values(), ids=REGULARISERS)


def draw(seed: int = 0, shape: tuple[int, ...] = (2, 1, 20, 23)) -> tuple[Map, Map, Map]:
    """Prediction, truth, and weights with holes."""
    generator = np.random.default_rng(seed)
    prediction, truth = generator.uniform(0.5, 4, (2, *shape))
    weight = generator.uniform(0.2, 2, shape) * (generator.random(shape) < 0.9)
    return prediction, truth, weight


def value(loss: Loss, *arrays: Map) -> float:
    return loss(*(torch.from_numpy(array) for array in arrays)).item()


def mean(values: list[float], weights: list[float]) -> float:
    return float(np.average(values, weights=weights)) if sum(weights) else 0.0


def numpy_hu(d: Map, t: Map, w: Map) -> float:
    """Sobel from scipy; a Sobel value counts with the smallest weight of its 3 x 3 pixels."""
    error, inner = np.abs(d - t), ndimage.minimum_filter(w, (1, 1, 3, 3))[..., 1:-1, 1:-1]
    # scipy's Sobel has the sign and the scale of the unnormalised operator.
    dx, dy, tx, ty = (
        np.array([ndimage.sobel(image[0], axis) for image in field])[:, None, 1:-1, 1:-1]
        for field in (d, t)
        for axis in (-1, -2)
    )
    found = np.average(np.log(error + 0.5), weights=w)
    for one, other in ((dx, tx), (dy, ty)):
        found += np.average(np.log(np.abs(one - other) + 0.5), weights=inner)
    mine, true = (np.stack((-x, -y, np.ones_like(x))) for x, y in ((dx, dy), (tx, ty)))
    cosine = (mine * true).sum(0) / np.linalg.norm(mine, axis=0) / np.linalg.norm(true, axis=0)
    return float(found + np.average(1 - cosine, weights=inner))


def numpy_eigen(d: Map, t: Map, w: Map) -> float:
    error = np.log(np.maximum(d, FLOOR_M)) - np.log(np.maximum(t, FLOOR_M))
    images = [np.average(e, weights=v) if v.sum() else 0.0 for e, v in zip(error, w, strict=True)]
    squares = np.average(np.square(images), weights=w.sum((1, 2, 3)))
    found = np.average(error**2, weights=w) - 0.5 * squares
    for axis in (-1, -2):
        both = np.minimum(*_neighbours(w, axis))
        found += np.average(np.diff(error, axis=axis) ** 2, weights=both)
    return float(found)


def _neighbours(array: Map, axis: int) -> tuple[Map, Map]:
    count = array.shape[axis]
    return np.take(array, range(count - 1), axis), np.take(array, range(1, count), axis)


def numpy_ummenhofer(d: Map, t: Map, w: Map) -> float:
    found = 0.0
    for h in (1, 2, 4, 8, 16):
        values, weights = [], []
        for b, y, x in np.ndindex(d.shape[0], d.shape[2] - h, d.shape[3] - h):
            spots = (b, 0, y, x), (b, 0, y, x + h), (b, 0, y + h, x)
            here, right, below = ((d[spot], t[spot]) for spot in spots)
            gap = [
                (p - q) / (abs(p) + abs(q) + 1e-3) - (u - v) / (abs(u) + abs(v) + 1e-3)
                for (p, u), (q, v) in ((right, here), (below, here))
            ]
            values.append(float(np.hypot(*gap)))
            weights.append(float(min(w[spot] for spot in spots)))
        found += mean(values, weights)
    return found


def numpy_xian(d: Map, t: Map, w: Map) -> float:
    found = 0.0
    for step in (1, 2, 4, 8):
        error, known = (d - t)[..., ::step, ::step], w[..., ::step, ::step]
        for axis in (-1, -2):
            both = np.minimum(*_neighbours(known, axis))
            found += float((np.abs(np.diff(error, axis=axis)) * both).sum())
    return found / float(w.sum())


def numpy_godard(d: Map, t: Map, w: Map) -> float:
    scale = np.array([max(np.average(a, weights=b), FLOOR_M) for a, b in zip(d, w, strict=True)])
    relative = d / scale[:, None, None, None]
    return sum(
        float(
            np.average(
                np.abs(np.diff(relative, axis=axis)) * np.exp(-np.abs(np.diff(t, axis=axis))),
                weights=np.minimum(*_neighbours(w, axis)),
            )
        )
        for axis in (-1, -2)
    )


ORACLES: dict[str, Callable[[Map, Map, Map], float]] = {
    "hu": numpy_hu,
    "eigen": numpy_eigen,
    "ummenhofer": numpy_ummenhofer,
    "xian": numpy_xian,
    "godard": numpy_godard,
}


@pytest.mark.parametrize("name", REGULARISERS)
@pytest.mark.parametrize("seed", [0, 1])
def test_the_formula_written_out_gives_the_same(name: str, seed: int) -> None:
    arrays = draw(seed)
    found = value(REGULARISERS[name], *arrays)
    assert found == pytest.approx(ORACLES[name](*arrays), rel=1e-9)


@pytest.mark.real
@pytest.mark.parametrize("name", REGULARISERS)
def test_the_formula_holds_on_real_depth(name: str, real_data: Path) -> None:
    path = min((real_data / "pairs" / "dfd_indoor").glob("*/depth/test/*.png"))
    millimetres = read_depth(path)
    rows, columns = np.array(millimetres.shape) // 2 - 24
    truth = millimetres[rows : rows + 48, columns : columns + 56].astype(np.float64) / 1000
    shape = (1, 1, *truth.shape)
    prediction = ndimage.gaussian_filter(truth, 2).reshape(shape) * 1.1
    weight = (truth > 0).astype(np.float64).reshape(shape)
    assert weight.sum() > 1000
    found = value(REGULARISERS[name], prediction, truth.reshape(shape), weight)
    assert found == pytest.approx(ORACLES[name](prediction, truth.reshape(shape), weight), rel=1e-9)


def ramp(slope: float, size: int = 33) -> Map:
    return np.broadcast_to(2 + slope * np.arange(size), (1, 1, size, size)).copy()


def test_values_in_closed_form() -> None:
    flat, steep = ramp(0.0), ramp(0.01)
    ones = np.ones_like(flat)
    # An offset of 0.5 m: ln 1 for depth, ln 0.5 for each gradient, normals agree.
    assert value(hu, flat + 0.5, flat, ones) == pytest.approx(2 * np.log(0.5))
    # Sobel of a ramp of 0.01 is 8 times the slope, and so is the tilt of its normal.
    tilted = np.log(0.08 + 0.5) + np.log(0.5) + 1 - 1 / np.sqrt(1 + 0.08**2)
    depth = np.log(np.abs(steep - flat) + 0.5).mean()
    assert value(hu, steep, flat, ones) == pytest.approx(depth + tilted)
    assert value(eigen, 3 * flat, flat, ones) == pytest.approx(0.5 * np.log(3) ** 2)
    # A prediction of 0 counts as the floor.
    assert value(eigen, 0 * flat, flat, ones) == pytest.approx(0.5 * np.log(2 / FLOOR_M) ** 2)
    # Every difference at step s is s times the slope.
    pairs = [(n, (33 + s - 1) // s) for n, s in ((1, 1), (2, 2), (4, 4), (8, 8))]
    expected = sum(0.01 * step * side * (side - 1) for step, side in pairs) / 33**2
    assert value(xian, steep, flat, ones) == pytest.approx(expected)
    assert value(godard, steep, flat, ones) == pytest.approx(0.01 / steep.mean())
    # Where the truth has the same slope it is forgiven by its exponential.
    assert value(godard, steep, steep, ones) == pytest.approx(0.01 / steep.mean() * np.exp(-0.01))
    assert value(ummenhofer, steep, steep, ones) == 0


def test_one_scale_of_xian_is_the_gradient_term_of_the_thesis() -> None:
    # Rows of two pixels have no coarser differences; M is the number of pixels, not of pairs.
    prediction, truth, _ = draw(4, (1, 1, 2, 2))
    ones = np.ones_like(truth)
    assert 4 * value(xian, prediction, truth, ones) == pytest.approx(
        2 * value(gradient, prediction, truth, ones)
    )


@given(seed=st.integers(0, 10_000), change=st.floats(0.1, 3))
@settings(max_examples=20, deadline=None)
def test_what_each_is_blind_to(seed: int, change: float) -> None:
    prediction, truth, weight = draw(seed)
    weight[..., :4, :4] = 1
    arrays = truth, weight
    shifted, scaled = prediction + change, prediction * change
    assert value(xian, shifted, *arrays) == pytest.approx(value(xian, prediction, *arrays))
    assert value(godard, scaled, *arrays) == pytest.approx(value(godard, prediction, *arrays))
    # ε alone keeps it from being blind to scale.
    assert value(ummenhofer, scaled, *arrays) == pytest.approx(
        value(ummenhofer, prediction, *arrays), abs=5 * 1e-3 / min(0.5, 0.5 * change)
    )
    # Half of a common factor is forgiven: D of one image gains ln c everywhere.
    one = slice(0, 1)
    flat = value(eigen, truth[one] * change, truth[one], weight[one])
    if (truth[one] * change).min() > FLOOR_M:
        assert flat == pytest.approx(0.5 * np.log(change) ** 2, abs=1e-12)


@all_losses
def test_derivatives_are_those_of_the_values(loss: Loss) -> None:
    prediction, truth, weight = (torch.from_numpy(array) for array in draw(3, (2, 1, 5, 6)))
    prediction.requires_grad_()
    assert torch.autograd.gradcheck(lambda p: loss(p, truth, weight), prediction, eps=1e-7)


@all_losses
@pytest.mark.parametrize("unknown", [float("nan"), float("inf"), -float("inf"), 0.0, 1e30])
@pytest.mark.parametrize("where", ["truth", "prediction"])
def test_unknown_pixels_change_neither_value_nor_gradient(
    loss: Loss, unknown: float, where: str
) -> None:
    arrays = draw()
    found = []
    for filled in (1.0, unknown):
        prediction, truth, weight = (torch.from_numpy(array.copy()) for array in arrays)
        (truth if where == "truth" else prediction)[weight == 0] = filled
        prediction.requires_grad_()
        result = loss(prediction, truth, weight)
        result.backward()  # type: ignore[no-untyped-call]
        assert prediction.grad is not None
        assert (prediction.grad[weight == 0] == 0).all()
        found.append((result.detach(), prediction.grad))
    assert torch.equal(found[0][0], found[1][0])
    assert torch.equal(found[0][1], found[1][1])
    assert found[0][1].abs().sum() > 0


@all_losses
@pytest.mark.parametrize("depth", [0.0, -3.0, 1e-8, 50.0])
def test_gradients_are_finite_whatever_the_head_gives(loss: Loss, depth: float) -> None:
    _, truth, weight = (torch.from_numpy(array).float() for array in draw())
    for prediction in (torch.full_like(truth, depth), truth.clone(), truth - 2):
        prediction.requires_grad_()
        result = loss(prediction, truth, weight)
        result.backward()  # type: ignore[no-untyped-call]
        assert result.isfinite()
        assert prediction.grad is not None
        assert prediction.grad.isfinite().all()


@all_losses
def test_nothing_known_costs_nothing(loss: Loss) -> None:
    prediction = torch.ones(2, 1, 6, 6, requires_grad=True)
    result = loss(prediction, torch.full_like(prediction, torch.nan), torch.zeros(2, 1, 6, 6))
    result.backward()  # type: ignore[no-untyped-call]
    assert result.item() == 0
    assert prediction.grad is not None
    assert (prediction.grad == 0).all()


@pytest.mark.parametrize("name", ["none", *REGULARISERS])
def test_the_regulariser_is_added_to_the_depth_term(name: Regulariser) -> None:
    prediction, truth, weight = (torch.from_numpy(array) for array in draw())
    batch = {"depth": truth, "valid": weight > 0, "measured": weight > 0}
    config = LossConfig(regulariser=name, regulariser_weight=0.25)
    found = terms(Output(prediction, None), batch, config)
    plain = terms(Output(prediction, None), batch, LossConfig())
    if name == "none":
        assert found.keys() == plain.keys()
        return
    expected = REGULARISERS[name](prediction, truth, (weight > 0).float())
    assert torch.equal(found["regulariser"], expected)
    assert found["depth"].item() == pytest.approx((plain["depth"] + 0.25 * expected).item())


def test_settings_name_every_regulariser() -> None:
    for name in REGULARISERS:
        assert msgspec.convert({"regulariser": name}, LossConfig).regulariser == name
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"regulariser": "tikhonov"}, LossConfig)
