"""``idfd process defocus`` from a release to a release."""

from __future__ import annotations

from pathlib import Path

from benchmark_data import make_release, toy_dataset
from click.testing import CliRunner, Result

from idfd.cli.main import cli
from idfd.release.reader import IDFD
from idfd.release.triple_folder import open_triples


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["process", "defocus", *arguments])


def test_a_release_becomes_a_defocused_release(tmp_path: Path) -> None:
    source = make_release(tmp_path, toy_dataset(2))
    output = tmp_path / "defocused"
    options = ("-o", str(output), "--preset", "idfd", "--focus", "0.8", "--pixel-pitch", "20")
    result = run(str(source), *options, "--noise", "0.01", "--seed", "3")
    assert result.exit_code == 0, result.output
    assert "2 triples" in result.output
    before = (output / "triples" / "desk0-a" / "defocused.png").stat().st_mtime_ns
    assert run(str(source), *options, "--noise", "0.01", "--seed", "3").exit_code == 0
    assert (output / "triples" / "desk0-a" / "defocused.png").stat().st_mtime_ns == before
    built = CliRunner().invoke(
        cli,
        ["release", "build", str(output), "-o", str(tmp_path / "new.h5"), "--version", "1.0.0"],
    )
    assert built.exit_code == 0, built.output
    record = IDFD(tmp_path / "new.h5", split="test")[0].record
    assert record.simulated is not None
    assert (record.simulated.noise, record.simulated.seed) == (0.01, 3)
    assert record.simulated.pixel_pitch_um == 20
    assert open_triples(output).ids == ("desk0-a", "desk1-a")


def test_settings_that_lack_a_focus_are_refused_before_any_work(tmp_path: Path) -> None:
    source = make_release(tmp_path, toy_dataset(1))
    result = run(str(source), "-o", str(tmp_path / "out"), "--preset", "idfd")
    assert result.exit_code != 0
    assert not (tmp_path / "out").exists()
