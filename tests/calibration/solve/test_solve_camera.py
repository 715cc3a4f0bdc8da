"""One camera: truth, lens model, views that are named, sets that are refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import msgspec
import numpy as np
import pytest
from solver_worlds import BOARD, DEPTH, PHOTO, Noise, poses, see, views

from idfd.calibration.projection import unproject
from idfd.calibration.solve.camera import CameraSolution, solve_camera, solve_poses
from idfd.calibration.solve.config import SolveConfig
from idfd.calibration.solve.lens import holds
from idfd.calibration.solve.poses import Pose, turn
from idfd.calibration.views import View
from idfd.errors import InputError
from idfd.model.camera import Intrinsics

RNG = np.random.default_rng(11)


@cache
def clean() -> CameraSolution:
    return solve_camera(views(0), "photo", BOARD)


def looks(held: Sequence[Pose], camera: Intrinsics = PHOTO) -> list[View]:
    seen = [see(camera, pose, RNG, Noise()) for pose in held]
    return [View(f"v{place}", {"photo": one}) for place, one in enumerate(seen) if one is not None]


def test_twenty_views_find_the_lens() -> None:
    found = clean().intrinsics
    assert found.model == PHOTO.model
    assert found.fx == pytest.approx(PHOTO.fx, rel=5e-4)
    assert found.fy == pytest.approx(PHOTO.fy, rel=5e-4)
    assert found.cx == pytest.approx(PHOTO.cx, abs=0.5)
    assert found.cy == pytest.approx(PHOTO.cy, abs=0.5)
    assert (found.width, found.height, found.origin) == (6016, 4016, "calibrated")
    assert clean().dropped == {}
    assert clean().warnings == ()


def test_report_holds_every_view() -> None:
    report = clean().report
    assert [view.name for view in report.views] == [view.name for view in views(0)]
    assert all(view.used and view.reason is None for view in report.views)
    # Noise of 0.15 px per axis.
    assert report.rms_px == pytest.approx(0.15 * np.sqrt(2), rel=0.1)
    truth = poses(0, 20)[3]
    assert report.views[3].distance_mm == pytest.approx(
        float(np.linalg.norm(truth.translation)), rel=1e-3
    )
    assert report.views[3].tilt_deg == pytest.approx(
        float(np.degrees(np.arccos(truth.rotation[2, 2]))), abs=0.2
    )
    assert len(report.views[3].pixels) == len(report.views[3].residuals_px)
    assert [row.name for row in report.parameters[:4]] == ["fx", "fy", "cx", "cy"]
    row = report.parameters[0]
    assert row.low is not None
    assert row.high is not None
    assert row.low < row.value < row.high


def test_smaller_model_is_taken_unless_the_larger_one_is_better() -> None:
    assert set(clean().report.held_out_px) == {"brown_conrady", "rational"}
    infrared = views(0, 20, {"depth": DEPTH}, noise=Noise(0.03))
    found = solve_camera(infrared, "depth", BOARD)
    assert found.intrinsics.model == "rational"
    errors = found.report.held_out_px
    assert errors["rational"] < 0.95 * errors["brown_conrady"]
    assert found.intrinsics.fx == pytest.approx(DEPTH.fx, rel=1e-3)


def test_lens_model_that_is_asked_for() -> None:
    found = solve_camera(views(0), "photo", BOARD, SolveConfig(lens="rational"))
    assert found.intrinsics.model == "rational"
    assert found.intrinsics.fx == pytest.approx(PHOTO.fx, rel=5e-4)


def test_undetermined_lens_holds_over_the_whole_image() -> None:
    """Boards in the middle say nothing about the corners; the model must not fold there."""
    held = [
        Pose(pose.rotation, np.array([0.35, 0.35, 1.0]) * pose.translation) for pose in poses(7, 8)
    ]
    found = solve_camera(looks(held), "photo", BOARD, SolveConfig(lens="rational"))
    assert holds(found.intrinsics)
    border = np.array([[0, 0], [6015, 0], [0, 4015], [6015, 4015.0]])
    truth = unproject(PHOTO, border)
    assert np.abs(unproject(found.intrinsics, border) - truth).max() < 0.1


def test_folding_lens_is_noticed() -> None:
    assert holds(PHOTO)
    folding = (-0.3, 0.0, 0.0, 0.0, 0.0)
    assert not holds(msgspec.structs.replace(PHOTO, distortion=folding))


def test_gross_corners_are_left_out() -> None:
    seen = list(views(2))
    bad = RNG.choice(len(seen[4].seen["photo"].ids), 25, replace=False)
    pixels = seen[4].seen["photo"].pixels.copy()
    pixels[bad] += RNG.normal(0, 40, (25, 2))
    seen[4] = View(seen[4].name, {"photo": replace(seen[4].seen["photo"], pixels=pixels)})
    found = solve_camera(seen, "photo", BOARD)
    assert found.dropped == {}
    assert found.intrinsics.fx == pytest.approx(PHOTO.fx, rel=5e-4)
    assert len(found.report.views[4].left_out) == pytest.approx(25, abs=1)
    assert found.report.rms_px < 0.25


def test_bad_views_are_named() -> None:
    seen = list(views(3))
    held = poses(3, 20)
    zoomed = msgspec.structs.replace(PHOTO, fx=1.013 * PHOTO.fx, fy=1.013 * PHOTO.fy)
    moved = see(zoomed, held[3], RNG, Noise())
    noisy = replace(
        seen[9].seen["photo"],
        pixels=seen[9].seen["photo"].pixels + RNG.normal(0, 3, seen[9].seen["photo"].pixels.shape),
    )
    # Two markers taken for each other: a block of corners in the wrong place.
    swapped = replace(
        seen[12].seen["photo"], pixels=np.roll(seen[12].seen["photo"].pixels, 40, axis=0)
    )
    line = replace(
        seen[15].seen["photo"],
        ids=seen[15].seen["photo"].ids[:8],
        pixels=seen[15].seen["photo"].pixels[:8],
        deviation_px=seen[15].seen["photo"].deviation_px[:8],
    )
    assert moved is not None
    for place, one in ((3, moved), (9, noisy), (12, swapped), (15, line)):
        seen[place] = View(seen[place].name, {"photo": one})
    found = solve_camera(seen, "photo", BOARD)
    assert set(found.dropped) == {"view-04", "view-10", "view-13", "view-16"}
    assert found.dropped["view-04"].startswith("moved focus: the best focal length of this view")
    assert "longer than that of the others" in found.dropped["view-04"]
    assert "times that of the other views" in found.dropped["view-10"]
    assert found.dropped["view-16"] == "its corners lie on one line"
    assert found.intrinsics.fx == pytest.approx(PHOTO.fx, rel=5e-4)
    entry = found.report.views[3]
    assert (entry.used, entry.reason) == (False, found.dropped["view-04"])
    assert entry.rms_px is not None


def test_contradicting_views_are_refused() -> None:
    seen = list(views(4, 8))
    for place in range(5):
        one = seen[place].seen["photo"]
        wild = one.pixels + RNG.normal(0, 10 + 20 * place, one.pixels.shape)
        seen[place] = View(seen[place].name, {"photo": replace(one, pixels=wild)})
    with pytest.raises(InputError, match="contradict the others|uncertain by"):
        solve_camera(seen, "photo", BOARD)


FRONTAL = [
    Pose(
        turn(np.array([0.01, -0.01, 0.1 * i])),
        np.array([90.0 * (i % 3 - 1), 60.0 * (i % 4 - 1.5), 500.0 + 60 * i]),
    )
    for i in range(15)
]
MIDDLE = [Pose(p.rotation, np.array([0, 0, p.translation[2] + 2500])) for p in poses(3, 12)]
ONE_DISTANCE = [Pose(p.rotation, np.array([0, 0, 700.0])) for p in poses(3, 12)]


@pytest.mark.parametrize(
    ("held", "advice"),
    [
        (FRONTAL, "tilted"),
        (MIDDLE, "corner of the picture"),
        (ONE_DISTANCE, "nearer"),
        (poses(3, 3), "2 more views"),
    ],
    ids=["frontal", "middle", "one distance", "few"],
)
def test_degenerate_sets_are_refused_with_what_to_add(held: list[Pose], advice: str) -> None:
    with pytest.raises(InputError) as caught:
        solve_camera(looks(held), "photo", BOARD)
    assert caught.value.remedy is not None
    assert caught.value.remedy.startswith("Add ")
    assert advice in caught.value.remedy


def test_no_views_are_refused() -> None:
    with pytest.raises(InputError, match="found in 0 of the photos"):
        solve_camera([], "photo", BOARD)


def test_uncertain_focal_length_is_refused_or_warned_about() -> None:
    seen = views(6, 8, noise=Noise(8.0))
    with pytest.raises(InputError, match="leave f. uncertain by") as caught:
        solve_camera(seen, "photo", BOARD)
    assert "more views" in (caught.value.remedy or "")
    found = solve_camera(seen, "photo", BOARD, SolveConfig(refuse_focal=0.5))
    assert "uncertain by" in found.warnings[0]


def test_images_of_another_size_are_named() -> None:
    seen = list(views(3, 8))
    one = seen[2].seen["photo"]
    seen[2] = View(seen[2].name, {"photo": replace(one, size=(3008, 2008))})
    with pytest.raises(InputError, match="view-03 is 3008x2008"):
        solve_camera(seen, "photo", BOARD)


def test_given_intrinsics_are_held_and_must_fit_the_images() -> None:
    seen = views(0, 1)
    found = solve_poses(seen, "photo", BOARD, PHOTO)
    assert found.intrinsics == PHOTO
    assert found.covariance.names == ()
    np.testing.assert_allclose(
        found.poses["view-01"].translation, poses(0, 1)[0].translation, atol=0.5
    )
    assert all(row.deviation is None for row in found.report.parameters)
    with pytest.raises(InputError, match="are 6016x4016"):
        solve_poses(seen, "photo", BOARD, DEPTH)
    one = seen[0].seen["photo"]
    few = View(
        "few",
        {
            "photo": replace(
                one, ids=one.ids[:5], pixels=one.pixels[:5], deviation_px=one.deviation_px[:5]
            )
        },
    )
    with pytest.raises(InputError, match="show too little of the board"):
        solve_poses([few], "photo", BOARD, PHOTO)
