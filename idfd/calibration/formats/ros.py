"""ROS ``camera_info`` YAML, as written by ``camera_calibration`` and ``camera_info_manager``.

``plumb_bob`` has the coefficients k1 k2 t1 t2 k3, ``rational_polynomial`` eight in OpenCV's order,
and pixel centres are integers: both are OpenCV's formulas. The rectification ``R`` and the
projection ``P`` describe rectified images. Written are the identity and the camera's own matrix,
which rectifies a photo without moving its centre; they are not read.
https://docs.ros.org/en/noetic/api/sensor_msgs/html/msg/CameraInfo.html
https://wiki.ros.org/camera_calibration_parsers
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from idfd.calibration.formats.cameras import Cameras, camera, coefficients
from idfd.calibration.formats.fields import from_yaml, to_fields, to_yaml
from idfd.errors import SchemaError

_COUNTS = {"plumb_bob": 5, "rational_polynomial": 8}


class _Square(msgspec.Struct):
    data: Annotated[list[float], msgspec.Meta(min_length=9, max_length=9)]


class _Row(msgspec.Struct):
    data: list[float]


class _File(msgspec.Struct):
    image_width: int
    image_height: int
    camera_matrix: _Square
    distortion_model: Literal["plumb_bob", "rational_polynomial"]
    distortion_coefficients: _Row
    camera_name: str = "camera"


def decode(text: str, where: str | Path) -> Cameras:
    """The camera of a ``camera_info`` file, by its name.

    Raises:
        SchemaError: A field is missing or wrong, or the lens model is another; the message
            names the field.
    """
    file = to_fields(_File, from_yaml(text, where), where)
    fx, skew, cx, zero, fy, cy, none, nought, one = file.camera_matrix.data
    if any((skew, zero, none, nought, one - 1)):
        raise SchemaError(
            "camera_matrix is not one",
            where=where,
            limit="fx 0 cx, 0 fy cy, 0 0 1 (pixels without skew)",
        )
    count, values = _COUNTS[file.distortion_model], file.distortion_coefficients.data
    if len(values) > count:
        raise SchemaError(
            f"distortion_coefficients has {len(values)} values",
            where=where,
            limit=f"{count} for {file.distortion_model}",
        )
    size = file.image_width, file.image_height
    return Cameras({file.camera_name: camera(size, (fx, fy), (cx, cy), values, where=where)})


def encode(cameras: Cameras) -> str:
    """One camera.

    Raises:
        InputError: Several cameras.
    """
    name, one = cameras.single("a camera_info file")
    model = "rational_polynomial" if one.model == "rational" else "plumb_bob"
    matrix = [one.fx, 0.0, one.cx, 0.0, one.fy, one.cy, 0.0, 0.0, 1.0]
    projection = [one.fx, 0.0, one.cx, 0.0, 0.0, one.fy, one.cy, 0.0, 0.0, 0.0, 1.0, 0.0]
    return to_yaml(
        {
            "image_width": one.width,
            "image_height": one.height,
            "camera_name": name,
            "camera_matrix": _block(3, matrix),
            "distortion_model": model,
            "distortion_coefficients": _block(
                1, list(coefficients(name, one, _COUNTS[model], model))
            ),
            "rectification_matrix": _block(3, [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]),
            "projection_matrix": _block(3, projection),
        }
    )


def _block(rows: int, values: list[float]) -> dict[str, Any]:
    return {"rows": rows, "cols": len(values) // rows, "data": values}
