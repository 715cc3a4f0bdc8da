"""The metric defocus map in a release: right, checked, and read like every other array."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from release_data import (
    CALIBRATION,
    MAPS,
    TAKES,
    all_triples,
    blurred,
    blurred_records,
    make_arrays,
    make_record,
    make_release,
)

from idfd import IDFD
from idfd.calibration.thin_lens import circle_of_confusion_px
from idfd.model.defocus import DefocusModel
from idfd.model.triple import DepthSource, TripleRecord
from idfd.processing.defocus.config import customised
from idfd.processing.defocus.simulate import simulate
from idfd.release import build, layout
from idfd.release.card import write_card
from idfd.release.defocus import defocus_arrays
from idfd.release.findings import VerifyReport
from idfd.release.manifest import describe, read_manifest, write_manifest
from idfd.release.picture import plot_triple
from idfd.release.triple_folder import open_triples, rework
from idfd.release.verify import verify_release

SMALL = (131, 20)


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_release(tmp_path_factory.mktemp("set"), records=blurred_records())


def by_the_formula(record: TripleRecord, depth_mm: NDArray[Any]) -> NDArray[np.float64]:
    """The formula of :class:`DefocusModel`, pixel by pixel of the whole photo."""
    model = record.blur
    assert model is not None
    rows, columns = np.mgrid[record.crop.window].astype(float)
    square = (columns - model.centre[0]) ** 2 + (rows - model.centre[1]) ** 2
    rho2 = square / ((model.width / 2) ** 2 + (model.height / 2) ** 2)
    metres = np.where(depth_mm > 0, depth_mm / 1000, np.nan)
    focus = 1 / model.focus_distance_m + model.field_curvature_per_m * rho2
    return model.scale_px_m * (1 + model.field_gain * rho2) * (focus - 1 / metres)


def test_the_map_is_the_formula_where_depth_was_measured(release: Path) -> None:
    for triple in IDFD(release, depth="inpainted"):
        assert triple.defocus is not None
        depth = np.where(triple.measured, triple.depth, np.uint16(0))
        assert 0.8 < triple.measured.mean() < 0.95
        expected = by_the_formula(triple.record, depth)
        np.testing.assert_array_equal(np.isfinite(triple.defocus), triple.measured)
        np.testing.assert_array_equal(np.isfinite(triple.defocus_uncertainty), triple.measured)
        # Half precision is all that is lost: 11 bits, or 0.05 %.
        np.testing.assert_allclose(triple.defocus, expected, rtol=2**-11 + 1e-6, atol=1e-5)
        assert (triple.defocus_uncertainty[triple.measured] >= 0.1).all()  # twice the misfit


@pytest.mark.parametrize("kind", ["release", "folder"])
def test_a_computed_photo_has_the_map_of_the_depth_it_was_computed_from(
    release: Path, tmp_path: Path, kind: str
) -> None:
    source = release if kind == "release" else release.parent / "curated"
    config = customised("nyu-carvalho", {"focus_distance_m": 1.5})
    rework(source, tmp_path / "made", partial(simulate, config=config), config, "defocus")
    build.build_release(tmp_path / "made", tmp_path / "made.h5", version="1.0.0")
    assert verify_release(tmp_path / "made.h5").ok
    old, new = open_triples(release).facts, open_triples(tmp_path / "made.h5").facts
    assert (new.splits, new.depth_kinds) == (old.splits, old.depth_kinds)
    with IDFD(tmp_path / "made.h5", depth="inpainted") as data:
        assert data.has_defocus
        for triple in data:
            circle = circle_of_confusion_px(
                triple.depth / 1000, focal_length_mm=15.0, f_number=2.8, focus_distance_m=1.5,
                pixel_pitch_um=5.6,
            )  # fmt: skip
            assert not triple.measured.all()
            # A Gaussian of 0.3 c has the second moment of a disk of 1.2 c.
            expected = 1.2 * np.copysign(circle, triple.depth / 1000 - 1.5)
            np.testing.assert_allclose(triple.defocus, expected, rtol=2**-11 + 1e-6, atol=1e-3)
            assert not triple.defocus_uncertainty.any()


def test_a_thin_lens_gives_its_circle_of_confusion() -> None:
    """The scale of the model from lens numbers is the thin lens equation."""
    lens = {"focal_length_mm": 14.0, "f_number": 2.8, "focus_distance_m": 1.5}
    pitch_um = 5.97
    record = make_record("attic-1")
    camera = record.intrinsics
    assert camera is not None
    # Focused at F the sensor stands at f·F/(F − f), which is fx in millimetres.
    fx = 14.0 * 1500 / (1500 - 14) / (pitch_um * 1e-3)
    model = DefocusModel(
        width=camera.width, height=camera.height, centre=(camera.cx, camera.cy), f_number=2.8,
        scale_px_m=fx * 14e-3 / 2.8, focus_distance_m=1.5,
    )  # fmt: skip
    arrays = make_arrays("attic-1")
    maps = defocus_arrays(msgspec.structs.replace(record, blur=model), arrays)
    known = arrays["depth"] > 0
    metres = arrays["depth"][known] / 1000
    circle = circle_of_confusion_px(metres, pixel_pitch_um=pitch_um, **lens)
    found = maps["defocus"][known].astype(float)
    np.testing.assert_allclose(found, np.copysign(circle, metres - 1.5), rtol=1e-3, atol=1e-3)
    assert (maps["defocus_uncertainty"][known] == 0).all()


def test_the_uncertainty_of_depth_enters() -> None:
    record, arrays = blurred(make_record("attic-1")), make_arrays("attic-1", uncertainty=True)
    assert record.blur is not None
    whole = defocus_arrays(record, arrays)["defocus_uncertainty"].astype(float)
    del arrays["uncertainty"]
    lens = defocus_arrays(record, arrays)["defocus_uncertainty"].astype(float)
    known = np.isfinite(lens)
    arrays = make_arrays("attic-1", uncertainty=True)
    # What remains beside the lens is |dc/dd| times the deviation of the depth.
    far, near = arrays["depth"].astype(float) + 0.5, arrays["depth"].astype(float) - 0.5
    slope = by_the_formula(record, far) - by_the_formula(record, near)
    expected = np.hypot(lens, slope * arrays["uncertainty"].astype(float))
    np.testing.assert_allclose(whole[known], expected[known], rtol=3e-3)
    assert (whole[known] > 1.2 * lens[known]).any()


@given(
    depth=hnp.arrays(np.uint16, SMALL),
    source=hnp.arrays(np.uint8, SMALL, elements=st.integers(0, 4)),
)
@settings(max_examples=30, deadline=None)
def test_any_depth_gives_a_map_that_half_precision_holds(
    depth: NDArray[np.uint16], source: NDArray[np.uint8]
) -> None:
    record = blurred(make_record("attic-1", SMALL))
    assert record.blur is not None
    huge = msgspec.structs.replace(
        record, blur=msgspec.structs.replace(record.blur, scale_px_m=400)
    )
    for one in (record, huge):
        maps = defocus_arrays(one, {"depth": depth, "source": source})
        measured = (source == DepthSource.MEASURED) | (source == DepthSource.FUSED)
        known = (depth > 0) & (measured if measured.any() else source == DepthSource.UNKNOWN)
        for values in maps.values():
            assert values.dtype == np.float16
            np.testing.assert_array_equal(np.isfinite(values), known)


@pytest.mark.parametrize("raw", [True, False])
def test_filled_depth_gives_no_blur(raw: bool) -> None:
    record = blurred(make_record("attic-1"))
    arrays = make_arrays("attic-1", raw=raw, inpainted=True)
    arrays["source"][:5] = DepthSource.UNKNOWN
    measured = arrays["source"] == DepthSource.MEASURED
    for values in defocus_arrays(record, arrays).values():
        np.testing.assert_array_equal(np.isfinite(values), measured)


def test_a_source_that_tells_nothing_apart_gives_all_of_its_depth() -> None:
    record, arrays = blurred(make_record("attic-1")), make_arrays("attic-1")
    arrays["source"][arrays["source"] > 0] = DepthSource.UNKNOWN
    arrays["source"][:3] = DepthSource.IN_PAINTED
    known = (arrays["depth"] > 0) & (arrays["source"] == DepthSource.UNKNOWN)
    np.testing.assert_array_equal(np.isfinite(defocus_arrays(record, arrays)["defocus"]), known)
    assert known.any()


def test_without_a_blur_model_there_is_no_map(tmp_path: Path) -> None:
    path = make_release(tmp_path, all_triples(SMALL))
    dataset = IDFD(path, tensors=True)
    assert not dataset.has_defocus
    assert not set(dataset[0]) & set(MAPS)
    assert IDFD(path)[0].defocus is None
    assert IDFD(path).info.defocus_maps == 0
    assert "defocus map" not in verify_release(path).checked


def test_maps_of_a_part_of_the_triples(tmp_path: Path) -> None:
    some = {take: blurred(make_record(take, SMALL)) for take in TAKES[:3]}
    path = make_release(tmp_path, all_triples(SMALL), records=some)
    assert verify_release(path).ok
    assert IDFD(path).info.defocus_maps == 3
    assert IDFD(path, "train").has_defocus
    assert not IDFD(path).has_defocus
    # All items of a set have the same keys, so that they make batches.
    assert not set(IDFD(path, tensors=True)[0]) & set(MAPS)
    assert set(IDFD(path, "train", tensors=True)[0]) >= set(MAPS)
    assert [triple.defocus is not None for triple in IDFD(path)] == [True] * 3 + [False] * 3
    for card in write_card(path):
        assert "3 of 6 triples have a metric defocus map" in card.read_text()


def test_a_map_left_in_a_curated_folder_is_not_believed(tmp_path: Path) -> None:
    triples = all_triples(SMALL)
    triples["attic-1"]["defocus"] = np.ones(SMALL, np.float16)
    path = make_release(tmp_path, triples, records=blurred_records(SMALL))
    assert verify_release(path).findings == ()


def _rewrite(path: Path, edit: Callable[[h5py.File], None]) -> VerifyReport:
    """Edit a release and give it a manifest that fits, as a faulty writer would."""
    block = path.read_bytes()[: read_manifest(path)[1]]
    with h5py.File(path, "r+") as file:
        edit(file)
    with path.open("r+b") as raw:
        raw.write(bytes(len(block)))
    write_manifest(path, describe(path))
    return verify_release(path)


def _wrong_pixel(file: h5py.File) -> None:
    item = file["triples/attic-1/defocus"]
    at = np.argwhere(np.isfinite(item[()]))[7]
    item[tuple(at)] += 0.1


def _filled(file: h5py.File) -> None:
    item = file["triples/attic-1/defocus_uncertainty"]
    item[tuple(np.argwhere(~np.isfinite(item[()]))[0])] = 0.5


def _other_lens(file: h5py.File) -> None:
    record = json.loads(file["triples/attic-1"].attrs["record"])
    record["blur"]["focus_distance_m"] *= 1.01
    file["triples/attic-1"].attrs["record"] = json.dumps(record)


def _other_photo(file: h5py.File) -> None:
    record = json.loads(file["triples/attic-1"].attrs["record"])
    record["blur"]["width"] = 15
    file["triples/attic-1"].attrs["record"] = json.dumps(record)


def _no_map(file: h5py.File) -> None:
    del file["triples/attic-1/defocus"]


def _no_model(file: h5py.File) -> None:
    record = json.loads(file["triples/attic-1"].attrs["record"])
    record["blur"] = None
    file["triples/attic-1"].attrs["record"] = json.dumps(record)


@pytest.mark.parametrize(
    ("edit", "where", "message"),
    [
        (_wrong_pixel, "/defocus", "1 pixels differ from what the depth and the blur model give"),
        (_filled, "/defocus_uncertainty", "1 pixels differ"),
        (_other_lens, "/defocus", "pixels differ"),
        (_other_photo, "", "leaves the photo that the defocus model was fitted to"),
        (_no_map, "/defocus", "is missing"),
        (_no_model, "/defocus", "no blur model it comes from"),
    ],
)
def test_a_wrong_map_is_an_error(
    edit: Callable[[h5py.File], None], where: str, message: str, tmp_path: Path
) -> None:
    path = make_release(tmp_path, all_triples(SMALL), records=blurred_records(SMALL))
    assert verify_release(path).checked["defocus map"] == 2 * len(TAKES)
    report = _rewrite(path, edit)
    assert not report.ok
    found = {(f.check, f.where): f.message for f in report.findings}
    assert message in found["defocus map", f"/triples/attic-1{where}"]


def test_a_release_of_the_first_layout_opens_and_verifies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As version 1.0.0 wrote it: no word of blur in any document."""
    with monkeypatch.context() as older:
        older.setattr(build, "SCHEMA_VERSION", "1.0.0")
        older.setattr(layout.ReleaseInfo, "VERSION", "1.0.0")
        older.setattr(TripleRecord, "VERSION", "1.0.0")
        path = make_release(tmp_path, all_triples(SMALL))

    def forget(file: h5py.File) -> None:
        info = json.loads(file.attrs["release"])
        del info["defocus_maps"]
        file.attrs["release"] = json.dumps(info)
        for group in file["triples"].values():
            record = json.loads(group.attrs["record"])
            assert record["schema_version"] == "1.0.0"
            del record["blur"]
            group.attrs["record"] = json.dumps(record)

    report = _rewrite(path, forget)
    assert report.findings == ()
    assert len(IDFD(path)) == len(TAKES)
    assert not IDFD(path).has_defocus
    write_card(path)


def test_both_cards_tell_of_the_lens(release: Path) -> None:
    for card in write_card(release):
        text = card.read_text()
        assert "6 of 6 triples have a metric defocus map" in text
        assert CALIBRATION.sha256 in text
        assert "f/1.8" in text
        # 1 / (0.5 ± 1.96 · 0.01) metres.
        assert "2.000 m, 95 % interval 1.925 to 2.082 m" in text
        assert "9.00 px per dioptre, disk" in text


def test_the_picture_has_panels_for_the_map(release: Path) -> None:
    triple = IDFD(release)[0]
    figure = plot_triple(triple)
    titles = [axis.get_title() for axis in figure.axes]
    circle = figure.axes[titles.index("circle of confusion (negative: before the focus)")]
    shown = circle.images[0]
    low, high = shown.get_clim()
    # White, the middle of the diverging scale, is the plane in focus.
    assert (low or 0) + (high or 0) == 0 < (high or 0)
    values = shown.get_array()
    assert values is not None
    np.testing.assert_array_equal(np.ma.getmaskarray(values), ~triple.measured)
    assert "its standard deviation" in titles
    assert len(figure.axes) == 6 + 3  # colour bars


def test_a_map_without_any_measurement_can_be_drawn_and_described(tmp_path: Path) -> None:
    triples = {take: make_arrays(take, size=SMALL) for take in TAKES}
    for arrays in triples.values():
        arrays["depth"][:] = 0
        arrays["source"][:] = 0
    path = make_release(tmp_path, triples, records=blurred_records(SMALL))
    assert verify_release(path).ok
    plot_triple(IDFD(path)[0]).savefig(tmp_path / "x.png")
    for card in write_card(path):
        assert "nan px" not in card.read_text()


def test_the_same_blur_gives_the_same_bytes_and_another_one_other_bytes(
    release: Path, tmp_path: Path
) -> None:
    again = make_release(tmp_path / "a", records=blurred_records())
    assert again.read_bytes() == release.read_bytes()
    records = blurred_records()
    blur = records["attic-1"].blur
    assert blur is not None
    other = msgspec.structs.replace(blur, scale_px_m=9.1)
    records["attic-1"] = msgspec.structs.replace(records["attic-1"], blur=other)
    third = make_release(tmp_path / "b", records=records)
    assert read_manifest(third)[0].digest != read_manifest(release)[0].digest
