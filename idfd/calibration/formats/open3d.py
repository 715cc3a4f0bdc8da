"""Open3D's ``PinholeCameraIntrinsic`` as JSON: size and matrix, no distortion.

``intrinsic_matrix`` holds the matrix by columns; pixel centres are integers, as in
``create_from_depth_image``.
https://www.open3d.org/docs/latest/python_api/open3d.io.read_pinhole_camera_intrinsic.html
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec

from idfd.calibration.formats.cameras import Cameras, camera, coefficients
from idfd.calibration.formats.fields import from_json
from idfd.errors import SchemaError


class _File(msgspec.Struct):
    width: int
    height: int
    intrinsic_matrix: Annotated[list[float], msgspec.Meta(min_length=9, max_length=9)]


def decode(text: str, where: str | Path) -> Cameras:
    """The camera of a file of ``open3d.io.write_pinhole_camera_intrinsic``.

    Raises:
        SchemaError: A field is missing or wrong; the message names it.
    """
    file = from_json(_File, text, where)
    fx, zero, none, skew, fy, nought, cx, cy, one = file.intrinsic_matrix
    if any((zero, none, skew, nought, one - 1)):
        raise SchemaError(
            "intrinsic_matrix is not a camera matrix",
            where=where,
            limit="fx 0 0, 0 fy 0, cx cy 1 (by columns, pixels without skew)",
        )
    return Cameras(
        {"camera": camera((file.width, file.height), (fx, fy), (cx, cy), (), where=where)}
    )


def encode(cameras: Cameras) -> str:
    """One camera without distortion.

    Raises:
        InputError: Several cameras, or a lens with distortion.
    """
    name, one = cameras.single("Open3D's PinholeCameraIntrinsic")
    coefficients(name, one, 0, "Open3D's PinholeCameraIntrinsic")
    matrix = [one.fx, 0.0, 0.0, 0.0, one.fy, 0.0, one.cx, one.cy, 1.0]
    file = _File(width=one.width, height=one.height, intrinsic_matrix=matrix)
    return msgspec.json.format(msgspec.json.encode(file), indent=2).decode() + "\n"
