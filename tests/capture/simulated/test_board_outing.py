"""A board session of the simulated rig, through the true drivers and files."""

from __future__ import annotations

from pathlib import Path

import pytest

from idfd.calibration.observe import observe
from idfd.calibration.sources import find_images
from idfd.capture.session.boards import stored_board
from idfd.capture.session.store import Session
from idfd.capture.simulated.outing import shoot_boards
from idfd.model.board import Board

pytest.importorskip("open3d")
pytest.importorskip("numba")
pytest.importorskip("gphoto2")

BOARD = Board(columns=7, rows=5, square_mm=100.0, marker_mm=75.0, dictionary="DICT_4X4_50")


def test_a_board_session_is_shot_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "boards"
    assert isinstance(shoot_boards(folder, BOARD, 1, quality="tiny", rig=3), Session)
    session = shoot_boards(folder, BOARD, 2, quality="tiny", rig=3)
    assert [take.id for take in session.takes()] == ["board_001_1", "board_002_1"]
    assert stored_board(folder) == BOARD
    simulated = session.profile.simulated
    assert simulated is not None
    assert simulated.rig == 3
    found = observe(find_images(folder), BOARD, 1)
    assert len(found.views) == 2
    assert all({"photo", "defocused"} <= view.seen.keys() for view in found.views)
    assert any("depth" in view.seen for view in found.views)
