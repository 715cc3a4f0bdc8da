"""The geometry of a rig: where its cameras stand, how they see, and how they blur."""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

from idfd.model.camera import Extrinsics, Intrinsics
from idfd.model.covariance import Covariance
from idfd.model.defocus import DefocusModel
from idfd.model.provenance import FileReference, Provenance
from idfd.model.schema import Document, Record


class ReferenceFrame(Record, frozen=True, kw_only=True):
    """How the photo camera stands against the depth camera's colour camera in a take.

    Attributes:
        rotation: Rotation vector (Rodrigues) from the colour camera's frame to the photo
            camera's, radians.
        translation_mm: Where the colour camera stands in the photo camera's frame; weak from a
            single take.
        matches: Points that agree with the pose.
        deviation_deg: Standard deviation of where the pose puts points in the photo, degrees.
    """

    rotation: tuple[float, float, float]
    translation_mm: tuple[float, float, float]
    matches: int
    deviation_deg: float


class RigCalibration(Document, frozen=True, kw_only=True):
    """What is known about the cameras of a rig.

    ``photo`` and ``depth`` hold the lens's distortion; ``depth_to_photo`` takes points from the
    depth camera's frame (x right, y down, z forward, millimetres) to the photo camera's.
    ``origin`` says how far it can be trusted: ``nominal`` from drawings and data sheets,
    ``calibrated`` from board views, ``simulated`` exact.

    Attributes:
        photo: The photo camera at its small aperture: the pixels of the all-in-focus photo.
        depth: The depth camera.
        depth_to_photo: Between them.
        focus_distance_m: Where the lens was focused, where known.
        origin: How the numbers came to be.
        defocused: The photo camera at its large aperture, from views of its own.
        blur: Blur at the large aperture as a function of depth.
        covariance: Of all estimated parameters together: ``photo.fx``, ``photo.fy``, ``photo.cx``,
            ``photo.cy``, ``photo.k1`` and so on by OpenCV's names, the same with ``defocused.`` and
            ``depth.``, and ``depth_to_photo.rx``, ``.ry``, ``.rz`` (a small turn applied after
            ``rotation``, radians) and ``depth_to_photo.tx``, ``.ty``, ``.tz`` (millimetres).
            Parameters that were held fixed have no entry.
        reference: How the cameras stood, measured on scenes as ``rig_drift`` does.
        sources: What it was made from, by name: the board, the report, the photos.
        provenance: Code and settings that made it.
    """

    SCHEMA: ClassVar[str] = "idfd/rig-calibration"
    VERSION: ClassVar[str] = "1.1.0"

    photo: Intrinsics
    depth: Intrinsics
    depth_to_photo: Extrinsics
    focus_distance_m: float | None = None
    origin: Literal["nominal", "calibrated", "simulated"]
    defocused: Intrinsics | None = None
    blur: DefocusModel | None = None
    covariance: Covariance | None = None
    reference: ReferenceFrame | None = None
    sources: dict[str, FileReference] = msgspec.field(default_factory=dict)
    provenance: Provenance | None = None
