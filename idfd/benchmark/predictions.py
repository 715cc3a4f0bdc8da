"""Predictions that someone else's code wrote to files, as a model of the benchmark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from idfd.benchmark.models import ModelInput, Prediction, Target
from idfd.errors import InputError
from idfd.storage.color import eight_bit
from idfd.storage.images import (
    DEPTH_SUFFIXES,
    PHOTO_SUFFIXES,
    depth_to_millimetres,
    read_depth,
    read_map,
    read_photo,
)

GROUPS: dict[Target, str] = {"depth": "depth", "aif": "all_in_focus", "defocus": "defocus"}
_SUFFIXES: dict[Target, frozenset[str]] = {
    "depth": DEPTH_SUFFIXES,
    "aif": PHOTO_SUFFIXES,
    "defocus": DEPTH_SUFFIXES,
}
_HUNDREDTHS = np.float32(100)
"""Of a pixel, the unit of defocus in integer files."""


class FolderPredictions:
    """Image files ``depth/<id>.*``, ``all_in_focus/<id>.*`` and ``defocus/<id>.*`` in a folder.

    Depth is 16-bit PNG or TIFF in millimetres, or EXR, TIFF or NPY in metres; photos are
    8-bit RGB; defocus is 16-bit in hundredths of a pixel, or EXR, TIFF or NPY in pixels. Any
    sub-folder may be missing, but not all.

    Args:
        folder: The folder.
        name: Name of the model that made the files.

    Raises:
        InputError: No sub-folder exists, or two files hold one prediction.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        self._folder = folder
        self._files = {
            target: _index(folder / group, _SUFFIXES[target])
            for target, group in GROUPS.items()
            if (folder / group).is_dir()
        }
        if not self._files:
            raise InputError(
                "the folder holds no predictions",
                where=folder,
                limit="a folder 'depth', 'all_in_focus' or 'defocus' in it, a file for each triple",
            )
        self.predicts: frozenset[Target] = frozenset(self._files)

    def check(self, ids: tuple[str, ...]) -> None:
        """Report every missing prediction at once; see :func:`report_missing`."""
        report_missing(self._folder, {t: set(files) for t, files in self._files.items()}, ids)

    def predict(self, item: ModelInput) -> Prediction:
        """Read the files of one triple.

        Raises:
            InputError: A file is missing, unreadable, of the wrong size, not metric, or holds
                NaN; the message names the file.
        """
        self.check((item.id,))
        shape = item.defocused.shape[:2]
        depth = photo = defocus = None
        if "depth" in self._files:
            path = self._files["depth"][item.id]
            depth = _metres(read_depth(path), shape, path)
        if "aif" in self._files:
            path = self._files["aif"][item.id]
            photo = _sized(eight_bit(read_photo(path)), shape, path)
        if "defocus" in self._files:
            path = self._files["defocus"][item.id]
            defocus = _pixels(read_map(path), shape, path)
        return Prediction(depth_m=depth, all_in_focus=photo, defocus_px=defocus)


class H5Predictions:
    """An HDF5 file with ``/depth/<id>``, ``/all_in_focus/<id>`` and ``/defocus/<id>``.

    Depth is uint16 millimetres or floating-point metres, (H, W); photos are (H, W, 3) uint8;
    defocus is uint16 hundredths of a pixel or floating-point pixels, (H, W).

    Args:
        path: The file.
        name: Name of the model that made it.

    Raises:
        InputError: Not an HDF5 file, or no such group is in it.
    """

    def __init__(self, path: Path, name: str) -> None:
        self.name = name
        self._path = path
        with self._open() as file:
            self._ids = {
                target: set(file[group])
                for target, group in GROUPS.items()
                if isinstance(file.get(group), h5py.Group)
            }
        if not self._ids:
            raise InputError(
                "the file holds no predictions",
                where=path,
                limit="a group 'depth', 'all_in_focus' or 'defocus' with an array for each triple",
            )
        self.predicts: frozenset[Target] = frozenset(self._ids)

    def _open(self) -> h5py.File:
        try:
            return h5py.File(self._path, "r")
        except OSError:
            raise InputError("not a readable HDF5 file", where=self._path) from None

    def check(self, ids: tuple[str, ...]) -> None:
        """Report every missing prediction at once; see :func:`report_missing`."""
        report_missing(self._path, self._ids, ids)

    def predict(self, item: ModelInput) -> Prediction:
        """Read the arrays of one triple.

        Raises:
            InputError: An array is missing, unreadable, of the wrong size or dtype, or holds
                NaN; the message names the file and the array.
        """
        self.check((item.id,))
        shape = item.defocused.shape[:2]
        depth = photo = defocus = None
        if "depth" in self._ids:
            array, where = self._read("depth", item.id)
            depth = _metres(depth_to_millimetres(array, where), shape, where)
        if "aif" in self._ids:
            array, where = self._read("aif", item.id)
            if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3:
                raise InputError(
                    f"the photo is {array.dtype} of shape {array.shape}",
                    where=where,
                    limit="uint8 of shape (H, W, 3)",
                )
            photo = _sized(array, shape, where)
        if "defocus" in self._ids:
            array, where = self._read("defocus", item.id)
            defocus = _pixels(array, shape, where)
        return Prediction(depth_m=depth, all_in_focus=photo, defocus_px=defocus)

    def _read(self, target: Target, name: str) -> tuple[NDArray[Any], str]:
        where = f"{self._path}:/{GROUPS[target]}/{name}"
        with self._open() as file:
            try:
                return np.asarray(file[GROUPS[target]][name][()]), where
            except (OSError, AttributeError, TypeError) as error:
                raise InputError(f"not an array that can be read ({error})", where=where) from None


def open_predictions(path: Path, name: str | None = None) -> FolderPredictions | H5Predictions:
    """Open predictions in a folder or an HDF5 file.

    Args:
        path: The folder or file.
        name: Name of the model; by default the name of the folder or file.

    Raises:
        InputError: Nothing usable is there.
    """
    if path.is_dir():
        return FolderPredictions(path, name or path.resolve().name)
    if not path.exists():
        raise InputError("no such file or folder", where=path, limit="predictions")
    return H5Predictions(path, name or path.stem)


def report_missing(where: Path, found: dict[Target, set[str]], ids: tuple[str, ...]) -> None:
    """Check that there is a prediction of each kind for each triple.

    Raises:
        InputError: Some are missing; the message counts all and names the first twenty.
    """
    missing = [
        f"{GROUPS[target]}/{name}"
        for target in sorted(found)
        for name in ids
        if name not in found[target]
    ]
    if missing:
        more = f" and {len(missing) - 20} more" if len(missing) > 20 else ""
        raise InputError(
            f"{len(missing)} predictions are missing: {', '.join(missing[:20])}{more}",
            where=where,
            limit="a prediction for every triple of the split, named by its id",
        )


def _index(folder: Path, suffixes: frozenset[str]) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in suffixes or path.name.startswith("."):
            continue
        if path.stem in files:
            raise InputError(
                f"'{files[path.stem].name}' and '{path.name}' hold the same prediction",
                where=folder,
                remedy="Remove one of them",
            )
        files[path.stem] = path
    return files


def _sized(array: NDArray[Any], shape: tuple[int, ...], where: Path | str) -> NDArray[Any]:
    if array.shape[:2] != shape:
        raise InputError(
            f"the prediction is {array.shape[1]}x{array.shape[0]} pixels",
            where=where,
            limit=f"the photo's {shape[1]}x{shape[0]}",
        )
    return array


def _metres(
    depth: NDArray[np.uint16], shape: tuple[int, ...], where: Path | str
) -> NDArray[np.float32]:
    millimetres = _sized(depth, shape, where)
    return np.asarray(millimetres / np.float32(1000), np.float32)


def _pixels(array: NDArray[Any], shape: tuple[int, ...], where: Path | str) -> NDArray[np.float32]:
    sized = _sized(array, shape, where)
    if sized.ndim != 2 or (
        sized.dtype != np.uint16 and not np.issubdtype(sized.dtype, np.floating)
    ):
        raise InputError(
            f"the defocus is {sized.dtype} of shape {sized.shape}",
            where=where,
            limit="uint16 hundredths of a pixel or floating-point pixels, (H, W)",
        )
    if sized.dtype == np.uint16:
        return np.asarray(sized / _HUNDREDTHS, np.float32)
    return np.asarray(sized, np.float32)
