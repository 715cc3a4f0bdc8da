from __future__ import annotations

from typing import Literal

import cv2
import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idfd.calibration.derivatives import parameter_names, project_with_derivatives
from idfd.calibration.projection import project
from idfd.model.camera import Intrinsics

MODELS: list[tuple[Literal["pinhole", "brown_conrady", "rational"], int]] = [
    ("pinhole", 0), ("brown_conrady", 4), ("brown_conrady", 5), ("rational", 8),
]  # fmt: skip
coefficient = st.floats(-0.05, 0.05, allow_subnormal=False)


@st.composite
def cameras(draw: st.DrawFn) -> Intrinsics:
    """Cameras of each lens model, with distortions that do not fold in the middle."""
    model, count = draw(st.sampled_from(MODELS))
    return Intrinsics(
        width=640, height=480, fx=draw(st.floats(300, 3000)), fy=draw(st.floats(300, 3000)),
        cx=draw(st.floats(200, 400)), cy=draw(st.floats(150, 350)), model=model,
        distortion=tuple(draw(coefficient) for _ in range(count)),
    )  # fmt: skip


points = st.lists(
    st.tuples(st.floats(-0.6, 0.6), st.floats(-0.6, 0.6), st.floats(200, 5000)),
    min_size=1, max_size=8,
).map(lambda rows: np.array([(x * z, y * z, z) for x, y, z in rows]))  # fmt: skip


@settings(deadline=None)
@given(cameras(), points)
def test_agrees_with_the_jacobian_of_opencv(camera: Intrinsics, points: np.ndarray) -> None:
    matrix = np.array([[camera.fx, 0, camera.cx], [0, camera.fy, camera.cy], [0, 0, 1.0]])
    seen, jacobian = cv2.projectPoints(
        points.reshape(-1, 1, 3), np.zeros(3), np.zeros(3), matrix,
        np.array(camera.distortion or [0.0] * 4),
    )  # fmt: skip
    pixels, by_point, by_parameter = project_with_derivatives(camera, points)
    assert np.allclose(pixels, seen[:, 0], rtol=0, atol=1e-9)
    assert np.array_equal(pixels, project(camera, points))
    jacobian = jacobian.reshape(len(points), 2, -1)
    # OpenCV's columns: rotation 3, translation 3, focal length 2, centre 2, distortion.
    assert np.allclose(by_point, jacobian[:, :, 3:6], rtol=1e-9, atol=1e-12)
    count = 4 + len(camera.distortion)
    assert by_parameter.shape == (len(points), 2, count)
    assert np.allclose(by_parameter, jacobian[:, :, 6 : 6 + count], rtol=1e-9, atol=1e-9)


@settings(deadline=None, max_examples=30)
@given(cameras(), points)
def test_agrees_with_differences_of_project(camera: Intrinsics, points: np.ndarray) -> None:
    _, by_point, by_parameter = project_with_derivatives(camera, points)
    for axis in range(3):
        step = np.zeros(3)
        step[axis] = 1e-3
        slope = (project(camera, points + step) - project(camera, points - step)) / 2e-3
        assert np.allclose(by_point[:, :, axis], slope, rtol=1e-4, atol=1e-6)
    names = parameter_names(camera)
    for place, name in enumerate(names):
        after, before = (project(changed(camera, name, s * 1e-5), points) for s in (1, -1))
        slope = (after - before) / 2e-5
        assert np.allclose(by_parameter[:, :, place], slope, rtol=1e-4, atol=1e-3), name


def changed(camera: Intrinsics, name: str, step: float) -> Intrinsics:
    """The camera with one parameter moved."""
    if name in ("fx", "fy", "cx", "cy"):
        return msgspec.structs.replace(camera, **{name: getattr(camera, name) + step})
    values = list(camera.distortion)
    values[parameter_names(camera).index(name) - 4] += step
    return msgspec.structs.replace(camera, distortion=tuple(values))


def test_unseen_points_have_no_derivatives() -> None:
    barrel = Intrinsics(
        width=100, height=100, fx=50, fy=50, cx=50, cy=50, model="brown_conrady",
        distortion=(-0.3, 0, 0, 0),
    )  # fmt: skip
    points = np.array([[0, 0, 1.0], [0, 0, -1.0], [2.0, 0, 1.0]])
    for result in project_with_derivatives(barrel, points):
        assert np.isfinite(result[0]).all()
        assert np.isnan(result[1:]).all()


@pytest.mark.parametrize("count", [4, 5])
def test_names_follow_opencv(count: int) -> None:
    camera = Intrinsics(
        width=10, height=10, fx=9, fy=9, cx=5, cy=5, model="brown_conrady",
        distortion=(0.1,) * count,
    )  # fmt: skip
    assert parameter_names(camera)[4:] == ("k1", "k2", "p1", "p2", "k3")[:count]
