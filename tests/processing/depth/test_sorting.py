from __future__ import annotations

import itertools

import numpy as np
import pytest

from idfd.processing.depth.sorting import network


def apply(pairs: np.ndarray, values: np.ndarray) -> np.ndarray:
    values = values.copy()
    for low, high in pairs:
        a, b = values[low].copy(), values[high].copy()
        values[low], values[high] = np.minimum(a, b), np.maximum(a, b)
    return values


@pytest.mark.parametrize("count", range(1, 15))
def test_a_network_sorts_everything(count: int) -> None:
    # By the zero-one principle, what sorts all zeros and ones sorts everything.
    bits = np.array(list(itertools.product((0, 1), repeat=count)), np.uint8).T
    assert np.array_equal(apply(network(count), bits), np.sort(bits, 0))


@pytest.mark.parametrize("count", [30, 33, 40, 64])
def test_a_larger_network_sorts_permutations(count: int) -> None:
    rng = np.random.default_rng(count)
    values = rng.permuted(np.tile(np.arange(count), (500, 1)), axis=1).T
    assert np.array_equal(apply(network(count), values), np.sort(values, 0))


def test_comparisons_are_as_few_as_knuth_counts() -> None:
    # 5.2.2, table of merge exchange for 16 and 32 values.
    assert [len(network(n)) for n in (1, 2, 3, 4, 8, 16, 32)] == [0, 1, 3, 5, 19, 63, 191]
