"""Readers of deblurring and defocus sets, on tiny files in the published formats."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from blur_set_data import SIZE, SYNDOF_NAMES, WRITERS, cuhk, photo, ramp, syndof, write
from hypothesis import given
from hypothesis import strategies as st

from idfd import IDFD
from idfd.errors import IdfdError, InputError
from idfd.model.curation import Curation
from idfd.model.triple import Triple
from idfd.release.build import build_release
from idfd.release.importers import import_dataset, importer
from idfd.release.importers.audit import files_under
from idfd.release.importers.dpdd import pair_captures
from idfd.release.importers.syndof import decode_map
from idfd.release.triple_folder import SetFacts, open_triples
from idfd.storage.color import eight_bit
from idfd.storage.images import encode_png

NAMES = sorted(WRITERS)


def source_of(name: str, tmp_path: Path) -> Path:
    WRITERS[name](tmp_path / "set")
    return tmp_path / "set"


def read(
    name: str, source: Path, **options: Any
) -> tuple[SetFacts, dict[str, Callable[[], Triple]]]:
    module = importer(name)
    module.verify(source)
    facts, tasks = module.triples(source, **options)
    return facts, {task.id: task.make for task in tasks}


def splits_of(facts: SetFacts) -> dict[str, tuple[str, ...]]:
    assert facts.splits is not None
    return {split.name: split.takes for split in facts.splits.splits}


def test_dpdd_pairs_the_captures_and_keeps_16_bits_as_8(tmp_path: Path) -> None:
    facts, made = read("dpdd", source_of("dpdd", tmp_path))
    assert splits_of(facts) == {
        "train": ("train-1P0A0917", "train-1P0A0919"),
        "val": ("val-1P0A1401",),
        "test": ("test-1P0A2002",),
    }
    triple = made["train-1P0A0919"]()
    for array, name in ((triple.defocused, "1P0A0919"), (triple.all_in_focus, "1P0A0918")):
        np.testing.assert_array_equal(array, np.rint(photo(name, np.uint16) / 257))
    record = triple.record
    assert record.absent == ("depth",)
    assert record.given_defocus is None
    assert triple.defocus is None
    assert record.all_in_focus is not None
    assert record.defocused is not None
    assert (record.all_in_focus.f_number, record.defocused.f_number) == (22, 4)
    assert not triple.depth.any()
    assert not triple.measured.any()


def test_dpdd_names_what_it_does_not_read(tmp_path: Path) -> None:
    source = source_of("dpdd", tmp_path)
    (source / "train_c/source/1P0A0917.png").unlink()
    facts, made = read("dpdd", source)
    assert "train-1P0A0919" in made
    assert made["train-1P0A0919"]().record.sources["all_in_focus"].path.endswith("0918.png")
    told = {entry.path: entry for entry in facts.audit}
    assert told["train_c/target/1P0A0916.png"].kind == "orphan"
    assert "350" in told["train_c"].reason
    assert "left view" in told["train_l"].reason


@given(
    st.lists(st.tuples(st.integers(2, 40), st.sampled_from([-2, -1, 1, 2])), max_size=12),
    st.data(),
)
def test_captures_in_order_are_paired_as_taken(
    steps: list[tuple[int, int]], data: st.DataObject
) -> None:
    number, pairs = 100, {}
    for step, apart in steps:
        number += step + 3  # scenes lie further apart than the captures of a pair
        pairs[f"X{number}"] = f"X{number + apart}"
    lost = data.draw(st.sets(st.sampled_from(sorted(pairs)))) if pairs else set()
    kept = {a: b for a, b in pairs.items() if a not in lost}
    shuffled = data.draw(st.permutations(sorted(pairs.values())))
    found = pair_captures(sorted(kept), shuffled)
    assert len(found) >= len(kept)
    if not lost:
        assert found == pairs


@given(
    st.lists(st.integers(0, 30), unique=True, max_size=6),
    st.lists(st.integers(0, 30), unique=True, max_size=6),
)
def test_captures_are_paired_as_well_as_by_trying_everything(a: list[int], b: list[int]) -> None:
    found = pair_captures([f"X{n}" for n in a], [f"X{n}" for n in b])
    gaps = [abs(int(x[1:]) - int(y[1:])) for x, y in found.items()]
    best = (0, 0)
    for count in range(1, min(len(a), len(b)) + 1):
        for some, others in itertools.product(
            itertools.combinations(sorted(a), count), itertools.combinations(sorted(b), count)
        ):
            apart = [abs(x - y) for x, y in zip(some, others, strict=True)]
            if max(apart) <= 3:
                best = max(best, (count, -sum(apart)))
    assert (len(found), -sum(gaps)) == best
    assert len(set(found.values())) == len(found)


@pytest.mark.parametrize("series", ["Y", "X1"])
def test_captures_of_two_cameras_are_no_pair(series: str) -> None:
    assert pair_captures(["X0917"], [f"{series}a0917"]) == {}
    assert pair_captures(["patch"], ["patch"]) == {"patch": "patch"}


def test_sixteen_bits_keep_black_and_white() -> None:
    values = np.arange(0, 65536, dtype=np.uint16).reshape(256, 256)
    np.testing.assert_array_equal(eight_bit(values), np.rint(values / 257))


@pytest.mark.parametrize(
    ("largest", "sigma"),
    [(150, lambda stored: (max(stored / 10, 1) - 1) / 2), (70, lambda stored: stored / 10)],
)
def test_syndof_has_two_encodings_of_one_blur(
    tmp_path: Path, largest: int, sigma: Callable[[float], float]
) -> None:
    syndof(tmp_path, largest)
    facts, made = read("syndof", tmp_path)
    triple = made[f"train-{SYNDOF_NAMES[0]}"]()
    expected = np.array([4 * sigma(stored) for stored in ramp(largest).ravel().tolist()]).reshape(
        SIZE
    )
    assert triple.defocus is not None
    np.testing.assert_allclose(triple.defocus, expected, rtol=1e-3)
    assert triple.defocus.max() == 28  # 4 sigma, and sigma is at most 7
    given_defocus = triple.record.given_defocus
    assert given_defocus is not None
    assert (given_defocus.unit, given_defocus.full_scale_px) == ("px", 28)
    assert triple.record.absent == ("all_in_focus", "depth")
    assert not triple.all_in_focus.any()
    assert {name: len(takes) for name, takes in splits_of(facts).items()} == {"train": 2, "test": 1}


def test_syndof_groups_are_films_and_settings_are_in_the_names(tmp_path: Path) -> None:
    syndof(tmp_path)
    facts, made = read("syndof", tmp_path)
    assert [scene.group for scene in facts.scenes] == [
        "MIDDLEBURRY_Adirondack-perfect",
        "MPI_market_2",
    ]
    settings = made[f"train-{SYNDOF_NAMES[1]}"]().record.defocused
    assert settings is not None
    assert (settings.focal_length_mm, settings.f_number) == (70, 0.37)
    told = {entry.path: entry.reason for entry in facts.audit}
    assert told.keys() == {"train/SYNDOF/blur_map_norm", "train/SYNDOF/blur_map_binary"}


def test_syndof_as_the_generator_writes_it(tmp_path: Path) -> None:
    syndof(tmp_path / "archive", 70)
    shutil.copytree(tmp_path / "archive/train/SYNDOF", tmp_path / "out")
    facts, made = read("syndof", tmp_path / "out")
    assert facts.splits is None
    assert sorted(made) == sorted(SYNDOF_NAMES[:2])


def test_syndof_refuses_values_that_are_no_blur(tmp_path: Path) -> None:
    too_large = encode_png(np.full(SIZE, 151, np.uint16))
    with pytest.raises(InputError, match="up to 151.*x.png|x.png.*up to 151"):
        decode_map(too_large, Path("x.png"), "coc")
    with pytest.raises(InputError, match="uint8"):
        decode_map(encode_png(np.full(SIZE, 5, np.uint8)), Path("x.png"), "coc")


def test_rtf_clips_and_normalises(tmp_path: Path) -> None:
    source = source_of("rtf", tmp_path)
    facts, made = read("rtf", source)
    triple = made["01"]()
    assert triple.defocus is not None
    np.testing.assert_allclose(
        triple.defocus, np.minimum(ramp(50) / 10, 3.275) / 3.275, rtol=1e-3, atol=1e-4
    )
    np.testing.assert_array_equal(triple.defocused, photo("010"))
    assert triple.record.given_defocus is not None
    assert triple.record.given_defocus.unit == "normalised"
    assert splits_of(facts) == {"test": ("01", "02")}
    noisy = read("rtf", source, noise="1.6")[1]["01"]()
    np.testing.assert_array_equal(noisy.defocused, photo("011.6"))
    with pytest.raises(InputError, match=r"0 or 1 or 1\.6"):
        read("rtf", source, noise="2")


def test_rtf_without_levels(tmp_path: Path) -> None:
    source = source_of("rtf", tmp_path)
    for part in ("image", "gt"):
        home = source / "test/RTF" / part
        for path in (home / "0").iterdir():
            path.rename(home / path.name)
        for level in ("0", "1", "1.6"):
            shutil.rmtree(home / level)
    facts, made = read("rtf", source)
    assert sorted(made) == ["01", "02"]
    assert facts.audit == ()


def test_cuhk_is_one_where_it_is_blurred(tmp_path: Path) -> None:
    facts, made = read("cuhk", source_of("cuhk", tmp_path))
    triple = made["test-out_of_focus0003"]()
    assert triple.defocus is not None
    np.testing.assert_array_equal(triple.defocus, ramp(3) > 1)
    assert len(facts.scenes) == 3
    assert splits_of(facts)["test"] == ("test-out_of_focus0003",)


def test_cuhk_as_published_leaves_motion_blur_out(tmp_path: Path) -> None:
    cuhk(tmp_path / "archive")
    shutil.copytree(tmp_path / "archive/train/CUHK", tmp_path / "set")
    write(tmp_path / "set/image/motion0001.JPG", photo("m"))
    write(tmp_path / "set/gt/motion0001.png", np.zeros(SIZE, np.uint8))
    facts, made = read("cuhk", tmp_path / "set")
    assert sorted(made) == ["out_of_focus0001", "out_of_focus0002"]
    assert facts.splits is None
    assert {entry.path: entry.reason for entry in facts.audit} == {
        "image/motion0001.JPG": "its blur is of motion",
        "gt/motion0001.png": "its blur is of motion",
    }


def test_ded_groups_what_shares_a_sharp_photo(tmp_path: Path) -> None:
    facts, made = read("ded", source_of("ded", tmp_path))
    assert facts.splits is None
    assert sorted(made) == ["image-0", "image-1", "image-12"]
    groups = {take: make().record.group for take, make in made.items()}
    assert groups["image-0"] == groups["image-1"] != groups["image-12"]
    triple = made["image-12"]()
    assert triple.defocus is not None
    np.testing.assert_allclose(triple.defocus, ramp(255) / 255, rtol=1e-3)
    assert triple.record.absent == ("depth",)


def test_the_dmenet_archive_holds_three_sets(tmp_path: Path) -> None:
    for name in ("syndof", "cuhk", "rtf"):
        WRITERS[name](tmp_path)
    write(tmp_path / "train/Flickr/1.jpg", photo("flickr"))
    for name in ("syndof", "cuhk"):
        others = [e.path for e in read(name, tmp_path)[0].audit if "another dataset" in e.reason]
        assert "train/Flickr" in others
        assert "test/RTF" in others
    assert "test/RTF" not in [e.path for e in read("rtf", tmp_path)[0].audit]


@pytest.mark.parametrize("name", NAMES)
def test_every_file_is_used_or_named(name: str, tmp_path: Path) -> None:
    source = source_of(name, tmp_path)
    # A photo without a partner, a stray file and a hidden one.
    stray = source / ("test/RTF" if name == "rtf" else ".") / "readme.txt"
    stray.write_text("hello")
    (source / ".hidden").write_text("hello")
    facts, made = read(name, source)
    root = source / "test/RTF" if name == "rtf" else source
    used = {
        source / reference.path
        for make in made.values()
        for reference in make().record.sources.values()
    }
    named = [root / entry.path for entry in facts.audit]
    for path in files_under(root):
        inside = [entry for entry in named if entry == path or entry in path.parents]
        assert (path in used) or inside, path
    assert stray in named


@pytest.mark.parametrize("name", NAMES)
def test_an_import_becomes_a_release(name: str, tmp_path: Path) -> None:
    source = source_of(name, tmp_path)
    before = {path: path.read_bytes() for path in files_under(source)}
    curation = import_dataset(name, source, tmp_path / "triples")
    assert isinstance(curation, Curation)
    assert not curation.failed
    assert {path: path.read_bytes() for path in files_under(source)} == before
    table = curation.splits
    if table is None:
        from idfd.release.splits import draw_splits, read_records

        records = read_records(tmp_path / "triples")
        table = draw_splits(records, {"train": 0.7, "test": 0.3}, 0)
    output = tmp_path / "set.h5"
    build_release(tmp_path / "triples", output, version="1.0.0", splits=table)
    dataset = IDFD(output)
    assert len(dataset) == len(curation.triples)
    folder = open_triples(tmp_path / "triples")
    for triple in dataset:
        first = folder.read(triple.record.id)
        np.testing.assert_array_equal(triple.defocused, first.defocused)
        assert triple.record == first.record
        assert "depth" in triple.record.absent
        if first.defocus is not None:
            assert triple.defocus is not None
            np.testing.assert_array_equal(triple.defocus, first.defocus)


@pytest.mark.parametrize("name", NAMES)
def test_an_import_goes_on_and_repeats(name: str, tmp_path: Path) -> None:
    source = source_of(name, tmp_path)
    first = import_dataset(name, source, tmp_path / "triples")
    records = sorted((tmp_path / "triples/triples").glob("*/triple.json"))
    stamps = [path.stat().st_mtime_ns for path in records]
    shutil.rmtree(records[0].parent)
    assert import_dataset(name, source, tmp_path / "triples") == first
    assert [path.stat().st_mtime_ns for path in records][1:] == stamps[1:]
    moved = tmp_path / "elsewhere"
    shutil.copytree(source, moved)
    assert import_dataset(name, moved, tmp_path / "again") == first


@pytest.mark.parametrize("name", NAMES)
def test_a_wrong_folder_says_what_is_there_and_how_to_get_the_set(
    name: str, tmp_path: Path
) -> None:
    (tmp_path / "holiday").mkdir()
    with pytest.raises(InputError, match=r"holds holiday.*http"):
        import_dataset(name, tmp_path, tmp_path / "out")
    with pytest.raises(InputError, match="no such folder"):
        import_dataset(name, tmp_path / "nowhere", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", NAMES)
def test_folders_without_pairs_are_refused(name: str, tmp_path: Path) -> None:
    source = source_of(name, tmp_path)
    for path in files_under(source):
        path.unlink()
    with pytest.raises(IdfdError, match="partners|no level"):
        read(name, source)
