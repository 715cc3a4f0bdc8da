"""Defocus blur of a thin lens: circle of confusion, Gaussian width, depth of field.

Sources: Hecht, *Optics*, section 5.2 (thin lens equation); Hasinoff and Kutulakos, "A layer-based
restoration framework for variable-aperture photography", ICCV 2007, and Carvalho et al., "Deep
depth from defocus", ECCV Workshops 2018 (Gaussian width of a blur disk).
"""

from __future__ import annotations

import math
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from idfd.errors import InputError

Depth = TypeVar("Depth", float, NDArray[np.float64])
"""A depth in metres, or an array of them; results have the same shape."""

RHO = 0.3
"""Gaussian width over the diameter of the blur disk, as in Carvalho et al."""


def circle_of_confusion_px(
    depth_m: Depth,
    *,
    focal_length_mm: float,
    f_number: float,
    focus_distance_m: float,
    pixel_pitch_um: float,
) -> Depth:
    """Diameter of the blur disk of a point, in pixels.

    ``c = A·f·|d − F| / (d·(F − f))`` with the aperture's diameter ``A = f/N``, the depth ``d``,
    the focus distance ``F`` and the focal length ``f``, divided by the pixel pitch. It follows
    from the thin lens equation ``1/f = 1/d + 1/v`` and similar triangles behind the lens.

    Args:
        depth_m: Depth along the optical axis from the lens, metres, any shape, float64.
            0 (no depth) gives NaN, infinity gives the limit.
        focal_length_mm: Focal length ``f``.
        f_number: ``N``.
        focus_distance_m: Depth ``F`` that is in focus.
        pixel_pitch_um: Distance of two pixel centres on the sensor.

    Returns:
        The diameter in pixels, of the shape of ``depth_m``.

    Raises:
        InputError: A setting that is not positive and finite, a focus nearer than the focal
            length, or a negative or NaN depth.

    Example:
        >>> round(circle_of_confusion_px(1.0, focal_length_mm=15, f_number=2.8,
        ...       focus_distance_m=2.0, pixel_pitch_um=5.6), 2)
        7.23
    """
    _check(focal_length_mm, f_number, focus_distance_m, pixel_pitch_um)
    depth = np.asarray(depth_m, np.float64)
    if np.isnan(depth).any() or (depth < 0).any():
        raise InputError(
            "a depth is negative or NaN", where="depth_m", limit="0 (no depth) or more metres"
        )
    focal, focus = focal_length_mm * 1e-3, focus_distance_m
    # |d − F| / d is written |1 − F/d|, which has the right limit at infinity.
    away = np.full(depth.shape, np.nan)
    np.divide(focus, depth, out=away, where=depth > 0)
    metres = focal / f_number * focal * np.abs(1 - away) / (focus - focal)
    diameter = metres / (pixel_pitch_um * 1e-6)
    result: Depth = diameter if isinstance(depth_m, np.ndarray) else float(diameter)
    return result


def gaussian_sigma_px(
    depth_m: Depth,
    *,
    focal_length_mm: float,
    f_number: float,
    focus_distance_m: float,
    pixel_pitch_um: float,
    rho: float = RHO,
) -> Depth:
    """Standard deviation of the Gaussian that stands for the blur disk, in pixels.

    ``σ = ρ·Φ·v·|1/f − 1/v − 1/d| / pitch`` with ``Φ = f/N`` and ``v = 1/(1/f − 1/F)``
    (Hasinoff and Kutulakos 2007; ρ = 0.3 in Carvalho et al. 2018). ``Φ·v·|…|`` is the diameter
    of :func:`circle_of_confusion_px`, so ``σ = ρ·c``.

    Args:
        depth_m: As for :func:`circle_of_confusion_px`.
        focal_length_mm: Focal length.
        f_number: f-number.
        focus_distance_m: Depth in focus.
        pixel_pitch_um: Distance of two pixel centres on the sensor.
        rho: Gaussian width over the disk's diameter.

    Returns:
        σ in pixels, of the shape of ``depth_m``.

    Raises:
        InputError: As for :func:`circle_of_confusion_px`.
    """
    diameter = circle_of_confusion_px(
        depth_m,
        focal_length_mm=focal_length_mm,
        f_number=f_number,
        focus_distance_m=focus_distance_m,
        pixel_pitch_um=pixel_pitch_um,
    )
    scaled: Depth = rho * diameter
    return scaled


def hyperfocal_distance_m(
    *, focal_length_mm: float, f_number: float, pixel_pitch_um: float, circle_px: float = 1.0
) -> float:
    """Nearest focus distance at which infinity is still sharp, ``H = f²/(N·c) + f``, metres.

    Args:
        focal_length_mm: Focal length ``f``.
        f_number: ``N``.
        pixel_pitch_um: Distance of two pixel centres on the sensor.
        circle_px: Largest blur disk ``c`` that counts as sharp, pixels.

    Raises:
        InputError: A setting that is not positive and finite.
    """
    _check(focal_length_mm, f_number, math.inf, pixel_pitch_um * circle_px)
    focal = focal_length_mm * 1e-3
    return focal * focal / (f_number * circle_px * pixel_pitch_um * 1e-6) + focal


def depth_of_field_m(
    *,
    focal_length_mm: float,
    f_number: float,
    focus_distance_m: float,
    pixel_pitch_um: float,
    circle_px: float = 1.0,
) -> tuple[float, float]:
    """Nearest and farthest depth whose blur disk is at most ``circle_px`` wide, metres.

    ``near = F·(H − f)/(H + F − 2f)`` and ``far = F·(H − f)/(H − F)``, or infinity from the
    hyperfocal distance ``H`` on; these are the two solutions of ``c(d) = circle``.

    Args:
        focal_length_mm: Focal length ``f``.
        f_number: f-number.
        focus_distance_m: Depth ``F`` in focus.
        pixel_pitch_um: Distance of two pixel centres on the sensor.
        circle_px: Largest blur disk that counts as sharp, pixels.

    Raises:
        InputError: As for :func:`circle_of_confusion_px`.
    """
    _check(focal_length_mm, f_number, focus_distance_m, pixel_pitch_um)
    hyperfocal = hyperfocal_distance_m(
        focal_length_mm=focal_length_mm,
        f_number=f_number,
        pixel_pitch_um=pixel_pitch_um,
        circle_px=circle_px,
    )
    focal, focus = focal_length_mm * 1e-3, focus_distance_m
    near = focus * (hyperfocal - focal) / (hyperfocal + focus - 2 * focal)
    far = focus * (hyperfocal - focal) / (hyperfocal - focus) if focus < hyperfocal else math.inf
    return near, far


def _check(focal_mm: float, f_number: float, focus_m: float, pitch_um: float) -> None:
    for name, value in (
        ("focal length (mm)", focal_mm),
        ("f-number", f_number),
        ("pixel pitch (um) or circle", pitch_um),
    ):
        if not (math.isfinite(value) and value > 0):
            raise InputError(f"{name} is {value:g}", limit="a positive number")
    if not focus_m * 1e3 > focal_mm:
        raise InputError(
            f"focus distance is {focus_m:g} m",
            limit=f"more than the focal length of {focal_mm:g} mm",
            remedy="Give the focus distance in metres and the focal length in millimetres",
        )
