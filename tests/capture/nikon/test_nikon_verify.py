"""Whether a downloaded photo is whole and is the one asked for."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from virtual_body import photo

from idfd.capture.cameras import PhotoSettings
from idfd.capture.nikon.messages import Downloaded
from idfd.capture.nikon.verify import check_jpeg, check_settings, keep
from idfd.errors import CameraError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / ".shot.jpg.part"
    path.write_bytes(photo(10, 1 / 25))
    return path


def download(path: Path, name: str = "DSC_0001.JPG") -> Downloaded:
    data = path.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    return Downloaded(path=str(path), camera_name=name, sha256=digest, bytes=len(data))


def mismatch(path: Path, expected: PhotoSettings) -> str:
    with pytest.raises(CameraError) as caught:
        check_settings(path, "DSC_0001.JPG", expected, False)
    assert caught.value.cause == "mismatch"
    assert caught.value.remedy
    return str(caught.value)


def test_a_whole_jpeg_passes_also_with_padding(file: Path) -> None:
    assert file.read_bytes().endswith(b"\0")
    check_jpeg(file, "x")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_jpeg_that_is_cut_off_is_refused(file: Path, share: float) -> None:
    data = file.read_bytes().rstrip(b"\0")
    file.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(CameraError, match="cut off"):
        check_jpeg(file, "x")


def test_a_jpeg_without_pixels_is_refused(file: Path) -> None:
    file.write_bytes(b"\xff\xd8" + b"garbage" * 99 + b"\xff\xd9")
    with pytest.raises(CameraError, match="damaged"):
        check_jpeg(file, "x")


def test_what_was_asked_for_passes(file: Path) -> None:
    settings, time = check_settings(file, "x", PhotoSettings(10, 1 / 25), False)
    assert (settings.f_number, settings.exposure_s, settings.iso) == (10, 0.04, 100)
    assert time == "2026-01-02T03:04:05"
    # Nothing asked for, nothing compared.
    check_settings(file, "x", PhotoSettings(), False)


def test_another_aperture_or_exposure_names_both(file: Path) -> None:
    text = mismatch(file, PhotoSettings(f_number=9.5))
    assert "f/10" in text
    assert "f/9.5" in text
    text = mismatch(file, PhotoSettings(f_number=10, exposure_s=1 / 50))
    assert "1/25 s" in text
    assert "1/50 s" in text
    check_settings(file, "x", PhotoSettings(exposure_s=1 / 30), False)


def test_no_f_number_is_refused_unless_declared(tmp_path: Path) -> None:
    file = tmp_path / "a.jpg"
    file.write_bytes(photo(None, 0.1))
    assert "no f-number" in mismatch(file, PhotoSettings(f_number=2.8))
    settings, _ = check_settings(file, "x", PhotoSettings(f_number=2.8, exposure_s=0.1), True)
    assert (settings.f_number, settings.exposure_s) == (2.8, 0.1)


def test_a_declared_aperture_stands_over_what_the_body_believes(file: Path) -> None:
    settings, _ = check_settings(file, "x", PhotoSettings(f_number=2.8), True)
    assert settings.f_number == 2.8
    assert settings.iso == 100


def test_files_get_their_names_only_when_all_are_right(tmp_path: Path, file: Path) -> None:
    raw = tmp_path / ".shot.nef.part"
    raw.write_bytes(photo(9, 1 / 25))
    both = [download(raw, "DSC_0001.NEF"), download(file)]
    expected = PhotoSettings(f_number=10, format="raw+jpeg")
    with pytest.raises(CameraError, match=r"f/9"):
        keep(both, tmp_path / "shot", expected, False, 1.0)
    assert {path.name for path in tmp_path.iterdir()} == {file.name, raw.name}
    raw.write_bytes(photo(10, 1 / 25))
    both[0] = download(raw, "DSC_0001.NEF")
    shot = keep(both, tmp_path / "shot", expected, False, 1.0)
    assert [f.file.path for f in shot.files] == ["shot.jpg", "shot.nef"]
    assert [f.kind for f in shot.files] == ["jpeg", "raw"]
    assert {path.name for path in tmp_path.iterdir()} == {"shot.jpg", "shot.nef"}
    for kept in shot.files:
        data = (tmp_path / kept.file.path).read_bytes()
        assert hashlib.sha256(data).hexdigest() == kept.file.sha256
        assert len(data) == kept.file.bytes


def test_a_missing_or_strange_file_is_refused(tmp_path: Path, file: Path) -> None:
    with pytest.raises(CameraError, match=r"made jpeg.*raw\+jpeg"):
        keep([download(file)], tmp_path / "shot", PhotoSettings(format="raw+jpeg"), False, 0)
    with pytest.raises(CameraError, match=r"'\.tif'"):
        keep([download(file, "DSC_1.TIF")], tmp_path / "shot", PhotoSettings(), False, 0)
