"""The simulated lens before a triple: pixel pitch, circle of confusion, and its blur model."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from idfd.calibration.thin_lens import circle_of_confusion_px
from idfd.errors import InputError
from idfd.model.defocus import DefocusModel
from idfd.model.triple import TripleRecord
from idfd.processing.defocus.config import DefocusConfig, focus_of


def pixel_pitch_um(config: DefocusConfig, record: TripleRecord) -> float:
    """Distance of two pixel centres of a triple on the simulated sensor, micrometres.

    A photo reduced ``s`` times has pixels ``s`` times as wide, so the pitch of the whole photo
    grows by ``crop.scale``; a window has the pixels of its photo. Where the camera's pitch is asked
    for, it is that of the intrinsics, else that with which the lens was calibrated.

    Raises:
        InputError: The photo is wider than those that the pitch holds for.
    """
    crop = record.crop
    if config.camera_pitch:
        if record.intrinsics and record.intrinsics.pixel_pitch_um is not None:
            return record.intrinsics.pixel_pitch_um
        if record.blur and record.blur.pixel_pitch_um is not None:
            return record.blur.pixel_pitch_um * crop.scale
    width = crop.x + crop.width * crop.scale
    if config.photo_width is not None and width > config.photo_width + 1:
        raise InputError(
            f"the photo is at least {width:.0f} pixels wide, and the pixel pitch of "
            f"{config.pixel_pitch_um:g} um is that of photos of {config.photo_width}",
            where=record.id,
            remedy="Say how far apart the pixels of the whole photo are: "
            f"--pixel-pitch {config.pixel_pitch_um * config.photo_width / width:.3g} keeps the "
            "sensor as wide as it was",
        )
    return config.pixel_pitch_um * crop.scale


def signed_circle_px(
    config: DefocusConfig, pitch_um: float, depth_m: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Diameter of the circle of confusion, pixels, negative before the plane in focus."""
    focus = focus_of(config)
    circle = circle_of_confusion_px(
        depth_m,
        focal_length_mm=config.focal_length_mm,
        f_number=config.f_number,
        focus_distance_m=focus,
        pixel_pitch_um=pitch_um,
    )
    return np.copysign(circle, depth_m - focus)


def blur_model(
    config: DefocusConfig, pitch_um: float, sigma_share: float, record: TripleRecord
) -> DefocusModel | None:
    """The simulated lens as the blur model of a triple; None where it has no intrinsics.

    A model's diameters are those of the disk with the spot's second moment, ``4σ``: a Gaussian of
    ``σ = 0.3 c`` counts as a disk of ``1.2 c``. The model holds on the whole photo's pixels.

    Args:
        config: Settings.
        pitch_um: Of the triple's pixels.
        sigma_share: Standard deviation of the spot over the circle of confusion.
        record: Of the triple.
    """
    camera, crop = record.intrinsics, record.crop
    if camera is None:
        return None
    focal, focus = config.focal_length_mm * 1e-3, focus_of(config)
    image_distance = focal * focus / (focus - focal)
    scale_px_m = focal / config.f_number * image_distance / (pitch_um / crop.scale * 1e-6)
    return DefocusModel(
        width=int(np.ceil(crop.x + crop.width * crop.scale)),
        height=int(np.ceil(crop.y + crop.height * crop.scale)),
        centre=(
            crop.x + (camera.cx + 0.5) * crop.scale - 0.5,
            crop.y + (camera.cy + 0.5) * crop.scale - 0.5,
        ),
        f_number=config.f_number,
        scale_px_m=4 * sigma_share * scale_px_m,
        focus_distance_m=focus,
        psf=config.psf,
        disk_share=float(config.psf == "disk"),
        effective_f_number=config.f_number,
        focal_length_mm=config.focal_length_mm,
        pixel_pitch_um=pitch_um / crop.scale,
    )
