from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest

from idfd.cli.main import COMMANDS, cli, main
from idfd.errors import InputError
from idfd.version import __version__


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(list(arguments))
    return int(str(caught.value.code))


def test_help_names_every_command_and_exits_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--help") == 0
    text = capsys.readouterr().out
    for name in COMMANDS:
        assert name in text


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys; sys.argv = ['idfd', '--help']\n"
        "from idfd.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'numpy', 'cv2', 'h5py', 'torch', 'matplotlib', 'rich', 'msgspec', 'jinja2'}\n"
        "print('HEAVY', sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert "HEAVY []" in done.stdout


def commands(group: click.Group, prefix: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = []
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        found.append((*prefix, name))
        if isinstance(command, click.Group):
            found += commands(command, (*prefix, name))
    return found


@pytest.mark.parametrize("path", commands(cli), ids=" ".join)
def test_every_command_explains_itself(
    path: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*path, "--help") == 0
    assert "Usage:" in capsys.readouterr().out


def test_a_mistyped_command_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("relase") == 2
    assert "Did you mean 'release'?" in capsys.readouterr().err


def test_a_missing_argument_is_wrong_usage() -> None:
    assert run("release", "build") == 2


def test_an_error_is_one_paragraph(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("release", "info", str(tmp_path / "none.h5")) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("idfd: ")
    assert captured.err.count("\n") == 1
    assert "none.h5" in captured.err


@pytest.mark.parametrize("place", ["before", "after"])
def test_debug_shows_the_traceback(
    place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["release", "info", str(tmp_path / "none.h5")]
    assert run(*(["--debug", *command] if place == "before" else [*command, "--debug"])) == 1
    assert "Traceback" in capsys.readouterr().err


def test_opencv_without_its_libraries_names_the_headless_wheel(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ImportError("libGL.so.1: cannot open shared object file: No such file or directory")

    monkeypatch.setattr(cli, "main", fail)
    assert run("doctor") == 1
    assert "opencv-python-headless" in capsys.readouterr().err


def test_ctrl_c_says_what_is_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "main", stop)
    assert run("demo") == 1
    assert "goes on from there" in capsys.readouterr().err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("version") == 0
    assert capsys.readouterr().out == f"idfd {__version__}\n"


def test_doctor_prints_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("doctor", "--json") == 0
    found = {entry["name"]: entry["state"] for entry in json.loads(capsys.readouterr().out)}
    assert found["Python"] == "ok"
    assert found["opencv-python"] == "ok"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_can_be_made(shell: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from idfd.cli.main import cli; cli(prog_name='idfd')"],
        env={"_IDFD_COMPLETE": f"{shell}_source", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "idfd" in done.stdout, done.stderr


def test_errors_name_value_limit_and_remedy() -> None:
    error = InputError("the value is 3", where="file.json", limit="1 or 2", remedy="Change it")
    assert str(error) == "file.json: the value is 3. Expected 1 or 2. Change it."
