from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import distance_transform_edt, grey_dilation, label
from scipy.sparse import csr_matrix
from scipy.sparse.linalg import spsolve

from idfd.processing.depth.holes import find_holes
from idfd.processing.depth.krylov import improve
from idfd.processing.depth.multigrid import System, apply, cycle, hierarchy, start
from idfd.processing.depth.pyramid import EMPTY, KNOWN, WANTED, full_level, halved

SHIFTS = [(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 40), st.floats(0, 1))
def test_holes_are_those_of_scipy(seed: int, height: int, width: int, share: float) -> None:
    known = np.random.default_rng(seed).random((height, width)) < share
    holes = find_holes(known, 3.0)
    numbers, count = label(~known, np.ones((3, 3)))
    assert holes.count == count
    assert not (holes.fill & known).any()
    if not known.any():
        assert not holes.fill.any()
        return
    exact = distance_transform_edt(~known)
    assert np.allclose(holes.distance, exact, rtol=0.02)
    assert not (holes.fill & (exact > 3.1)).any()
    for number in range(1, count + 1):
        hole = numbers == number
        if exact[hole].max() < 2.9:
            assert holes.fill[hole].all()
    # Whatever is filled has depth to go by.
    parts, total = label(holes.fill, np.ones((3, 3)))
    touching = np.unique(parts[grey_dilation(known, (3, 3))])
    assert set(range(1, total + 1)) <= set(touching)


def test_a_gap_is_filled_although_it_leads_to_a_wide_hole() -> None:
    known = np.ones((60, 120), np.bool_)
    known[10:50, 10:50] = False
    known[30:32, 50:110] = False
    known[5:55, 51:53] = False  # another hole, one pixel away from the wide one but for the gap
    known[31:33, 51:53] = True
    fill = find_holes(known, 8.0).fill
    assert not fill[10:50, 10:50].any()  # with its corners
    assert fill[30:32, 60:110].all()
    known[29:33, 50:54] = True  # now they are apart
    assert np.array_equal(find_holes(known, 8.0).fill[:, 51:], ~known[:, 51:])


def test_a_hole_open_to_the_border_is_as_deep_as_it_reaches_in() -> None:
    known = np.ones((40, 60), np.bool_)
    known[:, :8] = False
    assert not find_holes(known, 7.5).fill.any()
    assert np.array_equal(find_holes(known, 8.5).fill, ~known)
    # The same band inside the image is half as deep.
    assert find_holes(np.roll(known, 20, axis=1), 4.5).fill.any()


def system(seed: int, height: int, width: int) -> tuple[list[System], np.ndarray, np.ndarray]:
    """A random one: its hierarchy, right-hand side and exact solution by unknown."""
    random = np.random.default_rng(seed)
    wanted = random.random((height, width)) < 0.7
    wanted[0, 0] = True
    place = np.flatnonzero(np.pad(wanted, 1)).astype(np.int32)
    number = np.full(np.pad(wanted, 1).size, -1)
    number[place] = np.arange(len(place))
    tie = np.exp(-8 * random.random((len(place), 8))).astype(np.float32)
    offsets = np.array([dy * (width + 2) + dx for dy, dx in SHIFTS])
    neighbour = number[place[:, None] + offsets]
    tie[neighbour < 0] = 0
    leak = (0.05 * random.random(len(place)) + 1e-4).astype(np.float32)
    right = random.normal(0, 100, len(place)).astype(np.float32)
    row, k = np.nonzero(neighbour >= 0)
    matrix = csr_matrix((-tie[row, k].astype(float), (row, neighbour[row, k])), (len(place),) * 2)
    diagonal = tie.sum(axis=1, dtype=float) + leak
    matrix = matrix + csr_matrix((diagonal, (range(len(place)),) * 2))
    exact = spsolve(matrix.tocsc(), right.astype(float))
    return hierarchy((height + 2, width + 2), place, tie, leak), right, np.atleast_1d(exact)


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (9, 8), (61, 83)])
def test_the_iterative_solver_agrees_with_a_sparse_factorisation(size: tuple[int, int]) -> None:
    systems, right, exact = system(1, *size)
    place = systems[0].place
    scale = np.abs(exact).max()
    first = start(systems, right)
    found = improve(systems, right, first, 30, 0.0)
    assert np.abs(found[place] - exact).max() < 1e-3 * scale
    assert np.count_nonzero(np.delete(found, place)) == 0
    few = np.abs(improve(systems, right, first, 6, 0.0)[place] - exact).mean()
    assert few <= 0.2 * np.abs(first[place] - exact).mean() + 1e-5 * scale


def test_the_solver_stops_at_its_tolerance() -> None:
    systems, right, _ = system(4, 40, 40)
    left = []
    for tolerance in (1.0, 0.01):
        found = improve(systems, right, start(systems, right), 30, tolerance)
        left.append(float(np.sqrt(np.mean((right - apply(systems[0], found)) ** 2))))
    assert 0.01 < left[0] <= 1.01
    assert left[1] <= 0.0101


def test_a_cycle_is_linear_as_a_preconditioner_must_be() -> None:
    systems, right, _ = system(2, 50, 50)
    assert len(systems) > 3
    other = np.roll(right, 7)
    both = cycle(systems, 2 * right - other)
    apart = 2 * cycle(systems, right) - cycle(systems, other)
    assert np.allclose(both, apart, atol=1e-4 * np.abs(apart).max())


def test_coarser_ties_are_sums_of_the_finer_ones() -> None:
    systems, _, _ = system(3, 31, 44)
    for fine, coarse in pairwise(systems):
        columns, half = fine.shape[1], coarse.shape[1]
        for i in (0, len(coarse.place) // 2, len(coarse.place) - 1):
            members = np.flatnonzero(fine.parent == i)
            y, x = np.divmod(fine.place[members], columns)
            assert set((y + 1) // 2 * half + (x + 1) // 2) == {coarse.place[i]}
            expected = np.zeros(8)
            for n, v, u in zip(members, y, x, strict=True):
                for k, (dy, dx) in enumerate(SHIFTS):
                    away = ((v + dy + 1) // 2 - (v + 1) // 2, (u + dx + 1) // 2 - (u + 1) // 2)
                    if away != (0, 0):
                        expected[SHIFTS.index(away)] += fine.tie[n, k]
            assert np.allclose(coarse.tie[i], expected, rtol=1e-5)


def test_a_coarser_level_blends_no_surfaces() -> None:
    depth = np.array([[900, 900, 0, 0, 0], [900, 2000, 0, 2000, 0], [0, 0, 0, 0, 0]], np.float32)
    guide = np.array([[0.1, 0.1, 0.5, 0.6, 0], [0.1, 0.9, 0.7, 0.8, 0], [0.2] * 5], np.float32)
    fill = depth == 0
    fill[:, 4] = False
    half = halved(full_level(depth, guide, fill))
    assert half.state[1:-1, 1:-1].tolist() == [[KNOWN, KNOWN, EMPTY], [WANTED, WANTED, EMPTY]]
    assert half.depth[1:-1, 1:-1].tolist() == [[900, 2000, 0], [0, 0, 0]]
    # Of the second cell only the pixel with depth counts.
    assert half.guide[1, 1:3] == pytest.approx([0.3, 0.8])
