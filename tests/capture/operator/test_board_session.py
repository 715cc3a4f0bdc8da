"""Board sessions: every take is looked at, and the operator hears how to hold the board next."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from board_rig import BOARD, CORNERS, BoardRig, Hold
from click.testing import CliRunner
from desk import Hand
from rich.console import Console

from idfd.capture.operator.boards import SHARED, BoardWatch, watch_of
from idfd.capture.operator.guide import Guide
from idfd.capture.operator.guided import Terminal, run_guided
from idfd.capture.operator.opening import opened
from idfd.capture.operator.shooting import Shooter
from idfd.capture.session.boards import adopt_board, stored_board
from idfd.capture.session.store import Session
from idfd.cli.main import cli
from idfd.errors import InputError, SchemaError
from idfd.model import schema
from idfd.model.board import Board
from idfd.model.session import BOARD as BOARD_FILE

AHEAD = Hold()
ASIDE = Hold(-0.8, -0.4, 1.0, 15, 20)
"""In the upper left of the photo, where the depth camera does not see it."""
HIDDEN = Hold(shown=False)


@contextmanager
def at_board(folder: Path, *holds: Hold) -> Iterator[Shooter]:
    rig = BoardRig(*holds)
    with rig, Session.create(folder / "boards", "boards", rig.profile) as session:
        adopt_board(session, BOARD)
        yield Shooter(session, rig)


def guided_to(shooter: Shooter, *lines: str) -> tuple[str, BoardWatch]:
    output = io.StringIO()
    terminal = Terminal(Console(file=output, width=160), Hand(*lines), sound=False)
    watch = watch_of(shooter.session)
    assert watch is not None
    run_guided(Guide(shooter, watch=watch), terminal, lambda: None)
    return output.getvalue(), watch


def test_every_take_is_looked_at_and_named(tmp_path: Path) -> None:
    with at_board(tmp_path, AHEAD, ASIDE) as shooter:
        text, _ = guided_to(shooter, "", "", "q")
        assert [take.id for take in shooter.session.takes()] == ["board_001_1", "board_002_1"]
        assert {take.group for take in shooter.session.takes()} == {"board"}
    for camera in ("photo at the small aperture", "photo at the large aperture", "infrared image"):
        found = re.search(rf"{camera}: (\d+) corners", text)
        assert found is not None
        assert 0.8 * CORNERS <= int(found[1]) <= CORNERS
    assert "infrared image: no board, and none was to be expected" in text
    assert "1 views" in text
    assert "2 views" in text
    assert "1 seen by both cameras" in text
    assert text.count("Hold the board") >= 3
    assert "missing in" not in text


def test_a_take_without_the_board_is_shot_again(tmp_path: Path) -> None:
    with at_board(tmp_path, HIDDEN, AHEAD, AHEAD) as shooter:
        text, _ = guided_to(shooter, "", "", "", "q")
        session = shooter.session
        assert [take.id for take in session.takes()] == ["board_001_2", "board_002_1"]
        assert [take.id for take in session.takes(rejected=True)] == ["board_001_1"]
    assert "missing in the photo at the small aperture: Enter shoots it again" in text
    assert "board_001_1 went to rejected/" in text
    assert "2 views" in text


def test_a_board_that_only_the_infrared_image_lacks_may_be_retaken(tmp_path: Path) -> None:
    with at_board(tmp_path, AHEAD, AHEAD, AHEAD) as shooter:
        assert isinstance(shooter.rig, BoardRig)
        shooter.rig.dark = [False, True, False]
        text, _ = guided_to(shooter, "", "", "r", "q")
        assert [take.id for take in shooter.session.takes()] == ["board_001_1", "board_002_2"]
    assert "The board is missing in the infrared image: r shoots it again" in text
    assert "board_002_1 went to rejected/" in text


def test_the_state_comes_back_from_the_disk(tmp_path: Path) -> None:
    with at_board(tmp_path, AHEAD, ASIDE, Hold(0.2, 0.1, 0.7, -20, 25)) as shooter:
        watch = watch_of(shooter.session)
        assert watch is not None
        guide = Guide(shooter, watch=watch)
        for _ in range(3):
            guide.shoot()
        before = (watch.views, watch.shared.views, watch.photo.missing, watch.next_step)
        assert before[0] == 3
        folder = shooter.session.path
    with BoardRig(AHEAD) as rig, Session.open(folder) as session:
        again = watch_of(session)
        assert again is not None
        assert (again.views, again.shared.views, again.photo.missing, again.next_step) == before
        shooter = Shooter(session, rig)
        target = Guide(shooter, watch=again).target
        assert target is not None
        assert target.scene == "board_004"


def test_a_good_set_is_enough(tmp_path: Path) -> None:
    tilts = [(25, 0), (-25, 0), (0, 25), (0, -25)]
    both = [
        Hold(x, y, d, *tilts[k % 4])
        for k, (x, y, d) in enumerate(
            [(0.1, 0, 0.55), (-0.1, 0.1, 0.75), (0.2, -0.1, 0.9), (0.1, 0.1, 0.6),
             (0.3, 0.15, 1.0), (-0.1, -0.15, 0.9), (0.3, -0.15, 0.8), (0.05, 0.2, 1.1)]
        )
    ]  # fmt: skip
    around = [(-1.1, -1.2), (1, 1), (-1.1, 1), (1, -1), (-1.1, 0), (1.1, 0), (0, -1.1)]
    aside = [Hold(x * 0.85, y * 0.5, 1.0, *tilts[k % 4]) for k, (x, y) in enumerate(around)]
    far = [Hold(0.1, 0.1, 1.5, 25, 0)]
    holds = both + aside + far
    with at_board(tmp_path, *holds) as shooter:
        text, watch = guided_to(shooter, *[""] * len(holds), "q")
        assert watch.photo.missing == ()
        assert watch.shared.missing == ()
        assert watch.enough
    assert "That is enough." in text
    assert text.count("That is enough.") < len(holds)


def test_a_watch_waits_for_what_only_both_cameras_can_give(tmp_path: Path) -> None:
    with at_board(tmp_path, ASIDE) as shooter:
        guide = Guide(shooter, watch=watch_of(shooter.session))
        guide.shoot()
        watch = guide.watch
        assert isinstance(watch, BoardWatch)
        assert watch.views == 1
        assert watch.shared.views == 0
        assert watch.shared.aims == SHARED
        assert not watch.enough


def test_one_board_for_a_session(tmp_path: Path) -> None:
    other = Board()
    with at_board(tmp_path, AHEAD) as shooter:
        session = shooter.session
        assert adopt_board(session, None) == BOARD
        assert adopt_board(session, BOARD) == BOARD
        with pytest.raises(InputError, match="another board"):
            adopt_board(session, other)
        assert stored_board(session.path) == BOARD
        (session.path / BOARD_FILE).write_text("{")
        with pytest.raises(SchemaError):
            stored_board(session.path)


def test_a_session_of_scenes_does_not_become_one_of_boards(tmp_path: Path) -> None:
    rig = BoardRig(AHEAD)
    with rig, Session.create(tmp_path / "rooms", "rooms", rig.profile) as session:
        assert watch_of(session) is None
        assert adopt_board(session, None) is None
        session.add_scene("desk_1", "lab")
        Shooter(session, rig).shoot(session.scene("desk_1"))
        with pytest.raises(InputError, match="holds scenes"):
            adopt_board(session, BOARD)


def test_opening_gives_a_simulated_rig_its_board(tmp_path: Path) -> None:
    pytest.importorskip("open3d")
    pytest.importorskip("numba")
    pytest.importorskip("gphoto2")
    folder = tmp_path / "boards"
    with opened(folder, "simulated", board=BOARD) as shooter:
        simulated = shooter.session.profile.simulated
        assert simulated is not None
        assert simulated.board == BOARD
        assert stored_board(folder) == BOARD
    # The session's own board is taken where none is given.
    with opened(folder, "simulated") as shooter:
        assert watch_of(shooter.session) is not None


def test_a_file_that_is_no_board_is_refused_before_anything_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "board.json"
    path.write_bytes(schema.encode(BOARD).replace(b'"columns": 7', b'"columns": 1'))
    result = CliRunner().invoke(
        cli, ["capture", "session", str(tmp_path / "new"), "--board", str(path)]
    )
    assert result.exit_code != 0
    assert not (tmp_path / "new").exists()
