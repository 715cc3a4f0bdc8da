from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from view_triples import BOX, BOX_MM, CAMERA, GAP, WALL_MM, photo, raw_depth, write_take

from idfd.errors import InputError, MissingDependencyError
from idfd.processing.view.cloud import Cloud, scene_cloud, show_cloud, write_cloud
from idfd.processing.view.scene import Scene, find_scene, read_scene


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    write_take(tmp_path)
    return read_scene(find_scene(tmp_path))


def test_points_are_where_opencv_sees_their_pixels(scene: Scene) -> None:
    cloud = scene_cloud(scene, "keep")
    assert len(cloud) == raw_depth().size
    k = np.array([[CAMERA.fx, 0, CAMERA.cx], [0, CAMERA.fy, CAMERA.cy], [0, 0, 1]])
    seen, _ = cv2.projectPoints(
        cloud.points, np.zeros(3), np.zeros(3), k, np.array(CAMERA.distortion)
    )
    rows, columns = np.indices(raw_depth().shape)
    pixels = np.stack([columns.ravel(), rows.ravel()], -1)
    assert np.abs(seen[:, 0] - pixels).max() < 1e-4
    np.testing.assert_array_equal(cloud.colors.reshape(photo().shape), photo())


def test_depths_are_metres_along_the_axis(scene: Scene) -> None:
    cloud = scene_cloud(scene, "drop")
    assert set(np.unique(cloud.points[:, 2])) == {WALL_MM / 1000, BOX_MM / 1000}
    assert np.count_nonzero(cloud.points[:, 2] == BOX_MM / 1000) == raw_depth()[BOX].size


def test_what_is_done_with_filled_points(scene: Scene) -> None:
    filled = raw_depth()[GAP].size
    keep, tint, drop = (scene_cloud(scene, kind) for kind in ("keep", "tint", "drop"))
    assert len(keep) == len(tint) == len(drop) + filled
    changed = (keep.colors != tint.colors).any(-1)
    assert np.count_nonzero(changed) == filled
    expected = (photo()[GAP].astype(int) + np.array((230, 159, 0))) // 2
    np.testing.assert_array_equal(tint.colors[changed].reshape(expected.shape), expected)
    # Nothing is painted into the photo itself.
    np.testing.assert_array_equal(scene.all_in_focus, photo())


def test_a_ply_file_is_read_back_by_open3d(scene: Scene, tmp_path: Path) -> None:
    open3d = pytest.importorskip("open3d")
    cloud = scene_cloud(scene, "keep")
    path = tmp_path / "out" / "cloud.ply"
    path.parent.mkdir()
    write_cloud(cloud, path)
    found = open3d.io.read_point_cloud(str(path))
    np.testing.assert_allclose(np.asarray(found.points), cloud.points, atol=1e-9)
    np.testing.assert_array_equal(np.rint(np.asarray(found.colors) * 255), cloud.colors)
    assert [item.name for item in path.parent.iterdir()] == ["cloud.ply"]
    # The wall is a plane square to the axis at its distance.
    wall = found.select_by_index(np.flatnonzero(cloud.points[:, 2] > 2).tolist())
    a, b, c, d = wall.segment_plane(1e-3, 3, 100)[0]
    np.testing.assert_allclose(abs(d) / np.linalg.norm((a, b, c)), WALL_MM / 1000, atol=1e-4)
    assert abs(c) > 0.9999


@pytest.mark.parametrize("missing", ["depth", "intrinsics"])
def test_says_what_is_missing(tmp_path: Path, missing: str) -> None:
    triple = write_take(tmp_path, camera=None if missing == "intrinsics" else CAMERA)
    if missing == "depth":
        (triple / "depth.png").unlink()
        (triple / "depth_inpainted.png").unlink()
    with pytest.raises(InputError, match=f"has no {missing}"):
        scene_cloud(read_scene(find_scene(tmp_path)))


def test_intrinsics_of_another_size_are_refused(tmp_path: Path) -> None:
    write_take(tmp_path, camera=CAMERA.cropped(0, 0, 20, 20))
    with pytest.raises(InputError, match="intrinsics are of 20x20"):
        scene_cloud(read_scene(find_scene(tmp_path)))


def test_without_open3d_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "open3d", None)
    empty = Cloud(np.zeros((0, 3)), np.zeros((0, 3), np.uint8))
    with pytest.raises(MissingDependencyError, match=r"idfd\[view\]"):
        write_cloud(empty, tmp_path / "cloud.ply")
    assert list(tmp_path.iterdir()) == []


def test_the_viewer_is_given_points_and_closed(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    open3d = pytest.importorskip("open3d")
    shown: list[int] = []

    class Viewer:
        def create_window(self, title: str, width: int, height: int) -> bool:
            assert title == "kitchen_1"
            return True

        def add_geometry(self, geometry: Any) -> None:
            shown.append(len(geometry.points))

        def get_view_control(self) -> Any:
            return SimpleNamespace(set_front=lambda _: None, set_up=lambda _: None)

        def run(self) -> None:
            shown.append(-1)

        def destroy_window(self) -> None:
            shown.append(-2)

    monkeypatch.setattr(open3d.visualization, "Visualizer", Viewer)
    monkeypatch.setenv("DISPLAY", ":7")
    show_cloud(scene_cloud(scene), "kitchen_1")
    assert shown == [raw_depth().size, -1, -2]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems always have a screen")
def test_without_a_screen_the_viewer_does_not_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("open3d")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(InputError, match="cannot open a window"):
        show_cloud(Cloud(np.zeros((0, 3)), np.zeros((0, 3), np.uint8)), "x")
