from __future__ import annotations

import io
from pathlib import Path

import pytest
from desk import Hand, bright_rig, desk, guided, planned
from fake_rig import OPERATIONS, camera_error, fake_rig
from rich.console import Console

from idfd.capture.checks import CheckLimits
from idfd.capture.operator.guide import Guide
from idfd.capture.operator.guided import Terminal, confirm_ring, run_guided
from idfd.capture.operator.shooting import Shooter
from idfd.capture.operator.words import TITLES, read_shutter
from idfd.capture.session.store import Session
from idfd.errors import InputError, StorageError
from idfd.model.session import DRAFTS, SCENES, TAKE

# What the loop asks of the cameras when Enter is pressed; the other operations are never called.
SHOT = sorted(
    set(OPERATIONS) - {"photo.connect", "photo.preview", "depth.connect", "depth.status",
                       "depth.calibration", "depth.preview", "rig.truth"}
)  # fmt: skip


def test_one_key_per_scene(tmp_path: Path) -> None:
    with desk(tmp_path) as shooter:
        text, hand = guided(shooter, "bedroom", "room_a", "bed_1", "", "", "q")
        assert [take.id for take in shooter.session.takes()] == ["bed_1_1", "bed_2_1"]
        scene = shooter.session.scene("bed_2")
        assert (scene.environment, scene.group) == ("bedroom", "room_a")
    assert "bed_1_1: pass" in text
    assert "2 scenes, 2 takes: 2 pass, 0 warn, 0 fail" in text
    assert "index.html" in text
    assert hand.prompts[3] == "bed_1, bedroom, room room_a > "


def test_what_was_mended_after_a_kill_is_told(tmp_path: Path) -> None:
    with desk(tmp_path) as shooter:
        guided(shooter, "lab", "", "a", "", "q")
        folder = shooter.session.path
    (folder / DRAFTS / "a_2.x7").mkdir(parents=True)  # what a killed process leaves of a take
    (folder / SCENES / "a/a_1" / TAKE).write_text("{")
    with bright_rig() as rig, Session.open(folder) as session:
        text, _ = guided(Shooter(session, rig), "q")
    assert "cut off: removed what there was of take a_2" in text
    assert "take a_1 has no readable record; verify the session" in text


def test_answers_have_defaults(tmp_path: Path) -> None:
    with desk(tmp_path) as shooter:
        guided(shooter, "", "", "", "")
        assert [take.id for take in shooter.session.takes()] == ["unknown_1_view_1_1"]


def test_every_key(tmp_path: Path) -> None:
    with desk(tmp_path) as shooter:
        text, _ = guided(
            shooter, "lab", "", "a", "", "r shaken", "n near the window", "n", "a second note",
            "s no key", "c b", "", "", "", "e 1/4", "e auto", "?", "what", "q",
        )  # fmt: skip
        session = shooter.session
        assert [take.id for take in session.takes()] == ["a_2", "b_1"]
        assert session.scene("a").notes == ("near the window", "a second note")
        assert session.scene("a_2").skipped == "no key"
    assert "a_1 went to rejected/" in text
    assert "0.25 s and f/2.8" in text or "1/4 s and f/2.8" in text
    assert text.count("Enter: shoot") == 3


def test_the_table_says_what_was_measured_and_what_to_do(tmp_path: Path) -> None:
    rig = bright_rig()
    rig.photo.brightness = 0.003
    with desk(tmp_path, rig) as shooter:
        text, hand = guided(shooter, "", "", "a", "")
    row = next(line for line in text.splitlines() if "brightness" in line)
    assert "≥ 3.0 %" in row
    assert "fail" in row
    assert "brightness: Choose a longer shutter" in text
    assert "again, the failed take goes to rejected" in hand.prompts[-1]


def test_every_check_has_a_title() -> None:
    assert TITLES.keys() == set(CheckLimits().__struct_fields__)


@pytest.mark.parametrize("operation", SHOT)
@pytest.mark.parametrize("cause", ["out_of_focus", "store_full", "refused", "claimed"])
def test_a_camera_error_is_shown_and_the_session_goes_on(
    operation: str, cause: str, tmp_path: Path
) -> None:
    rig = bright_rig()
    with desk(tmp_path, rig) as shooter:
        rig.faults.fail(operation, camera_error(cause), times=100)
        text, _ = guided(shooter, "", "", "a", "")
        rig.faults.planned.clear()
        assert not shooter.session.takes()
        assert f"the fake says {cause}" in text
        assert "Try it again" in text
        guided(shooter, "")
        assert [take.scene for take in shooter.session.takes()] == ["a"]


@pytest.mark.parametrize("cause", ["busy", "timeout", "crashed", "disconnected"])
def test_a_passing_fault_is_tried_again_and_told(cause: str, tmp_path: Path) -> None:
    rig = bright_rig()
    with desk(tmp_path, rig) as shooter:
        rig.faults.fail("photo.capture", camera_error(cause))
        text, _ = guided(shooter, "", "", "a", "")
        assert len(shooter.session.takes()) == 1
    assert "connected again" in text


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with desk(tmp_path) as shooter:

        def full(scene: object) -> None:
            raise StorageError("cannot be written (no space)", remedy="Free some space")

        monkeypatch.setattr(shooter, "shoot", full)
        text, _ = guided(shooter, "", "", "a", "", "q")
    assert "Free some space" in text
    assert "What was saved before is kept" in text


def test_nothing_is_shot_with_an_empty_battery(tmp_path: Path) -> None:
    rig = bright_rig()
    rig.photo.battery = 3.0
    with desk(tmp_path, rig) as shooter:
        text, _ = guided(shooter, "", "", "a", "")
        assert not shooter.session.takes()
        assert "photo.capture" not in rig.faults.calls
    assert "battery is at 3 %" in text
    assert "Nothing was shot" in text


def test_a_low_battery_is_a_warning(tmp_path: Path) -> None:
    rig = bright_rig()
    rig.photo.battery = 20.0
    with desk(tmp_path, rig) as shooter:
        text, _ = guided(shooter, "", "", "a", "")
        assert len(shooter.session.takes()) == 1
    assert "battery is at 20 %" in text


def test_the_plan_is_announced_scene_by_scene(tmp_path: Path) -> None:
    with desk(tmp_path) as shooter:
        _, hand = guided(shooter, "", "s", "", plan=planned("a", "b"))
    assert hand.prompts == [
        "[0 of 2] a (note 0), lab, room room_1 > ",
        "[1 of 2] b (note 1), lab, room room_1 > ",
        "[2 of 2] the plan is done; q ends > ",
        "[2 of 2] the plan is done; q ends > ",
    ]


def test_brackets_in_names_are_no_markup(tmp_path: Path) -> None:
    with desk(tmp_path) as shooter:
        text, _ = guided(shooter, "", "", "a", "n [red]wet[/red] paint", "c [bold]b", "", "")
    assert "[bold]b" in text


def test_the_bell_rings_on_a_terminal_only(tmp_path: Path) -> None:
    class Screen(io.StringIO):
        def isatty(self) -> bool:
            return True

    for number, (screen, sound, bells) in enumerate(
        ((Screen(), True, 1), (Screen(), False, 0), (io.StringIO(), True, 0))
    ):
        with desk(tmp_path / str(number)) as shooter:
            terminal = Terminal(Console(file=screen, width=100), Hand("", "", "a", "", "q"), sound)
            run_guided(Guide(shooter), terminal, lambda: None)
        assert screen.getvalue().count("\a") == bells


def test_the_sheet_is_drawn_after_each_change(tmp_path: Path) -> None:
    drawn = []
    with desk(tmp_path) as shooter:
        terminal = Terminal(
            Console(file=io.StringIO()), Hand("", "", "a", "", "n x", "r", "s", "?", "q")
        )
        run_guided(Guide(shooter), terminal, lambda: drawn.append(len(shooter.session.takes())))
    assert drawn == [1, 1, 1, 1]


def test_ctrl_c_leaves_what_was_saved(tmp_path: Path) -> None:
    def interrupted(prompt: str) -> str:
        if not lines:
            raise KeyboardInterrupt
        return lines.pop(0)

    lines = ["", "", "a", ""]
    with desk(tmp_path) as shooter:
        with pytest.raises(KeyboardInterrupt):
            run_guided(
                Guide(shooter), Terminal(Console(file=io.StringIO()), interrupted), lambda: None
            )
        assert [take.id for take in shooter.session.takes()] == ["a_1"]


def test_a_body_that_cannot_take_the_pair_is_told_at_the_start(tmp_path: Path) -> None:
    rig = fake_rig()
    with desk(tmp_path, rig) as shooter:
        rig.faults.fail("photo.offers", camera_error("read_only"))
        text, _ = guided(shooter, "q")
    assert "the fake says read_only" in text.splitlines()[2]


def test_the_ring_of_a_manual_lens_is_confirmed() -> None:
    hand = Hand("", "no")
    confirm = confirm_ring(Terminal(Console(file=io.StringIO()), hand))
    assert [confirm(10.0), confirm(2.8), confirm(2.8)] == [True, False, False]
    assert hand.prompts[0] == "Set the ring to f/10, then press Enter: "


@pytest.mark.parametrize(
    ("text", "seconds"), [("1/25", 0.04), ("0.5", 0.5), ("2s", 2.0), (" 1/8 s ", 0.125)]
)
def test_shutters_are_read(text: str, seconds: float) -> None:
    assert read_shutter(text) == seconds


@pytest.mark.parametrize("text", ["", "fast", "1/0", "-1", "nan", "inf", "1/2/3"])
def test_what_is_no_shutter_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="exposure time"):
        read_shutter(text)
