"""The whole check: what is right passes, what was bumped does not."""

from __future__ import annotations

import json
from pathlib import Path

import flat_scene
import msgspec
import numpy as np
import pytest
from click.testing import CliRunner
from flat_scene import RIG, turned

from idfd.calibration.check.check import ADVICE, CheckLimits, TakeCheck, check_rig
from idfd.calibration.check.reference import measure_reference
from idfd.calibration.check.takes import SceneTake, find_takes
from idfd.cli.calibrate.check import check
from idfd.errors import InputError
from idfd.model import schema
from idfd.model.limits import Limit
from idfd.storage.images import encode_jpeg, read_photo

Vector = tuple[float, float, float]


@pytest.fixture(scope="module")
def takes(tmp_path_factory: pytest.TempPathFactory) -> tuple[SceneTake, ...]:
    folder = tmp_path_factory.mktemp("check")
    return find_takes([flat_scene.write_session(folder / "session", (0, 1))])


def values(take: TakeCheck) -> dict[str, float]:
    return {one.name: one.value for one in take.checks}


def test_a_calibration_that_is_true_passes(takes: tuple[SceneTake, ...]) -> None:
    result = check_rig(RIG, takes)
    assert result.verdict == "pass"
    assert result.against == "geometry"
    for take in result.takes:
        assert [one.name for one in take.checks] == ["rig_drift", "reprojection", "depth_edges"]
        found = values(take)
        assert found["rig_drift"] < 0.05
        assert found["reprojection"] < 0.4
        assert found["depth_edges"] < 0.6
        assert not take.missing
        assert take.measures["matched_points"] > 100
    assert check_rig(RIG, takes[:1]).takes == result.takes[:1]  # whatever is beside it


@pytest.mark.parametrize(
    ("degrees", "step_mm", "seen_by"),
    [
        ((0.5, 0, 0), (0, 0, 0), {"rig_drift", "reprojection", "depth_edges"}),
        ((0, -0.5, 0), (0, 0, 0), {"rig_drift", "reprojection", "depth_edges"}),
        ((0, 0, 0.5), (0, 0, 0), {"depth_edges"}),
        ((0, 0, 0), (10, 0, 0), {"rig_drift", "depth_edges"}),
        ((0, 0, 0), (0, 10, 0), {"rig_drift", "depth_edges"}),
    ],
)
def test_a_bumped_rig_does_not_pass(
    degrees: Vector, step_mm: Vector, seen_by: set[str], takes: tuple[SceneTake, ...]
) -> None:
    take = check_rig(turned(RIG, degrees, step_mm), takes[:1]).takes[0]
    caught = {one.name for one in take.checks if one.verdict != "pass"}
    assert caught >= seen_by


def test_a_large_bump_fails_and_its_size_is_told(takes: tuple[SceneTake, ...]) -> None:
    result = check_rig(turned(RIG, (0, 1.5, 0)), takes[:1])
    assert result.verdict == "fail"
    found = values(result.takes[0])
    assert found["rig_drift"] == pytest.approx(1.5, rel=0.1)
    px = np.radians(1.5) * RIG.photo.fx
    assert found["depth_edges"] == pytest.approx(px, rel=0.15)
    # A turn to the right about y moves what is placed to the right: edges lie to the left.
    assert result.takes[0].measures["edge_shift_x_px"] == pytest.approx(-px, rel=0.15)


def test_the_reference_frame_counts_before_the_geometry(takes: tuple[SceneTake, ...]) -> None:
    reference = measure_reference(RIG.photo, takes)
    assert reference is not None
    assert reference.deviation_deg < 0.03
    with_frame = msgspec.structs.replace(RIG, reference=reference)
    result = check_rig(with_frame, takes)
    assert result.against == "reference"
    assert max(values(take)["rig_drift"] for take in result.takes) < 0.05
    # A calibration that was wrong from the start did not drift, and shows all the same.
    wrong = check_rig(turned(with_frame, (0, 0.8, 0)), takes[:1]).takes[0]
    verdicts = {one.name: one.verdict for one in wrong.checks}
    assert verdicts == {"rig_drift": "pass", "reprojection": "fail", "depth_edges": "fail"}


def test_without_colour_the_edges_tell_and_the_rest_is_named(tmp_path: Path) -> None:
    take = find_takes([flat_scene.write_take(tmp_path, 1, colour=False)])
    result = check_rig(RIG, take).takes[0]
    assert list(values(result)) == ["depth_edges"]
    assert result.missing == dict.fromkeys(
        ("rig_drift", "reprojection"), "the burst has no colour images"
    )
    assert check_rig(turned(RIG, (0, 1, 0)), take).verdict == "fail"
    assert measure_reference(RIG.photo, take) is None


def test_a_scene_that_tells_nothing_does_not_pass(tmp_path: Path) -> None:
    take = find_takes([flat_scene.write_take(tmp_path, 1, colour=False)])
    flat = np.full((RIG.photo.height, RIG.photo.width, 3), 128, np.uint8)
    take[0].photo.write_bytes(encode_jpeg(flat))
    with pytest.raises(InputError, match="no scene tells anything") as caught:
        check_rig(RIG, take)
    assert "standing free" in str(caught.value)


def test_a_depth_mode_of_another_calibration_is_an_error(takes: tuple[SceneTake, ...]) -> None:
    other = msgspec.structs.replace(RIG, depth=RIG.depth.cropped(0, 0, 320, 288))
    with pytest.raises(InputError, match=r"recorded 640x576.*320x288"):
        check_rig(other, takes)


def test_limits_of_the_caller_count(takes: tuple[SceneTake, ...]) -> None:
    limits = CheckLimits(reprojection=Limit(1e-4, 2e-4, "degrees"))
    take = check_rig(RIG, takes[:1], limits=limits).takes[0]
    assert take.verdict == "fail"
    assert set(ADVICE) == {one.name for one in take.checks}


def test_overlays_show_the_outlines(takes: tuple[SceneTake, ...], tmp_path: Path) -> None:
    check_rig(RIG, takes, overlay=tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cards_0.png", "cards_1.png"]
    picture = read_photo(tmp_path / "cards_0.png").astype(int)
    assert picture.shape == (RIG.photo.height, RIG.photo.width, 3)
    green = (picture[..., 1] - picture[..., 0] > 60) & (picture[..., 1] - picture[..., 2] > 60)
    _, depth = flat_scene.seen(0, RIG.photo, RIG.depth_to_photo)
    steps = np.hypot(*np.gradient(depth)) > 50
    rows, columns = np.nonzero(steps)
    nearby = np.zeros_like(steps)
    for down in range(-3, 4):
        for right in range(-3, 4):
            y = np.clip(rows + down, 0, steps.shape[0] - 1)
            nearby[y, np.clip(columns + right, 0, steps.shape[1] - 1)] = True
    assert green.sum() > 500
    assert nearby[green].mean() > 0.95


def test_the_command_prints_a_table_and_ends_with_the_verdict(
    takes: tuple[SceneTake, ...], tmp_path: Path
) -> None:
    folder = takes[0].photo.parent
    results = {}
    for name, rig in (("true", RIG), ("bumped", turned(RIG, (0, 1, 0)))):
        path = tmp_path / f"{name}.json"
        path.write_bytes(schema.encode(rig))
        results[name] = CliRunner().invoke(
            check, [str(path), str(folder)], standalone_mode=False, env={"COLUMNS": "120"}
        )
    assert results["true"].return_value == 0
    assert "Verdict: pass" in results["true"].output
    assert results["bumped"].return_value == 1
    assert "Verdict: fail" in results["bumped"].output
    assert ADVICE["depth_edges"] in results["bumped"].output


def test_the_command_prints_json(takes: tuple[SceneTake, ...], tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    path.write_bytes(schema.encode(RIG))
    arguments = [str(path), str(takes[0].photo.parent), "--json", "--overlay", str(tmp_path / "o")]
    result = CliRunner().invoke(check, arguments, standalone_mode=False)
    answer = json.loads(result.output)
    assert answer["schema"] == "idfd/calibration-check"
    assert [take["take"] for take in answer["takes"]] == ["cards_0"]
    assert (tmp_path / "o" / "cards_0.png").exists()
    nothing = CliRunner().invoke(check, [str(tmp_path / "gone.json"), str(tmp_path)])
    assert isinstance(nothing.exception, InputError)
