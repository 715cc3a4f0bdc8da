"""Photos of the simulated world: exposure, noise, windows, the cache, and the truth beside."""

from __future__ import annotations

import math
import time
from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest
from render_scenes import AHEAD, checks, corner_room, quad, scene, upright

from idfd.calibration.kinect_factory import parse_factory_calibration
from idfd.calibration.projection import project, unproject
from idfd.capture.simulated import photo as film
from idfd.capture.simulated.mount import COLOUR, DEPTH
from idfd.capture.simulated.scene.model import Light, Pose, SceneModel
from idfd.capture.simulated.tracer import TracedScene
from idfd.capture.simulated.world import QUALITIES, Placement, Quality, World
from idfd.errors import InputError
from idfd.model.rig import RigCalibration
from idfd.model.schema import decode
from idfd.storage.color import linear_from_uint8, luminance

pytest.importorskip("open3d")
pytest.importorskip("numba")

SMALL = Quality(300, 200, 8, 6, 2, 2, 256, 4)
PAIR = ((10.0, 0.25), (2.8, 0.25 * (2.8 / 10) ** 2))


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(SMALL, seed=3, cache=tmp_path)
    world.show(corner_room())
    return world


def middle(image: np.ndarray) -> np.ndarray:
    height, width = image.shape[:2]
    return image[height // 3 : -height // 3, width // 3 : -width // 3]


def stops(one: np.ndarray, other: np.ndarray) -> float:
    return math.log2(float(one.mean()) / float(other.mean()))


def test_equal_exposures_are_equally_bright_in_the_middle(tmp_path: Path) -> None:
    world = World(SMALL, cache=tmp_path)
    world.show(scene(upright(0, 0.8, 0, 3, 3, texture=checks(60, (0.2,) * 3, (0.5,) * 3))))
    small, wide = (middle(world.photo(*setting, 100, 1)) for setting in PAIR)
    assert 60 < small.mean() < 200
    assert max(small.max(), wide.max()) < 250
    assert abs(stops(linear_from_uint8(small), linear_from_uint8(wide))) < 0.05
    whole = [world.light(*setting, 100) for setting in PAIR]
    corner = stops(whole[1][:10, :10], whole[0][:10, :10])
    assert -1.0 < corner < -0.3, "the open aperture darkens the corners"


def test_exposure_follows_time_aperture_and_sensitivity(world: World) -> None:
    base = world.light(10, 0.1, 100)
    assert np.allclose(world.light(10, 0.2, 100), 2 * base)
    assert np.allclose(world.light(10, 0.1, 400), 4 * base)
    assert stops(middle(world.light(5, 0.1, 100)), middle(base)) == pytest.approx(2, abs=0.03)


def test_radiance_of_a_lit_wall_is_lamberts(tmp_path: Path) -> None:
    lamp = Light((0.0, 0.0, 0.0), 0.01, (2.0, 3.0, 4.0))
    wall = upright(0, 2.0, 0, 8, 8)
    room = SceneModel("wall", "board", (wall,), (lamp,), (0.3, 0.2, 0.1), AHEAD)
    world = World(SMALL, cache=tmp_path)
    camera = world.lens.intrinsics
    found = TracedScene(room).radiance(camera, AHEAD, 64, looks=2)
    ray = unproject(camera, np.array([170, 60]))
    distance = 2.0 * np.linalg.norm(ray)
    cosine = 2.0 / distance
    irradiance = np.array([2.0, 3.0, 4.0]) * cosine / distance**2 + np.array([0.3, 0.2, 0.1])
    # Nothing stands before the wall: neither lamp nor ambient light is blocked.
    assert np.allclose(found[58:63, 168:173].mean((0, 1)), 0.5 / np.pi * irradiance, rtol=0.01)


def test_a_card_throws_a_shadow_with_a_soft_edge(tmp_path: Path) -> None:
    lamp = Light((0.0, 0.0, 0.5), 0.06, (2.0, 2.0, 2.0))
    card = upright(0.0, 1.0, 0.25, 0.4, 0.1)
    room = SceneModel(
        "shadow", "board", (upright(0, 2.0, 0, 8, 8), card), (lamp,), (0, 0, 0), AHEAD
    )
    camera = World(SMALL, cache=tmp_path).lens.intrinsics
    found = TracedScene(room).radiance(camera, AHEAD, 32, looks=4)[..., 0]
    # From the lamp over the card's middle: the shadow's middle is at (0, 2, 0).
    column, row = np.rint(project(camera, np.array([0, 0.0, 2.0]))).astype(int)
    lit = found[row, column + 60]
    assert found[row, column] < 0.02 * lit
    profile = found[row : row + 40, column] / lit
    assert ((profile > 0.2) & (profile < 0.8)).sum() >= 3, "penumbra"
    assert profile[-1] > 0.8


def test_depth_of_the_photo_is_the_geometry(world: World) -> None:
    truth = world.truth()
    camera, pose = world.lens.intrinsics, truth.photo_pose
    rows, columns = np.mgrid[: camera.height, : camera.width]
    direction = unproject(camera, np.stack([columns, rows], -1)) @ pose.rotation
    eye = -pose.rotation.T @ pose.translation
    planes = (([0, 0, 1], 0.0), ([0, 1, 0], 2.5), ([1, 0, 0], 1.0))
    depth = np.stack([(c - np.dot(n, eye)) / (direction @ np.array(n)) for n, c in planes])
    depth = 1000 * np.where(depth > 0, depth, np.inf).min(axis=0)
    card = truth.photo_depth < depth - 100
    assert 0.01 < card.mean() < 0.3
    inside = np.abs(direction[..., 0] / direction[..., 1]) < 0.5
    seen = inside & ~card & (truth.photo_depth > 0)
    assert seen.sum() > 10_000
    assert np.abs(truth.photo_depth - depth)[seen].max() < 0.1


def test_releases_differ_by_noise_of_the_right_size(world: World) -> None:
    one, two = (world.photo(10, 0.25, 100, release) for release in (1, 2))
    assert np.array_equal(one, world.photo(10, 0.25, 100, 1))
    assert not np.array_equal(one, two)
    difference = one.astype(int) - two
    assert difference.std() < 1.5
    loud = world.photo(10, 0.25 / 16, 1600, 1).astype(int) - world.photo(10, 0.25 / 16, 1600, 2)
    assert loud.std() > 2 * difference.std()


def test_sensor_noise_is_that_of_the_photons() -> None:
    radiance, gain = np.full((400, 600, 3), 0.5, np.float16), np.full((400, 600), 0.5, np.float32)
    raw = film.mosaic(radiance, gain, 100, (1,)).astype(np.float64)
    green = (raw[::2, 1::2] - film.BLACK_LEVEL) / (film.WHITE_LEVEL - film.BLACK_LEVEL)
    electrons = 0.25 * film.FULL_WELL
    assert green.mean() == pytest.approx(0.25, rel=1e-3)
    expected = math.sqrt(electrons + film.READ_NOISE**2) / film.FULL_WELL
    assert green.std() == pytest.approx(expected, rel=0.03)


def test_raw_and_photo_show_the_same_light(world: World) -> None:
    raw = world.raw(10, 0.25, 100, 1)
    light = np.clip(world.light(10, 0.25, 100), 0, 1)
    assert raw.dtype == np.uint16
    assert raw.max() <= film.WHITE_LEVEL
    scale = film.WHITE_LEVEL - film.BLACK_LEVEL
    for row, column, channel in ((0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 2)):
        plane = (raw[row::2, column::2].astype(float) - world.black_level) / scale
        expected = light[row::2, column::2, channel] / world.raw_gains[channel]
        assert np.abs(plane - expected).mean() < 0.003


def test_overexposure_clips_to_white(world: World) -> None:
    assert (world.photo(10, 30.0, 100, 1) == 255).mean() > 0.8
    assert world.raw(10, 60.0, 100, 1).max() == film.WHITE_LEVEL
    assert world.photo(10, 1e-5, 100, 1).max() < 20


def test_a_window_is_a_part_of_the_whole(world: World) -> None:
    whole = world.light(2.8, 0.02, 100)
    part = world.light(2.8, 0.02, 100, window=(40, 30, 64, 50))
    assert np.allclose(part, whole[30:80, 40:104], rtol=1e-5)


def test_shake_shifts_the_picture(world: World) -> None:
    still = world.photo(10, 0.1, 100, 1).astype(int)
    moved = world.photo(10, 0.1, 100, 1, shake_px=(3.0, -2.0)).astype(int)
    assert np.percentile(np.abs(moved[10:-10, 10:-10] - still[12:-8, 7:-13]), 99) <= 3
    assert np.percentile(np.abs(moved - still), 99) > 10


def test_wide_aperture_blurs_what_is_out_of_focus_only(tmp_path: Path) -> None:
    world = World(Quality(1500, 1000, 24, 24, 1, 2, 1024, 4), cache=tmp_path)
    fine = checks(100, (0.05,) * 3, (0.9,) * 3, 800)
    world.show(
        scene(upright(-0.4, 0.8, 0, 0.8, 0.8, texture=fine), upright(2, 4, 0, 4, 4, texture=fine))
    )
    for window, ratio in (((600, 450, 100, 100), (0.9, 1.1)), ((800, 450, 200, 100), (0.1, 0.75))):
        sharp, soft = (
            np.abs(cv2.Laplacian(luminance(world.light(*setting, 100, window)), cv2.CV_32F)).mean()
            for setting in PAIR
        )
        assert ratio[0] < soft / sharp < ratio[1]


def test_live_frames_are_small_quick_and_noisy(world: World) -> None:
    first = world.live(2.8, 0.02, 100)
    assert first.shape == (427, 640, 3)
    start = time.process_time()
    second = world.live(2.8, 0.02, 100)
    assert time.process_time() - start < 0.5
    assert not np.array_equal(first, second)


def test_rendered_light_is_kept_on_disk(tmp_path: Path) -> None:
    def photo(seed: int, squares: int) -> np.ndarray:
        world = World(SMALL, seed=seed, cache=tmp_path)
        world.show(scene(upright(0, 1, 0, 3, 3, texture=checks(squares, (0.2,) * 3, (0.6,) * 3))))
        return world.photo(10, 0.25, 100, 1)

    first = photo(0, 10)
    (kept,) = tmp_path.iterdir()
    age = kept.stat().st_mtime_ns
    assert np.abs(photo(0, 10).astype(int) - first).max() <= 1
    assert len(list(tmp_path.iterdir())) == 1
    assert kept.stat().st_mtime_ns >= age
    photo(0, 12)
    assert len(list(tmp_path.iterdir())) == 2, "another texture is another picture"
    kept.write_bytes(b"damaged")
    assert np.abs(photo(0, 10).astype(int) - first).max() <= 1


def test_default_cache_is_in_the_users_cache_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    world = World(SMALL)
    world.show(corner_room())
    world.light(10, 0.25, 100)
    assert len(list((tmp_path / "idfd" / "render").glob("*.npz"))) == 1


def test_truth_is_written_with_units(world: World, tmp_path: Path) -> None:
    world.truth().write(tmp_path / "truth.h5")
    with h5py.File(tmp_path / "truth.h5") as file:
        assert file.attrs["schema"] == "idfd/simulated-truth"
        assert file.attrs["schema_version"] == "1.0.0"
        assert file.attrs["focus_distance_m"] == 0.8
        depth = file["photo/depth"]
        assert (depth.shape, depth.dtype, depth.attrs["unit"]) == ((200, 300), np.float32, "mm")
        assert file["kinect/depth"].shape == (576, 640)
        circle = file["photo/circle_of_confusion_f2.8"][()]
        assert file["photo/circle_of_confusion_f2.8"].attrs["unit"] == "px"
        other = file["photo/circle_of_confusion_f10"][()]
        seen = depth[()] > 0
        assert np.allclose(other[seen] * 10, circle[seen] * 2.8, rtol=1e-4)
        assert np.isnan(circle[~seen]).all()
        assert ((circle < 0) == (depth[()] < 800))[seen].all()
        rig = decode(RigCalibration, file.attrs["rig_calibration"].encode(), "attribute")
        assert rig == world.calibration()
        rotation = file["kinect"].attrs["rotation_from_world"]
        assert np.allclose(rotation @ rotation.T, np.eye(3))


def test_both_cameras_agree_about_the_scene(world: World) -> None:
    truth = world.truth()
    rig = world.calibration()
    rows, columns = np.mgrid[180:400:7, 200:450:7]
    depth = truth.kinect_depth[rows, columns].astype(np.float64)
    points = unproject(rig.depth, np.stack([columns, rows], -1)) * depth[..., None]
    moved = rig.depth_to_photo.apply(points)
    pixel = project(rig.photo, moved)
    x, y = np.rint(np.moveaxis(pixel, -1, 0)).astype(int)
    inside = (x >= 0) & (x < 300) & (y >= 0) & (y < 200) & (depth > 0)
    error = np.abs(truth.photo_depth[y[inside], x[inside]] - moved[inside][:, 2])
    assert inside.mean() > 0.9
    # Half a pixel of the coarse photo on a slanted floor is a centimetre or two.
    assert np.median(error) < 10
    assert (error < 60).mean() > 0.85


def test_factory_calibration_is_that_of_the_model(world: World) -> None:
    parsed = parse_factory_calibration(world.factory_calibration(), "NFOV_UNBINNED", "720p")
    for found, made in ((parsed.depth, DEPTH), (parsed.colour, COLOUR)):
        assert found is not None
        assert found.fx == pytest.approx(made.fx, abs=1e-6)
        assert found.cy == pytest.approx(made.cy, abs=1e-6)
        assert np.allclose(found.distortion, made.distortion, atol=1e-9)


def test_colour_is_a_jpeg_of_the_right_size(world: World) -> None:
    image = cv2.imdecode(np.frombuffer(world.colour(), np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    assert image.shape == (720, 1280, 3)
    assert 20 < image.mean() < 220


def test_places_are_reproducible_and_differ(tmp_path: Path) -> None:
    one = World(SMALL, seed=5, cache=tmp_path / "one")
    two = World(SMALL, seed=5, cache=tmp_path / "two")
    for world in (one, two):
        world.place(Placement("kitchen", "a", 1))
    first = one.photo(10, 0.25, 100, 1)
    assert np.array_equal(first, two.photo(10, 0.25, 100, 1))
    assert np.array_equal(one.depth_frames(1, 4)[0], two.depth_frames(1, 4)[0])
    two.place(Placement("kitchen", "a", 2))
    assert not np.array_equal(first, two.photo(10, 0.25, 100, 1))
    one.place(Placement("museum", "a", 1))
    assert not np.array_equal(first, one.photo(10, 0.25, 100, 1))


def test_refuses_what_it_cannot_show(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="tiny, draft, small, board, full"):
        World("huge")
    with pytest.raises(InputError, match="stands nowhere"):
        World(SMALL, cache=tmp_path).photo(10, 0.25, 100, 1)


def test_far_textures_do_not_shimmer(tmp_path: Path) -> None:
    # A checkerboard far finer than a pixel must be grey, not noise.
    floor = quad(
        [(-3.0, 40.0, -1), (3.0, 40.0, -1), (3.0, 1.0, -1), (-3.0, 1.0, -1)],
        checks(512, (0.0,) * 3, (1.0,) * 3, 1024),
    )
    camera = World(SMALL, cache=tmp_path).lens.intrinsics
    found = TracedScene(scene(floor, lights=False)).radiance(camera, AHEAD, 4, looks=8)[..., 0]
    row = int(project(camera, np.array([0, 1.0, 25.0]))[1])
    strip = found[row, 145:155]
    assert strip.mean() == pytest.approx(0.4 * 0.5 / np.pi, rel=0.05)
    assert strip.std() < 0.05 * strip.mean()


def test_presets_are_those_promised() -> None:
    assert {name: (q.width, q.height) for name, q in QUALITIES.items()} == {
        "tiny": (600, 400),
        "draft": (960, 640),
        "small": (1500, 1000),
        "board": (1800, 1200),
        "full": (6016, 4016),
    }


def test_roll_of_the_pose_turns_the_picture(tmp_path: Path) -> None:
    camera = World(SMALL, cache=tmp_path).lens.intrinsics
    dot = upright(0.5, 2.0, 0.0, 0.05, 0.05, emission=1.0)
    pose = Pose.look_at((0, 0, 0), (0, 1, 0), roll=np.pi / 2)
    found = TracedScene(scene(dot, lights=False)).radiance(camera, pose, 16)[..., 0]
    y, x = np.unravel_index(np.argmax(found), found.shape)
    expected = project(camera, pose.rotation @ np.array([0.5, 2.0, 0.0]))
    assert np.abs(np.array([x, y]) - expected).max() < 1.5
