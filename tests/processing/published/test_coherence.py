"""In-painting by coherence transport: what the paper promises, and OpenCV's method beside it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import scipy.ndimage
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from idfd.errors import InputError
from idfd.processing.published.coherence import CoherenceConfig, _order, inpaint_coherent

Depth = NDArray[np.uint16]


def edge(angle_deg: float, near: int = 1500, far: int = 2000) -> Depth:
    """Two planes that meet in a straight line through the middle of 80 by 80 pixels."""
    rows, columns = np.mgrid[:80, :80] - 39.5
    across = np.cos(np.radians(angle_deg)) * columns + np.sin(np.radians(angle_deg)) * rows
    return np.where(across > 0, far, near).astype(np.uint16)


def with_hole(depth: Depth) -> Depth:
    holed = depth.copy()
    holed[30:50, 30:50] = 0
    return holed


@settings(max_examples=30, deadline=None)
@given(
    depth=arrays(np.uint16, (17, 23), elements=st.integers(1, 65535)),
    known=arrays(np.bool_, (17, 23)),
)
def test_fills_everything_within_the_range_of_what_is_known(
    depth: Depth, known: NDArray[np.bool_]
) -> None:
    known[3, 4] = True
    filled = inpaint_coherent(np.where(known, depth, np.uint16(0)))
    np.testing.assert_array_equal(filled[known], depth[known])
    # The comparison principle of the paper: no value beyond those it is made from.
    assert filled.min() >= depth[known].min()
    assert filled.max() <= depth[known].max()


@settings(max_examples=15, deadline=None)
@given(value=st.integers(1, 65535), known=arrays(np.bool_, (19, 16)))
def test_a_constant_stays_constant(value: int, known: NDArray[np.bool_]) -> None:
    known[0, 0] = True
    depth = np.where(known, value, 0).astype(np.uint16)
    np.testing.assert_array_equal(inpaint_coherent(depth), np.full_like(depth, value))


@pytest.mark.parametrize("angle", [0.0, 90.0])
def test_continues_an_upright_edge_exactly(angle: float) -> None:
    filled = inpaint_coherent(with_hole(edge(angle))).astype(int)
    assert np.abs(filled - edge(angle)).max() <= 5  # one part in a hundred of the step


@pytest.mark.parametrize("angle", [20.0, 30.0, 60.0, 110.0])
def test_continues_a_slanted_edge_better_than_others_do(angle: float) -> None:
    truth = edge(angle).astype(int)
    holed = with_hole(edge(angle))

    def wrong(filled: NDArray[np.uint16]) -> int:
        return int(np.count_nonzero(np.abs(filled.astype(int) - truth) > 100))

    telea = cv2.inpaint(holed, (holed == 0).astype(np.uint8), 5, cv2.INPAINT_TELEA)
    blunt = inpaint_coherent(holed, CoherenceConfig(sharpness=0))
    found = wrong(inpaint_coherent(holed))
    assert found <= 40  # of 400
    assert found < wrong(np.asarray(telea, np.uint16))
    assert found < wrong(blunt)


def test_steps_below_the_quantum_have_no_direction() -> None:
    holed = with_hole(edge(30))
    coarse = CoherenceConfig(quantum_mm=1e6)
    np.testing.assert_array_equal(
        inpaint_coherent(holed, coarse), inpaint_coherent(holed, CoherenceConfig(sharpness=0))
    )


def plain_transport(depth: Depth, config: CoherenceConfig) -> NDArray[np.float64]:
    """The paper's method in plain NumPy: everything is computed anew for each pixel."""
    values, known = depth.astype(np.float64), depth > 0

    def taps(sigma: float) -> NDArray[np.float64]:
        reach = np.arange(-round(2 * sigma), round(2 * sigma) + 1)
        weights = np.exp(-(reach**2) / (2 * sigma**2))
        return np.asarray(weights / weights.sum(), np.float64)

    def smoothed(plane: NDArray[np.float64], sigma: float) -> NDArray[np.float64]:
        for axis in (0, 1):
            plane = scipy.ndimage.correlate1d(plane, taps(sigma), axis, mode="constant")
        return plane

    distance = scipy.ndimage.distance_transform_edt(~known)
    rows, columns = np.indices(depth.shape)
    for place in np.argsort(np.where(known, np.inf, distance), axis=None, kind="stable")[
        : np.count_nonzero(~known)
    ]:
        row, column = divmod(int(place), depth.shape[1])
        with np.errstate(invalid="ignore"):
            image = smoothed(np.where(known, values, 0), config.smoothing) / smoothed(
                known.astype(float), config.smoothing
            )
        dy, dx = np.gradient(image)
        tensor = [
            smoothed(np.where(known, product, 0), config.integration)[row, column]
            / smoothed(known.astype(float), config.integration)[row, column]
            for product in (dx * dx, dx * dy, dy * dy)
        ]
        sizes, axes = np.linalg.eigh([[tensor[0], tensor[1]], [tensor[1], tensor[2]]])
        spread, across = sizes[1] - sizes[0], axes[:, 1]
        strength = 1 + config.sharpness * np.exp(-(config.quantum_mm**4) / spread**2)
        x, y = columns - column, rows - row
        near = known & (np.hypot(x, y) <= config.radius)
        off = across[0] * x[near] + across[1] * y[near]
        weight = np.exp(-((strength * off / config.radius) ** 2) / 2) / np.hypot(x, y)[near]
        values[row, column] = (weight * values[near]).sum() / weight.sum()
        known[row, column] = True
    return values


@pytest.mark.parametrize(
    "config",
    [CoherenceConfig(), CoherenceConfig(radius=3.5, smoothing=1, integration=2, sharpness=5)],
)
def test_is_the_method_of_the_paper(config: CoherenceConfig) -> None:
    random = np.random.default_rng(4)
    depth = edge(35)[20:60, 20:60] + random.integers(0, 40, (40, 40)).astype(np.uint16)
    depth[14:25, 16:24] = 0
    depth[30:, 36:] = 0
    depth[random.random(depth.shape) < 0.05] = 0
    expected = plain_transport(depth, config)
    assert np.abs(inpaint_coherent(depth, config) - expected).max() <= 0.51


def test_visits_pixels_in_the_order_of_their_distance() -> None:
    unknown = np.random.default_rng(1).random((40, 50)) < 0.9
    distance = scipy.ndimage.distance_transform_edt(unknown).ravel()
    order = _order(unknown)
    np.testing.assert_array_equal(np.sort(order), np.flatnonzero(unknown))
    assert np.all(np.diff(distance[order]) > -1e-5)


def test_holes_at_the_border_are_filled() -> None:
    depth = np.full((30, 40), 1200, np.uint16)
    depth[:, :15] = 0
    depth[25:, :] = 0
    assert (inpaint_coherent(depth) == 1200).all()


def test_is_the_same_every_time_and_leaves_its_input_alone() -> None:
    holed = with_hole(edge(50))
    before = holed.copy()
    np.testing.assert_array_equal(inpaint_coherent(holed), inpaint_coherent(holed))
    np.testing.assert_array_equal(holed, before)


def test_nothing_to_fill_changes_nothing() -> None:
    np.testing.assert_array_equal(inpaint_coherent(edge(10)), edge(10))


def test_refuses_what_it_cannot_fill() -> None:
    with pytest.raises(InputError, match="no pixel has depth"):
        inpaint_coherent(np.zeros((5, 5), np.uint16))


@pytest.mark.parametrize(
    "wrong", [{"radius": 1.0}, {"smoothing": 0.0}, {"integration": -1.0}], ids=str
)
def test_refuses_settings_that_reach_nothing(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="coherence: radius"):
        CoherenceConfig(**wrong)
