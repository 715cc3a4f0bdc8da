"""Settings of each degradation, and how they stand in a triple's record."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import msgspec

from idfd.errors import InputError
from idfd.model.camera import Positive
from idfd.model.degradation import Degradation, DegradationKind
from idfd.model.schema import Record

NotNegative = Annotated[float, msgspec.Meta(ge=0)]
FULL_WELL = 32_680.0
"""Electrons of a full photosite at ISO 100: Nikon D200, by R. N. Clark's analysis of its raw files
(clarkvision.com, "The Nikon D200 Digital Camera Review")."""
READ_NOISE = 4.5
"""Electrons; 4.1 to 4.7 were measured on Nikon sensors of such pixels (W. Claff,
photonstophotos.net, "D800 Read Noise")."""


class CameraShake(Record, frozen=True, kw_only=True):
    """Rotation of the camera while the shutter is open.

    Pitch, yaw and roll each have an angular velocity that is a stationary Gaussian process with
    the covariance ``ω²·exp(−|Δt|/τ)`` (Ornstein and Uhlenbeck): exposures much shorter than τ draw
    straight lines of length f·ω·t, longer ones wander.

    Attributes:
        shake_deg_s: Standard deviation ω of the angular velocity about each axis. The rule that
            1/f seconds can be held by hand, with a spot of 0.03 mm, stands for 1.7 degrees/s.
        exposure_s: How long the shutter is open.
        correlation_s: Time τ over which the velocity is much the same; 0.04 s goes with the 4 Hz
            that cameras held by hand were seen to tremble with.
    """

    shake_deg_s: NotNegative
    exposure_s: Positive = 0.04
    correlation_s: Positive = 0.04


class MotionBlur(Record, frozen=True, kw_only=True):
    """Sideways motion of the camera, or of the whole scene the other way, at constant speed.

    A point at depth Z draws a line of length ``f·v·t/Z`` (parallax), in a direction in the image
    that is drawn for each photo.

    Attributes:
        speed_mm_s: Speed v across the optical axis.
        exposure_s: How long the shutter is open.
    """

    speed_mm_s: NotNegative
    exposure_s: Positive = 0.04


class HighIsoNoise(Record, frozen=True, kw_only=True):
    """Shot and read noise of a sensor, in linear light of which 1 is clipping.

    The sensor clips at ``Q = photosites · full_well_e · 100/iso`` electrons, so a level L is
    ``(Poisson(L·Q) + Normal(0, photosites·read_noise_e²)) / Q``. Its variance is
    ``L/Q + photosites·read_noise_e²/Q²``: twice the ISO doubles the first and quadruples the
    second term. The noise adds to what the photo has already.

    Attributes:
        iso: Sensitivity.
        full_well_e: Electrons of a full photosite at ISO 100.
        read_noise_e: Standard deviation of reading a photosite, electrons.
        photosites: Photosites averaged in one pixel of the photo: 36 for DFD_Indoor, whose photos
            were reduced six times. The default stands for a photo at the sensor's own size.
    """

    iso: Positive
    full_well_e: Positive = FULL_WELL
    read_noise_e: NotNegative = READ_NOISE
    photosites: Annotated[float, msgspec.Meta(ge=1)] = 1.0


Settings: TypeAlias = CameraShake | MotionBlur | HighIsoNoise
KINDS: dict[DegradationKind, type[Settings]] = {
    "camera-shake": CameraShake,
    "motion-blur": MotionBlur,
    "high-iso-noise": HighIsoNoise,
}
STRENGTH: dict[DegradationKind, tuple[str, str]] = {
    "camera-shake": ("shake_deg_s", "°/s"),
    "motion-blur": ("speed_mm_s", "mm/s"),
    "high-iso-noise": ("iso", "ISO"),
}
"""The setting that says how strong a degradation is, and its unit."""


def make_degradation(kind: str, values: dict[str, float], seed: int = 0) -> Degradation:
    """A degradation with every setting that is not given at its default, written out.

    Args:
        kind: One of :data:`KINDS`.
        values: Settings by name.
        seed: Of the draws.

    Raises:
        InputError: An unknown kind, an unknown or missing setting, or a value out of range.
    """
    try:
        one = msgspec.convert({"kind": kind, "settings": values, "seed": seed}, Degradation)
    except msgspec.ValidationError as error:
        raise InputError(f"{kind}: {error}", limit=f"one of {', '.join(KINDS)}") from None
    settings = settings_of(one)
    return msgspec.structs.replace(one, settings=msgspec.to_builtins(settings))


def settings_of(one: Degradation) -> Settings:
    """Settings of a degradation; what is not said has its default.

    Raises:
        InputError: An unknown or missing setting, or a value out of range.
    """
    try:
        return msgspec.convert(one.settings, KINDS[one.kind])
    except msgspec.ValidationError as error:
        raise InputError(
            f"{one.kind}: {error}", limit=", ".join(KINDS[one.kind].__struct_fields__)
        ) from None
