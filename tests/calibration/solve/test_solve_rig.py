"""All cameras together: truth, cameras that moved, one view, apertures."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import cv2
import msgspec
import numpy as np
import pytest
from solver_worlds import BOARD, DEFOCUSED, DEPTH, MOUNT, PHOTO, Noise, poses, see, views

from idfd.calibration.solve.config import SolveConfig
from idfd.calibration.solve.poses import Pose, turn
from idfd.calibration.solve.rig import RigSolution, solve_rig
from idfd.calibration.views import CameraName, View
from idfd.errors import InputError
from idfd.model.camera import Extrinsics, Intrinsics

CAMERAS: dict[CameraName, Intrinsics] = {"photo": PHOTO, "defocused": DEFOCUSED, "depth": DEPTH}
NOISE: dict[CameraName, Noise] = {
    "photo": Noise(0.15),
    "defocused": Noise(0.4),
    "depth": Noise(0.1),
}
RNG = np.random.default_rng(5)


@cache
def clean() -> RigSolution:
    return solve_rig(views(0, 20, CAMERAS, noise=NOISE), BOARD, depth=DEPTH)


def near_truth(found: Extrinsics | None, mm: float, deg: float) -> None:
    assert found is not None
    between = np.array(found.rotation) @ MOUNT.rotation.T
    assert np.degrees(np.linalg.norm(cv2.Rodrigues(between)[0])) < deg
    assert np.linalg.norm(np.array(found.translation_mm) - MOUNT.translation) < mm


def test_twenty_views_find_the_rig() -> None:
    rig = clean()
    near_truth(rig.depth_to_photo, 0.3, 0.02)
    assert rig.defocused is not None
    for found, truth in ((rig.photo, PHOTO), (rig.defocused, DEFOCUSED)):
        assert found.fx == pytest.approx(truth.fx, rel=5e-4)
        assert found.fy == pytest.approx(truth.fy, rel=5e-4)
        assert found.cx == pytest.approx(truth.cx, abs=0.5)
        assert found.cy == pytest.approx(truth.cy, abs=0.5)
    assert rig.depth is not None
    assert rig.depth.fx == pytest.approx(DEPTH.fx, rel=5e-4)
    assert rig.depth.distortion == pytest.approx(DEPTH.distortion, rel=1e-6)
    assert rig.dropped == ()
    assert rig.warnings == ()
    for camera, noise in NOISE.items():
        (report,) = (one for one in rig.cameras if one.camera == camera)
        assert report.rms_px == pytest.approx(noise.px * np.sqrt(2), rel=0.1)
        assert report.origin == ("given" if camera == "depth" else "boards")


def test_covariance_has_the_names_of_the_rig() -> None:
    names = clean().covariance.names
    assert names[:4] == ("photo.fx", "photo.fy", "photo.cx", "photo.cy")
    assert "defocused.k3" in names
    assert names[-6:] == tuple(f"depth_to_photo.{n}" for n in ("rx", "ry", "rz", "tx", "ty", "tz"))
    assert [name for name in names if name.startswith("depth.")] == ["depth.fx", "depth.fy"]


def test_rows_of_the_mount() -> None:
    rows = {row.name: row for row in clean().extrinsics}
    vector = np.degrees(cv2.Rodrigues(MOUNT.rotation)[0].ravel())
    truth = dict(zip(("rx", "ry", "rz"), vector, strict=True))
    truth |= dict(zip(("tx", "ty", "tz"), MOUNT.translation, strict=True))
    truth |= {"angle": np.linalg.norm(vector), "baseline": np.linalg.norm(MOUNT.translation)}
    assert set(rows) == set(truth)
    for name, value in truth.items():
        assert abs(rows[name].value - value) < 4 * (rows[name].deviation or 0), name


def test_difference_of_the_apertures_is_known_better_than_the_values() -> None:
    rig = clean()
    assert rig.defocused is not None
    rows = {row.name: row for row in rig.apertures}
    assert rows["fx"].difference == pytest.approx(rig.defocused.fx - rig.photo.fx)
    assert abs(rows["fx"].difference - 2.1) < 4 * rows["fx"].deviation
    assert rows["cx"].deviation < 0.2 * rig.covariance.deviation("photo.cx")
    # 2.1 of 2352 px, at 3008 px from the centre.
    assert rows["scale at the edge"].difference == pytest.approx(2.6, abs=0.6)


def test_both_lenses_from_views() -> None:
    both: dict[CameraName, Intrinsics] = {"photo": PHOTO, "depth": DEPTH}
    seen = views(3, 20, both, noise=NOISE)
    rig = solve_rig(seen, BOARD)
    near_truth(rig.depth_to_photo, 0.3, 0.05)
    assert rig.depth is not None
    assert rig.depth.fx == pytest.approx(DEPTH.fx, rel=1e-3)
    assert "depth.k6" in rig.covariance.names


def test_views_that_moved_between_their_images_are_named() -> None:
    seen = list(views(0, 20, CAMERAS, noise=NOISE))
    held = poses(0, 20)
    nudge = turn(np.array([0.004, 0, 0]))
    infrared = MOUNT.inverse().after(Pose(nudge @ held[5].rotation, held[5].translation + 4))
    moved = see(DEPTH, infrared, RNG, NOISE["depth"])
    wide = see(
        DEFOCUSED,
        Pose(nudge @ held[8].rotation, held[8].translation + 2),
        RNG,
        NOISE["defocused"],
    )
    assert moved is not None
    assert wide is not None
    seen[5] = View(seen[5].name, {**seen[5].seen, "depth": moved})
    seen[8] = View(seen[8].name, {**seen[8].seen, "defocused": wide})
    rig = solve_rig(seen, BOARD, depth=DEPTH)
    assert {(one.view, one.camera) for one in rig.dropped} == {("view-06", None), ("view-09", None)}
    assert all("moved between the images of this view" in one.reason for one in rig.dropped)
    near_truth(rig.depth_to_photo, 0.3, 0.02)
    assert "view-06" not in rig.poses


def test_one_view_is_enough_where_the_lenses_are_known() -> None:
    both: dict[CameraName, Intrinsics] = {"photo": PHOTO, "depth": DEPTH}
    seen = views(2, 1, both, noise=Noise(0.05))
    rig = solve_rig(seen, BOARD, photo=PHOTO, depth=DEPTH)
    near_truth(rig.depth_to_photo, 2.0, 0.3)
    assert rig.photo == PHOTO
    assert rig.covariance.names[0] == "depth_to_photo.rx"
    assert "only 1 view ties" in rig.warnings[0]
    for row, truth in zip(rig.extrinsics[4:7], MOUNT.translation, strict=True):
        assert abs(row.value - truth) < 4 * (row.deviation or 0)


def test_views_that_only_some_cameras_saw_are_used_too() -> None:
    seen = list(views(0, 20, CAMERAS, noise=NOISE))
    for place in range(12):
        name: CameraName = ("photo", "defocused", "depth")[place % 3]
        seen[place] = View(seen[place].name, {name: seen[place].seen[name]})
    rig = solve_rig(seen, BOARD, depth=DEPTH)
    near_truth(rig.depth_to_photo, 0.3, 0.03)
    assert rig.dropped == ()


def test_photos_alone() -> None:
    rig = solve_rig(views(0, 12), BOARD)
    assert (rig.depth, rig.depth_to_photo, rig.extrinsics) == (None, None, ())
    assert (rig.defocused, rig.apertures) == (None, ())
    known = solve_rig(views(0, 12), BOARD, depth=DEPTH)
    assert known.depth == DEPTH


def test_no_photo_or_no_common_view_is_refused() -> None:
    infrared = views(0, 6, {"depth": DEPTH}, noise=NOISE)
    with pytest.raises(InputError, match="found in no photo"):
        solve_rig(infrared, BOARD, depth=DEPTH)
    photos = [replace(view, name=f"photo {view.name}") for view in views(0, 12)]
    with pytest.raises(InputError, match="no view shows the board both") as caught:
        solve_rig([*photos, *infrared], BOARD, depth=DEPTH)
    assert "where both cameras see all of it" in (caught.value.remedy or "")


def test_error_of_a_given_focal_length_stays_out_of_the_photo_camera() -> None:
    both: dict[CameraName, Intrinsics] = {"photo": PHOTO, "depth": DEPTH}
    seen = views(0, 12, both, noise=NOISE)
    off = msgspec.structs.replace(DEPTH, fx=1.003 * DEPTH.fx, fy=1.003 * DEPTH.fy)
    found = solve_rig(seen, BOARD, depth=off)
    assert found.photo.fx == pytest.approx(PHOTO.fx, rel=5e-4)
    near_truth(found.depth_to_photo, 0.3, 0.02)
    assert found.warnings == ()
    held = solve_rig(seen, BOARD, depth=off, config=SolveConfig(given_focal=0.0))
    assert held.depth == off
    assert held.photo.fx != pytest.approx(PHOTO.fx, rel=1e-3)


def test_intrinsics_of_another_camera_are_noticed() -> None:
    both: dict[CameraName, Intrinsics] = {"photo": PHOTO, "depth": DEPTH}
    seen = views(0, 12, both, noise=NOISE)
    other = msgspec.structs.replace(DEPTH, fx=1.02 * DEPTH.fx, fy=1.02 * DEPTH.fy)
    (warning,) = solve_rig(seen, BOARD, depth=other).warnings
    assert "infrared images ask for a focal length" in warning
    assert "shorter than the one given" in warning
    wrong = msgspec.structs.replace(DEPTH, fx=1.1 * DEPTH.fx, fy=1.1 * DEPTH.fy)
    with pytest.raises(InputError, match="times worse than alone"):
        solve_rig(seen, BOARD, photo=PHOTO, depth=wrong)


def test_images_paired_wrongly_are_refused() -> None:
    photos = views(0, 10)
    infrared = views(0, 10, {"depth": DEPTH}, noise=NOISE)
    mixed = [
        View(view.name, {**view.seen, **infrared[(place + 3) % 10].seen})
        for place, view in enumerate(photos)
    ]
    with pytest.raises(InputError, match="cameras do not agree where the board stands"):
        solve_rig(mixed, BOARD, depth=DEPTH)
