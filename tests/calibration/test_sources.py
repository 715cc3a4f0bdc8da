from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idfd.calibration.sources import find_images, view_names
from idfd.errors import InputError
from idfd.model import schema
from idfd.model.camera import CameraSettings
from idfd.model.provenance import FileReference
from idfd.model.session import DepthSummary, SessionDocument, TakeFile, TakeRecord


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return folder


@pytest.mark.parametrize(
    ("stems", "names"),
    [
        (["left01", "left02", "left11"], ["01", "02", "11"]),
        (["left01", "left02"], ["01", "02"]),
        (["DSC_0801_f10", "DSC_0802_f10"], ["0801", "0802"]),
        (["a", "b"], ["a", "b"]),
        (["only"], ["only"]),
        (["board", "board2"], ["board", "board2"]),
        (["near_x_1", "far_x_1"], ["near", "far"]),
        ([], []),
    ],
)
def test_views_are_called_what_their_names_do_not_share(stems: list[str], names: list[str]) -> None:
    assert view_names(stems) == names


@given(
    numbers=st.sets(st.integers(0, 9999), min_size=2, max_size=8),
    one=st.sampled_from(["", "left", "IMG_", "f10-"]),
    other=st.sampled_from(["", "right", "b_", "cam2 "]),
    end=st.sampled_from(["", "_ir", "-f2.8"]),
)
def test_numbered_files_of_two_cameras_pair_up(
    numbers: set[int], one: str, other: str, end: str
) -> None:
    ordered = sorted(numbers)
    first = view_names(f"{one}{number:04d}" for number in ordered)
    second = view_names(f"{other}{number:04d}{end}" for number in ordered)
    assert len(set(first)) == len(ordered)
    assert first == second


def test_a_folder_of_photos_needs_no_pattern(tmp_path: Path) -> None:
    touch(tmp_path, "color-1.jpg", "color-2.JPG", "notes.txt", ".hidden.jpg", "sub/color-3.jpg")
    found = find_images(tmp_path)
    assert [(item.view, item.camera, item.name) for item in found] == [
        ("1", "photo", "color-1.jpg"),
        ("2", "photo", "color-2.JPG"),
    ]
    assert all(item.problem is None for item in found)


def test_patterns_say_which_camera_took_what(tmp_path: Path) -> None:
    touch(tmp_path, "f10/a1.jpg", "f10/a2.jpg", "f2.8/b2.jpg", "f2.8/b3.jpg", "ir/1.png", "ir/2.h5")
    found = find_images(tmp_path, {"photo": "f10/*.jpg", "defocused": "f2.8/*", "depth": "ir/*"})
    assert [(item.view, item.camera) for item in found] == [
        ("1", "depth"),
        ("1", "photo"),
        ("2", "defocused"),
        ("2", "depth"),
        ("2", "photo"),
        ("3", "defocused"),
    ]


def test_mistakes_in_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such folder"):
        find_images(tmp_path / "gone")
    touch(tmp_path, "a1.jpg", "a1.png", "a2.jpg")
    with pytest.raises(InputError, match=r"no file fits 'b\*' for the camera 'depth'"):
        find_images(tmp_path, {"photo": "a*.jpg", "depth": "b*"})
    with pytest.raises(InputError, match=r"a1\.png and a1\.jpg .* both view '1'"):
        find_images(tmp_path)


def write_take(folder: Path, **changes: Any) -> None:
    reference = FileReference(path="p.jpg", sha256="0" * 64, bytes=1)
    values: dict[str, Any] = {
        "id": folder.name,
        "scene": folder.parent.name,
        "group": "room",
        "environment": "lab",
        "number": 1,
        "taken_at": "2024-05-01T12:00:00+00:00",
        "files": (
            TakeFile(role="all_in_focus", kind="jpeg", file=reference),
            TakeFile(role="defocused", kind="raw", file=reference),
            TakeFile(role="depth", kind="burst", file=reference),
        ),
        "all_in_focus": CameraSettings(f_number=10),
        "defocused": CameraSettings(f_number=2.8),
        "exposure_residual_stops": None,
        "depth": DepthSummary(
            frames=1, mode="NFOV_UNBINNED", valid_share=1, temperature_c=None, warm_up_s=None
        ),
        "clock": {},
        "checks": (),
        "verdict": "fail",
    }
    folder.mkdir(parents=True)
    (folder / "take.json").write_bytes(schema.encode(TakeRecord(**(values | changes))))


def test_a_session_gives_its_takes_and_names_the_rest(tmp_path: Path) -> None:
    about = SessionDocument(name="day", created_at="", tool="idfd")
    (tmp_path / "session.json").write_bytes(schema.encode(about))
    write_take(tmp_path / "scenes" / "board" / "board_1")
    write_take(tmp_path / "scenes" / "board" / "rejected" / "board_2")
    touch(tmp_path / "scenes" / "board" / "board_3", "take.json")
    touch(tmp_path / "scenes" / "board" / ".drafts", "take.json")
    found = {(item.view, item.camera): item for item in find_images(tmp_path)}
    assert set(found) == {
        ("board_1", "photo"),
        ("board_1", "defocused"),
        ("board_1", "depth"),
        ("board_2", None),
        ("board_3", None),
    }
    photo = found["board_1", "photo"]
    assert photo.problem is None
    assert photo.name == "scenes/board/board_1/p.jpg"
    assert (photo.sha256, photo.settings) == ("0" * 64, CameraSettings(f_number=10))
    assert found["board_1", "depth"].settings is None
    assert "no jpeg file" in str(found["board_1", "defocused"].problem)
    assert found["board_2", None].problem == "rejected by the operator"
    assert "take.json" in str(found["board_3", None].problem)
