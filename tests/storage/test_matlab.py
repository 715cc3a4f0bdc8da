from __future__ import annotations

import io
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io
from hypothesis import given
from hypothesis import strategies as st

from idfd.errors import InputError
from idfd.storage.matlab import matlab_array

GRID = np.arange(24, dtype=np.float64).reshape(4, 6) / 7


def version5(compress: bool = True, **arrays: object) -> bytes:
    buffer = io.BytesIO()
    scipy.io.savemat(buffer, arrays, do_compression=compress)
    return buffer.getvalue()


def version73(**arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", userblock_size=512) as file:
        for name, array in arrays.items():
            file[name] = array.T  # as MATLAB writes it
    text = b"MATLAB 7.3 MAT-file, Platform: GLNXA64, HDF5 schema 1.00 ."
    return text.ljust(512, b"\0") + buffer.getvalue()[512:]


FILES = {
    "5": version5(grid=GRID, other=GRID + 1),
    "5 plain": version5(compress=False, grid=GRID),
    "7.3": version73(grid=GRID, other=GRID + 1),
}


@pytest.mark.parametrize("kind", FILES)
def test_every_version_gives_the_same_array(kind: str) -> None:
    np.testing.assert_array_equal(matlab_array(FILES[kind], "grid", "x.mat"), GRID)


@pytest.mark.parametrize("kind", FILES)
def test_an_absent_name_is_told(kind: str) -> None:
    with pytest.raises(InputError, match=r"x\.mat: holds nothing as depth"):
        matlab_array(FILES[kind], "depth", Path("x.mat"))


def test_what_is_no_array_of_numbers_is_refused() -> None:
    with pytest.raises(InputError, match="array of numbers"):
        matlab_array(version5(grid="text"), "grid", "x.mat")
    with pytest.raises(InputError, match="array of numbers"):
        matlab_array(version5(grid={"a": 1}), "grid", "x.mat")


@given(kind=st.sampled_from(sorted(FILES)), data=st.data())
def test_damage_ends_in_an_error_that_names_the_file(kind: str, data: st.DataObject) -> None:
    content = bytearray(FILES[kind])
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    for at in data.draw(st.lists(st.integers(0, len(content)), max_size=4)):
        if at < len(content):
            content[at] = data.draw(st.integers(0, 255))
    where = None
    try:
        matlab_array(bytes(content), "grid", "x.mat")
    except InputError as error:
        where = error.where
    assert where in (None, "x.mat")
