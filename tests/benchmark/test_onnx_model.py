"""Anybody's ONNX file as a model: what it is given, what it gives, and what is refused."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmark_data import make_release, toy_dataset
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto
from onnx_files import COPY, DEPTH, MEAN, OPEN, Node, both_heads, onnx_file, photo_item

from idfd.benchmark import optional
from idfd.benchmark.models import Model, load_model
from idfd.benchmark.onnx.contract import RANGE
from idfd.benchmark.onnx.model import OnnxModel
from idfd.benchmark.results import Results
from idfd.cli.benchmark import benchmark
from idfd.errors import InputError, MissingDependencyError, SchemaError
from idfd.model.schema import decode
from idfd.storage.hashing import sha256_file


@pytest.mark.parametrize("levels", [None, "-1 1", "0 1", "0 255", "-0.5 2"])
def test_a_photo_goes_in_and_out_in_the_range_that_the_file_says(
    tmp_path: Path, levels: str | None
) -> None:
    path = both_heads(tmp_path / "net.onnx", properties={RANGE: levels} if levels else None)
    model = OnnxModel(path)
    item = photo_item()
    made = model.predict(item)
    assert made.all_in_focus is not None
    assert made.depth_m is not None
    np.testing.assert_array_equal(made.all_in_focus, item.defocused)
    assert made.all_in_focus.flags.c_contiguous
    black, white = (float(word) for word in (levels or "-1 1").split())
    expected = item.defocused.mean(2) / 255 * (white - black) + black
    assert made.depth_m.dtype == np.float32
    np.testing.assert_allclose(made.depth_m, expected, atol=1e-4 * (white - black))


@settings(max_examples=30, deadline=None)
@given(black=st.floats(-1e3, 1e3, width=32), span=st.floats(0.5, 1e3, width=32))
def test_no_range_changes_a_grey_level(
    tmp_path_factory: pytest.TempPathFactory, black: float, span: float
) -> None:
    path = tmp_path_factory.mktemp("range") / "copy.onnx"
    outputs = {"all_in_focus": (COPY, OPEN)}
    model = OnnxModel(onnx_file(path, outputs, properties={RANGE: f"{black} {black + span}"}))
    item = photo_item()
    made = model.predict(item).all_in_focus
    assert made is not None
    np.testing.assert_array_equal(made, item.defocused)


def test_the_heads_are_the_outputs_and_others_are_left_alone(tmp_path: Path) -> None:
    item = photo_item()
    depth = OnnxModel(
        onnx_file(tmp_path / "d.onnx", {"features": (COPY, OPEN), "depth": (MEAN, DEPTH)}), "mine"
    )
    assert (depth.name, *depth.predicts) == ("mine", "depth")
    assert depth.predict(item).all_in_focus is None
    photo = OnnxModel(onnx_file(tmp_path / "p.onnx", {"all_in_focus": (COPY, OPEN)}))
    assert (photo.name, *photo.predicts) == ("p", "aif")
    assert photo.predict(item).depth_m is None
    assert isinstance(photo, Model)
    assert photo.origin is None


def test_a_file_for_one_size_takes_that_size_alone(tmp_path: Path) -> None:
    fixed = onnx_file(
        tmp_path / "fixed.onnx", {"depth": (MEAN, (1, 1, 24, 40))}, photo=(1, 3, 24, 40)
    )
    model = OnnxModel(fixed)
    assert model.predict(photo_item(40, 24)).depth_m is not None
    with pytest.raises(InputError, match=r"image desk-a: the photo is 41x24 .* Expected 40x24"):
        model.predict(photo_item(41, 24))
    half = onnx_file(
        tmp_path / "half.onnx", {"depth": (MEAN, (1, 1, "h", 40))}, photo=(1, 3, "h", 40)
    )
    assert OnnxModel(half).predict(photo_item(40, 7)).depth_m is not None
    with pytest.raises(InputError, match="Expected 40xany height"):
        OnnxModel(half).predict(photo_item(41, 7))


@pytest.mark.parametrize(
    ("outputs", "more", "message"),
    [
        ({"depth": (MEAN, DEPTH)}, {"name": "image"}, "inputs are 'image' tensor.* 'photo'"),
        ({"metres": (MEAN, DEPTH)}, {}, "outputs are 'metres' .* one or more of depth"),
        ({"depth": (MEAN, DEPTH)}, {"kind": TensorProto.DOUBLE}, "'photo' tensor.double"),
        ({"depth": (COPY, (1, "h", "w", 3))}, {"photo": (1, "h", "w", 3)}, "'photo' .* another"),
        ({"depth": (COPY, OPEN)}, {}, r"'depth' .* another kind .* \(1, 1, height, width\)"),
        ({"depth": (MEAN, (2, 1, 8, 8))}, {"photo": (2, 3, 8, 8)}, "'photo' .* another kind"),
        ({"all_in_focus": (MEAN, DEPTH)}, {}, r"'all_in_focus' .* \(1, 3, height, width\)"),
    ],
)  # fmt: skip
def test_other_inputs_and_outputs_are_refused(
    tmp_path: Path, outputs: dict[str, Any], more: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        OnnxModel(onnx_file(tmp_path / "net.onnx", outputs, **more))


def test_a_smaller_map_than_the_photo_is_refused(tmp_path: Path) -> None:
    pool = ("AveragePool", {"kernel_shape": [2, 2], "strides": [2, 2]})
    path = onnx_file(tmp_path / "half.onnx", {"all_in_focus": (pool, (1, 3, "h", "w"))})
    with pytest.raises(
        InputError, match=r"shape \(1, 3, 12, 20\).*Expected shape \(1, 3, 24, 40\)"
    ):
        OnnxModel(path).predict(photo_item())


def test_a_photo_that_is_not_finite_is_refused_and_depth_is_left_to_the_protocol(
    tmp_path: Path,
) -> None:
    # The square root of what is darker than grey is NaN.
    root: Node = ("Sqrt", {})
    photo = OnnxModel(onnx_file(tmp_path / "p.onnx", {"all_in_focus": (root, OPEN)}))
    item = photo_item()
    wrong = int((item.defocused < 128).sum())
    with pytest.raises(InputError, match=f"is NaN or infinite at {wrong} of {24 * 40 * 3} values"):
        photo.predict(item)
    path = onnx_file(tmp_path / "d.onnx", {"depth": (MEAN, DEPTH)})
    release = make_release(tmp_path, toy_dataset(1))
    # A mean grey value below grey is a depth below zero.
    result = CliRunner().invoke(benchmark, ["evaluate", str(release), "--onnx", str(path)])
    assert isinstance(result.exception, InputError)
    assert "zero or negative" in str(result.exception)


def test_a_file_that_fails_on_the_photo_says_so(tmp_path: Path) -> None:
    pool = ("AveragePool", {"kernel_shape": [32, 32]})
    path = onnx_file(tmp_path / "pool.onnx", {"all_in_focus": (pool, (1, 3, "h", "w"))})
    with pytest.raises(InputError, match=r"pool.onnx, image desk-a: onnxruntime stops \("):
        OnnxModel(path).predict(photo_item(40, 24))


@pytest.mark.parametrize("damage", ["cut", "flip", "text", "empty", "pickle", "folder", "missing"])
def test_a_damaged_file_is_refused(tmp_path: Path, damage: str) -> None:
    path = both_heads(tmp_path / "net.onnx")
    whole = path.read_bytes()
    match damage:
        case "cut":
            path.write_bytes(whole[: len(whole) // 2])
        case "flip":
            path.write_bytes(whole[:8] + bytes(255 - b for b in whole[8:40]) + whole[40:])
        case "text":
            path.write_text("not a network")
        case "empty":
            path.write_bytes(b"")
        case "pickle":
            path.write_bytes(b"\x80\x04K\x01.")
        case _:
            path.unlink()
    if damage == "folder":
        path.mkdir()
    message = "no such file" if damage in {"folder", "missing"} else "onnxruntime cannot read it"
    with pytest.raises(InputError, match=message):
        OnnxModel(path)


@pytest.mark.parametrize("text", ["", "1", "1 0", "0 0", "0 1 2", "nan 1", "0 nan", "0 inf", "a b"])
def test_a_range_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match="'photo_range' is "):
        OnnxModel(both_heads(tmp_path / "net.onnx", properties={RANGE: text}))


def test_damaged_facts_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match="metadata 'idfd': not valid JSON"):
        OnnxModel(both_heads(tmp_path / "net.onnx", properties={"idfd": "{"}))


def test_evaluate_scores_a_file_and_a_model_name_is_told_from_one(tmp_path: Path) -> None:
    path = onnx_file(tmp_path / "copy.onnx", {"all_in_focus": (COPY, OPEN)})
    release = make_release(tmp_path, toy_dataset(2))
    result = CliRunner().invoke(
        benchmark,
        ["evaluate", str(release), "--onnx", str(path), "--name", "copy cat", "--json"],
        catch_exceptions=False,
    )
    scores = decode(Results, result.stdout.encode(), "output")
    assert scores.model.name == "copy cat"
    assert scores.model.sha256 == sha256_file(path)
    # A photo that comes back unchanged scores as the identity does.
    assert scores.metrics["psnr"] == scores.metrics["psnr_floor"]
    with pytest.raises(InputError, match="Give the file with --onnx"):
        load_model(str(path))
    with pytest.raises(InputError, match="Give the file with --checkpoint"):
        load_model("best.safetensors")


def test_onnxruntime_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = both_heads(tmp_path / "net.onnx")
    monkeypatch.setattr(
        optional, "find_spec", lambda n: None if n == "onnxruntime" else find_spec(n)
    )
    with pytest.raises(MissingDependencyError, match=r"onnxruntime.*pip install idfd\[benchmark\]"):
        OnnxModel(path)
