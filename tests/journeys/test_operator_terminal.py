"""The operator's path: a guided session in a real terminal, with the rendered rig."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from idfd.capture.session.reader import SessionReader
from idfd.capture.session.verify import verify_session

pytestmark = pytest.mark.skipif(
    shutil.which("tmux") is None, reason="tmux is not installed (Debian: apt install tmux)"
)
TIMEOUT_S = 60.0


class Terminal:
    """A tmux server of its own, with one window."""

    def __init__(self, folder: Path, command: str) -> None:
        self.socket = folder / "tmux"
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", "110", "-y", "60", command)

    def tmux(self, *arguments: str) -> str:
        done = subprocess.run(
            ["tmux", "-S", str(self.socket), *arguments], capture_output=True, text=True, check=True
        )
        return done.stdout

    def screen(self) -> str:
        return self.tmux("capture-pane", "-p")

    def type(self, text: str) -> None:
        self.tmux("send-keys", "-l", text)
        self.tmux("send-keys", "Enter")

    def wait(self, text: str) -> str:
        end = time.monotonic() + TIMEOUT_S
        while text not in (screen := self.screen()):
            assert time.monotonic() < end, f"waited for {text!r}, saw:\n{screen}"
            time.sleep(0.1)
        return screen


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    plan = tmp_path / "plan.csv"
    plan.write_text(
        "scene,group,environment,note\n"
        "sink,kitchen-1,kitchen,tap in front\n"
        "stove,kitchen-1,kitchen,\n"
        "bench,lab-1,lab,\n"
    )
    idfd = Path(sys.executable).with_name("idfd")
    found = Terminal(
        tmp_path, f"{idfd} capture session {tmp_path}/outing --rig simulated --plan {plan}; cat"
    )
    yield found
    found.tmux("kill-server")


@pytest.mark.slow
def test_a_guided_session(terminal: Terminal, tmp_path: Path) -> None:
    pytest.importorskip("gphoto2")
    pytest.importorskip("open3d")
    terminal.wait("sink (tap in front), kitchen, room kitchen-1 >")
    terminal.type("e auto")
    terminal.wait("f/10 1/")
    terminal.type("n the tap drips")
    terminal.wait("noted on sink")
    terminal.type("")
    terminal.wait("sink_1: ")
    terminal.wait("stove, kitchen, room kitchen-1 >")
    terminal.type("r somebody walked in")
    terminal.wait("sink_2: ")
    terminal.wait("stove, kitchen, room kitchen-1 >")
    terminal.type("s the stove is hot")
    terminal.wait("left stove")
    terminal.type("")
    screen = terminal.wait("bench_1: ")
    assert "aperture" in screen
    terminal.wait("> ")
    terminal.type("q")
    session = SessionReader(tmp_path / "outing")
    end = time.monotonic() + TIMEOUT_S
    while "session_closed" not in (tmp_path / "outing/journal.jsonl").read_text():
        assert time.monotonic() < end, terminal.screen()
        time.sleep(0.1)
    assert [take.id for take in session.takes()] == ["sink_2", "bench_1"]
    assert [take.id for take in session.takes("sink", rejected=True)] == ["sink_1"]
    scenes = {scene.name: scene for scene in session.scenes()}
    assert scenes["sink"].notes[-1] == "the tap drips"
    assert scenes["stove"].skipped == "the stove is hot"
    take = session.takes("bench")[0]
    assert (take.all_in_focus.f_number, take.defocused.f_number) == (10.0, 2.8)
    assert take.depth.frames == 30
    assert not verify_session(tmp_path / "outing").damage
    page = (tmp_path / "outing/index.html").read_text()
    assert "sink_2" in page
    assert "bench_1" in page


@pytest.mark.slow
def test_a_session_goes_on_after_the_terminal_is_killed(terminal: Terminal, tmp_path: Path) -> None:
    pytest.importorskip("gphoto2")
    pytest.importorskip("open3d")
    terminal.wait("sink (tap in front), kitchen, room kitchen-1 >")
    terminal.type("")
    terminal.wait("stove, kitchen, room kitchen-1 >")
    terminal.type("")
    terminal.wait("shooting")
    pid = int(terminal.tmux("list-panes", "-F", "#{pane_pid}"))
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=True)
    os.kill(int(found.stdout.split()[0]), signal.SIGKILL)
    terminal.wait("Killed")
    idfd = Path(sys.executable).with_name("idfd")
    terminal.tmux("respawn-pane", "-k", f"{idfd} capture session {tmp_path}/outing; cat")
    terminal.wait("kitchen-1")
    terminal.type("q")
    session = SessionReader(tmp_path / "outing")
    assert "sink_1" in [take.id for take in session.takes()]
    assert not verify_session(tmp_path / "outing").damage
