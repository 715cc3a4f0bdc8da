from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from benchmark_data import make_record
from training_set import training_triple
from validation_data import make_survey, rooms

from idfd.benchmark.validation.survey import BLUR_EDGES, DEPTH_EDGES, PATCH, look, sizes
from idfd.model.triple import Triple

SIDES = (130, 170)


@pytest.fixture(scope="module")
def triple() -> Triple:
    return training_triple("room0-a", 1, SIDES)


def test_depth_is_shares_of_known_pixels(triple: Triple) -> None:
    seen = look(triple, maps=False)
    metres = triple.depth[triple.depth > 0] / 1000
    middles = (DEPTH_EDGES[:-1] + DEPTH_EDGES[1:]) / 2
    assert seen.depth.sum() == pytest.approx(1)
    assert seen.depth @ middles == pytest.approx(metres.mean(), abs=0.03)
    far = replace(triple, depth=np.full_like(triple.depth, 60_000))
    assert look(far, maps=False).depth[-1] == 1
    none = replace(triple, depth=np.zeros_like(triple.depth), source=np.zeros_like(triple.source))
    seen = look(none, maps=False)
    assert (seen.depth.sum(), len(seen.log_depth), len(seen.features)) == (0, 0, 0)


def test_blur_comes_from_maps_where_there_are_some(triple: Triple) -> None:
    circles = np.full(SIDES, np.nan, np.float16)
    circles[:40], circles[40:60] = -4, 2
    seen = look(replace(triple, defocus=circles, defocus_uncertainty=circles), maps=True)
    filled = np.flatnonzero(seen.blur)
    assert BLUR_EDGES[filled].tolist() == pytest.approx([2, 4])
    assert seen.blur[filled].tolist() == pytest.approx([1 / 3, 2 / 3])


def test_patches_hold_the_depth_of_where_they_are(triple: Triple) -> None:
    seen = look(triple, maps=False)
    rows, columns = SIDES[0] // PATCH, SIDES[1] // PATCH
    assert seen.features.shape == (rows * columns, 9)
    tile = triple.depth[:PATCH, PATCH : 2 * PATCH]
    assert np.exp(seen.log_depth[1]) == pytest.approx(np.median(tile[tile > 0]) / 1000)
    holes = triple.depth.copy()
    holes[:PATCH, : PATCH // 2 + 1] = 0
    fewer = look(replace(triple, depth=holes), maps=False)
    assert len(fewer.log_depth) == rows * columns - 1
    assert fewer.features[0].tolist() == seen.features[1].tolist()


def test_energies_fall_with_blur(triple: Triple) -> None:
    def energy(sigma: float) -> float:
        soft = np.asarray(cv2.GaussianBlur(triple.all_in_focus, (0, 0), sigma), np.uint8)
        return float(look(replace(triple, defocused=soft), maps=False).features[:, 0].mean())

    assert energy(0.5) > energy(1) > energy(2) > energy(4)


def test_sizes_count_groups_and_environments() -> None:
    survey = make_survey(rooms(3, 2, environment="garden", triples=4))
    found = sizes(survey.members, survey.records)
    assert (found["train"].triples, found["train"].groups) == (9, 3)
    assert (found["test"].triples, found["test"].environments) == (8, {"garden": 8})
    one = sizes({"test": ("a-1", "a-2", "b-1")}, {t: make_record(t) for t in ("a-1", "a-2", "b-1")})
    assert one["test"].effective_groups == pytest.approx(9 / 5)
