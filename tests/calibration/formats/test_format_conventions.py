"""Converted cameras project as ours do, by the formulas that the other tools document."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from lens_strategies import lens_cameras

from idfd.calibration.formats.cameras import Cameras, rigid
from idfd.calibration.formats.files import FORMATS
from idfd.calibration.projection import project, unproject
from idfd.model.camera import Intrinsics


def points(camera: Intrinsics) -> np.ndarray:
    """Points at 1.7 m seen all over the image, (N, 3)."""
    columns = np.linspace(0, camera.width - 1, 21)
    rows = np.linspace(0, camera.height - 1, 21)
    pixels = np.stack(np.meshgrid(columns, rows), -1).reshape(-1, 2)
    return 1700.0 * unproject(camera, pixels)


def encoded(form: str, camera: Intrinsics) -> str:
    return FORMATS[form].encode(Cameras({"photo": camera}))


def colmap(text: str, points: np.ndarray) -> np.ndarray:
    """``CamFromImg``'s inverse in COLMAP's ``src/colmap/sensor/models.h``."""
    words = text.splitlines()[-1].split()
    fx, fy, cx, cy, *lens = map(float, words[4:])
    k1, k2, p1, p2, k3, k4, k5, k6 = (*lens, *(0.0,) * 8)[:8]
    assert words[1] == {0: "PINHOLE", 4: "OPENCV", 8: "FULL_OPENCV"}[len(lens)]
    u, v = points[:, 0] / points[:, 2], points[:, 1] / points[:, 2]
    r2 = u * u + v * v
    radial = (1 + k1 * r2 + k2 * r2**2 + k3 * r2**3) / (1 + k4 * r2 + k5 * r2**2 + k6 * r2**3)
    x = u * radial + 2 * p1 * u * v + p2 * (r2 + 2 * u * u)
    y = v * radial + 2 * p2 * u * v + p1 * (r2 + 2 * v * v)
    return np.stack([fx * x + cx, fy * y + cy], -1)


def kalibr(text: str, points: np.ndarray) -> np.ndarray:
    """``RadialTangentialDistortion::distort`` and ``PinholeProjection`` of Kalibr's aslam_cv."""
    camera = yaml.safe_load(text)["cam0"]
    k1, k2, p1, p2 = camera["distortion_coeffs"]
    fu, fv, cu, cv = camera["intrinsics"]
    y = points[:, :2] / points[:, 2:]
    mx2_u, my2_u, mxy_u = y[:, 0] ** 2, y[:, 1] ** 2, y[:, 0] * y[:, 1]
    rho2_u = mx2_u + my2_u
    rad_dist_u = k1 * rho2_u + k2 * rho2_u * rho2_u
    x0 = y[:, 0] + y[:, 0] * rad_dist_u + 2.0 * p1 * mxy_u + p2 * (rho2_u + 2.0 * mx2_u)
    x1 = y[:, 1] + y[:, 1] * rad_dist_u + 2.0 * p2 * mxy_u + p1 * (rho2_u + 2.0 * my2_u)
    return np.stack([fu * x0 + cu, fv * x1 + cv], -1)


def ros(text: str, points: np.ndarray) -> np.ndarray:
    """The image pipeline of ``sensor_msgs/CameraInfo``: D and K, then R and P to rectify."""
    info = yaml.safe_load(text)
    d = (*info["distortion_coefficients"]["data"], 0.0, 0.0, 0.0)
    k = np.array(info["camera_matrix"]["data"]).reshape(3, 3)
    assert len(d) == {"plumb_bob": 8, "rational_polynomial": 11}[info["distortion_model"]]
    x, y = points[:, 0] / points[:, 2], points[:, 1] / points[:, 2]
    r2 = x * x + y * y
    scale = (1 + ((d[4] * r2 + d[1]) * r2 + d[0]) * r2) / (
        1 + ((d[7] * r2 + d[6]) * r2 + d[5]) * r2
    )
    seen = np.stack([
        x * scale + 2 * d[2] * x * y + d[3] * (r2 + 2 * x * x),
        y * scale + d[2] * (r2 + 2 * y * y) + 2 * d[3] * x * y,
        np.ones_like(x),
    ])  # fmt: skip
    return (k @ seen)[:2].T


def nerfstudio(text: str, points: np.ndarray) -> np.ndarray:
    """``radial_and_tangential_undistort`` of ``camera_utils.py``, the other way."""
    file: dict[str, Any] = json.loads(text)
    x, y = points[:, 0] / points[:, 2], points[:, 1] / points[:, 2]
    r = x * x + y * y
    d = 1.0 + r * (file["k1"] + r * (file["k2"] + r * (file["k3"] + r * file["k4"])))
    p1, p2 = file["p1"], file["p2"]
    u = d * x + 2 * p1 * x * y + p2 * (r + 2 * x * x)
    v = d * y + 2 * p2 * x * y + p1 * (r + 2 * y * y)
    return np.stack([file["fl_x"] * u + file["cx"], file["fl_y"] * v + file["cy"]], -1)


@pytest.mark.parametrize(
    ("form", "seen_by", "models", "corner"),
    [
        ("colmap", colmap, ("pinhole", "brown_conrady_4", "brown_conrady_5", "rational"), 0.5),
        ("kalibr", kalibr, ("pinhole", "brown_conrady_4"), 0.0),
        ("ros", ros, ("pinhole", "brown_conrady_4", "brown_conrady_5", "rational"), 0.0),
        ("nerfstudio", nerfstudio, ("pinhole", "brown_conrady_4", "brown_conrady_5"), 0.5),
    ],
)  # fmt: skip
def test_the_other_tool_sees_points_at_the_same_places(
    form: str, seen_by: Any, models: tuple[str, ...], corner: float
) -> None:
    """``corner`` is where the tool puts the centre of the corner pixel."""

    @settings(deadline=None, max_examples=30)
    @given(lens_cameras(models))
    def check(camera: Intrinsics) -> None:
        scene = points(camera)
        theirs = seen_by(encoded(form, camera), scene)
        assert np.abs(theirs - corner - project(camera, scene)).max() < 1e-6

    check()


def test_kalibr_moves_points_from_the_camera_before_in_metres() -> None:
    camera = Intrinsics(width=64, height=48, fx=50, fy=51, cx=31, cy=24)
    turn = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    poses = {"depth": np.eye(4), "photo": rigid(turn, np.array([12.5, -7.0, 3.0]))}
    text = FORMATS["kalibr"].encode(Cameras(dict.fromkeys(poses, camera), poses))
    chain = yaml.safe_load(text)
    assert "T_cn_cnm1" not in chain["cam0"]
    in_photo = np.array(chain["cam1"]["T_cn_cnm1"]) @ [0.1, 0.2, 1.5, 1]
    assert np.allclose(in_photo, [-0.2 + 0.0125, 0.1 - 0.007, 1.503, 1])


def test_opencv_moves_points_from_the_first_camera_in_millimetres() -> None:
    camera = Intrinsics(width=64, height=48, fx=50, fy=51, cx=31, cy=24)
    import cv2

    poses = {"depth": np.eye(4), "photo": rigid(np.eye(3), np.array([12.5, -7.0, 3.0]))}
    text = FORMATS["opencv"].encode(Cameras(dict.fromkeys(poses, camera), poses))
    storage = cv2.FileStorage(text, cv2.FILE_STORAGE_READ | cv2.FILE_STORAGE_MEMORY)
    assert np.array_equal(storage.getNode("T").mat().ravel(), [12.5, -7.0, 3.0])
