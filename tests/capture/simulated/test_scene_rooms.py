from __future__ import annotations

import cv2
import numpy as np
import pytest
from scene_views import View

from idfd.capture.simulated.scene.model import SceneModel, Surface
from idfd.capture.simulated.scene.rooms import ENVIRONMENTS, build_scene
from idfd.errors import InputError

LAYERS_M = (0.5, 1.0, 1.6, 2.3, 3.1, 3.8)
VIEWS = [(environment, view) for environment in ENVIRONMENTS for view in range(3)]


@pytest.fixture(scope="module", params=VIEWS, ids=[f"{e}-{v}" for e, v in VIEWS])
def scene(request: pytest.FixtureRequest) -> SceneModel:
    environment, view = request.param
    return build_scene(environment, "room", view, seed=11)


@pytest.fixture(scope="module")
def view(scene: SceneModel) -> View:
    return View(scene)


def corners(surface: Surface) -> np.ndarray:
    return surface.vertices[surface.triangles]


def named(scene: SceneModel, name: str) -> Surface:
    return next(surface for surface in scene.surfaces if surface.name == name)


def test_budget(scene: SceneModel) -> None:
    assert len(scene.surfaces) <= 60
    assert 5_000 < sum(len(surface.triangles) for surface in scene.surfaces) < 200_000


def test_arrays_are_as_the_model_says(scene: SceneModel) -> None:
    for surface in scene.surfaces:
        count = len(surface.triangles)
        assert surface.vertices.dtype == np.float32
        assert surface.triangles.dtype == np.uint32
        assert surface.uv.dtype == np.float32
        assert surface.texture.dtype == np.float32
        assert surface.uv.shape == (count, 3, 2)
        assert surface.triangles.max() < len(surface.vertices)
        assert np.isfinite(surface.vertices).all()
        assert np.isfinite(surface.uv).all()
        assert 0 <= surface.texture.min() <= surface.texture.max() <= 1
        assert 0 <= surface.gloss <= 1
        assert 0 < surface.infrared <= 1
        a, b, c = np.moveaxis(corners(surface).astype(np.float64), 1, 0)
        # Whatever has no area has no normal.
        assert np.linalg.norm(np.cross(b - a, c - a), axis=1).min() > 1e-10


def test_curved_surfaces_have_normals_at_every_vertex(scene: SceneModel) -> None:
    for surface in scene.surfaces:
        if not surface.smooth:
            continue
        a, b, c = np.moveaxis(corners(surface).astype(np.float64), 1, 0)
        face = np.cross(b - a, c - a)
        normal = np.zeros((len(surface.vertices), 3))
        for corner in range(3):
            np.add.at(normal, surface.triangles[:, corner], face)
        assert np.linalg.norm(normal[np.unique(surface.triangles)], axis=1).min() > 1e-10


def test_nothing_reaches_beyond_the_walls(scene: SceneModel) -> None:
    floor = named(scene, "floor").vertices
    low, high = floor.min(0), floor.max(0)
    points = np.concatenate([surface.vertices for surface in scene.surfaces])
    assert (points.min(0) >= low - np.array([1e-4, 1e-4, 6e-3])).all()
    assert (points.max(0) <= high + np.array([1e-4, 1e-4, 3.2])).all()
    for light in scene.lights:
        assert (np.array(light.position[:2]) > low[:2]).all()
        assert (np.array(light.position[:2]) < high[:2]).all()


def test_the_room_is_closed_around_the_camera(scene: SceneModel, view: View) -> None:
    rng = np.random.default_rng(0)
    distance, _ = view.cast(view.eye, rng.normal(size=(4000, 3)))
    assert np.isfinite(distance).all()


def test_the_tripod_has_room(scene: SceneModel, view: View) -> None:
    angles = np.radians(np.arange(0, 360, 2))
    around = np.stack([np.cos(angles), np.sin(angles), 0 * angles], -1)
    for height in np.arange(0.05, 1.65, 0.05):
        distance, _ = view.cast(np.array([*view.eye[:2], height]), around)
        assert distance.min() >= 0.4


def test_the_camera_stands_as_on_a_tripod(scene: SceneModel, view: View) -> None:
    assert 1.2 <= view.eye[2] <= 1.4
    right, down, forward = scene.pose.rotation
    assert abs(right[2]) < 1e-9
    assert -15.1 <= np.degrees(np.arcsin(forward[2])) <= -6.9
    np.testing.assert_allclose(np.cross(right, down), forward, atol=1e-12)


def test_depths_suit_the_depth_camera_and_defocus(scene: SceneModel, view: View) -> None:
    depth, _ = view.picture(150)
    assert ((depth > 0.5) & (depth < 3.8)).mean() >= 0.6
    assert depth.max() < 7
    layers = np.histogram(depth, LAYERS_M)[0] / depth.size
    assert (layers > 0.03).sum() >= 4
    # Layers are separated by steps, not only spread over one slanted floor.
    step = np.abs(np.diff(depth, axis=1)) > 0.25
    assert step.any(axis=1).mean() > 0.5


def test_thin_things_are_in_view(view: View) -> None:
    width = 600
    depth, _ = view.picture(width)
    # What a closing by 5 px fills is nearer than its surroundings on both sides and narrower than
    # 5 px, which is 21 mm at 1 m.
    closed = cv2.morphologyEx(depth, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    assert ((closed - depth) > 0.15).mean() > 4e-4


def test_dark_and_shiny_materials_are_there(scene: SceneModel) -> None:
    assert any(surface.infrared <= 0.06 for surface in scene.surfaces)
    assert any(surface.gloss >= 0.7 and surface.shininess >= 100 for surface in scene.surfaces)


def test_light_is_neither_dim_nor_harsh(scene: SceneModel) -> None:
    floor = named(scene, "floor").vertices
    middle = np.array([*floor.mean(0)[:2], 0.7])
    irradiance = float(np.mean(scene.ambient))
    for light in scene.lights:
        away = np.array(light.position) - middle
        distance = np.linalg.norm(away)
        irradiance += float(np.mean(light.intensity)) * away[2] / distance**3
    assert 0.4 < irradiance < 2.5


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_same_arguments_give_the_same_bytes(environment: str) -> None:
    first, again = (build_scene(environment, "twice", 1, seed=5) for _ in range(2))
    assert first.name == again.name == "twice-1"
    assert first.lights == again.lights
    np.testing.assert_array_equal(first.pose.translation, again.pose.translation)
    assert len(first.surfaces) == len(again.surfaces)
    for one, other in zip(first.surfaces, again.surfaces, strict=True):
        assert one.name == other.name
        for field in ("vertices", "triangles", "uv", "texture"):
            assert getattr(one, field).tobytes() == getattr(other, field).tobytes()


def test_a_view_moves_the_tripod_and_not_the_room() -> None:
    first, second = (build_scene("bedroom", "a", view, seed=0) for view in (0, 1))
    assert np.abs(first.pose.translation - second.pose.translation).max() > 0.01
    for name in ("floor", "linen", "daylight"):
        np.testing.assert_array_equal(named(first, name).vertices, named(second, name).vertices)
    assert first.lights == second.lights


@pytest.mark.parametrize(("scene_name", "seed"), [("b", 0), ("a", 1)])
def test_other_scenes_and_seeds_are_other_rooms(scene_name: str, seed: int) -> None:
    first, other = build_scene("museum", "a", 0, 0), build_scene("museum", scene_name, 0, seed)
    assert np.ptp(named(first, "floor").vertices) != np.ptp(named(other, "floor").vertices)


def test_unknown_environments_and_negative_numbers_are_refused() -> None:
    with pytest.raises(InputError, match="one of bedroom, living_room, lab, kitchen, museum"):
        build_scene("garage", "a", 0, 0)
    with pytest.raises(InputError, match="from 0"):
        build_scene("lab", "a", -1, 0)
