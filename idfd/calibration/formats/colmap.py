"""COLMAP's ``cameras.txt``: one camera a line, ``CAMERA_ID MODEL WIDTH HEIGHT PARAMS``.

The centre of the corner pixel is (0.5, 0.5), so that principal points differ by half a pixel from
OpenCV's. ``OPENCV`` has the parameters fx fy cx cy k1 k2 p1 p2, ``FULL_OPENCV`` k3 k4 k5 k6 after
them, by OpenCV's formulas; ``SIMPLE_RADIAL`` and ``RADIAL`` are its first radial terms. The file
does not say how cameras stand.
https://colmap.github.io/format.html#cameras-txt, https://colmap.github.io/cameras.html,
``src/colmap/sensor/models.h``
"""

from __future__ import annotations

from pathlib import Path

from idfd.calibration.formats.cameras import Cameras, camera
from idfd.errors import InputError, SchemaError
from idfd.model.camera import Intrinsics

_MODELS = {
    "SIMPLE_PINHOLE": ("f", "cx", "cy"),
    "PINHOLE": ("fx", "fy", "cx", "cy"),
    "SIMPLE_RADIAL": ("f", "cx", "cy", "k1"),
    "RADIAL": ("f", "cx", "cy", "k1", "k2"),
    "OPENCV": ("fx", "fy", "cx", "cy", "k1", "k2", "p1", "p2"),
    "FULL_OPENCV": ("fx", "fy", "cx", "cy", "k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6"),
}
_HEAD = """\
# Camera list with one line of data per camera:
#   CAMERA_ID, MODEL, WIDTH, HEIGHT, PARAMS[]
# Number of cameras: {count}
"""


def decode(text: str, where: str | Path) -> Cameras:
    """The cameras of a ``cameras.txt``, by their identifiers.

    Raises:
        SchemaError: A line that is not a camera, or a camera model that idfd does not have; the
            message says which line.
    """
    cameras = {}
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if words and not words[0].startswith("#"):
            cameras[words[0]] = _camera(words, f"{where}, line {number}")
    if not cameras:
        raise SchemaError("there is no camera", where=where)
    return Cameras(cameras)


def encode(cameras: Cameras) -> str:
    """Cameras, numbered from 1 in their order.

    Raises:
        InputError: Cameras that are fixed to each other, which the file cannot say.
    """
    if cameras.poses:
        raise InputError(
            "cameras.txt cannot say how the cameras stand to each other",
            limit="one camera",
            remedy=f"Choose it with --camera and one of {', '.join(cameras.intrinsics)}",
        )
    lines = [
        _line(number, each) for number, each in enumerate(cameras.intrinsics.values(), start=1)
    ]
    return _HEAD.format(count=len(lines)) + "".join(lines)


def _line(number: int, each: Intrinsics) -> str:
    model = {0: "PINHOLE", 4: "OPENCV"}.get(len(each.distortion), "FULL_OPENCV")
    lens = (*each.distortion, *(0.0,) * 8)[: len(_MODELS[model]) - 4]
    values = (each.fx, each.fy, each.cx + 0.5, each.cy + 0.5, *lens)
    numbers = " ".join(map(repr, values))
    return f"{number} {model} {each.width} {each.height} {numbers}\n"


def _camera(words: list[str], where: str) -> Intrinsics:
    model = words[1] if len(words) > 1 else None
    if model not in _MODELS:
        raise SchemaError(
            f"the camera model is {model}",
            where=where,
            limit=f"one of {', '.join(_MODELS)}",
            remedy="Undistort the reconstruction with COLMAP's image_undistorter",
        )
    names = _MODELS[model]
    try:
        size = int(words[2]), int(words[3])
        values = dict(zip(names, map(float, words[4:]), strict=True))
    except (ValueError, IndexError):
        raise SchemaError(
            "not a camera", where=where, limit=f"ID {model} WIDTH HEIGHT {' '.join(names)}"
        ) from None
    focal = (values["f"],) * 2 if "f" in values else (values["fx"], values["fy"])
    lens = [values.get(k, 0.0) for k in ("k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6")]
    return camera(size, focal, (values["cx"] - 0.5, values["cy"] - 0.5), lens, where=where)
