from __future__ import annotations

import numpy as np
import pytest

from idfd.calibration.projection import project, ray_table
from idfd.errors import InputError
from idfd.model.camera import Extrinsics, Intrinsics
from idfd.model.rig import RigCalibration
from idfd.processing.depth.register import register_depth

BENT = (0.08, -0.05, 0.0004, -0.0003, 0.01)


def rig(
    rotation: np.ndarray | None = None,
    shift: tuple[float, float, float] = (-90.0, 4.0, -12.0),
    distortion: tuple[float, ...] = BENT,
) -> RigCalibration:
    def camera(width: int, height: int, f: float) -> Intrinsics:
        return Intrinsics(
            width=width, height=height, fx=f, fy=f, cx=width / 2 - 0.7, cy=height / 2 + 0.3,
            model="brown_conrady", distortion=distortion,
        )  # fmt: skip

    rows = (np.eye(3) if rotation is None else rotation).tolist()
    return RigCalibration(
        photo=camera(240, 160, 130),
        depth=camera(160, 144, 126),
        depth_to_photo=Extrinsics(
            source="depth",
            target="photo",
            rotation=(tuple(rows[0]), tuple(rows[1]), tuple(rows[2])),
            translation_mm=shift,
        ),
        origin="nominal",
    )


def plane_depth(rays: np.ndarray, normal: np.ndarray, distance: float) -> np.ndarray:
    """Depth along z of the plane ``normal · x = distance`` for rays with z = 1."""
    return distance / (rays @ normal[:2] + normal[2])


def tilted(angle: float) -> np.ndarray:
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]])


@pytest.mark.parametrize("angle", [0.0, 0.06, -0.1])
def test_a_plane_stays_that_plane_through_both_distortions(angle: float) -> None:
    geometry = rig(tilted(angle))
    normal = np.array([0.15, -0.1, 1.0])
    depth = plane_depth(ray_table(geometry.depth), normal, 1800.0)
    found = register_depth(np.rint(depth).astype(np.uint16), geometry)
    # The same plane, in the photo camera's frame.
    rotation = np.array(geometry.depth_to_photo.rotation)
    turned = rotation @ normal
    distance = 1800.0 + turned @ np.array(geometry.depth_to_photo.translation_mm)
    expected = plane_depth(ray_table(geometry.photo), turned, distance)
    seen = found > 0
    assert seen.mean() > 0.4
    # Half a millimetre is lost in rounding each way.
    assert np.abs(found[seen] - expected[seen]).max() <= 1.2


def test_what_is_near_hides_what_is_far_and_its_shadow_stays_empty() -> None:
    geometry = rig(shift=(-150.0, 0.0, 0.0), distortion=(0.0,) * 5)
    depth = np.full((144, 160), 2000, np.uint16)
    depth[50:90, 60:100] = 900
    found = register_depth(depth, geometry)
    near = np.abs(found.astype(int) - 900) < 2
    corners = project(
        geometry.photo,
        geometry.depth_to_photo.apply(
            np.dstack([ray_table(geometry.depth) * 900.0, np.full((144, 160), 900.0)])[
                [50, 89], [60, 99]
            ]
        ),
    )
    (left, top), (right, bottom) = corners
    rows, columns = np.nonzero(near)
    assert abs(columns.min() - left) < 1.01
    assert abs(columns.max() - right) < 1.01
    assert abs(rows.min() - top) < 1.01
    assert abs(rows.max() - bottom) < 1.01
    # Right of the box the photo sees wall that the depth camera could not: it stays empty.
    middle = found[round((top + bottom) / 2)]
    shadow = middle[int(right) + 2 : int(right) + 8]
    assert not shadow.any()
    assert set(np.unique(found)) <= {0, 900, 2000}, "no depth is made up between the surfaces"


def test_holes_stay_holes() -> None:
    geometry = rig()
    depth = np.full((144, 160), 1500, np.uint16)
    depth[60:80, 70:90] = 0
    whole = register_depth(np.full((144, 160), 1500, np.uint16), geometry)
    holed = register_depth(depth, geometry)
    lost = (whole > 0) & (holed == 0)
    assert 18 * 18 * 0.9 < lost.sum() < 23 * 23 * 1.3
    assert (holed[~lost] == whole[~lost]).all()


def test_an_empty_map_gives_an_empty_map() -> None:
    assert not register_depth(np.zeros((144, 160), np.uint16), rig()).any()


def test_another_depth_mode_is_refused() -> None:
    with pytest.raises(InputError, match="160x144"):
        register_depth(np.zeros((288, 320), np.uint16), rig())
