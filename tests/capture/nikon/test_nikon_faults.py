"""What failures of libgphoto2 mean."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from idfd.capture.nikon.client import environment
from idfd.capture.nikon.faults import RECONNECT, ExhaustedError, error_of
from idfd.capture.nikon.find import claimed_by
from idfd.capture.nikon.messages import Failure
from idfd.errors import CameraError, StorageError


@pytest.mark.parametrize(
    ("code", "context", "cause"),
    [
        (-1, "Out of Focus", "out_of_focus"),
        (-1, "PTP Store Full", "store_full"),
        (-1, "Hardware Error", "failed"),
        (-1, "PTP General Error", "disconnected"),
        (-1, "", "disconnected"),
        (-2, "The property was not set (0x2019: PTP Device Busy)", "busy"),
        (-2, "The property was not set (0x200f: PTP Access Denied)", "read_only"),
        (-2, "", "refused"),
        (-5, "", "absent"),
        (-6, "", "refused"),
        (-7, "", "disconnected"),
        (-10, "PTP Timeout", "timeout"),
        (-52, "", "absent"),
        (-60, "", "permission"),
        (-105, "", "absent"),
        (-110, "", "busy"),
    ],
)
def test_causes(code: int, context: str, cause: str) -> None:
    failure = Failure(kind="gphoto", doing="releasing", code=code, text="text", context=context)
    error = error_of(failure, "usb:001,005")
    assert isinstance(error, CameraError)
    assert error.cause == cause
    # The reason that only the context tells is in the message, with what to do.
    assert (context or "text") in error.what
    assert str(code) in error.what
    assert error.remedy
    assert error.where == "usb:001,005"


@pytest.mark.parametrize(
    ("kind", "cause"),
    [
        ("lost", "disconnected"),
        ("missing", "failed"),
        ("refused", "refused"),
        ("read_only", "read_only"),
        ("mismatch", "mismatch"),
        ("driver", "driver"),
    ],
)
def test_faults_of_our_own(kind: str, cause: str) -> None:
    error = error_of(Failure(kind=kind, doing="setting iso to 5", text="100"), "x")  # type: ignore[arg-type]
    assert isinstance(error, CameraError)
    assert error.cause == cause
    assert "setting iso to 5" in error.what
    assert "100" in error.what


def test_a_full_library_is_replaced_and_a_full_disk_is_a_storage_error() -> None:
    used_up = error_of(Failure(kind="gphoto", doing="x", code=-3, context="ran full"), "x")
    assert isinstance(used_up, ExhaustedError)
    full = error_of(Failure(kind="storage", doing="writing /a/b.part", code=errno.ENOSPC), "x")
    assert isinstance(full, StorageError)
    assert full.where == "/a/b.part"
    assert "full" in str(full.remedy)


def test_a_claimed_camera_names_its_holder_and_advises_unmounting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, name in ((12, "bash"), (34, "gvfs-gphoto2-vo"), (56, "kernel")):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "comm").write_text(name + "\n")
    (tmp_path / "78").mkdir()
    holders = claimed_by(tmp_path)
    assert holders == ["gvfs-gphoto2-volume-monitor (the desktop), process 34"]
    monkeypatch.setattr("idfd.capture.nikon.find.claimed_by", lambda: holders)
    error = error_of(Failure(kind="gphoto", doing="opening", code=-53, text="claim"), "usb:")
    assert isinstance(error, CameraError)
    assert error.cause == "claimed"
    assert "process 34" in error.what
    assert "gio mount" in str(error.remedy)
    assert "kill" not in str(error.remedy).lower()
    monkeypatch.setattr("idfd.capture.nikon.find.claimed_by", list)
    error = error_of(Failure(kind="gphoto", doing="opening", code=-53, text="claim"), "usb:")
    assert "udev" in str(error.remedy)


def test_the_process_has_a_plain_locale_and_no_leftover_camera(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LANG", "de_DE.UTF-8")
    monkeypatch.setenv("LC_NUMERIC", "de_DE.UTF-8")
    monkeypatch.setenv("LANGUAGE", "de")
    monkeypatch.setenv("VCAMERADIR", "/somewhere")
    env = environment(None)
    assert (env["LC_ALL"], env["LC_NUMERIC"], env["LC_MESSAGES"]) == ("C", "C", "C")
    assert "LANGUAGE" not in env
    # A leftover virtual camera would hide the real one.
    assert "VCAMERADIR" not in env
    assert environment("/virtual")["VCAMERADIR"] == "/virtual"
    assert env["PATH"] == os.environ["PATH"]


def test_lost_bodies_are_opened_anew_and_refusals_are_not() -> None:
    assert {"disconnected", "timeout", "crashed", "failed"} == RECONNECT
