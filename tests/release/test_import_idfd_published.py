from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from idfd.errors import InputError
from idfd.release.importers.idfd_published import Branch, Variant, guess_environment, read

SUFFIX = {"All_In_Focus": ".JPG", "Out_Of_Focus": ".jpg", "Depth": ".png"}


def write(
    root: Path,
    stem: str,
    modality: str,
    variant: str = "Raw",
    branch: str = "inpainting",
    size: tuple[int, int] = (20, 20),
    depth_type: type = np.uint16,
    suffix: str | None = None,
) -> Path:
    """One tiny file in the published layout."""
    path = root / "Data" / variant / branch / modality / (stem + (suffix or SUFFIX[modality]))
    path.parent.mkdir(parents=True, exist_ok=True)
    depth = modality == "Depth"
    level = (2500 if depth_type is np.uint16 else 130) if depth else 77
    shape = (size[1], size[0]) if depth else (size[1], size[0], 3)
    image: NDArray[Any] = np.zeros(shape, depth_type if depth else np.uint8)
    image += level
    path.write_bytes(cv2.imencode(path.suffix.lower(), image)[1].tobytes())
    return path


def triple(root: Path, stem: str, branch: str = "inpainting", variant: str = "Raw") -> None:
    for modality in SUFFIX:
        write(root, stem, modality, variant, branch)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for stem in ("Bedroom_room2_2", "Bedroom_room2_10", "Corp_D1_10"):
        triple(tmp_path, stem)
    return tmp_path


def test_takes_scenes_and_settings(root: Path) -> None:
    collection = read(root)
    assert [take.id for take in collection.takes] == [
        "Bedroom_room2_2",
        "Bedroom_room2_10",
        "Corp_D1_10",
    ]
    assert [(s.name, s.group, s.environment) for s in collection.scenes] == [
        ("Bedroom_room2", "Bedroom_room2", "bedroom"),
        ("Corp_D1", "Corp_D1", "unknown"),
    ]
    take = collection.takes[0]
    assert (take.all_in_focus.f_number, take.defocused.f_number) == (10, 2.8)
    assert take.all_in_focus.focal_length_mm == 14
    assert take.files["depth_inpainted"].path == "Data/Raw/inpainting/Depth/Bedroom_room2_2.png"
    assert take.depth_filled
    assert collection.splits is None
    assert collection.audit == ()


def test_raw_depth_of_the_other_branch(root: Path) -> None:
    triple(root, "Lab1_0", branch="without_inpainting")
    collection = read(root, branch="without_inpainting")
    (take,) = collection.takes
    assert "depth" in take.files
    assert "depth_inpainted" not in take.files
    assert not take.depth_filled
    (entry,) = collection.audit
    assert entry.path == "Data/Raw/inpainting"
    assert "its 9 files are another set" in entry.reason


def test_the_data_folder_itself_will_do(root: Path) -> None:
    assert len(read(root / "Data").takes) == 3


def test_orphans_of_each_modality_are_named(root: Path) -> None:
    for number, modality in enumerate(SUFFIX):
        write(root, f"Museum_{number}", modality)
    write(root, "Museum_7", "All_In_Focus")
    write(root, "Museum_7", "Depth")
    collection = read(root)
    assert len(collection.takes) == 3
    found = {(Path(entry.path).name, entry.reason) for entry in collection.audit}
    assert found == {
        ("Museum_0.JPG", "there is no Out_Of_Focus and no Depth 'Museum_0'"),
        ("Museum_1.jpg", "there is no All_In_Focus and no Depth 'Museum_1'"),
        ("Museum_2.png", "there is no All_In_Focus and no Out_Of_Focus 'Museum_2'"),
        ("Museum_7.JPG", "there is no Out_Of_Focus 'Museum_7'"),
        ("Museum_7.png", "there is no Out_Of_Focus 'Museum_7'"),
    }
    assert {entry.kind for entry in collection.audit} == {"orphan"}


def test_normalised_depth_is_never_called_metric(root: Path) -> None:
    write(root, "Corp_D1_10", "Depth", depth_type=np.uint8)
    collection = read(root)
    assert [take.id for take in collection.takes] == ["Bedroom_room2_2", "Bedroom_room2_10"]
    kinds = {Path(entry.path).name: entry for entry in collection.audit}
    assert kinds["Corp_D1_10.png"].kind == "not_metric"
    assert "8-bit" in kinds["Corp_D1_10.png"].reason
    assert kinds["Corp_D1_10.JPG"].kind == kinds["Corp_D1_10.jpg"].kind == "orphan"


@pytest.mark.parametrize("level", [0, 255, 65535])
def test_16_bit_files_of_stretched_depth_are_not_metric(root: Path, level: int) -> None:
    path = root / "Data/Raw/inpainting/Depth/Corp_D1_10.png"
    path.write_bytes(cv2.imencode(".png", np.full((20, 20), level, np.uint16))[1].tobytes())
    (entry,) = (entry for entry in read(root).audit if entry.kind == "not_metric")
    assert str(level) in entry.reason


def test_sizes_must_agree(root: Path) -> None:
    write(root, "Corp_D1_10", "Depth", size=(24, 20))
    collection = read(root)
    assert len(collection.takes) == 2
    assert [entry.kind for entry in collection.audit] == ["size_mismatch"] * 3
    assert "Depth 24x20" in collection.audit[0].reason


def test_truncated_and_undecodable_files(root: Path) -> None:
    depth = root / "Data/Raw/inpainting/Depth/Corp_D1_10.png"
    depth.write_bytes(depth.read_bytes()[:-5])
    write(root, "Bedroom_room2_2", "Out_Of_Focus").write_bytes(b"not a photo")
    collection = read(root)
    assert [take.id for take in collection.takes] == ["Bedroom_room2_10"]
    bad = {Path(e.path).name: e.reason for e in collection.audit if e.kind == "unreadable"}
    assert "truncated" in bad["Corp_D1_10.png"]
    assert "not an image" in bad["Bedroom_room2_2.jpg"]


def test_strange_files_are_unexpected(root: Path) -> None:
    folder = root / "Data" / "Raw" / "inpainting"
    (root / "README.md").write_text("about")
    (folder / "Depth" / "noindex.png").write_bytes(b"x")
    (folder / "All_In_Focus" / "list.txt").write_text("x")
    write(root, "Corp_D1_10", "All_In_Focus", suffix=".jpg")
    collection = read(root)
    assert len(collection.takes) == 3
    assert {entry.kind for entry in collection.audit} == {"unexpected"}
    assert {Path(entry.path).name for entry in collection.audit} == {
        "README.md",
        "noindex.png",
        "list.txt",
        "Corp_D1_10.jpg",
    }


def test_names_that_identifiers_cannot_hold(tmp_path: Path) -> None:
    for stem in ("Room a_1", "Room-a_1"):
        triple(tmp_path, stem)
    collection = read(tmp_path)
    assert sorted(take.id for take in collection.takes) == ["Room-a_1", "Room-a_1-2"]
    assert {take.scene for take in collection.takes} == {"Room-a"}


@pytest.mark.parametrize("options", [{"variant": "raw"}, {"branch": "both"}])
def test_unknown_options(root: Path, options: dict[str, Variant | Branch]) -> None:
    with pytest.raises(InputError, match=r"Expected (Raw or Processed|inpainting or)"):
        read(root, **options)  # type: ignore[arg-type]


def test_an_absent_branch_tells_what_there_is(root: Path) -> None:
    with pytest.raises(InputError, match=r"Processed/inpainting/ with .* Data holds Raw"):
        read(root, variant="Processed")


def test_no_usable_take_is_an_error(tmp_path: Path) -> None:
    for modality in SUFFIX:
        write(tmp_path, "Lab_1", modality, depth_type=np.uint8)
    with pytest.raises(InputError, match=r"no take can be used .*Lab_1\.png: depth is 8-bit"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("scene", "environment"),
    [
        ("Bedroom_room2", "bedroom"),
        ("LivingRoom1", "living room"),
        ("lab2", "laboratory"),
        ("Kitchen", "kitchen"),
        ("City_Museum", "museum"),
        ("Apartment1", "unknown"),
        ("Syllabus", "unknown"),
    ],
)
def test_environments_from_names(scene: str, environment: str) -> None:
    assert guess_environment(scene) == environment
