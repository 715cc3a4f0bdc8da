"""Every format gives back what it was given, where it can hold it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lens_strategies import MODELS, lens_cameras

from idfd.calibration.formats.cameras import Cameras, rigid
from idfd.calibration.formats.files import FORMATS, read_cameras, write_cameras
from idfd.errors import InputError
from idfd.model.camera import Intrinsics

HOLDS = {
    "opencv": 8, "opencv-xml": 8, "open3d": 0, "ros": 8, "kalibr": 4, "colmap": 8, "nerfstudio": 5,
}  # fmt: skip
PAIRS = ("idfd", "opencv", "opencv-xml", "kalibr")


def numbers(camera: Intrinsics) -> np.ndarray:
    lens = (*camera.distortion, *(0.0,) * 8)[:8]
    return np.array(
        [camera.width, camera.height, camera.fx, camera.fy, camera.cx, camera.cy, *lens]
    )


def needed(camera: Intrinsics) -> int:
    """How many coefficients say something."""
    return len(np.trim_zeros(np.array(camera.distortion), "b"))


@st.composite
def pairs(draw: st.DrawFn, models: tuple[str, ...] = MODELS) -> Cameras:
    """Two cameras that are fixed to each other."""
    turn = np.array([draw(st.floats(-3, 3)) for _ in range(3)])
    shift = np.array([draw(st.floats(-500, 500)) for _ in range(3)])
    poses = {
        "depth": np.eye(4),
        "photo": rigid(np.asarray(cv2.Rodrigues(turn)[0], np.float64), shift),
    }
    return Cameras({name: draw(lens_cameras(models)) for name in poses}, poses)


@pytest.mark.parametrize("form", list(HOLDS))
@settings(deadline=None, max_examples=30)
@given(camera=lens_cameras())
def test_a_camera_comes_back_or_is_refused(form: str, camera: Intrinsics) -> None:
    if needed(camera) > HOLDS[form]:
        with pytest.raises(InputError, match="coefficients") as caught:
            FORMATS[form].encode(Cameras({"photo": camera}))
        assert "'photo'" in str(caught.value)
        assert "--undistorted" in str(caught.value)
        return
    text = FORMATS[form].encode(Cameras({"photo": camera}))
    (again,) = FORMATS[form].decode(text, "file").intrinsics.values()
    assert np.allclose(numbers(again), numbers(camera), rtol=1e-9, atol=0)


@pytest.mark.parametrize("form", PAIRS)
@settings(deadline=None, max_examples=20)
@given(data=st.data())
def test_a_pair_comes_back_with_its_pose(form: str, data: st.DataObject) -> None:
    models = ("pinhole", "brown_conrady_4") if form == "kalibr" else MODELS
    pair = data.draw(pairs(models))
    again = FORMATS[form].decode(FORMATS[form].encode(pair), "file")
    for mine, other in zip(pair.intrinsics.values(), again.intrinsics.values(), strict=True):
        assert np.allclose(numbers(other), numbers(mine), rtol=1e-9, atol=0)
    transform = again.between(*again.intrinsics)
    assert np.allclose(transform, pair.between("depth", "photo"), rtol=1e-9, atol=1e-9)


def many(count: int, *, placed: bool) -> Cameras:
    one = Intrinsics(width=64, height=48, fx=50, fy=51, cx=31, cy=24)
    names = [f"c{n}" for n in range(count)]
    poses = {n: rigid(np.eye(3), np.array([10.0 * i, 0, 0])) for i, n in enumerate(names)}
    return Cameras(dict.fromkeys(names, one), poses if placed else {})


def test_a_chain_of_three_in_another_order() -> None:
    chain = many(3, placed=True).only(["c2", "c0", "c1"])
    again = FORMATS["kalibr"].decode(FORMATS["kalibr"].encode(chain), "file")
    assert list(again.intrinsics) == ["cam0", "cam1", "cam2"]
    assert np.allclose(again.between("cam0", "cam1")[:3, 3], [-20, 0, 0])
    assert np.allclose(again.between("cam1", "cam2")[:3, 3], [10, 0, 0])


def test_cameras_without_a_pose_share_a_file_where_it_has_room() -> None:
    loose = many(2, placed=False)
    for form in ("kalibr", "colmap", "opencv"):
        again = FORMATS[form].decode(FORMATS[form].encode(loose), "file")
        assert len(again.intrinsics) == 2
        assert not again.poses


@pytest.mark.parametrize("form", ["open3d", "ros", "nerfstudio", "colmap"])
def test_a_rig_is_refused_where_its_pose_would_be_lost(form: str) -> None:
    with pytest.raises(InputError, match="--camera"):
        FORMATS[form].encode(many(2, placed=True))


@pytest.mark.parametrize("form", ["opencv", "idfd"])
def test_three_are_refused_where_two_fit(form: str) -> None:
    with pytest.raises(InputError, match="--camera"):
        FORMATS[form].encode(many(3, placed=True))


@pytest.mark.parametrize("form", list(FORMATS))
def test_files_are_recognised_by_their_content(form: str, tmp_path: Path) -> None:
    cameras = many(2, placed=True)
    path = tmp_path / "cameras.dat"
    write_cameras(path, cameras if form in PAIRS else cameras.only(["c1"]), form)
    marked = [name for name, each in FORMATS.items() if each.mark.search(path.read_text())]
    # XML is a way to write what both decode.
    assert marked == (["opencv-xml", "opencv"] if form == "opencv-xml" else [form])
    assert next(iter(read_cameras(path).intrinsics.values())) == cameras.intrinsics["c1"]


@pytest.mark.parametrize("form", ["opencv", "opencv-xml"])
def test_opencv_reads_what_is_written(form: str, tmp_path: Path) -> None:
    camera = Intrinsics(
        width=640, height=576, fx=504.6, fy=504.7, cx=332.8, cy=333.8, model="rational",
        distortion=(0.55, -0.021, -7.2e-5, 2.1e-5, -0.0027, 0.89, 0.086, -0.014),
    )  # fmt: skip
    path = tmp_path / f"camera.{'xml' if form.endswith('xml') else 'yml'}"
    write_cameras(path, Cameras({"depth": camera}), form)
    storage: Any = cv2.FileStorage(str(path), cv2.FILE_STORAGE_READ)
    assert storage.getNode("image_width").real() == 640
    matrix = storage.getNode("camera_matrix").mat()
    assert matrix.ravel().tolist() == [504.6, 0, 332.8, 0, 504.7, 333.8, 0, 0, 1]
    assert tuple(storage.getNode("distortion_coefficients").mat().ravel()) == camera.distortion


def test_open3d_reads_what_is_written_and_the_other_way(tmp_path: Path) -> None:
    o3d = pytest.importorskip("open3d")
    camera = Intrinsics(width=640, height=576, fx=504.6, fy=504.7, cx=332.8, cy=333.8)
    path = tmp_path / "camera.json"
    write_cameras(path, Cameras({"depth": camera}), "open3d")
    found = o3d.io.read_pinhole_camera_intrinsic(str(path))
    assert (found.width, found.height) == (640, 576)
    assert found.get_focal_length() == (504.6, 504.7)
    assert found.get_principal_point() == (332.8, 333.8)
    theirs = tmp_path / "theirs.json"
    o3d.io.write_pinhole_camera_intrinsic(str(theirs), found)
    assert read_cameras(theirs).intrinsics["camera"] == camera
