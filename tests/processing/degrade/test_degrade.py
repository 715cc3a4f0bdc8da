"""Degrading a triple: what changes, what stays, and that it is the same each time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from benchmark_data import make_release, toy_dataset
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from scenes_to_degrade import make_triple

from idfd.cli.main import cli
from idfd.errors import InputError
from idfd.model.degradation import Degradation
from idfd.processing.degrade.apply import degrade, degrade_all
from idfd.processing.degrade.settings import (
    KINDS,
    STRENGTH,
    CameraShake,
    make_degradation,
    settings_of,
)
from idfd.release.build import build_release
from idfd.release.reader import IDFD

STRONG = {"camera-shake": 8.0, "motion-blur": 300.0, "high-iso-noise": 12800.0}
ALL = [make_degradation(kind, {STRENGTH[kind][0]: STRONG[kind]}) for kind in KINDS]


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.kind)
def test_only_the_defocused_photo_changes_and_the_record_says_how(one: Degradation) -> None:
    triple = make_triple()
    before = triple.defocused.copy()
    degraded = degrade(triple, one)
    assert (degraded.defocused != triple.defocused).mean() > 0.3
    assert degraded.defocused.dtype == np.uint8
    np.testing.assert_array_equal(triple.defocused, before)
    assert degraded.all_in_focus is triple.all_in_focus
    assert degraded.depth is triple.depth
    assert degraded.record.degradations == (one,)
    assert degraded.record.sources == triple.record.sources


@given(seed=st.integers(0, 2**40), kind=st.sampled_from(ALL))
@settings(max_examples=8, deadline=None)
def test_the_same_seed_and_name_give_the_same_bytes(seed: int, kind: Degradation) -> None:
    one = make_degradation(kind.kind, kind.settings, seed)
    first = degrade(make_triple("desk-1"), one).defocused
    np.testing.assert_array_equal(first, degrade(make_triple("desk-1"), one).defocused)
    assert (first != degrade(make_triple("desk-2"), one).defocused).any()
    other = make_degradation(kind.kind, kind.settings, seed + 1)
    assert (first != degrade(make_triple("desk-1"), other).defocused).any()


def test_stronger_is_worse() -> None:
    triple = make_triple()
    for kind, (name, _) in STRENGTH.items():
        errors = [
            np.abs(degrade(triple, make_degradation(kind, {name: level})).defocused - 1.0
                   * triple.defocused).mean()
            for level in (0.1 * STRONG[kind], STRONG[kind])
        ]  # fmt: skip
        assert errors[0] < errors[1]


def test_several_add_up_in_order() -> None:
    triple = make_triple()
    both = degrade_all(triple, ALL[::2])
    assert [one.kind for one in both.record.degradations] == ["camera-shake", "high-iso-noise"]
    alone = degrade(degrade(triple, ALL[0]), ALL[2])
    np.testing.assert_array_equal(both.defocused, alone.defocused)


def test_defaults_are_written_out() -> None:
    one = make_degradation("camera-shake", {"shake_deg_s": 2}, seed=4)
    assert one.settings == {"shake_deg_s": 2, "exposure_s": 0.04, "correlation_s": 0.04}
    assert one.seed == 4
    assert settings_of(one) == CameraShake(shake_deg_s=2)


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        ("camera-shake", {}, "shake_deg_s"),
        ("camera-shake", {"iso": 100.0}, "iso"),
        ("motion-blur", {"speed_mm_s": -1.0}, ">= 0"),
        ("high-iso-noise", {"iso": 0.0}, "> 0"),
        ("rain", {}, "camera-shake, motion-blur"),
    ],
)
def test_impossible_settings_are_refused(kind: str, values: dict[str, float], message: str) -> None:
    with pytest.raises(InputError) as error:
        make_degradation(kind, values)
    assert message in str(error.value)


def test_blur_without_a_camera_is_refused_and_noise_is_not() -> None:
    triple = make_triple(camera=None)
    for one in ALL[:2]:
        with pytest.raises(InputError, match="intrinsics") as error:
            degrade(triple, one)
        assert "high-iso-noise" in str(error.value)
    degrade(triple, ALL[2])


@pytest.mark.parametrize(
    "arguments",
    [(), ("--photosites", "4", "--shake-deg-s", "2"), ("--exposure-s", "0.1", "--iso", "400")],
)
def test_options_that_do_not_go_together(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    command = ["process", "degrade", str(tmp_path), "-o", str(tmp_path / "out"), *arguments]
    result = CliRunner().invoke(cli, command)
    assert result.exit_code == 2
    assert "--iso" in result.output


def test_command_makes_a_set_that_a_release_can_be_built_of(tmp_path: Path) -> None:
    clean = make_release(tmp_path, toy_dataset(2))
    output = tmp_path / "noisy"
    command = ["process", "degrade", str(clean), "-o", str(output), "--iso", "6400"]
    result = CliRunner().invoke(cli, command)
    assert result.exit_code == 0, result.output
    again = CliRunner().invoke(cli, [*command, "--json"])
    assert '"name": "toy"' in again.output
    build_release(output, tmp_path / "noisy.h5", version="1.0.0")
    with IDFD(clean) as before, IDFD(tmp_path / "noisy.h5") as after:
        assert after.members == before.members
        expected = degrade(before[0], make_degradation("high-iso-noise", {"iso": 6400.0}))
        np.testing.assert_array_equal(after[0].defocused, expected.defocused)
        np.testing.assert_array_equal(after[0].all_in_focus, before[0].all_in_focus)
        np.testing.assert_array_equal(after[0].depth, before[0].depth)
        assert after[0].record.degradations == expected.record.degradations
    # Blur cannot be scaled without a camera: the triples are named, and the exit code says so.
    shaken = [*command[:4], str(tmp_path / "shaken"), "--shake-deg-s", "2"]
    refused = CliRunner().invoke(cli, shaken, standalone_mode=False)
    assert refused.return_value == 1
    assert "intrinsics" in refused.output
