"""The record of a calibration: what was seen, what came out, how far it can be trusted."""

from __future__ import annotations

from typing import ClassVar, Literal

from idfd.model.board import Board
from idfd.model.camera import Intrinsics
from idfd.model.provenance import FileReference, Provenance
from idfd.model.schema import Document, Record
from idfd.model.triple import Check

CALIBRATION_REPORT = "report.json"
REPORT_PAGE = "report.html"


class ParameterRow(Record, frozen=True, kw_only=True):
    """An estimated parameter with its 95 % interval; ``deviation`` is None where held fixed."""

    name: str
    value: float
    unit: str
    deviation: float | None
    low: float | None
    high: float | None


class ViewReport(Record, frozen=True, kw_only=True):
    """One image of a board.

    Attributes:
        name: Of the view.
        used: Whether the solution rests on it.
        reason: Why not, where it was left out.
        rms_px: Root mean square distance of the corners used from where the solution puts them.
        distance_mm: Of the board's middle from the camera.
        tilt_deg: Between the board's normal and the camera's axis.
        pixels: Corners used, (x, y).
        residuals_px: Seen minus computed, (x, y) for each of ``pixels``.
        left_out: Corners that did not fit, (x, y).
    """

    name: str
    used: bool
    reason: str | None = None
    rms_px: float | None = None
    distance_mm: float | None = None
    tilt_deg: float | None = None
    pixels: tuple[tuple[float, float], ...] = ()
    residuals_px: tuple[tuple[float, float], ...] = ()
    left_out: tuple[tuple[float, float], ...] = ()


class CameraReport(Record, frozen=True, kw_only=True):
    """One camera.

    Attributes:
        camera: ``photo``, ``defocused`` or ``depth``.
        origin: ``boards`` (estimated here), ``factory`` or ``given`` (known before;
            of a depth camera the focal length may give way a little).
        intrinsics: The result.
        held_out_px: Root mean square error on views that a fit had not seen, by lens model.
        rms_px: Root mean square error of the solution over the views used.
        parameters: Of the lens model.
        views: One entry for each image.
    """

    camera: Literal["photo", "defocused", "depth"]
    origin: Literal["boards", "factory", "given"]
    intrinsics: Intrinsics
    held_out_px: dict[str, float]
    rms_px: float
    parameters: tuple[ParameterRow, ...]
    views: tuple[ViewReport, ...]


class DepthErrorRow(Record, frozen=True, kw_only=True):
    """Standard deviation in the photo, pixels, of points that the depth camera sees at a depth.

    Median and largest over the depth camera's field of view that the photo shows.
    """

    depth_m: float
    median_px: float
    largest_px: float


class ApertureRow(Record, frozen=True, kw_only=True):
    """How a parameter differs between the apertures (large minus small)."""

    name: str
    difference: float
    deviation: float
    unit: str


class BlurRow(Record, frozen=True, kw_only=True):
    """Blur measured on one patch, for the plot against depth; spot diameters in pixels."""

    depth_m: float
    field: float
    f_number: float
    circle_px: float
    deviation_px: float
    used: bool


class CalibrationReport(Document, frozen=True, kw_only=True):
    """Everything that the HTML report shows; lies beside ``calibration.json``.

    Attributes:
        board: What was seen.
        cameras: One entry for each camera.
        extrinsics: Rows for ``depth_to_photo``, where both cameras saw the board.
        pixel_error: Predicted error of depth in the photo, over depth.
        apertures: Large against small aperture.
        blur: Patches of the defocus fit, where there was one.
        dropped: Images that were not used at all, with the reason.
        checks: Values against limits.
        verdict: The worst of them.
        images: The photos and infrared images by view and camera, with hashes.
        provenance: Code and settings.
    """

    SCHEMA: ClassVar[str] = "idfd/calibration-report"
    VERSION: ClassVar[str] = "1.0.0"

    board: Board
    cameras: tuple[CameraReport, ...]
    extrinsics: tuple[ParameterRow, ...] = ()
    pixel_error: tuple[DepthErrorRow, ...] = ()
    apertures: tuple[ApertureRow, ...] = ()
    blur: tuple[BlurRow, ...] = ()
    dropped: tuple[tuple[str, str], ...] = ()
    checks: tuple[Check, ...]
    verdict: Literal["pass", "warn", "fail"]
    images: dict[str, FileReference]
    provenance: Provenance
