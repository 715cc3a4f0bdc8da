"""Boards by name and from files: our JSON, and Microsoft's as it is."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import Any

import msgspec

from idfd.errors import InputError, SchemaError
from idfd.model import schema
from idfd.model.board import Board, BoardKind

PRESETS: Mapping[str, Board] = {
    # Microsoft's plane.json.
    "kinect": Board(),
    # Large bits rather than many corners: a Kinect's infrared pixel covers 2 mm at 1 m.
    "a3": Board(columns=9, rows=6, dictionary="DICT_4X4_50", margin_mm=10.0),
    "a2": Board(
        columns=9, rows=6, square_mm=60.0, marker_mm=45.0, dictionary="DICT_4X4_50", margin_mm=10.0
    ),
    "a1": Board(
        columns=13,
        rows=9,
        square_mm=60.0,
        marker_mm=45.0,
        dictionary="DICT_4X4_100",
        margin_mm=10.0,
    ),
    # Kalibr's april_6x6.yaml.
    "kalibr": Board(
        kind="aprilgrid",
        columns=6,
        rows=6,
        square_mm=88.0,
        marker_mm=None,
        gap_ratio=0.3,
        dictionary="DICT_APRILTAG_36h11",
    ),
}
"""Boards that users can ask for by name."""

_USED_BY: Mapping[str, tuple[BoardKind, ...]] = {
    "marker_mm": ("charuco",),
    "legacy": ("charuco",),
    "gap_ratio": ("aprilgrid",),
    "dictionary": ("charuco", "aprilgrid"),
    "first_id": ("charuco", "aprilgrid"),
}


class _Shape(msgspec.Struct):
    """One pattern of a ``plane.json``; lengths in mm."""

    shape: str
    squares_x: int
    squares_y: int
    square_length: float
    marker_length: float
    aruco_dict_name: int
    margin_size: float = 0.0


class _Plane(msgspec.Struct):
    shapes: tuple[_Shape, ...]


def preset(name: str) -> Board:
    """A board by its name.

    Raises:
        InputError: No board has that name; the message holds the nearest one.
    """
    if name in PRESETS:
        return PRESETS[name]
    near = difflib.get_close_matches(name, PRESETS, n=1)
    raise InputError(
        f"no board is called '{name}'",
        limit=" or ".join(PRESETS),
        remedy=f"Did you mean '{near[0]}'?" if near else None,
    )


def find_board(name: str) -> Board:
    """The board that a command line names: a file, or a preset.

    Raises:
        InputError: There is neither.
        SchemaError: The file cannot be a board.
    """
    path = Path(name)
    return load_board(path) if path.suffix or path.exists() else preset(name)


def load_board(path: Path) -> Board:
    """Read a board from our JSON or from a ``plane.json`` of the Azure Kinect's SDK.

    Raises:
        InputError: The file is missing or cannot be read.
        SchemaError: It is neither, or says something that cannot be a board.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"cannot be read ({error.strerror})",
            where=path,
            limit="a board file",
            remedy="Write one with 'idfd calibrate board'",
        ) from None
    try:
        raw = msgspec.json.decode(data)
    except msgspec.DecodeError:
        raw = None
    if isinstance(raw, dict) and "shapes" in raw:
        return _microsoft(raw, path)
    return schema.decode(Board, data, path)


def change(board: Board, where: str | Path, **values: Any) -> Board:
    """A board with other values, validated.

    A ChArUco board's markers keep their share of a square where only ``square_mm`` is given.

    Args:
        board: The board.
        where: The file or command that the values come from, for messages.
        values: Fields of :class:`~idfd.model.board.Board`.

    Raises:
        InputError: A value is out of its range or of no use to the kind of board, or the values
            contradict each other.
    """
    for name, value in values.items():
        if isinstance(value, float) and not isfinite(value):
            raise InputError(f"{name} is {value}", where=where, limit="a finite number")
        if board.kind not in _USED_BY.get(name, (board.kind,)):
            raise InputError(
                f"{name} means nothing on a board of the kind {board.kind}",
                where=where,
                limit=f"it on {' or '.join(_USED_BY[name])}",
                remedy="Leave it out, or choose another kind of board",
            )
    if "square_mm" in values and board.marker_mm is not None:
        scaled = values["square_mm"] * board.marker_mm / board.square_mm
        values = {"marker_mm": round(scaled, 6)} | values
    try:
        return msgspec.convert(msgspec.to_builtins(board) | values, Board)
    except msgspec.ValidationError as error:
        raise InputError(f"these values make no board: {error}", where=where) from None


def default_board(kind: BoardKind) -> Board:
    """The board of each kind that other values start from."""
    if kind == "chessboard":
        return Board(kind=kind, marker_mm=None, dictionary=None)
    return PRESETS["kinect" if kind == "charuco" else "kalibr"]


def kalibr_target(board: Board) -> str:
    """The board as the YAML that Kalibr's ``--target`` takes, lengths in metres.

    Raises:
        InputError: Kalibr has no such target.
    """
    side = f"{board.square_mm / 1000:g}"
    if board.kind == "aprilgrid" and board.first_id == 0:
        return (
            "target_type: 'aprilgrid'\n"
            f"tagCols: {board.columns}\ntagRows: {board.rows}\n"
            f"tagSize: {side}\ntagSpacing: {board.gap_ratio:g}\n"
        )
    if board.kind == "chessboard":
        return (
            "target_type: 'checkerboard'\n"
            f"targetCols: {board.columns - 1}\ntargetRows: {board.rows - 1}\n"
            f"rowSpacingMeters: {side}\ncolSpacingMeters: {side}\n"
        )
    raise InputError(
        f"Kalibr has no target like this board ({board.kind}, first number {board.first_id})",
        limit="a chessboard, or an AprilGrid whose first number is 0",
    )


def _microsoft(raw: object, path: Path) -> Board:
    import cv2

    try:
        plane = msgspec.convert(raw, _Plane)
    except msgspec.ValidationError as error:
        raise SchemaError(f"invalid field: {error}", where=path, limit="a plane.json") from None
    if len(plane.shapes) != 1 or plane.shapes[0].shape != "charuco":
        found = ", ".join(shape.shape for shape in plane.shapes) or "nothing"
        raise SchemaError(f"it describes {found}", where=path, limit="one charuco shape")
    shape = plane.shapes[0]
    # Two spellings share a number, as DICT_APRILTAG_36h11 and ..._36H11: the last one in order.
    numbers = {getattr(cv2.aruco, n): n for n in dir(cv2.aruco) if n.startswith("DICT_")}
    if shape.aruco_dict_name not in numbers:
        raise SchemaError(
            f"aruco_dict_name is {shape.aruco_dict_name}",
            where=path,
            limit="the number of one of OpenCV's predefined dictionaries",
        )
    return change(
        Board(),
        path,
        columns=shape.squares_x,
        rows=shape.squares_y,
        square_mm=shape.square_length,
        marker_mm=shape.marker_length,
        dictionary=numbers[shape.aruco_dict_name],
        # The SDK's tools draw with an OpenCV from before 4.6; odd numbers of rows look the same.
        legacy=shape.squares_y % 2 == 0,
        margin_mm=shape.margin_size,
    )
