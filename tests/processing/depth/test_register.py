from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lens_strategies import lens_cameras
from register_scenes import BENT, Scene, bent_rig, depth_pixels, lens_camera

from idfd.calibration.projection import project, ray_table
from idfd.errors import InputError
from idfd.model.camera import Intrinsics
from idfd.model.covariance import Covariance
from idfd.model.rig import RigCalibration
from idfd.model.triple import Crop, DepthSource
from idfd.processing.depth import raster
from idfd.processing.depth.maps import DepthMap
from idfd.processing.depth.mesh import build_mesh
from idfd.processing.depth.register import RegisterConfig, photo_points, register

SHAPE = (144, 160)


def whole(camera: Intrinsics) -> Crop:
    return Crop(x=0.0, y=0.0, width=camera.width, height=camera.height)


def fused(depth: np.ndarray, deviation: float | None = None) -> DepthMap:
    depth = depth.astype(np.float32)
    return DepthMap(
        depth,
        np.where(depth > 0, DepthSource.FUSED, DepthSource.NONE).astype(np.uint8),
        None if deviation is None else np.where(depth > 0, deviation, np.nan).astype(np.float32),
    )


def plane_in(rays: np.ndarray, normal: np.ndarray, distance: float) -> np.ndarray:
    """Depth along z of the plane ``normal · x = distance`` for rays with z = 1."""
    return distance / (rays @ normal[:2] + normal[2])


def plane_of(
    rig: RigCalibration, normal: np.ndarray, distance: float
) -> tuple[np.ndarray, np.ndarray]:
    """Depth of a plane of the depth camera's frame in the depth camera and in the photo."""
    turned = np.array(rig.depth_to_photo.rotation) @ normal
    far = distance + turned @ np.array(rig.depth_to_photo.translation_mm)
    return (
        plane_in(ray_table(rig.depth), normal, distance),
        plane_in(ray_table(rig.photo), turned, far),
    )


@pytest.mark.parametrize("turn", [0.0, 0.06, -0.1])
@pytest.mark.parametrize("distance", [600.0, 1800.0])
def test_a_plane_stays_that_plane_through_both_distortions(turn: float, distance: float) -> None:
    rig = bent_rig(turn=(0.0, turn, 0.0))
    depth, expected = plane_of(rig, np.array([0.15, -0.1, 1.0]), distance)
    found = register(fused(depth), rig, whole(rig.photo)).depth
    assert (found > 0).mean() > 0.3
    # Half a millimetre is lost in rounding.
    assert np.abs(found - expected)[found > 0].max() <= 0.52


def test_a_scene_against_its_closed_form() -> None:
    """Accuracy under noise, and nothing where the depth camera could not see."""
    rig, scene = bent_rig(), Scene()
    truth, points = scene.photo_view(rig)
    ideal = scene.depth_view(rig)
    noise = np.random.default_rng(1).normal(0, 1.0, ideal.shape)
    found = register(fused(ideal + noise, 1.0), rig, whole(rig.photo))
    has, hidden = found.depth > 0, scene.hidden(rig, points)
    pixels = depth_pixels(rig, points)
    in_view = np.isfinite(pixels).all(axis=-1)
    assert (hidden & in_view).sum() > 1400

    def near_edge(reach: int) -> np.ndarray:
        rows, columns = np.nan_to_num(np.rint(pixels)).astype(int)[..., ::-1].transpose(2, 0, 1)
        out = np.zeros(truth.shape, bool)
        centre = ideal[rows, columns]
        for i in range(-reach, reach + 1):
            for j in range(-reach, reach + 1):
                other = ideal[(rows + i).clip(0, SHAPE[0] - 1), (columns + j).clip(0, SHAPE[1] - 1)]
                out |= np.abs(other - centre) > 0.05 * centre
        return out

    assert not (has & hidden & in_view & ~near_edge(1)).any()
    # Within a pixel of an edge there are a few: the mesh knows edges to a pixel.
    assert (has & hidden).sum() < 0.002 * hidden.sum()
    smooth = ~hidden & in_view & ~near_edge(2)
    error = (found.depth - truth)[has & smooth]
    assert has[smooth].mean() > 0.98
    assert np.sqrt(np.mean(error**2)) < 1.0 + 0.25
    # No value from between two surfaces, and none from behind what is near.
    assert np.mean(np.abs(found.depth - truth)[has] > 20) < 0.001
    # As large as it is said to be; interpolation averages some of the noise away.
    assert found.uncertainty is not None
    assert 0.6 < np.sqrt(np.mean((error / found.uncertainty[has & smooth]) ** 2)) < 1.0


def test_what_is_near_hides_what_is_far_and_its_shadow_stays_empty() -> None:
    straight = (0.0,) * 5
    rig = bent_rig(
        lens_camera(240, 160, 130, straight), lens_camera(160, 144, 126, straight),
        turn=(0, 0, 0), shift=(-150.0, 0.0, 0.0),
    )  # fmt: skip
    depth = np.full(SHAPE, 2000.0)
    depth[50:90, 60:100] = 900
    found = register(fused(depth), rig, whole(rig.photo)).depth
    corners = np.dstack([ray_table(rig.depth) * 900.0, np.full(SHAPE, 900.0)])[[50, 89], [60, 99]]
    (left, top), (right, bottom) = project(rig.photo, rig.depth_to_photo.apply(corners))
    rows, columns = np.nonzero(found == 900)
    for value, edge in zip((columns.min(), columns.max(), rows.min(), rows.max()),
                           (left, right, top, bottom), strict=True):  # fmt: skip
        assert abs(value - edge) < 1.01
    # Right of the box the photo sees wall that the depth camera could not: it stays empty. Left
    # of it, it is not known how far the box goes on within a pixel.
    middle = found[round((top + bottom) / 2)]
    assert not middle[int(right) + 2 : int(right) + 8].any()
    assert middle[int(np.floor(left))] == 0
    assert middle[int(left) - 3] == 2000
    assert set(np.unique(found)) <= {0, 900, 2000}, "no depth is made up between the surfaces"


def test_nothing_shows_through_the_pixels_that_a_filter_took_away() -> None:
    rig = bent_rig(shift=(-150.0, 0.0, 0.0))
    depth = np.full(SHAPE, 2000.0)
    depth[50:90, 60:100] = 900
    full = register(fused(depth), rig, whole(rig.photo)).depth
    frame = np.zeros(SHAPE, bool)
    frame[48:92, 58:102] = True
    frame[52:88, 62:98] = False
    found = register(fused(np.where(frame, 0, depth)), rig, whole(rig.photo)).depth
    assert not ((found > 1500) & (full > 0) & (full < 1500)).any()


def test_a_thing_may_be_as_deep_as_its_shadow() -> None:
    """Between a near thing and its shadow the photo looks behind it, or at its side: not known."""
    rig = bent_rig(
        lens_camera(600, 400, 330.0, ()), lens_camera(160, 144, 126.0, ()),
        turn=(0, 0, 0), shift=(-400.0, 0.0, 0.0),
    )  # fmt: skip
    depth = np.full(SHAPE, 2000.0)
    depth[:, 100:106] = 900.0
    found = register(fused(depth), rig, whole(rig.photo)).depth[200]
    thing = np.flatnonzero(found == 900)
    ray = ray_table(rig.depth)[72, 99]
    (shadow, _) = project(rig.photo, rig.depth_to_photo.apply(np.array([*(ray * 2000.0), 2000.0])))
    assert shadow - thing.max() > 50
    assert not found[thing.max() + 1 : int(shadow)].any()
    assert (found[thing.min() - 20 : thing.min() - 4] == 2000).all()


def test_a_steep_wall_is_whole_and_a_jump_of_the_same_height_is_cut() -> None:
    rig = bent_rig()
    depth, expected = plane_of(rig, np.array([-0.995, 0.0, 0.1]), 260.0)
    # From a third of the way on the wall recedes by 2 to 8 % a pixel.
    depth = np.where((depth > 400) & (depth < 6000), depth, 0)
    step = np.diff(depth, axis=1) / np.minimum(depth[:, 1:], depth[:, :-1]).clip(1)
    steep = (np.abs(step) > 0.025) & (np.abs(step) < 0.06)
    inner = np.zeros((SHAPE[0] - 1, SHAPE[1] - 1), bool)
    inner[:, 1:-1] = (steep[:, 1:-1] & steep[:, 2:] & steep[:, :-2])[1:]
    inner[1:] &= inner[:-1].copy()
    assert inner.sum() > 300
    mesh = build_mesh(
        depth.astype(np.float32), rig.depth, rig.depth_to_photo, rig.photo, 0.02, 86.0
    )
    assert (mesh.cells[inner] == 5).mean() > 0.99
    found = register(fused(depth), rig, whole(rig.photo)).depth
    assert np.abs(found / expected - 1)[found > 0].max() < 0.02
    jump = np.full(SHAPE, 1000.0)
    jump[:, 80:] = 1040.0
    assert set(np.unique(register(fused(jump), bent_rig(turn=(0, 0, 0)),
                                  whole(rig.photo)).depth)) == {0, 988, 1028}  # fmt: skip


def test_a_surface_is_not_seen_from_behind() -> None:
    """A wall that the depth camera just grazes shows its back to a photo from the other side."""
    rig = bent_rig(turn=(0, 0, 0), shift=(300.0, 0, 0))
    normal = np.array([-0.99, 0.0, 0.08])
    depth, _ = plane_of(rig, normal, 150.0)
    depth = np.where((depth > 400) & (depth < 2500), depth, 0)
    origin = -np.array(rig.depth_to_photo.translation_mm)
    assert (normal @ origin > 150.0) != (0.0 > 150.0)
    mesh = build_mesh(
        depth.astype(np.float32), rig.depth, rig.depth_to_photo, rig.photo, 0.02, 86.0
    )
    shown = ((mesh.seen[..., 0] > 0) & (mesh.seen[..., 0] < 600))[:-1, :-1]
    assert ((mesh.cells == 5) & shown).sum() > 500
    assert not register(fused(depth), rig, whole(rig.photo)).depth.any()


def test_points_beyond_the_fold_of_a_lens_are_not_drawn() -> None:
    folding = lens_camera(300, 200, 200.0, (-0.35, 0.0, 0.0, 0.0, 0.0))
    rig = bent_rig(folding, lens_camera(160, 144, 40.0, ()), turn=(0, 0, 0), shift=(-20, 0, 0))
    depth = np.full(SHAPE, 1000.0)
    rays = ray_table(rig.depth) + np.array([-0.02, 0.0])
    r2 = (rays**2).sum(-1)
    naive = rays * (1 - 0.35 * r2)[..., None] * 200 + [149.3, 100.3]
    back = (r2 > 1 / (3 * 0.35)) & ((naive > 0) & (naive < [300, 200])).all(-1)
    assert back.sum() > 500, "the formula alone would draw these"
    depth[back] = 700.0
    found = register(fused(depth), rig, whole(folding)).depth
    assert set(np.unique(found)) == {0, 1000}


def test_holes_stay_holes() -> None:
    rig = bent_rig()
    depth = np.full(SHAPE, 1500.0)
    full = register(fused(depth), rig, whole(rig.photo)).depth
    depth[60:80, 70:90] = 0
    holed = register(fused(depth), rig, whole(rig.photo)).depth
    lost = (full > 0) & (holed == 0)
    a_pixel = (330 / 126) ** 2
    assert 18 * 18 * 0.9 * a_pixel < lost.sum() < 23 * 23 * 1.3 * a_pixel
    assert (holed[~lost] == full[~lost]).all()


def test_a_crop_is_that_window_of_the_photo() -> None:
    rig = bent_rig()
    depth = fused(Scene().depth_view(rig), 2.0)
    full = register(depth, rig, whole(rig.photo))
    crop = Crop(x=130.0, y=77.0, width=301, height=203)
    part = register(depth, rig, crop)
    for name in ("depth", "source", "uncertainty"):
        np.testing.assert_array_equal(getattr(part, name), getattr(full, name)[crop.window])


def test_a_resampled_crop_samples_where_its_docstring_says() -> None:
    rig = bent_rig()
    normal, distance = np.array([0.3, -0.2, 1.0]), 1500.0
    crop = Crop(x=100.25, y=60.5, width=97, height=81, scale=2.75)
    found = register(fused(plane_of(rig, normal, distance)[0]), rig, crop).depth
    expected = np.empty(found.shape)
    turned = np.array(rig.depth_to_photo.rotation) @ normal
    far = distance + turned @ np.array(rig.depth_to_photo.translation_mm)
    columns = 100.25 + (np.arange(97) + 0.5) * 2.75 - 0.5
    rows = 60.5 + (np.arange(81) + 0.5) * 2.75 - 0.5
    table = ray_table(rig.photo)
    for place, row in enumerate(rows):
        i = int(row)
        line = (1 - (row - i)) * table[i] + (row - i) * table[i + 1]
        rays = np.stack([np.interp(columns, np.arange(600), line[:, k]) for k in range(2)], -1)
        expected[place] = plane_in(rays, turned, far)
    assert (found > 0).mean() > 0.8
    assert np.abs(found - expected)[found > 0].max() < 0.55


@pytest.mark.parametrize(("threads", "rows"), [(1, 128), (2, 128), (3, 16), (2, 7)])
def test_threads_and_bands_change_nothing(
    threads: int, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = bent_rig()
    depth = Scene().depth_view(rig) + np.random.default_rng(0).normal(0, 4, SHAPE)
    depth[np.random.default_rng(1).random(SHAPE) < 0.05] = 0
    reference = register(fused(depth, 4.0), rig, whole(rig.photo))
    monkeypatch.setattr("numba.config.NUMBA_NUM_THREADS", threads)
    monkeypatch.setattr(raster, "_ROWS", rows)
    found = register(fused(depth, 4.0), rig, whole(rig.photo))
    for name in ("depth", "source", "uncertainty"):
        np.testing.assert_array_equal(getattr(found, name), getattr(reference, name))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31), st.floats(0, 0.9), st.floats(0.5, 300))
def test_what_holds_of_any_depth_map(seed: int, empty: float, noise: float) -> None:
    rig = bent_rig()
    random = np.random.default_rng(seed)
    depth = np.maximum(Scene().depth_view(rig) + random.normal(0, noise, SHAPE), 1.0)
    depth[random.random(SHAPE) < empty] = 0
    found = register(fused(depth, 3.0), rig, whole(rig.photo))
    has = found.depth > 0
    assert ((found.source == DepthSource.FUSED) == has).all()
    assert ((found.source == DepthSource.NONE) == ~has).all()
    assert found.uncertainty is not None
    assert (np.isfinite(found.uncertainty) == has).all()
    assert (found.depth == np.rint(found.depth)).all()
    if has.any():
        points = np.dstack([ray_table(rig.depth) * depth[..., None], depth])
        moved = rig.depth_to_photo.apply(points)[..., 2][depth > 0]
        assert np.rint(moved.min()) <= found.depth[has].min()
        assert found.depth[has].max() <= np.rint(moved.max())


def test_the_worst_source_of_a_triangle_counts() -> None:
    rig = bent_rig()
    source = np.full(SHAPE, DepthSource.FUSED, np.uint8)
    order = (DepthSource.MEASURED, DepthSource.IN_PAINTED, DepthSource.UNKNOWN)
    for place, worse in enumerate(order):
        source[70, 50 + 20 * place] = worse
    depth = DepthMap(np.full(SHAPE, 1500, np.float32), source)
    found = register(depth, rig, whole(rig.photo)).source
    area = (330 / 126) ** 2
    for worse in order:
        assert 2.0 * area < (found == worse).sum() < 3.6 * area  # six triangles
    source[70, 51] = DepthSource.UNKNOWN  # beside the measured one: theirs together are the worse
    both = register(depth, rig, whole(rig.photo)).source
    assert (both == DepthSource.MEASURED).sum() < (found == DepthSource.MEASURED).sum()


def _shifted_depth(depth: np.ndarray, rig: RigCalibration) -> tuple[np.ndarray, RigCalibration]:
    return depth + 20.0, rig


def _shifted_mount(depth: np.ndarray, rig: RigCalibration) -> tuple[np.ndarray, RigCalibration]:
    mount = rig.depth_to_photo
    x, y, z = mount.translation_mm
    moved = msgspec.structs.replace(mount, translation_mm=(x + 12.0, y, z))
    return depth, msgspec.structs.replace(rig, depth_to_photo=moved)


@pytest.mark.parametrize(
    ("deviation", "names", "matrix", "change"),
    [
        (20.0, (), (), _shifted_depth),
        (0.0, ("depth_to_photo.tx",), ((144.0,),), _shifted_mount),
    ],
)
def test_the_uncertainty_is_what_an_error_would_change(
    deviation: float,
    names: tuple[str, ...],
    matrix: tuple[tuple[float, ...], ...],
    change: Callable[[np.ndarray, RigCalibration], tuple[np.ndarray, RigCalibration]],
) -> None:
    """On a slope that faces the depth camera, an error of depth grows on its way to the photo."""
    rig = bent_rig(shift=(-250.0, 0.0, 0.0))
    if names:
        rig = msgspec.structs.replace(rig, covariance=Covariance(names=names, matrix=matrix))
    depth, _ = plane_of(rig, np.array([0.8, 0.0, 0.6]), 1000.0)
    depth = np.where((depth > 900) & (depth < 3500), depth, 0)
    before = register(fused(depth, deviation), rig, whole(rig.photo))
    moved, other = change(depth, rig)
    after = register(fused(np.where(depth > 0, moved, 0)), other, whole(rig.photo))
    both = (before.depth > 0) & (after.depth > 0)
    # Away from the edges of what was measured, where the slope is known from one side only.
    both[:, 1:-1] &= both[:, 2:] & both[:, :-2]
    assert both.sum() > 5000
    assert before.uncertainty is not None
    told = before.uncertainty[both]
    made = np.abs(after.depth - before.depth)[both]
    assert np.median(made) > (22 if deviation else 8)
    assert np.median(np.abs(made / told - 1)) < 0.06


def test_rounding_is_part_of_the_uncertainty() -> None:
    rig = bent_rig(turn=(0, 0, 0), shift=(0.0, 0.0, 0.0))
    found = register(fused(np.full(SHAPE, 1000.0), 0.0), rig, whole(rig.photo))
    assert found.uncertainty is not None
    told = found.uncertainty[found.depth > 0]
    np.testing.assert_allclose(told, np.sqrt(1 / 12), rtol=1e-5)


@settings(max_examples=30, deadline=None)
@given(lens_cameras(), st.integers(0, 2**31))
def test_corners_are_where_project_puts_them(photo: Intrinsics, seed: int) -> None:
    rig = bent_rig(photo)
    depth = np.random.default_rng(seed).uniform(300, 4000, SHAPE).astype(np.float32)
    mesh = build_mesh(depth, rig.depth, rig.depth_to_photo, photo, 0.02, 86.0)
    metric = depth.astype(np.float64)
    points = rig.depth_to_photo.apply(np.dstack([ray_table(rig.depth) * metric[..., None], metric]))
    expected = project(photo, points)
    np.testing.assert_allclose(mesh.points, points, atol=1e-9)
    np.testing.assert_allclose(mesh.seen[..., :2], expected, rtol=1e-12, atol=1e-6)


def test_the_outline_and_a_grid_tell_the_field_of_view() -> None:
    rig = bent_rig()
    depth = np.full(SHAPE, 1500.0)
    depth[:, :30] = 0
    depth[0, 30:] = 0
    points = photo_points(fused(depth), rig, step=8)
    metric = rig.depth_to_photo.apply(
        np.dstack([ray_table(rig.depth) * depth[..., None], depth])[depth > 0]
    )
    all_of_them = project(rig.photo, metric)
    np.testing.assert_allclose(points.min(axis=0), all_of_them.min(axis=0))
    np.testing.assert_allclose(points.max(axis=0), all_of_them.max(axis=0))
    assert points.dtype == np.float64
    assert len(points) < 0.06 * len(all_of_them)
    assert len(photo_points(fused(np.zeros(SHAPE)), rig)) == 0


def test_an_empty_map_gives_an_empty_map() -> None:
    rig = bent_rig()
    found = register(fused(np.zeros(SHAPE), 1.0), rig, whole(rig.photo))
    assert not found.depth.any()
    assert not found.source.any()
    assert found.uncertainty is not None
    assert np.isnan(found.uncertainty).all()


def test_what_no_image_holds_is_left_out() -> None:
    rig = bent_rig(turn=(0, 0, 0), shift=(0, 0, 600.0))
    depth = np.full(SHAPE, 65300.0)
    assert not register(fused(depth), rig, whole(rig.photo)).depth.any()
    assert register(fused(depth - 1000), rig, whole(rig.photo)).depth.max() == 64900


def test_what_cannot_be_registered_is_refused() -> None:
    rig = bent_rig()
    with pytest.raises(InputError, match="160x144"):
        register(fused(np.zeros((288, 320))), rig, whole(rig.photo))
    with pytest.raises(InputError, match="leaves the image"):
        register(fused(np.zeros(SHAPE)), rig, Crop(x=1, y=0, width=600, height=400))
    for bad in (
        msgspec.structs.replace(rig, photo=msgspec.structs.replace(rig.photo, cx=np.nan)),
        msgspec.structs.replace(
            rig,
            depth=msgspec.structs.replace(rig.depth, distortion=(np.inf, *BENT[1:], 0.0, 0.0, 0.0)),
        ),
    ):
        with pytest.raises(InputError, match="not finite"):
            register(fused(np.zeros(SHAPE)), bad, whole(rig.photo))


def test_settings_are_kept() -> None:
    rig = bent_rig(turn=(0, 0, 0))
    jump = np.full(SHAPE, 1000.0)
    jump[:, 80:] = 1040.0
    cut = register(fused(jump), rig, whole(rig.photo)).depth
    config = replace(RegisterConfig(), largest_step=0.05)
    joined = register(fused(jump), rig, whole(rig.photo), config).depth
    assert (joined > 0).sum() > (cut > 0).sum()
    assert ((joined > 988) & (joined < 1028)).any()
