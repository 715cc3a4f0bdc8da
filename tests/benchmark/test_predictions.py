from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from benchmark_data import HEIGHT, WIDTH, FakeDataset, toy_dataset, write_predictions

from idfd.benchmark.evaluate import model_input
from idfd.benchmark.predictions import open_predictions
from idfd.errors import InputError
from idfd.storage.images import encode_png

DATA = toy_dataset(3)
FIRST = DATA.ids[0]


def h5_file(path: Path, dataset: FakeDataset, unit: str) -> Path:
    with h5py.File(path, "w") as file:
        for triple in dataset.triples:
            depth = np.maximum(triple.depth, 1000)
            file[f"depth/{triple.record.id}"] = (
                depth if unit == "mm" else (depth / 1000).astype(np.float32)
            )
            file[f"all_in_focus/{triple.record.id}"] = triple.all_in_focus
    return path


@pytest.mark.parametrize("suffix", [".png", ".npy", ".tif", ".exr"])
def test_a_folder_is_read_in_every_format(tmp_path: Path, suffix: str) -> None:
    import cv2

    truth = np.maximum(DATA[0].depth, 1000)
    metres = (truth / 1000).astype(np.float32)
    path = tmp_path / "depth" / f"{FIRST}{suffix}"
    path.parent.mkdir()
    if suffix == ".png":
        path.write_bytes(encode_png(truth))
    elif suffix == ".npy":
        np.save(path, metres)
    elif suffix == ".tif":
        cv2.imwrite(str(path), metres)
    else:
        openexr = pytest.importorskip("OpenEXR")
        openexr.File({}, {"Z": metres}).write(str(path))
    model = open_predictions(tmp_path, "mine")
    assert model.name == "mine"
    assert model.predicts == frozenset({"depth"})
    prediction = model.predict(model_input(DATA[0]))
    assert prediction.all_in_focus is None
    assert prediction.depth_m is not None
    np.testing.assert_allclose(prediction.depth_m, metres, atol=1e-6)


@pytest.mark.parametrize("unit", ["mm", "m"])
def test_an_hdf5_file_is_read(tmp_path: Path, unit: str) -> None:
    model = open_predictions(h5_file(tmp_path / "net.h5", DATA, unit))
    assert model.name == "net"
    assert model.predicts == frozenset({"depth", "aif"})
    prediction = model.predict(model_input(DATA[0]))
    assert prediction.depth_m is not None
    np.testing.assert_allclose(prediction.depth_m, np.maximum(DATA[0].depth, 1000) / 1000, 1e-6)
    np.testing.assert_array_equal(prediction.all_in_focus, DATA[0].all_in_focus)


def test_all_missing_predictions_are_reported_at_once(tmp_path: Path) -> None:
    write_predictions(tmp_path, DATA)
    (tmp_path / "depth" / f"{FIRST}.png").unlink()
    (tmp_path / "all_in_focus" / f"{DATA.ids[2]}.png").unlink()
    with pytest.raises(InputError) as caught:
        open_predictions(tmp_path).check(DATA.ids)
    assert "2 predictions are missing" in str(caught.value)
    assert f"depth/{FIRST}" in str(caught.value)
    assert f"all_in_focus/{DATA.ids[2]}" in str(caught.value)
    path = h5_file(tmp_path / "net.h5", FakeDataset(DATA.triples[:1]), "mm")
    with pytest.raises(InputError, match="4 predictions are missing"):
        open_predictions(path).check(DATA.ids)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.ones((HEIGHT, WIDTH), np.uint8), "8-bit"),
        (np.ones((HEIGHT + 1, WIDTH), np.uint16), f"{WIDTH}x{HEIGHT + 1} pixels"),
        (np.full((HEIGHT, WIDTH), np.nan, np.float32), "NaN"),
        (np.ones((HEIGHT, WIDTH, 3), np.float32), "one channel"),
    ],
)
def test_unusable_depth_names_the_file(
    tmp_path: Path, array: np.ndarray[tuple[int, ...], np.dtype[np.float32]], message: str
) -> None:
    folder = tmp_path / "files"
    (folder / "depth").mkdir(parents=True)
    np.save(folder / "depth" / f"{FIRST}.npy", array)
    with pytest.raises(InputError, match=message) as caught:
        open_predictions(folder).predict(model_input(DATA[0]))
    assert f"{FIRST}.npy" in str(caught.value)
    with h5py.File(tmp_path / "net.h5", "w") as file:
        file[f"depth/{FIRST}"] = array
    with pytest.raises(InputError, match=message) as caught:
        open_predictions(tmp_path / "net.h5").predict(model_input(DATA[0]))
    assert f"net.h5:/depth/{FIRST}" in str(caught.value)


def test_a_photo_in_another_type_names_the_array(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "net.h5", "w") as file:
        file[f"all_in_focus/{FIRST}"] = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    with pytest.raises(InputError, match=f"/all_in_focus/{FIRST}: the photo is float32"):
        open_predictions(tmp_path / "net.h5").predict(model_input(DATA[0]))


def test_two_files_for_one_prediction_are_refused(tmp_path: Path) -> None:
    write_predictions(tmp_path, DATA)
    np.save(tmp_path / "depth" / f"{FIRST}.npy", np.ones((HEIGHT, WIDTH), np.float32))
    with pytest.raises(InputError, match="hold the same prediction"):
        open_predictions(tmp_path)


def test_places_without_predictions_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no predictions"):
        open_predictions(tmp_path)
    with pytest.raises(InputError, match="no such file"):
        open_predictions(tmp_path / "none")
    (tmp_path / "text.h5").write_text("hello")
    with pytest.raises(InputError, match="not a readable HDF5 file"):
        open_predictions(tmp_path / "text.h5")
    with h5py.File(tmp_path / "empty.h5", "w") as file:
        file["other"] = 1
    with pytest.raises(InputError, match="holds no predictions"):
        open_predictions(tmp_path / "empty.h5")
