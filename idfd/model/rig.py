"""The geometry of a rig: where its cameras stand, and how they see."""

from __future__ import annotations

from typing import ClassVar, Literal

from idfd.model.camera import Extrinsics, Intrinsics
from idfd.model.schema import Document


class RigCalibration(Document, frozen=True, kw_only=True):
    """What is known about the cameras of a rig.

    ``photo`` and ``depth`` hold the lens's distortion; ``depth_to_photo`` takes points from the
    depth camera's frame (x right, y down, z forward, millimetres) to the photo camera's.
    ``origin`` says how far it can be trusted: ``nominal`` from drawings and data sheets,
    ``calibrated`` from board views, ``simulated`` exact.
    """

    SCHEMA: ClassVar[str] = "idfd/rig-calibration"
    VERSION: ClassVar[str] = "1.0.0"

    photo: Intrinsics
    depth: Intrinsics
    depth_to_photo: Extrinsics
    focus_distance_m: float | None = None
    origin: Literal["nominal", "calibrated", "simulated"]
