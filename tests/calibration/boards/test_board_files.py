"""Boards by name, from files, and as Kalibr takes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from idfd.calibration.boards import files, printing
from idfd.errors import IdfdError, InputError, SchemaError
from idfd.model import schema
from idfd.model.board import Board

PLANE: dict[str, Any] = {
    "shape": "charuco",
    "squares_x": 14,
    "squares_y": 9,
    "square_length": 40,
    "marker_length": 30,
    "margin_size": 20,
    "aruco_dict_name": 6,
    "width": 600,
    "dpi_factor": 5,
}


def _plane(tmp_path: Path, **changes: object) -> Path:
    path = tmp_path / "plane.json"
    path.write_text(json.dumps({"target": "charuco1", "shapes": [PLANE | changes]}))
    return path


def test_a_board_survives_its_file(tmp_path: Path) -> None:
    for name, board in files.PRESETS.items():
        path = tmp_path / f"{name}.json"
        path.write_bytes(schema.encode(board))
        assert files.load_board(path) == board


@pytest.mark.parametrize(
    ("name", "page"), [("a3", "A3"), ("a2", "A2"), ("a1", "A1"), ("kinect", "A1"), ("kalibr", "A0")]
)
def test_presets_fit_the_page_they_are_named_after(name: str, page: str) -> None:
    assert printing.choose_page(files.preset(name)).name == page


def test_an_unknown_preset_names_the_nearest() -> None:
    with pytest.raises(InputError, match="Did you mean 'kalibr'"):
        files.preset("calibr")


def test_plane_json_is_the_default_board(tmp_path: Path) -> None:
    assert files.load_board(_plane(tmp_path)) == Board()


def test_plane_json_with_even_rows_has_the_old_pattern(tmp_path: Path) -> None:
    board = files.load_board(_plane(tmp_path, squares_y=8, aruco_dict_name=0))
    assert (board.rows, board.legacy, board.dictionary) == (8, True, "DICT_4X4_50")


@pytest.mark.real
def test_microsofts_own_file(real_data: Path) -> None:
    path = real_data / "calib" / "azure_kinect_charuco" / "PlaneFiles" / "plane.json"
    assert files.load_board(path) == files.PRESETS["kinect"]


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("{", SchemaError, "not valid JSON"),
        ("[1]", SchemaError, "a document with schema 'idfd/board'"),
        ('{"schema": "idfd/rig", "schema_version": "1.0.0"}', SchemaError, "schema is 'idfd/rig'"),
        ('{"schema": "idfd/board", "schema_version": "2.0.0"}', SchemaError, "newer idfd"),
        (
            '{"schema": "idfd/board", "schema_version": "1.0.0", "columns": 1}',
            SchemaError,
            r"\$.columns",
        ),
        ('{"shapes": []}', SchemaError, "describes nothing"),
        (json.dumps({"shapes": [PLANE, PLANE]}), SchemaError, "charuco, charuco"),
        (json.dumps({"shapes": [PLANE | {"shape": "circles"}]}), SchemaError, "circles"),
        (json.dumps({"shapes": [{"shape": "charuco"}]}), SchemaError, "squares_x"),
        (json.dumps({"shapes": [PLANE | {"aruco_dict_name": 99}]}), SchemaError, "is 99"),
        (json.dumps({"shapes": [PLANE | {"marker_length": 50}]}), InputError, "smaller than"),
    ],
)
def test_files_that_are_no_board(
    tmp_path: Path, text: str, kind: type[IdfdError], words: str
) -> None:
    path = tmp_path / "some.json"
    path.write_text(text)
    with pytest.raises(kind, match=words) as caught:
        files.load_board(path)
    assert caught.value.where == str(path)


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="idfd calibrate board"):
        files.load_board(tmp_path / "none.json")


def test_markers_keep_their_share_of_a_square() -> None:
    assert files.change(Board(), "here", square_mm=60.0).marker_mm == 45.0
    assert files.change(Board(), "here", square_mm=60.0, marker_mm=50.0).marker_mm == 50.0
    assert files.change(files.PRESETS["kalibr"], "here", square_mm=60.0).marker_mm is None


@pytest.mark.parametrize(
    ("board", "values", "words"),
    [
        (Board(), {"columns": 1}, r"\$.columns"),
        (Board(), {"square_mm": -3.0}, r"\$.square_mm"),
        (Board(), {"square_mm": float("nan")}, "square_mm is nan"),
        (Board(), {"margin_mm": float("inf")}, "margin_mm is inf"),
        (Board(), {"marker_mm": 40.0}, "smaller than their squares"),
        (Board(), {"gap_ratio": 0.3}, "gap_ratio means nothing on a board of the kind charuco"),
        (files.default_board("chessboard"), {"legacy": True}, "on charuco"),
        (files.default_board("chessboard"), {"columns": 2}, "at least 3 squares"),
        (files.default_board("aprilgrid"), {"marker_mm": 3.0}, "marker_mm means nothing"),
    ],
)
def test_values_that_make_no_board(board: Board, values: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        files.change(board, "the options", **values)


def test_kalibr_target_of_an_aprilgrid() -> None:
    assert files.kalibr_target(files.PRESETS["kalibr"]).splitlines() == [
        "target_type: 'aprilgrid'",
        "tagCols: 6",
        "tagRows: 6",
        "tagSize: 0.088",
        "tagSpacing: 0.3",
    ]


def test_kalibr_target_of_a_chessboard_counts_inner_corners() -> None:
    assert files.kalibr_target(files.default_board("chessboard")).splitlines() == [
        "target_type: 'checkerboard'",
        "targetCols: 13",
        "targetRows: 8",
        "rowSpacingMeters: 0.04",
        "colSpacingMeters: 0.04",
    ]


@pytest.mark.parametrize(
    "board", [Board(), files.change(files.PRESETS["kalibr"], "here", first_id=1)]
)
def test_kalibr_has_no_such_target(board: Board) -> None:
    with pytest.raises(InputError, match="Kalibr has no target"):
        files.kalibr_target(board)
