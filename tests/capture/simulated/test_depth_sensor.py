"""The Kinect model: exact geometry, and errors of the kind and size of the real device's."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from render_scenes import AHEAD, GREY, checks, corner_room, quad, scene, upright

from idfd.calibration.projection import ray_table
from idfd.capture.simulated.depth_sensor import DepthView, field
from idfd.capture.simulated.infrared import detour
from idfd.capture.simulated.mount import DEPTH, DEPTH_TO_COLOUR, DEPTH_TO_PHOTO, beside, colour_pose
from idfd.capture.simulated.scene.model import Pose, Surface
from idfd.capture.simulated.tracer import TracedScene

pytest.importorskip("open3d")
pytest.importorskip("numba")


def view(*surfaces: Surface, samples: int = 2, pose: Pose = AHEAD) -> DepthView:
    return DepthView(TracedScene(scene(*surfaces)), DEPTH, pose, samples, (7,))


def wall(depth: float, **finish: float) -> Surface:
    return upright(0, depth, 0, 20, 20, **finish)


def middle(array: np.ndarray) -> np.ndarray:
    return array[..., 238:338, 270:370]


def rays() -> np.ndarray:
    return np.concatenate([ray_table(DEPTH), np.ones((DEPTH.height, DEPTH.width, 1))], -1)


def test_geometry_of_a_slanted_plane_is_exact() -> None:
    # Plane n·p = c in the world, seen by a camera that is turned and moved.
    pose = Pose.look_at((0.3, -0.2, 1.1), (0.1, 2.0, 0.7), roll=0.1)
    normal = np.array([0.3, -1.0, 0.25]) / np.linalg.norm([0.3, -1.0, 0.25])
    anchor = np.array([0.1, 2.0, 0.7])
    u = np.cross(normal, [0, 0, 1.0])
    u /= np.linalg.norm(u)
    v = np.cross(normal, u)
    corners = [tuple(anchor + a * u + b * v) for a, b in ((-9, -9), (9, -9), (9, 9), (-9, 9))]
    found = view(quad(corners), pose=pose).geometry()
    direction = rays() @ pose.rotation
    eye = -pose.rotation.T @ pose.translation
    expected = 1000 * (normal @ (anchor - eye)) / (direction @ normal)
    seen = field(DEPTH) & (expected > 0) & (expected < 6000)
    assert seen.mean() > 0.7
    assert np.abs(found - expected)[seen].max() < 0.1


def test_geometry_of_a_sphere_is_exact() -> None:
    # Finely triangulated: the sagitta of its facets stays below 0.02 mm.
    rows, columns = np.mgrid[0:181, 0:361]
    polar, round_ = np.radians(rows), np.radians(columns)
    shell = np.stack(
        [np.sin(polar) * np.cos(round_), np.sin(polar) * np.sin(round_), np.cos(polar)], -1
    )
    centre, radius = np.array([0.1, 1.3, -0.05]), 0.3
    index = np.arange(181 * 361).reshape(181, 361)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    triangles = np.stack([np.stack([a, b, c], -1), np.stack([a, c, d], -1)]).reshape(-1, 3)
    ball = Surface(
        "ball", (centre + radius * shell).reshape(-1, 3).astype(np.float32),
        triangles.astype(np.uint32), np.zeros((len(triangles), 3, 2), np.float32), GREY,
        smooth=True,
    )  # fmt: skip
    found = view(ball).geometry()
    direction, to_centre = rays(), AHEAD.rotation @ centre
    length = np.linalg.norm(direction, axis=-1)
    along = direction @ to_centre / length
    square = radius**2 - to_centre @ to_centre + along**2
    expected = 1000 * (along - np.sqrt(np.maximum(square, 0))) / length
    safely = field(DEPTH) & (square > 0.2 * radius**2)  # away from the rim
    assert safely.sum() > 10_000
    assert np.abs(found - expected)[safely].max() < 0.1


def test_samples_agree_with_geometry_where_nothing_disturbs() -> None:
    corners = [(-6.0, 0.2, 6), (6.0, 2.8, 6), (6.0, 2.8, -6), (-6.0, 0.2, -6)]
    slanted = view(quad(corners), samples=4)
    mean, _ = slanted.expected()
    seen = mean > 0
    assert seen.sum() > 100_000
    assert np.abs(mean - slanted.geometry())[seen].max() < 0.1


def test_corners_of_the_image_are_dark_and_the_hexagon_reaches_its_sides() -> None:
    depth, infrared = view(wall(1.0)).frames(2, 0)
    for corner in (
        np.s_[:, :60, :60],
        np.s_[:, :60, -60:],
        np.s_[:, -60:, :60],
        np.s_[:, -60:, -60:],
    ):
        assert not depth[corner].any()
        assert not infrared[corner].any()
    assert depth[:, 288, 5].all()
    assert depth[:, 288, -20].all()
    assert depth[:, 0, 320].all()
    assert 0.75 < field(DEPTH).mean() < 0.9


def test_noise_grows_with_range_as_published() -> None:
    spread = {}
    for depth in (0.8, 1.0, 2.0, 3.5):
        frames, _ = view(wall(depth)).frames(30, 0)
        spread[depth] = float(np.median(middle(frames).std(axis=0, ddof=1)))
    assert 0.7 < spread[1.0] < 1.5
    assert spread[0.8] < spread[1.0] < spread[2.0] < spread[3.5] < 17
    assert spread[2.0] / spread[1.0] > 2


def test_expected_noise_is_the_noise_of_frames() -> None:
    wall_view = view(wall(2.0))
    mean, sigma = wall_view.expected()
    frames, _ = wall_view.frames(40, 0)
    # Rounding to millimetres adds a twelfth.
    expected = np.sqrt(middle(sigma) ** 2 + 1 / 12).mean()
    assert middle(frames).std(axis=0, ddof=1).mean() == pytest.approx(expected, rel=0.02)
    assert (middle(frames).mean(axis=0) - middle(mean)).mean() == pytest.approx(0, abs=0.03)


def test_frames_are_reproducible_and_differ() -> None:
    one, two = view(wall(1.5)), view(wall(1.5))
    first, infrared = one.frames(4, 10)
    again, infrared_again = two.frames(2, 12)
    assert np.array_equal(first[2:], again)
    assert np.array_equal(infrared[2:], infrared_again)
    assert not np.array_equal(first[0], first[1])
    assert not np.array_equal(infrared[0], infrared[1])


@pytest.mark.parametrize(
    ("surface", "why"),
    [
        (wall(3.0, infrared=0.03), "too dark"),
        (wall(0.3), "too near"),
        (wall(4.5), "too far"),
        (wall(1.0, gloss=1.0, shininess=2000.0), "its reflection blinds"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_drops_out(surface: Surface, why: str) -> None:
    depth, _ = view(surface).frames(1, 0)
    assert not depth[0, 332:338, 325:331].any(), why


def test_a_shiny_surface_seen_aslant_gives_less_light_than_a_matt_one() -> None:
    def slanted(gloss: float) -> np.ndarray:
        corners = [(-3.0, 1.0, 2), (3.0, 5.0, 2), (3.0, 5.0, -2), (-3.0, 1.0, -2)]
        return view(quad(corners, gloss=gloss, shininess=300.0)).frames(1, 0)[1][0, 288, 320]

    assert slanted(0.9) < 0.3 * slanted(0.0)


def test_infrared_fades_with_the_square_of_range_and_with_reflectance() -> None:
    bright = {}
    for depth, reflectance in ((1.0, 0.5), (2.0, 0.5), (1.0, 0.25)):
        _, infrared = view(wall(depth, infrared=reflectance)).frames(5, 0)
        bright[depth, reflectance] = middle(infrared).mean()
    assert bright[1.0, 0.5] / bright[2.0, 0.5] == pytest.approx(4, rel=0.02)
    assert bright[1.0, 0.5] / bright[1.0, 0.25] == pytest.approx(2, rel=0.02)
    assert bright[1.0, 0.5] == pytest.approx(700, rel=0.1)


def test_noise_of_infrared_is_that_of_a_recorded_frame() -> None:
    _, infrared = view(wall(1.0)).frames(40, 0)
    level, spread = middle(infrared).mean(), middle(infrared).std(axis=0).mean()
    assert spread == pytest.approx(np.sqrt(0.8 * level + 8**2), rel=0.05)


def test_toner_is_dark_in_the_infrared_and_dyes_are_not() -> None:
    squares = checks(2, (0.03, 0.03, 0.03), (0.85, 0.85, 0.85))
    levels = {}
    for toner in (True, False):
        board = upright(0, 1.0, 0, 1.0, 1.0, texture=squares, infrared=1.0, toner=toner)
        _, infrared = view(board, samples=4).frames(5, 0)
        mean = infrared.mean(axis=0)
        levels[toner] = [float(mean[288 + y - 8 : 288 + y + 8, 327 + x - 8 : 327 + x + 8].mean())
                         for y, x in ((-60, -60), (-60, 60), (140, -60), (140, 60))]  # fmt: skip
    dark, light, light_below, dark_below = levels[True]
    assert dark / light == pytest.approx(0.03 / 0.85, rel=0.25)  # noise lifts what is clipped at 0
    assert dark_below / light_below == pytest.approx(0.03 / 0.85, rel=0.25)
    assert min(levels[False]) > 0.9 * max(levels[False])


def test_flying_pixels_lie_between_front_and_back() -> None:
    card = upright(-0.5, 1.0, 0.0, 1.0, 4.0)
    depth, _ = view(card, wall(1.12), samples=16).frames(1, 0)
    rows = depth[0, 200:380]
    edge = np.argmax(rows.mean(axis=0) > 1060)
    strip = rows[:, edge - 3 : edge + 4]
    between = (strip > 1015) & (strip < 1105)
    assert between.any()
    assert between.sum(axis=1).max() <= 3
    # A deep step cancels the phasors of evenly mixed pixels instead.
    depth, _ = view(card, wall(2.2), samples=16).frames(1, 0)
    strip = depth[0, 200:380, edge - 3 : edge + 4]
    assert (strip == 0).any()


def test_multipath_makes_concave_corners_deeper_and_leaves_planes() -> None:
    room = corner_room()
    traced = TracedScene(room)
    pose = beside(room.pose, DEPTH_TO_PHOTO)
    longer = detour(traced, DEPTH, pose)
    assert longer.min() >= 0
    assert 0.003 < longer.max() <= 0.06
    assert not detour(TracedScene(scene(wall(1.0))), DEPTH, AHEAD).any()
    # Most where floor, wall and side meet.
    geometry = DepthView(traced, DEPTH, pose, 1, (1,)).geometry()
    assert geometry[np.unravel_index(np.argmax(longer), longer.shape)] != 0
    steps = np.abs(np.diff(longer, axis=1)).max()
    assert steps < 0.003, "smooth"


def test_dim_pixels_come_and_go() -> None:
    found = None
    for reflectance in (0.03, 0.035, 0.04, 0.05):
        depth, _ = view(wall(2.2, infrared=reflectance)).frames(30, 0)
        share = (middle(depth) > 0).mean()
        if 0.02 < share < 0.98:
            found = (middle(depth) > 0).mean(axis=0)
    assert found is not None
    assert ((found > 0.1) & (found < 0.9)).any()


def test_mount_poses_are_consistent() -> None:
    photo = Pose.look_at((0.1, 0.2, 1.3), (0.5, 3, 0.8))
    depth = beside(photo, DEPTH_TO_PHOTO)
    point = np.array([0.4, 1.9, 0.6])
    in_depth = depth.rotation @ point + depth.translation
    in_photo = photo.rotation @ point + photo.translation
    assert np.allclose(DEPTH_TO_PHOTO.apply(1000 * in_depth), 1000 * in_photo, atol=1e-6)
    colour = colour_pose(depth)
    in_colour = colour.rotation @ point + colour.translation
    assert np.allclose(DEPTH_TO_COLOUR.apply(1000 * in_depth), 1000 * in_colour, atol=1e-6)
    eye = -depth.rotation.T @ depth.translation
    assert 0.08 < np.linalg.norm(eye + photo.rotation.T @ photo.translation) < 0.1


def test_geometry_is_seen_where_opencv_projects_it() -> None:
    # A card's corner in the world must be the corner in the image, by OpenCV's own projection.
    corner = np.array([0.1, 1.5, 0.2])
    card = [(0.1, 1.5, 0.2), (0.9, 1.5, 0.2), (0.9, 1.5, -0.6), (0.1, 1.5, -0.6)]
    depth = view(quad(card), wall(3.0)).geometry()
    matrix = np.array([[DEPTH.fx, 0, DEPTH.cx], [0, DEPTH.fy, DEPTH.cy], [0, 0, 1]])
    vector, _ = cv2.Rodrigues(AHEAD.rotation)
    pixel, _ = cv2.projectPoints(
        corner[None], vector, AHEAD.translation, matrix, np.array(DEPTH.distortion)
    )
    x, y = pixel[0, 0]
    inside = depth < 2000
    assert inside[int(y) + 2, int(x) + 2]
    row = np.flatnonzero(inside[int(y) + 30])
    column = np.flatnonzero(inside[:, int(x) + 30])
    assert abs(row[0] - x) < 3
    assert abs(column[0] - y) < 3
