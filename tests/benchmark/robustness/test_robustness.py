"""Robustness: scores on degraded photos, paired with the clean ones, resumed by level."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import msgspec
import numpy as np
import pytest
from benchmark_data import FakeDataset, make_release, make_triple, toy_dataset
from click.testing import CliRunner

from idfd.benchmark.models import ModelInput, Prediction, Target
from idfd.benchmark.robustness.degraded import DegradedDataset
from idfd.benchmark.robustness.levels import LEVELS, ladder, strength
from idfd.benchmark.robustness.picture import picture
from idfd.benchmark.robustness.report import RobustnessReport
from idfd.benchmark.robustness.run import run_robustness
from idfd.benchmark.robustness.table import headings, markdown, rows
from idfd.cli.main import cli
from idfd.errors import InputError
from idfd.model import schema

NOISE = ladder("high-iso-noise", (800.0, 25600.0))


class Counting:
    """The photo itself, and 2 m everywhere; counts what it is asked for."""

    def __init__(self, name: str = "counting", stop_at: int | None = None) -> None:
        self.name = name
        self.stop_at = stop_at
        self.predicts: frozenset[Target] = frozenset({"aif", "depth"})
        self.asked = 0

    def predict(self, item: ModelInput) -> Prediction:
        if self.asked == self.stop_at:
            raise KeyboardInterrupt
        self.asked += 1
        return Prediction(
            all_in_focus=item.defocused, depth_m=np.full(item.defocused.shape[:2], 2.0)
        )


@pytest.fixture
def release(tmp_path: Path) -> Path:
    return make_release(tmp_path, toy_dataset(4))


def test_each_level_is_the_clean_split_degraded(release: Path, tmp_path: Path) -> None:
    output = tmp_path / "out" / "robustness.json"
    report = run_robustness(release, Counting(), NOISE, output, progress=False)
    assert schema.load(RobustnessReport, output) == report
    assert [one.degradation for one in report.levels] == list(NOISE)
    weak, strong = report.levels
    assert strong.change["psnr"].high < weak.change["psnr"].low < 0
    # Paired: the mean change is the difference of the means, of the same images.
    for one in report.levels:
        for name in ("psnr", "ssim"):
            difference = one.results.metrics[name].mean - report.clean.metrics[name].mean
            assert one.change[name].mean == pytest.approx(difference, abs=1e-12)
            assert one.change[name].images == 4
        # A constant depth does not see the photo at all.
        assert one.change["rmse"] == msgspec.structs.replace(
            one.change["rmse"], mean=0.0, low=0.0, high=0.0
        )
    digests = {report.clean.release.digest, *(one.results.release.digest for one in report.levels)}
    assert len(digests) == 3


def test_a_second_run_scores_only_what_is_new(release: Path, tmp_path: Path) -> None:
    output = tmp_path / "robustness.json"
    run_robustness(release, Counting(), NOISE[:1], output, progress=False)
    again = Counting()
    report = run_robustness(release, again, NOISE, output, progress=False)
    assert again.asked == 4
    assert [strength(one.degradation) for one in report.levels] == [800.0, 25600.0]
    idle = Counting()
    assert run_robustness(release, idle, NOISE, output, progress=False) == report
    assert idle.asked == 0


def test_a_run_that_was_stopped_keeps_the_levels_it_had(release: Path, tmp_path: Path) -> None:
    output = tmp_path / "robustness.json"
    with pytest.raises(KeyboardInterrupt):
        run_robustness(release, Counting(stop_at=9), NOISE, output, progress=False)
    kept = schema.load(RobustnessReport, output)
    assert [one.degradation for one in kept.levels] == [NOISE[0]]
    rest = Counting()
    run_robustness(release, rest, NOISE, output, progress=False)
    assert rest.asked == 4


def test_scores_of_another_model_are_not_mixed_in(release: Path, tmp_path: Path) -> None:
    output = tmp_path / "robustness.json"
    run_robustness(release, Counting(), NOISE[:1], output, progress=False)
    with pytest.raises(InputError, match="cannot stand with these"):
        run_robustness(release, Counting("other"), NOISE, output, progress=False)
    with pytest.raises(InputError, match="json"):
        run_robustness(release, Counting(), NOISE, tmp_path / "out.html", progress=False)


def test_scores_of_other_options_are_not_mixed_in(release: Path, tmp_path: Path) -> None:
    output, weights = tmp_path / "robustness.json", tmp_path / "weights"
    weights.write_text("1")
    options = {"weights": str(weights), "strength": "1"}

    def score(**changed: str) -> None:
        run_robustness(
            release, Counting(), NOISE[:1], output, options=options | changed, progress=False
        )

    score()
    score()
    with pytest.raises(InputError, match="cannot stand with these"):
        score(strength="2")
    weights.write_text("2")  # other weights under the same name
    with pytest.raises(InputError, match="cannot stand with these"):
        score()


def test_the_dataset_is_the_same_each_time_and_leaves_the_whole_alone() -> None:
    whole = FakeDataset([make_triple("desk1-a", 1), make_triple("desk2-a", 2)])
    before = whole[1].defocused.copy()
    degraded = DegradedDataset(whole, NOISE[1])
    first = degraded[1]
    np.testing.assert_array_equal(first.defocused, degraded[1].defocused)
    np.testing.assert_array_equal(whole[1].defocused, before)
    assert first.record.degradations == (NOISE[1],)
    assert (degraded.ids, degraded.split, len(degraded)) == (whole.ids, "test", 2)
    assert degraded.digest not in {whole.digest, DegradedDataset(whole, NOISE[0]).digest}


def test_ladders_rise_and_take_what_their_kind_has() -> None:
    for kind, levels in LEVELS.items():
        steps = ladder(kind, seed=3, exposure_s=0.1, photosites=4.0)
        assert [strength(one) for one in steps] == sorted(levels)
        assert {one.seed for one in steps} == {3}
        has = "photosites" if kind == "high-iso-noise" else "exposure_s"
        assert all(one.settings[has] in {0.1, 4.0} for one in steps)


def test_table_and_picture_show_every_level(release: Path, tmp_path: Path) -> None:
    report = run_robustness(release, Counting(), NOISE, tmp_path / "r.json", progress=False)
    assert [row[:2] for row in rows(report)] == [
        ("clean", "–"),
        ("high-iso-noise", "800 ISO"),
        ("high-iso-noise", "25600 ISO"),
    ]
    assert len(headings(report)) == len(rows(report)[1])
    change = report.levels[1].change["psnr"]
    assert f"−{abs(change.mean):.2f} (−{abs(change.low):.2f} to −{abs(change.high):.2f})" in (
        markdown(report)
    )
    drawing = ElementTree.fromstring(picture(report))
    curves = [e for e in drawing.iter() if e.tag.endswith("polyline")]
    # RMSE and PSNR, each with its change; three points: clean and two levels.
    assert [len(e.attrib["points"].split()) for e in curves] == [3, 3, 3, 3]
    assert (tmp_path / "r.svg").read_text() == picture(report)
    assert (tmp_path / "r.md").read_text() == markdown(report)


def test_command(release: Path, tmp_path: Path) -> None:
    output = tmp_path / "r.json"
    command = ["benchmark", "robustness", str(release), "--model", "identity", "-o", str(output)]
    result = CliRunner().invoke(cli, [*command, "--kind", "high-iso-noise", "--levels", "6400"])
    assert result.exit_code == 0, result.output
    assert "6400" in result.output
    assert output.with_suffix(".svg").exists()
    for wrong in (["--levels", "1,2"], ["--kind", "high-iso-noise", "--levels", "strong"]):
        assert CliRunner().invoke(cli, [*command, *wrong]).exit_code == 2
    # The toy release has no intrinsics: blur cannot be scaled, and the message says what can.
    refused = CliRunner().invoke(cli, [*command, "--kind", "camera-shake"])
    assert isinstance(refused.exception, InputError)
    assert "high-iso-noise" in str(refused.exception)
