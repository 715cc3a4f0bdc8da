"""The blur of a lens, as fitted to photos."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from idfd.model.camera import Positive
from idfd.model.covariance import Covariance
from idfd.model.schema import Record

PsfKind = Literal["gaussian", "disk", "mix"]
DefocusEngine = Literal["layered", "gaussian-stack"]
HiddenParts = Literal["dilated", "filled"]


class SimulatedDefocus(Record, frozen=True, kw_only=True):
    """How a defocused photo was computed from an all-in-focus photo and its depth.

    Attributes:
        preset: Name of the published parameters, or ``custom``.
        engine: ``layered`` composites depth layers with occlusion; ``gaussian-stack`` gathers.
        psf: Shape of the spot.
        focal_length_mm: Focal length of the simulated lens.
        f_number: Its f-number.
        focus_distance_m: Depth in focus.
        pixel_pitch_um: Distance of two pixel centres, as simulated.
        rho: Gaussian width over the diameter of the blur disk.
        layers: Depth layers of the layered engine, levels of the stack.
        light: What was blurred: ``linear`` light, or ``encoded`` sRGB values.
        reach_m: Layers are ``reach_m / layers`` of depth thick; None is evenly spaced in blur.
        kernel_px: Side of all Gaussian kernels; None is as wide as each needs.
        hidden: How layers go on behind nearer ones, see :mod:`idfd.processing.defocus.layered`.
        noise: Standard deviation of the added sensor noise at mid-grey, share of full scale.
        seed: Of the noise; each triple draws from it and its own name.
    """

    preset: str
    engine: DefocusEngine
    psf: Literal["gaussian", "disk"]
    focal_length_mm: Positive
    f_number: Positive
    focus_distance_m: Positive
    pixel_pitch_um: Positive
    rho: Positive
    layers: Annotated[int, msgspec.Meta(ge=1)]
    light: Literal["linear", "encoded"] = "linear"
    reach_m: Positive | None = None
    kernel_px: Annotated[int, msgspec.Meta(ge=3)] | None = None
    hidden: HiddenParts = "filled"
    noise: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    seed: Annotated[int, msgspec.Meta(ge=0)] = 0


class DefocusModel(Record, frozen=True, kw_only=True):
    """Blur of the photo camera at its large aperture, as a function of depth.

    A point at depth ``d`` (metres along the optical axis), seen at a pixel whose distance from
    the principal point is ``ρ`` times half the diagonal of the photo, becomes a spot of diameter
    ::

        c(d, ρ) = scale_px_m · (1 + field_gain·ρ²) · (1/F + field_curvature_per_m·ρ² − 1/d)

    pixels: the thin-lens circle of confusion, negative before the plane in focus, with
    ``scale_px_m = fx · aperture`` in pixels times metres. Diameters are those of the disk with the
    spot's second moment (``c = 4σ`` for any shape), and do not hold what the lens and the pixels
    blur at the plane in focus (``floor_px``), which adds in variance.

    Attributes:
        width: Width of the photos that it holds for, pixels.
        height: Height of them.
        centre: Principal point, pixels.
        f_number: Of the large aperture, as the camera names it.
        scale_px_m: Spot diameter per dioptre of defocus at ``f_number``, on the axis.
        focus_distance_m: Depth ``F`` in focus on the axis.
        field_gain: Change of the spot towards the corners; 0 where the data does not ask for it.
        field_curvature_per_m: Change of the vergence in focus towards the corners.
        psf: Shape of the spot: ``gaussian``, uniform ``disk``, or a ``mix`` of both.
        disk_share: Weight of the disk in it: 0, 1, or between.
        floor_px: Standard deviation of the blur at the plane in focus.
        sharp_f_number: Of the small aperture.
        sharp_scale_px_m: As ``scale_px_m``, at ``sharp_f_number``.
        effective_f_number: Focal length over the fitted aperture's diameter, where known.
        focal_length_mm: Focal length that this was computed with, where known.
        pixel_pitch_um: Distance of two pixel centres, from focal length and intrinsics.
        covariance: Of ``scale_px_m``, ``focus_per_m`` (that is 1/F), ``field_gain`` and
            ``field_curvature_per_m``; parameters held fixed have no entry.
        residual_px: Root mean square misfit of blur radii over the patches of the fit.
    """

    width: Annotated[int, msgspec.Meta(gt=0)]
    height: Annotated[int, msgspec.Meta(gt=0)]
    centre: tuple[float, float]
    f_number: Positive
    scale_px_m: Positive
    focus_distance_m: Positive
    field_gain: float = 0.0
    field_curvature_per_m: float = 0.0
    psf: PsfKind = "disk"
    disk_share: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0
    floor_px: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    sharp_f_number: Positive | None = None
    sharp_scale_px_m: Positive | None = None
    effective_f_number: Positive | None = None
    focal_length_mm: Positive | None = None
    pixel_pitch_um: Positive | None = None
    covariance: Covariance | None = None
    residual_px: Annotated[float, msgspec.Meta(ge=0)] = 0.0
