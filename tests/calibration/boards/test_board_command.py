"""``idfd calibrate board``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from idfd.calibration.boards import files
from idfd.cli.main import main
from idfd.model.board import Board


def _run(*arguments: object) -> int | str | None:
    with pytest.raises(SystemExit) as caught:
        main(["calibrate", "board", *map(str, arguments)])
    return caught.value.code


def test_the_default_is_microsofts_board(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "board.pdf"
    assert _run("-o", output) == 0
    assert output.read_bytes().startswith(b"%PDF-")
    assert files.load_board(tmp_path / "board.json") == Board()
    shown = capsys.readouterr()
    assert "page A1, 841 x 594 mm" in shown.out
    assert "never 'fit to page'" in shown.err


def test_every_value_of_a_board_can_be_given(tmp_path: Path) -> None:
    options = (
        "--columns 7 --rows 6 --square-mm 20 --marker-mm 14 --dictionary DICT_4X4_100 "
        "--first-id 3 --legacy --margin-mm 8"
    )
    assert _run(*options.split(), "-o", tmp_path / "b.pdf") == 0
    assert files.load_board(tmp_path / "b.json") == Board(
        columns=7,
        rows=6,
        square_mm=20.0,
        marker_mm=14.0,
        dictionary="DICT_4X4_100",
        first_id=3,
        legacy=True,
        margin_mm=8.0,
    )


def test_json_and_kalibrs_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "grid.pdf"
    assert _run("--kind", "aprilgrid", "--gap-ratio", 0.25, "--kalibr", "--json", "-o", output) == 0
    result = json.loads(capsys.readouterr().out)
    assert [Path(path).name for path in result["files"]] == ["grid.pdf", "grid.json", "grid.yaml"]
    assert result["pattern_mm"] == [682.0, 682.0]
    assert result["page"] == {"name": "A0", "size_mm": [841.0, 1189.0]}
    assert result["board"]["gap_ratio"] == 0.25
    assert "tagSpacing: 0.25" in (tmp_path / "grid.yaml").read_text()


def test_a_board_file_is_the_start(tmp_path: Path) -> None:
    assert _run("--preset", "a3", "-o", tmp_path / "a.pdf") == 0
    assert _run(tmp_path / "a.json", "--square-mm", 20, "-o", tmp_path / "b.pdf") == 0
    made = files.load_board(tmp_path / "b.json")
    assert made == files.change(files.PRESETS["a3"], "here", square_mm=20.0)


@pytest.mark.real
def test_microsofts_file_is_a_start(real_data: Path, tmp_path: Path) -> None:
    source = real_data / "calib" / "azure_kinect_charuco" / "PlaneFiles" / "plane.json"
    assert _run(source, "-o", tmp_path / "b.pdf") == 0
    assert files.load_board(tmp_path / "b.json") == Board()


def test_one_start_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("--preset", "a3", "--kind", "charuco", "-o", tmp_path / "b.pdf") == 2
    assert "Give one of SOURCE, --preset and --kind" in capsys.readouterr().err


def test_an_error_names_the_remedy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("--page", "A3", "-o", tmp_path / "b.pdf") == 1
    assert "use A1" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_help_names_every_preset(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("--help") == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in files.PRESETS)
