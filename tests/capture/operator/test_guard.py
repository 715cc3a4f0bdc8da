from __future__ import annotations

import shutil
from collections import namedtuple
from pathlib import Path

import msgspec
import pytest
from desk import desk

from idfd.capture.cameras import PhotoStatus
from idfd.capture.operator.guard import Concern, concerns, take_bytes
from idfd.capture.operator.guide import Guide, Target
from idfd.capture.rig import RigProfile

Usage = namedtuple("Usage", "total used free")
PROFILE = RigProfile(margin_gb=1.0)
KEEPS_NOTHING = msgspec.structs.replace(
    PROFILE, photo=msgspec.structs.replace(PROFILE.photo, keep_on_card=False)
)


def found(
    monkeypatch: pytest.MonkeyPatch,
    *,
    battery: float | None = 80,
    shots: int | None = 500,
    free_gb: float = 100,
    profile: RigProfile = PROFILE,
) -> list[Concern]:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, free_gb * 1e9))
    status = PhotoStatus(model="D750", battery_percent=battery, shots_left=shots)
    return concerns(status, profile, Path(), 100_000_000)


@pytest.mark.parametrize(("battery", "stop"), [(25, False), (6, False), (5, True), (0, True)])
def test_battery(battery: float, stop: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    (concern,) = found(monkeypatch, battery=battery)
    assert concern.stop == stop
    assert f"{battery} %" in concern.what
    assert "battery" in concern.remedy


@pytest.mark.parametrize(("shots", "stop"), [(19, False), (2, False), (1, True), (0, True)])
def test_card(shots: int, stop: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    (concern,) = found(monkeypatch, shots=shots)
    assert concern.stop == stop
    assert f"{shots // 2} takes" in concern.what


def test_a_card_that_is_not_used_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    assert found(monkeypatch, shots=0, profile=KEEPS_NOTHING) == []


@pytest.mark.parametrize(
    ("free_gb", "stop"), [(1.9, False), (1.11, False), (1.09, True), (0, True)]
)
def test_disk_keeps_a_take_and_the_margin(
    free_gb: float, stop: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    (concern,) = found(monkeypatch, free_gb=free_gb)
    assert concern.stop == stop
    assert "a take needs 100 MB" in concern.what


def test_what_the_body_does_not_tell_is_not_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    assert found(monkeypatch, battery=None, shots=None) == []


def test_a_take_will_be_as_large_as_the_last_ones(tmp_path: Path) -> None:
    assert take_bytes([]) > 100_000_000
    with desk(tmp_path) as shooter:
        guide = Guide(shooter, first=Target("a", "room", "lab"))
        guide.shoot()
        folder = shooter.session.find("a_1").folder
        on_disk = sum(path.stat().st_size for path in folder.iterdir() if path.name != "take.json")
        assert take_bytes(shooter.session.takes()) == on_disk
