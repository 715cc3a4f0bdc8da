from __future__ import annotations

import pickle
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idfd.errors import InputError, SchemaError
from idfd.model import schema
from idfd.model.camera import CameraSettings, Extrinsics, Intrinsics
from idfd.model.capture import Split, SplitTable

TABLE = SplitTable(
    origin="drawn", grouping="scenes", seed=1, splits=(Split(name="train", takes=("a", "b")),)
)


def test_document_survives_a_round_trip() -> None:
    assert schema.decode(SplitTable, schema.encode(TABLE), "x") == TABLE


def test_encoding_is_stable() -> None:
    again = schema.decode(SplitTable, schema.encode(TABLE), "")
    assert schema.encode(TABLE) == schema.encode(again)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (b'"idfd/splits"', b'"other"', "schema is 'other'"),
        (b'"schema_version": "1', b'"schema_version": "2', "newer idfd"),
        (b'"schema_version": "1', b'"schema_version": "0', "older idfd"),
        (b'"seed": 1', b'"seed": "one"', "$.seed"),
        (b'"seed": 1', b'"seed": 1, "extra": 2', "extra"),
        (b'"a"', b'"a/../b"', "$.splits[0].takes[0]"),
        (b'"a"', b'"b"', "more than one split"),
        (b"{", b"[", "not valid JSON"),
    ],
)
def test_bad_documents_are_named(before: bytes, after: bytes, message: str) -> None:
    data = schema.encode(TABLE).replace(before, after, 1)
    with pytest.raises(SchemaError, match="file.json") as caught:
        schema.decode(SplitTable, data, "file.json")
    assert message in str(caught.value)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        schema.load(SplitTable, tmp_path / "none.json")


def test_errors_cross_process_borders() -> None:
    error = InputError("what", where="here", limit="this", remedy="Do that")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is InputError
    assert str(again) == str(error) == "here: what. Expected this. Do that."


@pytest.mark.parametrize("value", [0, -2.8])
def test_settings_refuse_impossible_numbers(value: float) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"f_number": value}, CameraSettings)


def test_distortion_must_suit_the_model() -> None:
    with pytest.raises(ValueError, match="8 distortion"):
        Intrinsics(
            width=8, height=8, fx=1, fy=1, cx=0, cy=0, model="rational", distortion=(0.1,) * 5
        )


@given(st.integers(0, 40), st.integers(0, 30), st.integers(1, 60), st.integers(1, 70))
def test_cropped_intrinsics_see_the_same_rays(x: int, y: int, width: int, height: int) -> None:
    camera = Intrinsics(width=100, height=100, fx=50, fy=60, cx=49.5, cy=48.25)
    cropped = camera.cropped(x, y, width, height)
    assert (x + cropped.cx, y + cropped.cy) == (camera.cx, camera.cy)
    assert (cropped.width, cropped.height, cropped.fx) == (width, height, 50)


def test_crop_outside_the_image_is_refused() -> None:
    with pytest.raises(InputError, match="leaves the image"):
        Intrinsics(width=10, height=10, fx=1, fy=1, cx=5, cy=5).cropped(5, 0, 6, 5)


def test_extrinsics_are_rigid() -> None:
    quarter = ((0.0, -1.0, 0.0), (1.0, 0.0, 0.0), (0.0, 0.0, 1.0))
    pose = Extrinsics(source="a", target="b", rotation=quarter, translation_mm=(1, 2, 3))
    np.testing.assert_allclose(pose.apply(np.array([[1.0, 0, 0]])), [[1, 3, 3]])
    with pytest.raises(ValueError, match="reflection"):
        Extrinsics(
            source="a", target="b", translation_mm=(0, 0, 0),
            rotation=((1, 0, 0), (0, 1, 0), (0, 0, -1)),
        )  # fmt: skip
    with pytest.raises(ValueError, match="orthonormal"):
        Extrinsics(
            source="a", target="b", translation_mm=(0, 0, 0),
            rotation=((2, 0, 0), (0, 1, 0), (0, 0, 1)),
        )  # fmt: skip
