from __future__ import annotations

import warnings
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from idfd.benchmark.metrics.edges import edge_divergence, logarithm
from idfd.benchmark.protocol import EdgeRules, load_protocol
from idfd.errors import InputError

FOUND = load_protocol().protocol.edges
assert FOUND is not None
RULES: EdgeRules = FOUND
WHOLE = msgspec.structs.replace(RULES, window_px=None)
Map = NDArray[np.float64]


def scene(height: int = 96, width: int = 128) -> Map:
    """Boxes at several depths before a slanted wall."""
    depth = np.tile(np.linspace(2.5, 3.5, width), (height, 1))
    generator = np.random.default_rng(1)
    for metres in (2.4, 2.0, 1.6, 1.2, 0.9):
        y, x = generator.integers(0, height - 30), generator.integers(0, width - 40)
        depth[y : y + 24, x : x + 30] = metres
    return depth


def score(prediction: Map, truth: Map, rules: EdgeRules = RULES) -> float:
    found = edge_divergence(prediction, truth, None, rules)
    assert found is not None
    return found


def blurred(depth: Map, sigma: float) -> Map:
    return np.asarray(cv2.GaussianBlur(depth, (0, 0), sigma))


def shifted(depth: Map, pixels: int) -> Map:
    return np.pad(depth, ((0, 0), (pixels, 0)), mode="edge")[:, : depth.shape[1]]


def sharpened(depth: Map, amount: float) -> Map:
    return np.asarray(np.clip(depth + amount * (depth - blurred(depth, 2.0)), 0.1, 10.0))


def assert_ranked(truth: Map) -> None:
    """Growing faults score worse, and every mild fault better than every strong one."""
    assert score(truth, truth) == 0
    faults = {
        "blur": [score(blurred(truth, sigma), truth) for sigma in (1, 2, 4)],
        "shift": [score(shifted(truth, pixels), truth) for pixels in (1, 4, 8)],
        "sharpening": [score(sharpened(truth, amount), truth) for amount in (0.5, 1, 2, 4)],
    }
    for name, values in faults.items():
        assert values == sorted(values), name
        assert values[0] > 0.01, name
    mild = max(values[0] for values in faults.values())
    strong = min(values[-1] for values in faults.values())
    assert mild < strong


def test_faults_of_a_drawn_scene_are_ranked() -> None:
    assert_ranked(scene())


@pytest.mark.real
def test_faults_of_a_measured_scene_are_ranked(real_data: Path) -> None:
    with np.load(real_data / "rgbd" / "middlebury_motorcycle" / "motorcycle_disp.npz") as file:
        disparity = file[file.files[0]][120:376, 200:520].astype(np.float64)
    known = np.isfinite(disparity)
    # Baseline, focal length and offset of the set's calibration.
    depth = 0.193001 * 994.978 / (np.where(known, disparity, np.median(disparity[known])) + 31.086)
    assert_ranked(np.asarray(depth))


def test_one_histogram_of_the_image_cannot_see_a_shift() -> None:
    # The reason for windows: the equations alone rank a map 8 pixels aside with the truth itself.
    truth = np.full((128, 160), 3.0)
    truth[40:70, 50:80], truth[60:90, 90:110] = 2.0, 1.4
    moved = np.roll(truth, 8, axis=1)
    assert score(moved, truth, WHOLE) < 0.02 * score(blurred(truth, 1.0), truth, WHOLE)
    assert score(moved, truth) > score(blurred(truth, 1.0), truth)


def reference(prediction: Map, truth: Map, rules: EdgeRules) -> float:
    """Equation 2.1 as loops over pyrtools' bands of the padded maps."""
    pyrtools = pytest.importorskip("pyrtools")

    def bands(depth: Map) -> dict[tuple[int, int], Map]:
        height, width = depth.shape
        pad = [(16, -(-(side + 32) // 32) * 32 - side - 16) for side in (height, width)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = pyrtools.pyramids.SteerablePyramidFreq(
                np.pad(depth, pad, mode="symmetric"), len(rules.bin_edges_m), rules.orientations - 1
            )
        return dict(made.pyr_coeffs)

    true, predicted, total = bands(truth), bands(prediction), 0.0
    height, width = truth.shape
    for scale, positive in enumerate(rules.bin_edges_m):
        step = 2**scale
        edges = [-np.inf, *(-e for e in reversed(positive)), *positive, np.inf]
        side = rules.window_px // step if rules.window_px else 10**6
        places: dict[tuple[int, int], list[tuple[int, int]]] = {}
        margin = rules.margin_px * step
        for y in range(0, height, step):
            for x in range(0, width, step):
                if margin <= y < height - margin and margin <= x < width - margin:
                    window = (y // step // side, x // step // side)
                    places.setdefault(window, []).append(((y + 16) // step, (x + 16) // step))
        full = side**2 if rules.window_px else -(-height // step) * -(-width // step)
        kept = [some for some in places.values() if len(some) >= rules.minimum_share * full]
        for k in range(rules.orientations):
            divergences = []
            for some in kept:
                h = []
                for band in (true[scale, k], predicted[scale, k]):
                    counts = np.histogram([band[place] for place in some], edges)[0]
                    shares = counts / len(some) + rules.floor
                    h.append(shares / shares.sum())
                divergences.append(sum(a * np.log(a / b) for a, b in zip(*h, strict=True)))
            total += abs(np.mean(divergences))
    return float(total)


@pytest.mark.parametrize("rules", [RULES, WHOLE])
@pytest.mark.parametrize("shape", [(48, 64), (51, 71)])
def test_it_is_equation_2_1_on_the_bands_of_pyrtools(
    rules: EdgeRules, shape: tuple[int, int]
) -> None:
    truth = scene(*shape)
    prediction = blurred(truth, 1.5) + np.random.default_rng(0).normal(0, 0.02, truth.shape)
    expected = reference(prediction, truth, rules)
    assert expected > 0.01
    assert score(prediction, truth, rules) == pytest.approx(expected, rel=1e-9)


def test_what_stands_in_unknown_pixels_does_not_count() -> None:
    truth, prediction = scene(), blurred(scene(), 2.0)
    known = np.ones(truth.shape, np.bool_)
    known[40:50, 60:75] = False
    expected = edge_divergence(prediction, truth, known, RULES)
    truth[~known], prediction[~known] = 0.0, np.nan
    assert edge_divergence(prediction, truth, known, RULES) == expected
    assert expected is not None


def test_a_fault_inside_a_hole_is_not_seen_and_one_beside_it_is() -> None:
    truth = scene()
    known = np.ones(truth.shape, np.bool_)
    known[30:60, 40:80] = False
    inside, beside = truth.copy(), truth.copy()
    inside[32:58, 42:78] += 1
    beside[30:60, 90:110] += 1
    assert edge_divergence(inside, truth, known, RULES) == 0
    assert (edge_divergence(beside, truth, known, RULES) or 0) > 0.01


def test_a_constant_offset_has_no_edges() -> None:
    assert score(scene() + 0.3, scene()) == pytest.approx(0, abs=1e-12)


def test_too_little_known_depth_gives_no_score() -> None:
    known = np.zeros((96, 128), np.bool_)
    assert edge_divergence(scene(), scene(), known, RULES) is None
    known[::3, ::3] = True
    assert edge_divergence(scene(), scene(), known, RULES) is None


def test_bad_maps_are_refused() -> None:
    with pytest.raises(InputError, match="have shapes"):
        edge_divergence(scene(), scene(96, 64), None, RULES)
    nan = np.full((96, 128), np.nan)
    with pytest.raises(InputError, match="NaN or infinite"):
        edge_divergence(nan, scene(), None, RULES)


def test_the_logarithm_is_equation_2_2() -> None:
    assert logarithm(0.0, 10.0) == 0
    assert logarithm(30.0, 10.0) == 2
