"""Board sessions: sessions whose takes look at a calibration board."""

from __future__ import annotations

from pathlib import Path

from idfd.calibration.boards.files import load_board
from idfd.capture.session.store import Session
from idfd.errors import InputError
from idfd.model import schema
from idfd.model.board import Board
from idfd.model.session import BOARD
from idfd.storage.durable import write_bytes

BOARD_SCENES = "board"
"""Group and environment of the takes that look at a board."""


def board_scene(number: int) -> str:
    """Name of a view of the board, from 1: ``board_001``."""
    return f"board_{number:03d}"


def stored_board(folder: Path) -> Board | None:
    """The board of the session in a folder; None where it is no board session.

    Raises:
        SchemaError: ``board.json`` is damaged.
    """
    path = folder / BOARD
    return load_board(path) if path.exists() else None


def adopt_board(session: Session, board: Board | None) -> Board | None:
    """Make a session one of a board, or take up the board that it has.

    Args:
        session: The open session.
        board: What its takes look at; None takes what is stored.

    Returns:
        The session's board; None where it has none.

    Raises:
        InputError: The session has another board, or takes of something else.
        SchemaError: ``board.json`` is damaged.
        StorageError: The disk refuses.
    """
    stored = stored_board(session.path)
    if board is None or board == stored:
        return stored
    if stored is not None or session.takes():
        raise InputError(
            "the session's takes look at another board" if stored else "the session holds scenes",
            where=session.path,
            limit="one board for all takes of a session",
            remedy="Start a new session for this board",
        )
    write_bytes(session.path / BOARD, schema.encode(board))
    return board
