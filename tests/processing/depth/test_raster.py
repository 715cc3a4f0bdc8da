"""The rasteriser against a slow one that looks at every pixel of every triangle."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idfd.model.triple import DepthSource
from idfd.processing.depth.mesh import Mesh
from idfd.processing.depth.raster import draw

HEIGHT, WIDTH = 37, 41


def grid_mesh(seed: int, rows: int = 6, columns: int = 7, jitter: float = 0.35) -> Mesh:
    random = np.random.default_rng(seed)
    i, j = np.mgrid[:rows, :columns].astype(np.float64)
    seen = np.dstack([4 + 5 * j, 3 + 5 * i, np.zeros_like(i)])
    seen[..., :2] += random.normal(0, 5 * jitter, seen[..., :2].shape)
    seen[..., 2] = 1 / random.uniform(500, 3000, i.shape)
    points = np.dstack([i, j, 1 / seen[..., 2]])
    cells = np.full((rows - 1, columns - 1), 5, np.uint8)
    return Mesh(points, seen, cells, np.empty((0, 3, 3)))


def by_hand(mesh: Mesh, deviation: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inverse depth, deviation and distance to the next edge, of all triangles by barycentrics."""
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float64)
    best, spread = np.zeros((HEIGHT, WIDTH)), np.full((HEIGHT, WIDTH), np.nan)
    clear = np.full((HEIGHT, WIDTH), np.inf)
    for i in range(mesh.cells.shape[0]):
        for j in range(mesh.cells.shape[1]):
            a, b, c, d = (i, j), (i, j + 1), (i + 1, j), (i + 1, j + 1)
            for p, q, r in ((a, b, d), (a, d, c)):
                (px, py, pn), (qx, qy, qn), (rx, ry, rn) = (mesh.seen[k] for k in (p, q, r))
                area = (qx - px) * (ry - py) - (qy - py) * (rx - px)
                wp = ((qx - x) * (ry - y) - (qy - y) * (rx - x)) / area
                wq = ((rx - x) * (py - y) - (ry - y) * (px - x)) / area
                wr = 1 - wp - wq
                inner = np.minimum(np.minimum(wp, wq), wr)
                clear = np.minimum(clear, np.abs(inner))
                n = wp * pn + wq * qn + wr * rn
                front = area > 0
                nearer = (inner >= 0) & ((n if front else n / 1.02) > best)
                best[nearer] = (n if front else n / 1.02)[nearer]
                told = wp * deviation[p] + wq * deviation[q] + wr * deviation[r]
                spread[nearer] = told[nearer] if front else np.nan
    return best, spread, clear


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from([0.0, 0.1, 0.35, 1.0]))
def test_depth_and_deviation_are_those_of_barycentric_weights(seed: int, jitter: float) -> None:
    mesh = grid_mesh(seed, jitter=jitter)
    deviation = np.random.default_rng(seed).uniform(1, 9, mesh.seen.shape[:2]).astype(np.float32)
    source = np.full(deviation.shape, DepthSource.FUSED, np.uint8)
    depth, _, uncertainty = draw(mesh, source, deviation, HEIGHT, WIDTH, 0.02)
    with_rounding = np.sqrt(deviation.astype(np.float64) ** 2 + 1 / 12)
    inverse, spread, clear = by_hand(mesh, with_rounding)
    # On an edge rounding decides, and where two surfaces are equally near.
    sure = clear > 1e-6
    with np.errstate(divide="ignore"):
        expected = np.where(np.isnan(spread), 0, 1 / inverse)
    assert sure.mean() > 0.5
    assert np.abs(depth - expected)[sure].max() <= 0.5 + 1e-2
    assert uncertainty is not None
    np.testing.assert_allclose(uncertainty[sure], spread[sure], rtol=1e-4)
    without = draw(mesh, source, None, HEIGHT, WIDTH, 0.02)
    assert without[2] is None
    np.testing.assert_array_equal(without[0], depth)


def test_neighbours_leave_no_crack() -> None:
    for seed in range(20):
        mesh = grid_mesh(seed, jitter=0.05)
        mesh.seen[0, :, 1] = -3.0
        mesh.seen[-1, :, 1] = HEIGHT + 3.0
        mesh.seen[:, 0, 0] = -3.0
        mesh.seen[:, -1, 0] = WIDTH + 3.0
        source = np.full(mesh.seen.shape[:2], DepthSource.FUSED, np.uint8)
        assert (draw(mesh, source, None, HEIGHT, WIDTH, 0.02)[0] > 0).all()


def test_corners_on_pixels_are_drawn() -> None:
    mesh = grid_mesh(0, jitter=0.0)
    source = np.full(mesh.seen.shape[:2], DepthSource.FUSED, np.uint8)
    depth = draw(mesh, source, None, HEIGHT, WIDTH, 0.02)[0]
    rows, columns = np.nonzero(depth)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (3, 28, 4, 34)
    at_corners = depth[3:29:5, 4:35:5]
    np.testing.assert_allclose(at_corners, mesh.points[..., 2], atol=0.51)


@pytest.mark.parametrize("behind", [0.99, 1.01, 1.05])
def test_a_blocker_hides_only_what_is_clearly_behind(behind: float) -> None:
    mesh = grid_mesh(0, jitter=0.0)
    mesh.seen[..., 2] = 1 / 1000.0
    block = np.array([[[10.0, 10.0, 0], [25.0, 10.0, 0], [10.0, 25.0, 0]]])
    block[..., 2] = behind / 1000.0  # inverse: this many times nearer
    blocked = Mesh(mesh.points, mesh.seen, mesh.cells, block)
    source = np.full(mesh.seen.shape[:2], DepthSource.FUSED, np.uint8)
    free = draw(mesh, source, None, HEIGHT, WIDTH, 0.02)
    found = draw(blocked, source, None, HEIGHT, WIDTH, 0.02)
    lost = (free[0] > 0) & (found[0] == 0)
    assert lost.any() == (behind > 1.02)
    assert (found[1][lost] == DepthSource.NONE).all()
    assert (found[0][~lost] == free[0][~lost]).all()
