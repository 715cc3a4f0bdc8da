"""The lens from photos of scenes, and the takes that it is given to."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
from blurred_pairs import blurred, photo, texture

from idfd.calibration.defocus.scenes import _flat_depth_m, calibrate_scenes, whole_photo
from idfd.errors import InputError
from idfd.model import schema
from idfd.model.camera import CameraSettings, Intrinsics
from idfd.model.capture import Scene, Take
from idfd.model.defocus import DefocusModel
from idfd.model.lens_blur import LensBlur
from idfd.model.provenance import FileReference, provenance
from idfd.model.triple import (
    Crop,
    DepthSource,
    PairTransform,
    PhotometricGain,
    Triple,
    TripleRecord,
)
from idfd.processing.pipeline.lens import with_blur
from idfd.processing.pipeline.sources import Source

HEIGHT, WIDTH = 190, 290
CORNER = (5, 3)
PITCH_UM, FOCAL_MM = 36.0, 35.0
FX = 1000 * FOCAL_MM / PITCH_UM
SHARP, WIDE = 8.0, 2.8
FOCUS_M, SCALE = 1.7, FX * FOCAL_MM / WIDE / 1000
CAMERA = Intrinsics(
    width=WIDTH, height=HEIGHT, fx=FX, fy=FX, cx=150 - CORNER[0], cy=100 - CORNER[1],
    origin="nominal",
)  # fmt: skip


def make_triple(name: str, depths: tuple[float, ...], **changes: object) -> Triple:
    """Planes of several depths side by side, each blurred by its own disk."""
    light = texture(HEIGHT, WIDTH, seed=len(name) + int(100 * depths[0]))
    sharp, soft = light.copy(), light.copy()
    depth = np.zeros((HEIGHT, WIDTH), np.uint16)
    edges = np.linspace(0, WIDTH, len(depths) + 1).astype(int)
    for left, right, metres in zip(edges[:-1], edges[1:], depths, strict=True):
        circle = abs(SCALE * (1 / FOCUS_M - 1 / metres))
        for picture, ratio in ((sharp, WIDE / SHARP), (soft, 1.0)):
            picture[:, left:right] = blurred(light, max(circle * ratio / 4, 0.05))[:, left:right]
        depth[:, left:right] = round(1000 * metres)
    record = TripleRecord(
        id=name,
        scene="room",
        group="room",
        environment="indoor",
        taken_at=None,
        all_in_focus=CameraSettings(f_number=SHARP, focal_length_mm=FOCAL_MM),
        defocused=CameraSettings(f_number=WIDE, focal_length_mm=FOCAL_MM),
        intrinsics=CAMERA,
        sources={},
        transform=PairTransform(
            homography=(1, 0, 0, 0, 1, 0, 0, 0, 1), radial=0, centre=(0, 0), scale=1
        ),
        gain=PhotometricGain(channels=(0, 0, 0), field=(), tone=()),
        crop=Crop(x=CORNER[0], y=CORNER[1], width=WIDTH, height=HEIGHT),
        checks=(),
        measures={},
        verdict="pass",
        provenance=provenance(),
    )
    return Triple(
        all_in_focus=photo(sharp, 0.005),
        defocused=photo(soft, 0.005, seed=2),
        depth=depth,
        source=np.full(depth.shape, DepthSource.UNKNOWN, np.uint8),
        uncertainty=None,
        record=msgspec.structs.replace(record, **changes),
    )


def test_focus_and_aperture_are_found() -> None:
    depths = ((0.9, 3.0), (1.0, 5.0), (1.2, 2.4), (1.1, 4.0), (0.95, 6.0), (1.3, 3.5))
    fit = calibrate_scenes(make_triple(f"room-{k}", pair) for k, pair in enumerate(depths))
    assert fit.model.focus_distance_m == pytest.approx(FOCUS_M, rel=0.03)
    assert fit.model.scale_px_m == pytest.approx(SCALE, rel=0.06)
    assert fit.model.psf == "disk"
    assert (fit.model.width, fit.model.height) == (301, 201)
    assert fit.model.centre == (150.0, 100.0)
    assert (fit.model.f_number, fit.model.sharp_f_number) == (WIDE, SHARP)


def test_only_flat_and_known_surfaces_have_a_depth() -> None:
    triple = make_triple("room-0", (1.0, 4.0))
    triple.source[:60] = DepthSource.IN_PAINTED
    look = _flat_depth_m(triple, CORNER, 24)
    middle = WIDTH // 2

    def at(x: int, y: int) -> float:
        return float(look(np.array([(x + CORNER[0], y + CORNER[1])], float))[0])

    assert at(40, 120) == pytest.approx(1.0)
    assert at(middle + 60, 120) == pytest.approx(4.0)
    assert np.isnan(at(middle - 3, 120))  # two depths in one patch
    assert np.isnan(at(40, 30))  # filled in
    assert np.isnan(at(40, 65))  # beside what was filled in
    assert np.isnan(look(np.array([(0.0, 0.0), (5000.0, 50.0)]))).all()  # beside the photo


def test_what_the_fit_needs() -> None:
    assert (whole_photo(make_triple("a", (1.0,))).width, CAMERA.width) == (301, WIDTH)
    resampled = Crop(x=0, y=0, width=WIDTH, height=HEIGHT, scale=2)
    for changes, message in (
        ({"intrinsics": None}, "intrinsics"),
        ({"crop": resampled}, "resampled by 2"),
        ({"defocused": None}, "apertures"),
    ):
        with pytest.raises(InputError, match=message):
            calibrate_scenes([make_triple("a", (1.0,), **changes)])
    other = msgspec.structs.replace(CAMERA, fx=2 * FX, fy=2 * FX)
    with pytest.raises(InputError, match="another camera"):
        calibrate_scenes([make_triple("a", (1.0,)), make_triple("b", (2.0,), intrinsics=other)])
    with pytest.raises(InputError, match="no triples"):
        calibrate_scenes([])


def lens_file(folder: Path) -> Path:
    blur = DefocusModel(
        width=301, height=201, centre=(150, 100), f_number=WIDE, scale_px_m=SCALE,
        focus_distance_m=FOCUS_M,
    )  # fmt: skip
    document = LensBlur(
        blur=blur, fitted_to="rooms", triples=("a", "b"), rows=(), provenance=provenance()
    )
    path = folder / "lens.json"
    path.write_bytes(schema.encode(document))
    return path


def source_of(camera: Intrinsics | None, f_number: float) -> Source:
    file = FileReference(path="a.png", sha256="0" * 64, bytes=1)
    take = Take(
        id="t1", scene="room", files={"all_in_focus": file, "defocused": file, "depth": file},
        all_in_focus=CameraSettings(f_number=SHARP), defocused=CameraSettings(f_number=f_number),
        intrinsics=camera,
    )  # fmt: skip
    scene = Scene(name="room", group="room")
    return Source("rooms", "Rooms", "none", "none", scenes=[scene], takes=[take])


def test_takes_of_the_same_lens_get_it_and_others_are_refused(tmp_path: Path) -> None:
    path = lens_file(tmp_path)
    whole = msgspec.structs.replace(CAMERA, width=301, height=201, cx=150, cy=100)
    given = with_blur(source_of(whole, WIDE), path).takes[0].blur
    assert given is not None
    assert given.focus_distance_m == FOCUS_M
    small = msgspec.structs.replace(whole, width=150, height=100, cx=75, cy=50)
    for camera, f_number, message in (
        (None, WIDE, "no intrinsics"),
        (small, WIDE, "150x100"),
        (whole, 1.8, r"f/1\.8"),
    ):
        with pytest.raises(InputError, match=message):
            with_blur(source_of(camera, f_number), path)
    with pytest.raises(InputError, match="calibrate defocus"):
        with_blur(source_of(whole, WIDE), tmp_path / "absent.json")
