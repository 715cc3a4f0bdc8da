"""The rig's own ``calibration.json``: the depth camera and the photo camera."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from idfd.calibration.formats.cameras import Cameras, extrinsics, rigid
from idfd.errors import InputError
from idfd.model import schema
from idfd.model.provenance import provenance
from idfd.model.rig import RigCalibration


def decode(text: str, where: str | Path) -> Cameras:
    """The cameras ``depth``, ``photo`` and, where it was calibrated, ``defocused``.

    Raises:
        SchemaError: Not a calibration of a rig.
    """
    rig = schema.decode(RigCalibration, text.encode(), where)
    shift = np.array(rig.depth_to_photo.translation_mm)
    stands = rigid(np.array(rig.depth_to_photo.rotation), shift)
    cameras = {"depth": rig.depth, "photo": rig.photo}
    poses = {"depth": np.eye(4), "photo": stands}
    if rig.defocused is not None:
        # The same camera on the same mount; only its aperture differs.
        cameras["defocused"], poses["defocused"] = rig.defocused, stands
    return Cameras(cameras, poses)


def encode(cameras: Cameras) -> str:
    """A rig of two cameras: the first as the depth camera, the second as the photo camera.

    Raises:
        InputError: Not two cameras that are fixed to each other.
    """
    names = tuple(cameras.intrinsics)
    if len(names) != 2 or not cameras.poses:
        raise InputError(
            f"the file holds {len(names)} cameras{'' if cameras.poses else ' without a pose'}",
            limit="two, and how they stand to each other",
            remedy="Convert a Kalibr chain or an OpenCV pair with R and T; "
            "--camera twice chooses two, the depth camera first",
        )
    depth, photo = names
    rig = RigCalibration(
        photo=cameras.intrinsics[photo],
        depth=cameras.intrinsics[depth],
        depth_to_photo=extrinsics("depth", "photo", cameras.between(depth, photo)),
        origin="calibrated",
        provenance=provenance({"converted": [depth, photo]}),
    )
    return schema.encode(rig).decode()
