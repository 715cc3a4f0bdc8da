from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from idfd.errors import InputError
from idfd.model.triple import DepthSource
from idfd.processing.depth.inpaint import InpaintConfig, Method, inpaint
from idfd.processing.depth.maps import DepthMap

FILLING: tuple[Method, ...] = ("colourisation", "direct", "telea", "navier_stokes")
NO_LIMIT = 1000.0


def depth_map(depth: NDArray[Any]) -> DepthMap:
    return DepthMap.of_image(depth.astype(np.uint16), DepthSource.FUSED)


def scene(height: int = 240, width: int = 320) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Boxes of one colour and one slanted depth each, before a wall; the photo has noise."""
    random = np.random.default_rng(3)
    y, x = np.mgrid[:height, :width].astype(float)
    depth = 2500 + 900 * x / width - 300 * y / height
    photo = np.full((height, width, 3), 120.0)
    for _ in range(12):
        centre = (random.uniform(0, 1, 2) * (width, height)).tolist()
        size = (random.uniform(0.08, 0.35, 2) * width).tolist()
        corners = cv2.boxPoints((centre, size, float(random.uniform(0, 90))))
        mask = np.zeros((height, width), np.uint8)
        inside = cv2.fillPoly(mask, [corners.astype(np.int32)], 1) > 0
        near = random.uniform(900, 2300) + 300 * x / width
        inside &= near < depth
        depth[inside] = near[inside]
        photo[inside] = random.uniform(20, 235, 3)
    photo += random.normal(0, 3, photo.shape)
    return np.clip(photo, 0, 255).astype(np.uint8), depth


def ellipses(shape: tuple[int, ...], share: float, largest: float) -> NDArray[np.bool_]:
    random = np.random.default_rng(4)
    mask = np.zeros(shape, np.uint8)
    while mask.mean() < share:
        place = int(random.integers(shape[1])), int(random.integers(shape[0]))
        axes = random.uniform(2, largest, 2).astype(int).tolist()
        cv2.ellipse(mask, place, axes, float(random.uniform(0, 180)), 0, 360, 1, -1)
    return mask > 0


def rms(errors: NDArray[Any]) -> float:
    return float(np.sqrt(np.mean(np.square(errors))))


@pytest.mark.parametrize("method", FILLING)
@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    height=st.integers(1, 30),
    width=st.integers(1, 30),
    share=st.floats(0, 1),
    limit=st.sampled_from([0.05, 0.2, NO_LIMIT]),
    with_uncertainty=st.booleans(),
)
def test_what_has_depth_stays_and_what_is_filled_lies_between(
    method: Method, seed: int, height: int, width: int, share: float, limit: float,
    with_uncertainty: bool,
) -> None:  # fmt: skip
    random = np.random.default_rng(seed)
    depth = random.uniform(1, 9000, (height, width)).astype(np.float32)
    depth[random.random((height, width)) < share] = 0
    known = depth > 0
    source = np.where(known, random.integers(1, 5, depth.shape), 0).astype(np.uint8)
    sigma = np.where(known, random.uniform(0.1, 50, depth.shape), np.nan).astype(np.float32)
    before = DepthMap(depth, source, sigma if with_uncertainty else None)
    photo = random.integers(0, 256, (height, width, 3)).astype(np.uint8)
    kept = depth.copy(), source.copy(), sigma.copy()

    # Small enough a limit also sends the map through the coarser sizes.
    config = InpaintConfig(method=method, largest_radius_share=limit, finest_side=20)
    after = inpaint(before, photo, config)

    assert depth.tobytes() == kept[0].tobytes()
    assert source.tobytes() == kept[1].tobytes()
    assert sigma.tobytes() == kept[2].tobytes()
    assert after.depth[known].tobytes() == depth[known].tobytes()
    assert np.array_equal(after.source[known], source[known])
    filled = (after.depth > 0) & ~known
    empty = ~known & ~filled
    assert (after.source[filled] == DepthSource.IN_PAINTED).all()
    assert (after.source[empty] == DepthSource.NONE).all()
    assert (after.depth[empty] == 0).all()
    assert np.array_equal(after.depth[filled], np.rint(after.depth[filled]))
    if filled.any():
        assert after.depth[filled].min() >= depth[known].min() - 0.5
        assert after.depth[filled].max() <= depth[known].max() + 0.5
        assert after.uncertainty is not None
        assert (after.uncertainty[filled] >= 1).all()
        assert np.isnan(after.uncertainty[empty]).all()
    if with_uncertainty:
        assert after.uncertainty is not None
        assert after.uncertainty[known].tobytes() == sigma[known].tobytes()
    assert after.measures["filled_share"] == pytest.approx(filled.mean())
    assert after.measures["left_empty_share"] == pytest.approx(empty.mean())
    if limit == NO_LIMIT and known.any():
        assert not empty.any()


def test_the_direct_solver_agrees_with_the_equations_written_out() -> None:
    random = np.random.default_rng(5)
    height, width = 11, 13
    depth = random.integers(500, 4000, (height, width)).astype(np.float64)
    depth[random.random((height, width)) < 0.6] = 0
    photo = random.integers(0, 256, (height, width, 3)).astype(np.uint8)
    grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY) / 255.0
    matrix, right = np.eye(height * width), depth.ravel().copy()
    for y in range(height):
        for x in range(width):
            if depth[y, x] > 0:
                continue
            window = [
                (v, u)
                for v in range(max(y - 1, 0), min(y + 2, height))
                for u in range(max(x - 1, 0), min(x + 2, width))
            ]
            spread = 0.4 * np.var([grey[place] for place in window])
            others = [place for place in window if place != (y, x)]
            gaps = np.array([(grey[place] - grey[y, x]) ** 2 for place in others])
            weights = np.exp(-gaps / max(spread, -gaps.min() / np.log(0.01), 1e-4))
            for (v, u), weight in zip(others, weights / weights.sum(), strict=True):
                matrix[y * width + x, v * width + u] -= weight
    expected = np.linalg.solve(matrix, right).reshape(height, width)
    for method, tolerance in (("direct", 0.51), ("colourisation", 1.5)):
        config = InpaintConfig(method=method, largest_radius_share=NO_LIMIT)  # type: ignore[arg-type]
        found = inpaint(depth_map(depth), photo, config)
        assert np.abs(found.depth - expected).max() < tolerance


@pytest.mark.parametrize("largest", [0.02, 0.04, 0.06])
def test_the_fast_path_is_as_good_as_the_direct_solver(largest: float) -> None:
    photo, truth = scene()
    hidden = ellipses(truth.shape, 0.17, largest * truth.shape[1])
    before = depth_map(np.where(hidden, 0, truth))
    errors = {}
    for method in FILLING:
        config = InpaintConfig(method=method, largest_radius_share=NO_LIMIT)
        errors[method] = rms(inpaint(before, photo, config).depth[hidden] - truth[hidden])
    assert errors["colourisation"] <= 1.02 * errors["direct"]
    # The photo shows where the surfaces end.
    assert errors["direct"] < 0.6 * min(errors["telea"], errors["navier_stokes"])


@pytest.mark.parametrize("method", FILLING)
def test_what_stays_empty_does_not_leak(method: Method) -> None:
    depth = np.full((80, 120), 1500)
    depth[10:70, 10:60] = 0
    depth[20:60, 61:63] = 0  # a pixel beside the large hole
    photo = np.random.default_rng(0).integers(0, 256, (80, 120, 3)).astype(np.uint8)
    found = inpaint(depth_map(depth), photo, InpaintConfig(method=method))
    assert (found.depth[20:60, 61:63] == 1500).all()
    assert (found.depth[10:70, 10:60] == 0).all()
    assert found.measures["holes"] == 2
    assert found.measures["filled_share"] == pytest.approx(80 / 9600)
    assert found.measures["left_empty_share"] == pytest.approx(3000 / 9600)


def test_a_map_without_depth_or_without_holes_comes_back_as_it_is() -> None:
    photo = np.zeros((9, 7, 3), np.uint8)
    empty = inpaint(depth_map(np.zeros((9, 7))), photo)
    assert (empty.depth == 0).all()
    assert empty.measures == {"holes": 1, "filled_share": 0, "left_empty_share": 1}
    full = inpaint(depth_map(np.full((9, 7), 800)), photo)
    assert (full.depth == 800).all()
    assert full.uncertainty is None
    assert full.measures == {"holes": 0, "filled_share": 0, "left_empty_share": 0}


def test_none_leaves_holes_and_counts_them() -> None:
    depth = np.full((20, 40), 700)
    depth[4, 5] = 0
    before = depth_map(depth)
    before.measures["coverage"] = 0.5
    found = inpaint(before, np.zeros((20, 40, 3), np.uint8), InpaintConfig(method="none"))
    assert np.array_equal(found.depth, depth)
    assert found.measures == {
        "coverage": 0.5, "holes": 1, "filled_share": 0, "left_empty_share": 1 / 800,
    }  # fmt: skip


def test_uncertainty_grows_with_distance_and_with_disagreement() -> None:
    depth = np.full((100, 300), 2000)
    depth[:, 150:] = 2600
    depth[46:53, 20:120] = 0  # all around it one depth
    depth[20:80, 146:154] = 0  # between two depths
    photo = np.full((100, 300, 3), 90, np.uint8)
    sigma = inpaint(depth_map(depth), photo).uncertainty
    assert sigma is not None
    column = sigma[46:53, 60]
    assert (np.diff(column[:4]) > 0).all()
    # One pixel from measured depth, with nothing around in doubt: the slope alone.
    assert column[0] == pytest.approx(np.hypot(1, 0.45 * 2000 / 300), rel=0.02)
    assert sigma[50, 150] > 5 * column.max()
    assert np.isnan(sigma[0, 0])


def test_measured_uncertainty_is_the_floor_of_filled_uncertainty() -> None:
    depth = np.full((60, 100), 1000, np.float32)
    depth[30, 50] = 0
    sigma = np.where(depth > 0, 17, np.nan).astype(np.float32)
    source = np.where(depth > 0, DepthSource.FUSED, DepthSource.NONE).astype(np.uint8)
    found = inpaint(DepthMap(depth, source, sigma), np.zeros((60, 100, 3), np.uint8))
    assert found.uncertainty is not None
    assert found.uncertainty[30, 50] == pytest.approx(np.hypot(17, 0.45 * 1000 / 100), rel=0.01)


def test_errors_keep_to_the_uncertainty() -> None:
    photo, truth = scene(480, 640)
    hidden = ellipses(truth.shape, 0.12, 0.03 * truth.shape[1])
    found = inpaint(depth_map(np.where(hidden, 0, truth)), photo)
    scored = hidden & (found.depth > 0)
    assert found.uncertainty is not None
    ratio = np.abs(found.depth - truth)[scored] / found.uncertainty[scored]
    assert np.mean(ratio <= 2) > 0.95
    # ... and it is not merely large: most of it is used where depth is in doubt.
    assert np.quantile(ratio, 0.99) > 0.5


def test_a_large_photo_gets_the_solution_of_a_smaller_one() -> None:
    photo, truth = scene(480, 640)
    hidden = ellipses(truth.shape, 0.15, 0.04 * truth.shape[1])
    before = depth_map(np.where(hidden, 0, truth))
    errors = []
    for side in (640, 320, 160):
        config = InpaintConfig(largest_radius_share=NO_LIMIT, finest_side=side)
        found = inpaint(before, photo, config)
        assert not (found.depth == 0).any()
        errors.append(rms(found.depth[hidden] - truth[hidden]))
    assert errors[1] < 1.15 * errors[0]
    assert errors[2] < 1.5 * errors[0]


def test_threads_change_nothing() -> None:
    photo, truth = scene()
    before = depth_map(np.where(ellipses(truth.shape, 0.2, 12), 0, truth))
    found, threads = [], cv2.getNumThreads()
    try:
        for count in (1, 4):
            cv2.setNumThreads(count)
            result = inpaint(before, photo)
            assert result.uncertainty is not None
            found.append(result.depth.tobytes() + result.uncertainty.tobytes())
    finally:
        cv2.setNumThreads(threads)
    assert found[0] == found[1]


@pytest.mark.real
@pytest.mark.parametrize("frame", ["0", "1", "2"])
def test_on_real_frames_the_fast_path_is_as_good_as_the_direct_solver(
    real_data: Path, frame: str
) -> None:
    folder = real_data / "rgbd" / "lingbot" / frame
    image = cv2.imread(str(next(folder.glob("rgb.*"))))
    truth = cv2.imread(str(folder / "raw_depth.png"), cv2.IMREAD_UNCHANGED)
    assert image is not None
    assert truth is not None
    photo = cv2.cvtColor(image, cv2.COLOR_BGR2RGB).astype(np.uint8)
    hidden = ellipses(truth.shape, 0.15, 0.035 * truth.shape[1])
    before, errors = depth_map(np.where(hidden, 0, truth)), {}
    methods: tuple[Method, ...] = ("direct", "colourisation")
    for method in methods:
        found = inpaint(before, photo, InpaintConfig(method=method))
        scored = hidden & (truth > 0) & (found.depth > 0)
        error = found.depth[scored].astype(float) - truth[scored]
        errors[method] = rms(error)
        assert found.uncertainty is not None
        assert np.mean(np.abs(error) <= 2 * found.uncertainty[scored]) > 0.95
    assert errors["colourisation"] <= 1.02 * errors["direct"]


@pytest.mark.parametrize("photo", [np.zeros((5, 6, 3), np.uint8), np.zeros((4, 6, 3), np.uint16)])
def test_a_photo_of_other_pixels_is_refused(photo: NDArray[Any]) -> None:
    with pytest.raises(InputError, match="Register the depth map"):
        inpaint(depth_map(np.ones((4, 6))), photo)
