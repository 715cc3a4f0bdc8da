"""Fields and crops: what both photos and the depth camera see, and nothing else."""

from __future__ import annotations

import cv2
import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from idfd.calibration.projection import project
from idfd.errors import InputError
from idfd.model.camera import Intrinsics
from idfd.model.curation import PairFit
from idfd.model.triple import Crop, PhotometricGain
from idfd.processing.crop import (
    CropConfig,
    Field,
    common,
    depth_field,
    fit_crop,
    largest_crop,
    lone_removed,
    map_field,
    pair_field,
    place_crop,
)
from idfd.processing.photos.transform import as_record, map_points

SMALL = st.lists(st.floats(-0.01, 0.01), min_size=9, max_size=9)


def fit_of(values: list[float], width: int, height: int) -> PairFit:
    return PairFit(
        width=width,
        height=height,
        transform=as_record(np.array(values), width, height),
        gain=PhotometricGain(channels=(0, 0, 0), field=(), tone=()),
        measures={},
    )


@given(SMALL, st.sampled_from([(120, 80), (3300, 2200)]))
@settings(deadline=None)
def test_every_pixel_of_a_pair_s_crop_is_seen_by_both(
    values: list[float], size: tuple[int, int]
) -> None:
    fit = fit_of(values, *size)
    crop = largest_crop(pair_field(fit), size[0] / size[1])
    x0, y0 = crop.x, crop.y
    x1, y1 = x0 + crop.width - 1, y0 + crop.height - 1
    along = np.linspace(0, 1, 50)
    border = np.concatenate([
        np.stack([x0 + along * (x1 - x0), np.full(50, y)], -1) for y in (y0, y1)
    ] + [np.stack([np.full(50, x), y0 + along * (y1 - y0)], -1) for x in (x0, x1)])  # fmt: skip
    mapped = map_points(fit.transform, border)
    assert (mapped > -1e-3).all()
    assert (mapped < np.array(size) - 1 + 1e-3).all()
    assert crop.width > 0.8 * size[0]


def test_nothing_is_lost_where_nothing_moved() -> None:
    for width, height in ((120, 80), (3300, 2200), (1601, 1067)):
        crop = largest_crop(pair_field(fit_of([0] * 9, width, height)), width / height)
        cell = -(-width // 1600)
        assert width - crop.width < 2 * cell
        assert height - crop.height < 2 * cell


def brute_force(seen: np.ndarray, width: int, height: int) -> set[tuple[int, int]]:
    rows, columns = seen.shape
    return {
        (x, y)
        for y in range(rows - height + 1)
        for x in range(columns - width + 1)
        if seen[y : y + height, x : x + width].all()
    }


@given(arrays.arrays(bool, (9, 13), fill=st.just(True)), st.integers(1, 13), st.integers(1, 9))
def test_a_crop_is_placed_as_near_to_the_centre_as_can_be(
    seen: np.ndarray, width: int, height: int
) -> None:
    found = place_crop(Field(seen, 1), width, height)
    places = brute_force(seen, width, height)
    if found is None:
        assert not places
        return
    assert found.native
    distance = {p: (2 * p[0] - 13 + width) ** 2 + (2 * p[1] - 9 + height) ** 2 for p in places}
    assert distance[int(found.x), int(found.y)] == min(distance.values())


def test_the_crop_stays_where_the_depth_camera_looks() -> None:
    rows, columns = np.mgrid[:200, :300]
    hexagon = (abs(columns - 150) < 75) & (abs(rows - 100) < 66)
    depth = np.where(hexagon, 1500, 0).astype(np.uint16)
    depth[100:130, 150:190] = 0  # a hole stays inside
    depth[3, 3] = 900  # a lone pixel stretches nothing
    crop = largest_crop(map_field(depth), 1.5)
    assert np.count_nonzero(depth[crop.window] == 0) == 30 * 40
    assert crop.width >= 145


def test_no_depth_at_all_does_not_move_the_crop() -> None:
    assert map_field(np.zeros((40, 60), np.uint16)).seen.all()
    with pytest.raises(InputError, match="saw nothing"):
        depth_field(np.zeros((0, 2)), 60, 40)


@given(arrays.arrays(np.uint16, (12, 16), elements=st.sampled_from([0, 800, 2000])))
def test_the_field_of_view_is_convex_and_holds_what_was_seen(depth: np.ndarray) -> None:
    seen = lone_removed(depth > 0)
    expected = cv2.morphologyEx((depth > 0).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3)))
    assert (seen == expected.astype(bool)).all()
    field = map_field(depth).seen
    assert field[seen].all()
    for line in (*field, *field.T):  # without gaps along rows and columns
        places = np.flatnonzero(line)
        assert len(places) == 0 or len(places) == places[-1] - places[0] + 1


def test_a_large_photo_s_field_is_never_too_large() -> None:
    """Cells may lose a little; they never hold a pixel that the hull does not."""
    corner = np.array([[500, 300], [5200, 420], [5000, 3700], [640, 3500]], np.float64)
    field = depth_field(corner, 6000, 4000)
    assert field.cell == 4
    exact = np.zeros((4000, 6000), np.uint8)
    cv2.fillConvexPoly(exact, corner.astype(np.int32), 1)
    whole = np.kron(field.seen, np.ones((4, 4), bool))
    assert (exact[: whole.shape[0], : whole.shape[1]][whole] == 1).mean() > 1 - 1e-4
    assert whole.sum() > 0.99 * exact.sum()
    crop = largest_crop(common(field, Field(np.ones_like(field.seen), 4)), 1.5)
    assert exact[crop.window].all()


@given(st.integers(100, 3000), st.integers(100, 2000), st.integers(32, 100), st.integers(32, 100))
def test_a_fixed_size_keeps_the_aspect_and_stays_inside(
    width: int, height: int, out_width: int, out_height: int
) -> None:
    whole = Crop(x=7.0, y=9.0, width=width, height=height)
    crop = fit_crop(whole, out_width, out_height)
    assert (crop.width, crop.height) == (out_width, out_height)
    assert crop.x >= 7 - 1e-9
    assert crop.y >= 9 - 1e-9
    assert crop.x + crop.width * crop.scale <= 7 + width + 1e-6
    assert crop.y + crop.height * crop.scale <= 9 + height + 1e-6


def test_a_size_beyond_the_common_field_is_refused() -> None:
    with pytest.raises(InputError, match="100x80.*at least 1920x1280"):
        fit_crop(Crop(x=0.0, y=0.0, width=100, height=80), 1920, 1280)
    with pytest.raises(ValueError, match="give both"):
        CropConfig(width=640)


@given(st.floats(0, 300), st.floats(0, 200), st.floats(0.5, 3))
def test_intrinsics_of_a_crop_put_points_on_its_pixels(x: float, y: float, scale: float) -> None:
    camera = Intrinsics(
        width=1200, height=900, fx=800, fy=810, cx=590.3, cy=455.1, model="brown_conrady",
        distortion=(-0.1, 0.02, 1e-3, -2e-3, 0.01), pixel_pitch_um=4,
    )  # fmt: skip
    crop = Crop(x=x, y=y, width=250, height=200, scale=scale)
    window = camera.cropped(crop.x, crop.y, crop.width, crop.height, crop.scale)
    points = np.array([[0.1, -0.2, 1.5], [-0.3, 0.2, 2.0], [0.0, 0.0, 1.0]])
    old, new = project(camera, points), project(window, points)
    np.testing.assert_allclose(
        [crop.x, crop.y] + (new + 0.5) * crop.scale - 0.5, old, rtol=0, atol=1e-9
    )
    assert window.pixel_pitch_um == pytest.approx(4 * scale)


def test_a_part_of_a_part_is_a_part() -> None:
    crop = Crop(x=10.0, y=20.0, width=300, height=200, scale=2.5)
    part = crop.part(30, 40, 100, 50).part(1, 2, 10, 5)
    assert part == Crop(x=10 + 31 * 2.5, y=20 + 42 * 2.5, width=10, height=5, scale=2.5)
    assert msgspec.json.decode(msgspec.json.encode(part), type=Crop) == part
    assert not part.native
    assert Crop(x=1, y=2, width=3, height=4).window == (slice(2, 6), slice(1, 4))
