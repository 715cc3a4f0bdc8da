"""NYU-Depth-V2, Make3D, DIODE and DDFF-12, from tiny files in their true formats."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from rgbd_set_data import (
    photo,
    stack,
    write_ddff,
    write_diode,
    write_make3d,
    write_nyu,
)
from scipy.io import savemat

from idfd.cli.main import cli
from idfd.errors import InputError
from idfd.model.curation import Curation
from idfd.model.triple import DepthSource, Triple
from idfd.release.build import build_release
from idfd.release.importers import (
    IMPORTERS,
    ddff12,
    import_dataset,
    nyu_depth_v2,
    rgbd_sets,
)
from idfd.release.reader import IDFD
from idfd.release.triple_folder import TripleSource, open_triples
from idfd.release.verify import verify_release

Write = Callable[[Path], Path]


@pytest.fixture
def nyu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = write_nyu(tmp_path / "nyu")
    data = (root / nyu_depth_v2.LABELED).read_bytes()
    monkeypatch.setattr(nyu_depth_v2, "MD5", hashlib.md5(data).hexdigest())
    return root


def imported(name: str, root: Path, output: Path, **options: object) -> TripleSource:
    curation = import_dataset(name, root, output, **options)
    assert isinstance(curation, Curation)
    assert curation.failed == ()
    return open_triples(output)


def first(source: TripleSource) -> Triple:
    return source.read(source.ids[0])


def members(source: TripleSource) -> dict[str, tuple[str, ...]]:
    assert source.facts.splits is not None
    return {split.name: split.takes for split in source.facts.splits.splits}


def test_nyu_turns_the_axes_back_and_keeps_both_depths(nyu: Path, tmp_path: Path) -> None:
    source = imported("nyu-depth-v2", nyu, tmp_path / "out")
    assert members(source) == {"train": ("frame-0001", "frame-0003"), "test": ("frame-0002",)}
    triple = source.read("frame-0002")
    np.testing.assert_array_equal(triple.all_in_focus, photo(480, 640, 1))
    assert triple.record.absent == ("defocused",)
    assert triple.record.group == "study_0001"
    assert set(np.unique(triple.depth[:, :320])) == {1250}
    assert set(np.unique(triple.depth[:, 320:])) == {2500}
    assert (triple.source[:40] == DepthSource.IN_PAINTED).all()
    assert (triple.source[40:] == DepthSource.MEASURED).all()
    raw = source.raw("frame-0002")
    assert not raw[:40].any()
    assert set(np.unique(raw[40:])) == {1260, 2510}


def test_nyu_becomes_a_release_with_its_leak_told(nyu: Path, tmp_path: Path) -> None:
    imported("nyu_depth_v2", nyu, tmp_path / "out")
    build_release(tmp_path / "out", tmp_path / "nyu.h5", version="1.0.0")
    report = verify_release(tmp_path / "nyu.h5")
    assert report.ok
    assert "study_0001" in " ".join(f.message for f in report.findings)
    with IDFD(tmp_path / "nyu.h5", depth="inpainted") as data:
        assert data.info.depth_kinds == ("raw", "inpainted")
        assert data.info.absent == {"defocused": 3}


def test_nyu_refuses_another_file(tmp_path: Path) -> None:
    root = write_nyu(tmp_path / "nyu")
    with pytest.raises(InputError, match="MD5") as caught:
        import_dataset("nyu_depth_v2", root, tmp_path / "out")
    assert caught.value.where == str(root / nyu_depth_v2.LABELED)
    (root / nyu_depth_v2.SPLITS).unlink()
    with pytest.raises(InputError, match=r"splits\.mat not found"):
        import_dataset("nyu_depth_v2", root, tmp_path / "out")


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ({"trainNdxs": [[1]], "testNdxs": [[2]]}, "names? 2 frames"),
        ({"trainNdxs": [[1], [2], [3]]}, "holds nothing as testNdxs"),
        (None, "cannot be read"),
    ],
)
def test_nyu_refuses_splits_that_do_not_fit(
    nyu: Path, tmp_path: Path, content: dict[str, object] | None, what: str
) -> None:
    if content is None:
        (nyu / nyu_depth_v2.SPLITS).write_bytes(b"MATLAB 5.0, or so it says")
    else:
        savemat(nyu / nyu_depth_v2.SPLITS, content)
    with pytest.raises(InputError, match=what) as caught:
        import_dataset("nyu_depth_v2", nyu, tmp_path / "out")
    assert caught.value.where == str(nyu / nyu_depth_v2.SPLITS)


def test_make3d_spreads_the_nearest_cell_of_the_range_layer(tmp_path: Path) -> None:
    source = imported("make3d", write_make3d(tmp_path / "set"), tmp_path / "out", width=100)
    assert {name: len(takes) for name, takes in members(source).items()} == {"train": 2, "test": 2}
    for take in source.ids:  # one grid of each pair is MATLAB 5, the other 7.3
        triple = source.read(take)
        assert triple.depth.shape == (133, 100)
        assert triple.record.crop.scale == pytest.approx(2.13)
        assert triple.record.absent == ("defocused",)
        cells = np.linspace(2, 80, 55)
        rows = np.floor((np.arange(133) + 0.5) * 55 / 133).astype(int)
        expected = np.rint(cells[rows] * 1000)
        expected[expected > 65535] = 0
        np.testing.assert_array_equal(triple.depth, np.tile(expected[:, None], 100))
        beyond = triple.record.measures["depth_beyond_range"]
        assert beyond == pytest.approx(np.mean(cells[rows] > 65.535))
        assert 0.1 < beyond < 0.3


def test_make3d_names_photos_and_grids_without_partner(tmp_path: Path) -> None:
    root = write_make3d(tmp_path / "set")
    (root / "Test134" / "img-testplace0-p-00t000.jpg").unlink()
    (root / "Train400Depth" / "depth_sph_corr-trainplace1-p-01t000.mat").unlink()
    source = imported("make3d", root, tmp_path / "out")
    told = {entry.path: entry.reason for entry in source.facts.audit}
    assert "no photo" in told["Gridlaserdata/depth_sph_corr-testplace0-p-00t000.mat"]
    assert "no grid" in told["Train400Img/img-trainplace1-p-01t000.jpg"]
    assert len(source.ids) == 2


def test_diode_masks_depth_and_leaves_out_what_is_too_far(tmp_path: Path) -> None:
    source = imported("diode", write_diode(tmp_path / "set"), tmp_path / "out")
    assert {name: len(takes) for name, takes in members(source).items()} == {"train": 1, "val": 2}
    environments = {scene.name: scene.environment for scene in source.facts.scenes}
    assert environments == {
        "scene_00001": "outdoor", "scene_00002": "indoor", "scene_00003": "indoor",
    }  # fmt: skip
    triple = first(source)
    assert not triple.depth[0].any()
    assert not triple.depth[:, :10].any()
    assert (triple.depth[1:, 10:] == 3500).all()
    np.testing.assert_array_equal(triple.measured, triple.depth > 0)
    assert triple.record.measures["depth_beyond_range"] == pytest.approx(1014 / (768 * 1024))
    camera = triple.record.intrinsics
    assert camera is not None
    assert (camera.fx, camera.fy, camera.cx, camera.cy) == (886.81, 927.06, 512, 384)


def test_ddff_depth_follows_the_published_calibration(tmp_path: Path) -> None:
    root = write_ddff(tmp_path / "set")
    source = imported("ddff12", root, tmp_path / "out", focus_slice=2)
    assert {name: len(takes) for name, takes in members(source).items()} == {"train": 101, "val": 2}
    assert {scene.name for scene in source.facts.scenes} == {
        "train-scene-1", "train-scene-2", "val-scene-1",
    }  # fmt: skip
    for take in ("train-0100", "val-0001"):
        triple = source.read(take)
        np.testing.assert_array_equal(triple.defocused, stack()[2])
        assert triple.record.absent == ("all_in_focus",)
        assert not triple.depth[0].any()
        assert (triple.depth[1:] == 1000).all()


def test_ddff_slices_are_even_in_disparity_from_half_a_metre_to_seven() -> None:
    distances = np.array([ddff12.focus_distance_m(k) for k in range(10)])
    assert distances[0] == pytest.approx(0.5)
    assert distances[9] == pytest.approx(7.0)
    disparity = ddff12.FOCAL_BASELINE_PX_M / distances
    np.testing.assert_allclose(np.diff(disparity), np.diff(disparity)[0], rtol=1e-9)
    # The published range of disparities, to the digits that are printed.
    assert disparity[9] == pytest.approx(0.0202, abs=5e-5)
    assert disparity[0] == pytest.approx(0.2825, abs=5e-5)


def test_ddff_composite_takes_each_half_from_its_sharp_slice(tmp_path: Path) -> None:
    found = ddff12.composite(stack())
    np.testing.assert_array_equal(found[:, :6], stack()[2][:, :6])
    np.testing.assert_array_equal(found[:, -6:], stack()[7][:, -6:])
    root = write_ddff(tmp_path / "set")
    with pytest.raises(InputError, match="sharp=best"):
        import_dataset("ddff12", root, tmp_path / "out", sharp="best")


def test_depth_that_is_none_or_too_far_is_no_depth() -> None:
    metres = np.array([[0.0, np.nan, np.inf, -1.0, 1.0004, 65.535, 65.5356, 1e9]])
    depth, far = rgbd_sets.millimetres(metres)
    np.testing.assert_array_equal(depth, [[0, 0, 0, 0, 1000, 65535, 0, 0]])
    assert far == pytest.approx(2 / 8)


CASES: list[tuple[str, Write, str]] = [
    ("make3d", write_make3d, "Train400Depth/*.mat"),
    ("make3d", write_make3d, "Train400Img/*.jpg"),
    ("diode", write_diode, "train/*/*/*/*_depth.npy"),
    ("diode", write_diode, "train/*/*/*/*[0-9].png"),
]


@pytest.mark.parametrize(("name", "write", "pattern"), CASES)
def test_a_truncated_file_fails_alone_and_is_named(
    name: str, write: Write, pattern: str, tmp_path: Path
) -> None:
    root = write(tmp_path / "set")
    broken = sorted(root.glob(pattern))[0]
    broken.write_bytes(broken.read_bytes()[:200])
    curation = import_dataset(name, root, tmp_path / "out")
    assert isinstance(curation, Curation)
    assert len(curation.failed) == 1
    assert broken.name in curation.failed[0].reason
    assert len(curation.triples) >= 2


def test_a_truncated_container_is_named(tmp_path: Path) -> None:
    root = write_ddff(tmp_path / "set")
    file = root / ddff12.LAYOUT
    file.write_bytes(file.read_bytes()[:5000])
    with pytest.raises(InputError, match="cannot be read") as caught:
        import_dataset("ddff12", root, tmp_path / "out")
    assert caught.value.where == str(file)


def test_one_command_makes_a_release(tmp_path: Path) -> None:
    root = write_make3d(tmp_path / "set")
    output = tmp_path / "make3d.h5"
    command = ["release", "import", "make3d", str(root), "-o", str(output), "--width", "64"]
    result = CliRunner().invoke(cli, command)
    assert result.exit_code == 0, result.output
    with IDFD(output, split="test") as data:
        assert len(data) == 2
        assert data[0].depth.shape == (85, 64)
    assert output.with_suffix(".card.md").is_file()


def test_the_list_names_every_importer_and_the_folder_the_next_step(tmp_path: Path) -> None:
    listed = CliRunner().invoke(cli, ["release", "import", "--list"])
    assert listed.exit_code == 0
    assert all(name in listed.output for name in IMPORTERS)
    root = write_make3d(tmp_path / "set")
    command = ["release", "import", "make3d", str(root), "-o", str(tmp_path / "out")]
    result = CliRunner().invoke(cli, [*command, "--width", "64"])
    assert "4 triples" in result.output
    assert f"next: idfd release build {tmp_path / 'out'} --version 1.0.0" in result.output
    curated = CliRunner().invoke(
        cli, ["release", "import", "dfd-indoor", str(root), "-o", str(tmp_path / "x.h5")]
    )
    assert curated.exit_code == 2
    assert "must be curated first" in curated.output
