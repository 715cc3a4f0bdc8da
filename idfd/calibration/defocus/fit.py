"""Fit the blur of a lens to patches of photos: its depth, its shape and its intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from idfd.calibration.defocus import evidence, spread
from idfd.calibration.defocus.choice import choose
from idfd.calibration.defocus.estimate import Estimate, Sample, ascend, start
from idfd.calibration.defocus.lens import (
    CURVATURE,
    DISK_SHARE,
    FLOOR,
    FOCUS,
    GAIN,
    LOG_RATIO,
    LOG_SCALE,
    PRINT,
    SMALL_FLOOR,
    Place,
)
from idfd.calibration.defocus.likelihood import Prepared
from idfd.calibration.defocus.measure import Measured, measure
from idfd.calibration.defocus.model import PARAMETERS
from idfd.calibration.defocus.patches import Patch
from idfd.model.calibration import BlurRow
from idfd.model.camera import Intrinsics
from idfd.model.covariance import Covariance
from idfd.model.defocus import DefocusModel, PsfKind

Array = NDArray[np.float64]
_DEFAULT_SMALL = 10.0
_PRIOR_WIDTH = 0.15
"""Standard deviation of the focus distance in EXIF, over itself: bodies give it in coarse steps,
counted from the sensor, read off the lens's ring."""
_FAR = 4.0
"""A patch this many robust deviations off the lens is left out."""
_FREE_MISFIT = (0.1, 0.03)
"""Misfits of radii below this (pixels, and part of the radius) are no reason to leave one out."""


@dataclass(frozen=True)
class DefocusFit:
    """The lens, and how it came about.

    Attributes:
        model: For ``calibration.json``.
        rows: Blur of each patch, for the report.
        log_likelihoods: Of each shape of the spot, over views that its fit had not seen.
        focus_interval_m: 95 % interval of the focus distance.
        f_number_interval: 95 % interval of the effective f-number, where it is known.
        warnings: What a user should know.
    """

    model: DefocusModel
    rows: tuple[BlurRow, ...]
    log_likelihoods: dict[PsfKind, float]
    focus_interval_m: tuple[float, float]
    f_number_interval: tuple[float, float] | None
    warnings: tuple[str, ...]


def fit_defocus(
    patches: Sequence[Patch],
    intrinsics: Intrinsics,
    *,
    focal_length_mm: float | None = None,
    focus_prior_m: float | None = None,
) -> DefocusFit:
    """The lens that makes patches of photos most likely.

    Args:
        patches: Of at least three views, by :func:`idfd.calibration.defocus.patches.board_patches`
            or :func:`~idfd.calibration.defocus.patches.plane_patches`.
        intrinsics: The camera at the whole photo's size; ``ρ`` counts from its principal point.
        focal_length_mm: For the effective f-number and the pixel pitch.
        focus_prior_m: Focus distance as EXIF gives it, trusted to 15 %.

    Raises:
        InputError: The photos cannot tell the lens; the message says what to add.
    """
    large, small = evidence.apertures_of(patches)
    evidence.check_patches(patches)
    samples = [Sample(Prepared.of(patch), Place.of(patch, intrinsics)) for patch in patches]
    still, warnings = evidence.settled_views(samples)
    evidence.check_patches([sample.prepared.patch for sample in still])
    free = _free([sample.prepared.patch for sample in still])
    ratio = large / (small or _DEFAULT_SMALL)
    first = {share: ascend(still, start(still, ratio, share), free) for share in (0.0, 1.0)}
    better = max(first.values(), key=lambda estimate: float(estimate.values.sum()))
    evidence.check_blur(better.lens, still)
    used = _agreeing(better)
    kept = np.nonzero(used)[0]
    choice = choose(
        *(ascend([fit.samples[i] for i in kept], fit.lens, free) for fit in first.values())
    )
    found = choice.estimate
    spots = 2 * measure(found.samples, found.lens).misfit
    covariance = spread.covariance(found, spots)
    lens, covariance, doubts = _with_prior(found.lens, covariance, focus_prior_m)
    warnings += doubts + evidence.check_result(lens, covariance, found.samples)
    everything = measure(better.samples, lens)
    rows = _rows(better.samples, everything, used)
    radii = everything.misfit[used & _large(better)]
    model = DefocusModel(
        width=intrinsics.width,
        height=intrinsics.height,
        centre=(intrinsics.cx, intrinsics.cy),
        f_number=large,
        scale_px_m=float(np.exp(lens[LOG_SCALE])),
        focus_distance_m=float(1 / lens[FOCUS]),
        field_gain=float(lens[GAIN]),
        field_curvature_per_m=float(lens[CURVATURE]),
        psf=choice.psf,
        disk_share=float(lens[DISK_SHARE]),
        floor_px=float(np.sqrt(max(lens[FLOOR], 0.0))) if FLOOR in free else 0.0,
        sharp_f_number=small,
        sharp_scale_px_m=float(np.exp(lens[LOG_SCALE] + lens[LOG_RATIO] / 2)) if small else None,
        covariance=_covariance(lens, covariance, found.free),
        residual_px=float(np.sqrt(np.mean(radii**2))),
    )
    reach = 1.96 * np.sqrt(np.diag(covariance))
    model, interval = _with_focal_length(model, intrinsics, focal_length_mm, reach[LOG_SCALE])
    nearest, farthest = lens[FOCUS] + reach[FOCUS], max(lens[FOCUS] - reach[FOCUS], 1e-6)
    return DefocusFit(
        model=model,
        rows=rows,
        log_likelihoods=choice.log_likelihoods,
        focus_interval_m=(float(1 / nearest), float(1 / farthest)),
        f_number_interval=interval,
        warnings=warnings,
    )


def _free(patches: Sequence[Patch]) -> tuple[int, ...]:
    """Parameters that patches can tell: floors only against the ideal print."""
    kinds = {(patch.ideal, patch.large) for patch in patches}
    if kinds == {(False, True)}:
        # Against the other photo, only the difference of the floors (diffraction) is seen.
        return (LOG_SCALE, FOCUS, SMALL_FLOOR)
    if (True, False) in kinds:
        return (LOG_SCALE, FOCUS, LOG_RATIO, FLOOR, SMALL_FLOOR, PRINT)
    return (LOG_SCALE, FOCUS, FLOOR)


def _large(estimate: Estimate) -> NDArray[np.bool_]:
    return np.array([sample.prepared.patch.large for sample in estimate.samples])


def _agreeing(estimate: Estimate) -> NDArray[np.bool_]:
    """Patches whose own blur is about that of the lens, (P,)."""
    measured = measure(estimate.samples, estimate.lens)
    pixels, part = _FREE_MISFIT
    unit = pixels + part * np.abs(measured.expected) / 2
    off = np.abs(measured.misfit) / unit
    return np.asarray(off < max(1.0, _FAR * 1.4826 * float(np.median(off))))


def _with_prior(
    lens: Array, covariance: Array, prior_m: float | None
) -> tuple[Array, Array, tuple[str, ...]]:
    """Combine the photos with the focus distance in EXIF, where the two agree."""
    if prior_m is None:
        return lens, covariance, ()
    row = covariance[FOCUS]
    width = _PRIOR_WIDTH / prior_m
    away = 1 / prior_m - lens[FOCUS]
    total = row[FOCUS] + width**2
    if away**2 > 9 * total:
        return (
            lens,
            covariance,
            (
                f"EXIF gives a focus distance of {prior_m:.2f} m, the photos give "
                f"{1 / lens[FOCUS]:.2f} m: EXIF was not used",
            ),
        )
    # Kalman's update with one measurement.
    return lens + row * away / total, covariance - np.outer(row, row) / total, ()


def _covariance(lens: Array, covariance: Array, free: tuple[int, ...]) -> Covariance:
    places = [index for index in (LOG_SCALE, FOCUS, GAIN, CURVATURE) if index in free]
    names = dict(zip((LOG_SCALE, FOCUS, GAIN, CURVATURE), PARAMETERS, strict=True))
    # d scale = scale · d log scale
    unit = np.array([np.exp(lens[LOG_SCALE]) if i == LOG_SCALE else 1.0 for i in places])
    block = covariance[np.ix_(places, places)] * np.outer(unit, unit)
    return Covariance.of([names[index] for index in places], block)


def _with_focal_length(
    model: DefocusModel, intrinsics: Intrinsics, focal_mm: float | None, spread: float
) -> tuple[DefocusModel, tuple[float, float] | None]:
    """Effective f-number with its interval, and pixel pitch, by the thin lens."""
    if focal_mm is None:
        return model, None
    aperture_mm = 1000 * model.scale_px_m / intrinsics.fx
    number = focal_mm / aperture_mm
    focus_mm = 1000 * model.focus_distance_m
    # fx = f F / ((F − f) pitch): the sensor stands farther behind a lens that is focused near.
    pitch_um = 1000 * focal_mm / intrinsics.fx * focus_mm / (focus_mm - focal_mm)
    known = msgspec.structs.replace(
        model, effective_f_number=number, focal_length_mm=focal_mm, pixel_pitch_um=pitch_um
    )
    return known, (float(number * np.exp(-spread)), float(number * np.exp(spread)))


def _rows(
    samples: Sequence[Sample], measured: Measured, used: NDArray[np.bool_]
) -> tuple[BlurRow, ...]:
    # What pixels' noise says of a patch is too good: errors of pose and print are common to them.
    honest = float(np.sqrt(np.mean((2 * measured.misfit[used] / measured.deviation[used]) ** 2)))
    return tuple(
        BlurRow(
            depth_m=sample.prepared.patch.depth_m,
            field=float(np.sqrt(sample.place.rho2)),
            f_number=sample.prepared.patch.f_number,
            circle_px=float(np.copysign(seen, expected)),
            deviation_px=float(deviation * max(honest, 1.0)),
            used=bool(good),
        )
        for sample, seen, deviation, expected, good in zip(
            samples, measured.circle, measured.deviation, measured.expected, used, strict=True
        )
    )
