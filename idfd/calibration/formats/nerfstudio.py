"""nerfstudio's ``transforms.json``: the intrinsics at its top.

The radial distortion is ``1 + k1 r² + k2 r⁴ + k3 r⁶ + k4 r⁸``: k1 k2 p1 p2 and k3 are OpenCV's,
k4 is not, and nerfstudio refuses to undistort images where it is not zero. The centre of the
corner pixel is (0.5, 0.5), half a pixel from OpenCV's. Frames, which say where photos were taken,
are neither read nor written.
https://docs.nerf.studio/quickstart/data_conventions.html, ``nerfstudio/cameras/camera_utils.py``,
https://github.com/nerfstudio-project/nerfstudio/issues/3048 (half a pixel)
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import msgspec

from idfd.calibration.formats.cameras import Cameras, camera, coefficients
from idfd.calibration.formats.fields import from_json
from idfd.errors import SchemaError


class _File(msgspec.Struct, kw_only=True):
    # The pinhole models of COLMAP all mean the same here: what is not said is zero.
    camera_model: Literal["OPENCV", "PINHOLE", "SIMPLE_PINHOLE", "RADIAL", "SIMPLE_RADIAL"] = (
        "OPENCV"
    )
    w: int
    h: int
    fl_x: float
    fl_y: float
    cx: float
    cy: float
    k1: float = 0.0
    k2: float = 0.0
    p1: float = 0.0
    p2: float = 0.0
    k3: float = 0.0
    k4: float = 0.0
    frames: list[Any] = []


def decode(text: str, where: str | Path) -> Cameras:
    """The camera at the top of a ``transforms.json``.

    Raises:
        SchemaError: A field is missing (also where every frame has a camera of its own) or
            wrong, another camera model, or a lens with k4.
    """
    file = from_json(_File, text, where)
    if file.k4:
        raise SchemaError(f"k4 is {file.k4:g}", where=where, limit="0: OpenCV has no term in r⁸")
    lens = (file.k1, file.k2, file.p1, file.p2, file.k3)
    centre = file.cx - 0.5, file.cy - 0.5
    one = camera((file.w, file.h), (file.fl_x, file.fl_y), centre, lens, where=where)
    return Cameras({"camera": one})


def encode(cameras: Cameras) -> str:
    """One camera, with an empty list of frames to be filled.

    Raises:
        InputError: Several cameras, or a rational lens.
    """
    name, one = cameras.single("the top of transforms.json")
    k1, k2, p1, p2, k3 = coefficients(name, one, 5, "transforms.json")
    file = _File(
        w=one.width,
        h=one.height,
        fl_x=one.fx,
        fl_y=one.fy,
        cx=one.cx + 0.5,
        cy=one.cy + 0.5,
        k1=k1,
        k2=k2,
        p1=p1,
        p2=p2,
        k3=k3,
    )
    return msgspec.json.format(msgspec.json.encode(file), indent=2).decode() + "\n"
