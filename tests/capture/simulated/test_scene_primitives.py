from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idfd.capture.simulated.scene.primitives import (
    Mesh,
    ball,
    box,
    cleaned,
    curve,
    cylinder,
    extrude,
    lathe,
    merge,
    patch,
    sheet,
    slab,
    tube,
)

sizes = st.floats(0.01, 3)
angles = st.floats(-7, 7)


def volume(mesh: Mesh) -> float:
    """Enclosed volume by the divergence theorem; positive if the triangles face outwards."""
    a, b, c = np.moveaxis(mesh.vertices[mesh.triangles], 1, 0)
    return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6)


def edges_are_shared(mesh: Mesh) -> bool:
    """Whether each edge, by place, is run once in each direction: a closed surface."""
    places = {tuple(p): k for k, p in enumerate(np.unique(mesh.vertices.round(9), axis=0))}
    index = np.array([places[tuple(p)] for p in mesh.vertices.round(9)])[mesh.triangles]
    runs = {(int(t[k]), int(t[(k + 1) % 3])) for t in index for k in range(3)}
    return all((b, a) in runs for a, b in runs)


@given(sizes, sizes, sizes)
def test_box(width: float, depth: float, height: float) -> None:
    mesh = box(width, depth, height)
    assert volume(mesh) == pytest.approx(width * depth * height)
    assert edges_are_shared(mesh)
    np.testing.assert_allclose(mesh.vertices.min(0), [-width / 2, -depth / 2, 0], atol=1e-12)
    np.testing.assert_allclose(mesh.vertices.max(0), [width / 2, depth / 2, height], atol=1e-12)
    # The texture lies on every face at its true scale.
    corner, uv = mesh.vertices[mesh.triangles], mesh.uv
    for k in range(3):
        length = np.linalg.norm(corner[:, k] - corner[:, k - 1], axis=1)
        np.testing.assert_allclose(np.linalg.norm(uv[:, k] - uv[:, k - 1], axis=1), length)


@pytest.mark.parametrize(
    ("mesh", "expected", "tolerance"),
    [
        (cylinder(0.3, 2.0, segments=160), np.pi * 0.09 * 2, 1e-3),
        (cylinder(0.4, 1.0, 0.2, segments=160), np.pi / 3 * (0.16 + 0.08 + 0.04), 1e-3),
        (ball(0.3, 0.2, 0.1, segments=160), 4 / 3 * np.pi * 0.006, 1e-3),
        (lathe([(0, 1), (0.5, 0), (0, 0)], 160), np.pi / 3 * 0.25, 1e-3),
        (tube([(0, 0, 0), (0, 0, 1), (0, 0, 3)], 0.05, 160), np.pi * 0.0025 * 3, 1e-3),
        (extrude([(0, 0), (2, 0), (2, 1), (0, 1)], 0.5), 1.0, 1e-12),
    ],
)
def test_solids_are_closed_and_face_outwards(mesh: Mesh, expected: float, tolerance: float) -> None:
    assert volume(mesh) == pytest.approx(expected, rel=tolerance)
    assert edges_are_shared(mesh)


@given(st.floats(0.1, 1.0))
def test_cushions_stay_within_their_half_axes_and_fill_more_than_a_ball(power: float) -> None:
    mesh = ball(0.3, 0.2, 0.1, power, 24)
    np.testing.assert_allclose(np.abs(mesh.vertices).max(0), [0.3, 0.2, 0.1], rtol=1e-9)
    assert volume(mesh) >= volume(ball(0.3, 0.2, 0.1, 1.0, 24)) - 1e-12


@settings(max_examples=30)
@given(st.lists(st.tuples(sizes, sizes, sizes), min_size=2, max_size=6, unique=True))
def test_a_tube_keeps_its_radius_about_its_line(knots: list[tuple[float, float, float]]) -> None:
    line = np.cumsum(np.array(knots), axis=0)
    mesh = tube(line, 0.004)
    rings = mesh.vertices.reshape(len(line) + 2, -1, 3)[1:-1][::-1]
    np.testing.assert_allclose(np.linalg.norm(rings - line[:, None], axis=2), 0.004, rtol=1e-6)


def test_a_sheet_shows_its_window_upright() -> None:
    mesh = sheet(2.0, 1.0, (0.25, 0.5, 0.75, 1.0))
    corner = {
        tuple(p): tuple(t)
        for p, t in zip(
            mesh.vertices[mesh.triangles].reshape(-1, 3), mesh.uv.reshape(-1, 2), strict=True
        )
    }
    assert corner[(-1.0, 0.0, 1.0)] == (0.25, 0.5)
    assert corner[(1.0, 0.0, 0.0)] == (0.75, 1.0)
    a, b, c = mesh.vertices[mesh.triangles[0]]
    assert np.cross(b - a, c - a)[1] < 0


def test_a_slab_faces_up() -> None:
    mesh = slab(2.0, 1.0)
    a, b, c = np.moveaxis(mesh.vertices[mesh.triangles], 1, 0)
    assert (np.cross(b - a, c - a)[:, 2] > 0).all()


@given(angles, sizes, sizes, sizes)
def test_moving_and_turning_keep_shape(angle: float, x: float, y: float, z: float) -> None:
    mesh = box(0.5, 0.3, 0.2)
    for axis in "xyz":
        moved = mesh.turned(angle, axis).moved(x, y, z)
        assert volume(moved.moved(-x, -y, -z)) == pytest.approx(0.03)
        back = moved.moved(-x, -y, -z).turned(-angle, axis)
        np.testing.assert_allclose(back.vertices, mesh.vertices, atol=1e-12)


def test_turning_is_right_handed() -> None:
    point = patch([[(1, 0, 0), (2, 0, 0)], [(1, 1, 0), (2, 1, 0)]])
    np.testing.assert_allclose(point.turned(np.pi / 2).vertices[0], [0, 1, 0], atol=1e-12)
    np.testing.assert_allclose(point.turned(np.pi / 2, "y").vertices[0], [0, 0, -1], atol=1e-12)


def test_merging_keeps_all_triangles_where_they_are() -> None:
    parts = [box(1, 1, 1), sheet(1, 2).moved(y=3), cylinder(0.2, 1)]
    whole = merge(parts)
    expected = np.concatenate([part.vertices[part.triangles] for part in parts])
    np.testing.assert_array_equal(whole.vertices[whole.triangles], expected)
    assert len(whole.uv) == len(expected)


def test_a_curve_runs_through_its_points() -> None:
    knots = np.array([(0, 0, 0), (1, 2, 0), (3, 1, 1), (4, 4, 4)], float)
    np.testing.assert_allclose(curve(knots, 31)[::10], knots, atol=1e-12)


def test_cleaning_drops_only_triangles_without_area() -> None:
    for mesh in (ball(0.1, 0.1, 0.1), lathe([(0, 1), (0.5, 0.5), (0, 0)]), tube(np.eye(3), 0.1)):
        clean = cleaned(mesh)
        a, b, c = np.moveaxis(clean.vertices[clean.triangles], 1, 0)
        assert np.linalg.norm(np.cross(b - a, c - a), axis=1).min() > 1e-10
        assert len(clean.triangles) == len(clean.uv) < len(mesh.triangles)
        assert volume(clean) == pytest.approx(volume(mesh))
