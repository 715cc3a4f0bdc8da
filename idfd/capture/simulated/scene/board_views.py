"""How an operator holds a board before the rig: a sequence of poses that calibrates well."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import numpy as np

from idfd.calibration.boards.geometry import corners_mm, dictionary, size_mm
from idfd.calibration.projection import project, unproject
from idfd.capture.simulated.depth_sensor import field
from idfd.capture.simulated.mount import Mount
from idfd.capture.simulated.scene.boards import BoardPose
from idfd.capture.simulated.scene.primitives import Array
from idfd.errors import InputError
from idfd.model.board import Board
from idfd.model.camera import Intrinsics

NEAR_M, FAR_M = 0.45, 3.0
_TRIES = 400
_SLANT_DEG = 55.0
"""Between the board's normal and the line of sight; beyond, squares are too narrow."""
_BIT_PX = 2.5
"""Narrowest bit of a marker, or tenth of a chessboard's square, that detectors can be asked for."""
_WAYS = ((1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (-1, 0), (0, 0), (1, 1))
"""Tilt and turn take turns; at 0 the board is held nearly straight."""
_GOLDEN = 0.618034

Corner = tuple[float, float]
_CORNERS: tuple[Corner, ...] = ((0.12, 0.12), (0.88, 0.88), (0.88, 0.12), (0.12, 0.88))
"""Where the board's middle is in corner views, over the size of the photo."""
Role = Literal["both", "corner", "far"]
_ROLES: tuple[Role, ...] = ("both", "both", "corner", "both", "corner", "far", "both", "both")
"""Views for both cameras, for the corners of the photo, and for blur behind the plane in focus."""


def held(board: Board, view: int, seed: int, lens: Intrinsics, mount: Mount) -> BoardPose:
    """How the board is held in a view.

    Distances run from near to far and back by the golden ratio, the tilts take turns about both
    axes and both ways; where in the picture is drawn until the cameras see enough of the board. Of
    eight views two are for the corners of the photo and one for a great distance; the depth camera
    need not see those.

    Args:
        board: What is held; large boards are held farther away.
        view: Number of the view, from 0.
        seed: Of the whole simulated world.
        lens: The photo camera.
        mount: The depth camera, and how it stands.

    Raises:
        InputError: The cameras cannot see such a board in any pose.
    """
    random = np.random.default_rng([seed, view, 0xB0A])
    role = _ROLES[view % len(_ROLES)]
    cycle, place = divmod(view, len(_ROLES))
    earlier = cycle * _ROLES.count("corner") + _ROLES[:place].count("corner")
    corner = _CORNERS[earlier % len(_CORNERS)] if role == "corner" else None
    near, far = _distances(board, lens, mount, role)
    distance = near * (far / near) ** ((view * _GOLDEN) % 1.0)
    way = np.array(_WAYS[view % len(_WAYS)], float)
    for attempt in range(_TRIES):
        pose = _candidate(random, lens, float(distance), way, corner)
        if _is_seen(board, pose, lens, mount, role):
            return pose
        if attempt % 20 == 19:  # too near or too far for this board
            distance = near + random.random() * (far - near)
            way = way * 0.7
    raise InputError(
        "no pose of this board suits both cameras",
        where="board",
        limit="a board that fills a tenth of the photo or more between 0.45 and 3 m",
        remedy="Choose a board with larger squares, or a finer quality of rendering",
    )


def _candidate(
    random: np.random.Generator,
    lens: Intrinsics,
    distance: float,
    way: Array,
    corner: Corner | None,
) -> BoardPose:
    """A pose whose middle is somewhere in the photo, half turned to the camera, and tilted."""
    place = random.uniform(0.02, 0.98, 2) if corner is None else np.array(corner)
    x, y, _ = unproject(lens, place * (lens.width - 1, lens.height - 1))
    tilt, turn = way * random.uniform(18, 38, 2) + random.uniform(-6, 6, 2)
    # A person turns a board that is held aside towards the camera, but not fully.
    share = random.uniform(0.3, 0.7)
    return BoardPose(
        distance,
        right_m=float(x * distance),
        down_m=float(y * distance),
        tilt_deg=float(tilt + share * np.degrees(np.arctan(y))),
        turn_deg=float(turn - share * np.degrees(np.arctan(x))),
        roll_deg=float(random.normal(0, 6)),
    )


def _is_seen(board: Board, pose: BoardPose, lens: Intrinsics, mount: Mount, role: Role) -> bool:
    corners = pose.to_camera(corners_mm(board) / 1000)
    middle = pose.to_camera([0.0, 0.0, 0.0])
    cosine = float(pose.rotation[:, 2] @ middle / np.linalg.norm(middle))
    if cosine < np.cos(np.radians(_SLANT_DEG)) or corners[:, 2].min() < 0.25:
        return False
    pixels = project(lens, corners)
    inside = ((pixels > 8) & (pixels < np.array([lens.width, lens.height]) - 9)).all(axis=1)
    if role == "corner":
        return bool(inside.mean() > 0.5)
    if inside.mean() < 0.9 or role == "far":
        return bool(inside.mean() >= 0.9)
    rotation = np.array(mount.depth_to_photo.rotation)
    seen = project(mount.depth, (1000 * corners - mount.depth_to_photo.translation_mm) @ rotation)
    whole = np.rint(np.nan_to_num(seen, nan=-1)).astype(int)
    there = ((whole >= 6) & (whole < (mount.depth.width - 6, mount.depth.height - 6))).all(axis=1)
    column, row = whole[there].T
    return bool(field(mount.depth)[row, column].sum() > 0.7 * len(corners))


@lru_cache(maxsize=16)
def _distances(board: Board, lens: Intrinsics, mount: Mount, role: Role) -> tuple[float, float]:
    """From where the board fits the picture to where its markers are just told apart, metres."""
    bits = dictionary(board).markerSize + 2 if board.kind == "charuco" else 10
    bit_m = (board.marker_mm or board.square_mm) / bits / 1000
    if role == "far":
        far = min(FAR_M, lens.fx * bit_m / (0.8 * _BIT_PX))
        return 0.8 * far, far
    focal = lens.fx if role == "corner" else min(lens.fx, mount.depth.fx)
    far = min(FAR_M, focal * bit_m / _BIT_PX)
    near = max(NEAR_M, 0.6 * max(size_mm(board)) / 1000)
    return min(near, 0.8 * far), far
