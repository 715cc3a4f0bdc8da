"""The defocus map of a release against the true circle of confusion of a rendered room."""

from __future__ import annotations

from pathlib import Path

import h5py
import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from idfd import IDFD
from idfd.capture.operator.shooting import Shooter
from idfd.capture.rig import SimulatedConfig, open_rig
from idfd.capture.session.store import Session
from idfd.capture.simulated.rig import simulated_profile
from idfd.model.capture import Split, SplitTable
from idfd.model.covariance import Covariance
from idfd.model.defocus import DefocusModel
from idfd.model.rig import RigCalibration
from idfd.model.schema import encode, load
from idfd.model.session import CALIBRATION
from idfd.model.triple import Triple
from idfd.processing.pipeline.local import LocalScheduler
from idfd.processing.pipeline.run import process
from idfd.processing.pipeline.sources import open_source
from idfd.release.build import build_release
from idfd.release.verify import verify_release
from idfd.storage.hashing import sha256_file

F_NUMBER = 2.8


def shoot(folder: Path) -> None:
    """One take of a rendered room, with things on both sides of the plane in focus."""
    profile = simulated_profile("tiny")
    farther = SimulatedConfig(quality="tiny", focus_distance_m=2.0)
    with (
        open_rig(msgspec.structs.replace(profile, simulated=farther)) as rig,
        Session.create(folder, "outing", rig.profile, rig.calibration()) as session,
    ):
        shooter = Shooter(session, rig)
        scene = session.add_scene("bedroom-1", "bedroom-1", "bedroom")
        shooter.meter(scene)
        assert shooter.shoot(scene).verdict != "fail"


def exact_blur(rig: RigCalibration, focal_length_mm: float) -> DefocusModel:
    """The blur model of a thin lens: its scale is ``fx`` times the aperture's diameter."""
    camera = rig.photo
    assert rig.focus_distance_m is not None
    return DefocusModel(
        width=camera.width,
        height=camera.height,
        centre=(camera.cx, camera.cy),
        f_number=F_NUMBER,
        scale_px_m=camera.fx * focal_length_mm * 1e-3 / F_NUMBER,
        focus_distance_m=rig.focus_distance_m,
        covariance=Covariance.of(("scale_px_m", "focus_per_m"), np.diag([1e-4, 1e-6])),
    )


@pytest.fixture(scope="module")
def shot(tmp_path_factory: pytest.TempPathFactory) -> tuple[Triple, NDArray[np.float64]]:
    """A triple of a release made from a session, and the true circles on its pixels."""
    folder = tmp_path_factory.mktemp("outing")
    shoot(folder / "session")
    (truth,) = (folder / "session").glob("scenes/*/*/truth.h5")
    with h5py.File(truth) as file:
        circle = np.asarray(file[f"photo/circle_of_confusion_f{F_NUMBER:g}"], np.float64)
        focal_length_mm = float(file.attrs["focal_length_mm"])
    rig = load(RigCalibration, folder / "session" / CALIBRATION)
    blur = exact_blur(rig, focal_length_mm)
    later = folder / "later.json"
    later.write_bytes(encode(msgspec.structs.replace(rig, blur=blur)))
    source = open_source(folder / "session", calibration=later)
    with LocalScheduler(1) as scheduler:
        assert not process(source, folder / "triples", scheduler=scheduler).failed
    takes = tuple(take.id for take in source.takes)
    splits = SplitTable(
        origin="drawn", grouping="scene", splits=(Split(name="train", takes=takes),)
    )
    path = folder / "room.h5"
    build_release(folder / "triples", path, version="1.0.0", splits=splits)
    report = verify_release(path)
    assert report.findings == ()
    assert report.checked["defocus map"] == 2
    triple = IDFD(path)[0]
    assert triple.record.sources["calibration"].sha256 == sha256_file(later)
    assert triple.record.blur == blur
    return triple, circle[triple.record.crop.window]


def test_the_map_is_the_true_circle_of_confusion(
    shot: tuple[Triple, NDArray[np.float64]],
) -> None:
    triple, circle = shot
    assert triple.defocus is not None
    known = triple.measured & np.isfinite(circle)
    assert known.mean() > 0.3
    found, true = triple.defocus[known].astype(float), circle[known]
    # Both sides of the focus are there, and blur to be measured.
    assert (true < -0.2).mean() > 0.01
    assert (true > 0.1).mean() > 0.5
    error = np.abs(found - true)
    # Measured: 0.0005 px and 99.2 %. Multipath and noise of the depth come to a few millimetres;
    # at edges it may be the other side's.
    assert np.median(error) < 0.002
    assert np.mean(error < 0.02) > 0.97
    assert np.mean(np.sign(found) == np.sign(true)) > 0.98


def test_an_exact_lens_leaves_the_error_of_the_depth(
    shot: tuple[Triple, NDArray[np.float64]],
) -> None:
    """At the measured depth the map is exact, so the rest above is the depth camera's."""
    triple, _ = shot
    blur = triple.record.blur
    assert blur is not None
    assert triple.defocus is not None
    metres = triple.depth[triple.measured] / 1000
    expected = blur.scale_px_m * (1 / blur.focus_distance_m - 1 / metres)
    np.testing.assert_allclose(triple.defocus[triple.measured], expected, rtol=1e-3, atol=1e-4)
