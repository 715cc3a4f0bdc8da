from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from view_triples import HEIGHT, WIDTH, raw_depth, source_map, write_stage, write_take

from idfd.errors import InputError, SchemaError
from idfd.model.limits import Limit
from idfd.model.stage import StageRecord
from idfd.processing.view.scene import find_scene, read_scene
from idfd.storage.images import encode_png
from idfd.storage.places import open_place


def test_reads_every_stage(tmp_path: Path) -> None:
    write_take(tmp_path)
    scene = read_scene(find_scene(tmp_path))
    assert scene.record.id == "kitchen_1"
    assert scene.depth is not None
    np.testing.assert_array_equal(scene.depth, raw_depth())
    assert scene.source is not None
    np.testing.assert_array_equal(scene.source, source_map())
    assert scene.inpainted is not None
    assert (scene.inpainted > 0).all()
    assert scene.uncertainty is not None
    assert np.isnan(scene.uncertainty).sum() == np.count_nonzero(scene.depth == 0)
    assert scene.denoised is not None
    assert scene.denoised.depth.shape == (24, 32)
    assert scene.stages["denoise"].measures == {"flying_share": 0.0125}


@pytest.mark.parametrize("how", ["path", "text", "trailing", "output and take", "moved", "url"])
def test_a_take_can_be_named_in_every_way(tmp_path: Path, how: str) -> None:
    triple = write_take(tmp_path, "a_1")
    write_take(tmp_path, "b_1")
    if how == "path":
        files = find_scene(triple)
    elif how == "text":
        files = find_scene(str(triple))
    elif how == "trailing":
        files = find_scene(f"{triple}/")
    elif how == "output and take":
        files = find_scene(tmp_path, "a_1")
    elif how == "moved":
        files = find_scene(shutil.copytree(triple, tmp_path / "alone" / "a_1"))
    else:
        pytest.importorskip("fsspec")
        memory = open_place("memory://view-scene-test")
        for path in tmp_path.rglob("*.*"):
            memory.write(path.relative_to(tmp_path).as_posix(), path.read_bytes())
        files = find_scene("memory://view-scene-test/triples/a_1")
    assert files.take == "a_1"
    scene = read_scene(files)
    assert scene.all_in_focus.shape == (HEIGHT, WIDTH, 3)
    # A triple that was moved away left its stages behind.
    assert (scene.denoised is None) == (how == "moved")


def test_says_what_it_needs(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no processed triple is here"):
        find_scene(tmp_path)
    write_take(tmp_path, "a_1")
    write_take(tmp_path, "b_1")
    with pytest.raises(InputError, match="2 takes are here.*a_1, b_1.*--take"):
        find_scene(tmp_path)
    with pytest.raises(InputError, match="no take 'c_1'.*a_1, b_1"):
        find_scene(tmp_path, "c_1")


def test_a_take_that_failed_its_checks_says_which(tmp_path: Path) -> None:
    write_take(tmp_path, "a_1")
    checks = (
        Limit(2, 1, "stops", higher_is_better=True).judge("aperture", -3.7),
        Limit(12, 64, "px").judge("displacement", 1),
    )
    write_stage(tmp_path, "bad_1", StageRecord(
        take="bad_1", stage="check", key="0" * 64, inputs={}, config={}, code={}, checks=checks,
    ))  # fmt: skip
    with pytest.raises(InputError, match=r"failed its checks \(aperture\).*swapped"):
        find_scene(tmp_path, "bad_1")


def test_what_is_missing_is_none(tmp_path: Path) -> None:
    triple = write_take(tmp_path)
    for name in ("depth_inpainted.png", "source.png", "uncertainty.npy"):
        (triple / name).unlink()
    shutil.rmtree(tmp_path / "stages")
    scene = read_scene(find_scene(tmp_path))
    for name in ("inpainted", "source", "uncertainty", "denoised"):
        assert getattr(scene, name) is None
    assert scene.stages == {}
    assert scene.whole is scene.depth


@pytest.mark.parametrize("name", ["all_in_focus.png", "depth.png", "source.png"])
@pytest.mark.parametrize("damage", ["cut", "empty", "other type", "other size"])
def test_damaged_images_are_named(tmp_path: Path, name: str, damage: str) -> None:
    path = write_take(tmp_path) / name
    smaller: dict[str, NDArray[Any]] = {
        "all_in_focus.png": np.zeros((5, 6, 3), np.uint8),
        "depth.png": np.zeros((5, 6), np.uint16),
        "source.png": np.zeros((5, 6), np.uint8),
    }
    data = path.read_bytes()
    path.write_bytes(
        {
            "cut": data[: len(data) // 2],
            "empty": b"",
            "other type": encode_png(np.zeros((HEIGHT, WIDTH, 3), np.uint16)),
            "other size": encode_png(smaller[name]),
        }[damage]
    )
    with pytest.raises(InputError) as error:
        read_scene(find_scene(tmp_path))
    assert name in str(error.value) or damage == "other size"


@pytest.mark.parametrize(
    "data", [b"not an archive", b"PK\x03\x04 cut", b""], ids=["text", "cut", "empty"]
)
def test_damaged_arrays_are_named(tmp_path: Path, data: bytes) -> None:
    triple = write_take(tmp_path)
    stage = tmp_path / "stages" / "kitchen_1" / "denoise.npz"
    kept = stage.read_bytes()
    stage.write_bytes(data)
    with pytest.raises(InputError, match=r"denoise\.npz"):
        read_scene(find_scene(tmp_path))
    stage.write_bytes(kept)
    (triple / "uncertainty.npy").write_bytes(data)
    with pytest.raises(InputError, match=r"uncertainty\.npy"):
        read_scene(find_scene(tmp_path))


def test_arrays_that_could_run_code_are_refused(tmp_path: Path) -> None:
    triple = write_take(tmp_path)
    np.save(triple / "uncertainty.npy", np.array([{}], object), allow_pickle=True)
    with pytest.raises(InputError, match=r"uncertainty\.npy"):
        read_scene(find_scene(tmp_path))


def test_a_damaged_record_is_named(tmp_path: Path) -> None:
    triple = write_take(tmp_path)
    (triple / "triple.json").write_text("{}")
    with pytest.raises(SchemaError, match=r"triple\.json"):
        read_scene(find_scene(tmp_path))
