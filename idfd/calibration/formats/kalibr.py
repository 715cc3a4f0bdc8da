"""Kalibr's camera chain YAML: pinhole cameras with ``radtan`` lenses, fixed to each other.

``radtan`` is OpenCV's model with the coefficients k1 k2 p1 p2; pixel centres are integers. Each
camera says where it stands by ``T_cn_cnm1``, which takes points of the camera before it to its own
frame, in metres.
https://github.com/ethz-asl/kalibr/wiki/yaml-formats
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from idfd.calibration.formats.cameras import Cameras, camera, coefficients, pose
from idfd.calibration.formats.fields import from_yaml, to_fields, to_yaml
from idfd.errors import SchemaError

_Four = Annotated[list[float], msgspec.Meta(min_length=4, max_length=4)]


class _Camera(msgspec.Struct, omit_defaults=True):
    camera_model: Literal["pinhole"]
    intrinsics: _Four
    distortion_model: Literal["radtan", "none"]
    distortion_coeffs: list[float]
    resolution: tuple[int, int]
    rostopic: str = ""
    T_cn_cnm1: Annotated[list[_Four], msgspec.Meta(min_length=4, max_length=4)] | None = None


def decode(text: str, where: str | Path) -> Cameras:
    """The cameras ``cam0``, ``cam1`` and so on of a chain.

    Raises:
        SchemaError: A field is missing or wrong, or a camera or lens model is another; the
            message names the field.
    """
    chain = to_fields(dict[str, _Camera], from_yaml(text, where), where)
    names = [f"cam{number}" for number in range(len(chain))]
    if not chain or sorted(chain) != sorted(names):
        raise SchemaError(
            f"the cameras are {', '.join(chain) or 'missing'}", where=where, limit="cam0, cam1, ..."
        )
    intrinsics, poses = {}, {"cam0": np.eye(4)}
    for name in names:
        entry = chain[name]
        if len(entry.distortion_coeffs) not in (0, 4):
            raise SchemaError(
                f"{name}.distortion_coeffs has {len(entry.distortion_coeffs)} values",
                where=where,
                limit="4 for radtan",
            )
        intrinsics[name] = camera(
            entry.resolution,
            entry.intrinsics[:2],
            entry.intrinsics[2:],
            entry.distortion_coeffs,
            where=where,
        )
    for before, name in pairwise(names):
        transform = chain[name].T_cn_cnm1
        if transform is None:
            return Cameras(intrinsics)
        poses[name] = _millimetres(transform, f"{name}.T_cn_cnm1", where) @ poses[before]
    return Cameras(intrinsics, poses if len(names) > 1 else {})


def encode(cameras: Cameras) -> str:
    """The cameras as a chain in their order, their names as topics.

    Raises:
        InputError: A lens that ``radtan`` does not hold.
    """
    chain: dict[str, Any] = {}
    before = None
    for number, (name, each) in enumerate(cameras.intrinsics.items()):
        entry = _Camera(
            camera_model="pinhole",
            intrinsics=[each.fx, each.fy, each.cx, each.cy],
            distortion_model="radtan",
            distortion_coeffs=list(coefficients(name, each, 4, "Kalibr's radtan")),
            resolution=(each.width, each.height),
            rostopic=f"/{name}",
        )
        if before is not None and cameras.poses:
            metres = cameras.between(before, name)
            metres[:3, 3] /= 1000.0
            entry.T_cn_cnm1 = metres.tolist()
        chain[f"cam{number}"] = msgspec.to_builtins(entry)
        before = name
    return to_yaml(msgspec.json.decode(msgspec.json.encode(chain)))


def _millimetres(rows: list[list[float]], what: str, where: str | Path) -> NDArray[np.float64]:
    transform = np.array(rows)
    return pose(transform[:3, :3], 1000.0 * transform[:3, 3], where=where, what=what)
