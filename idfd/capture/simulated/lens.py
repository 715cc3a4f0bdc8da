"""The lens of the simulated photo camera: a thin lens with distortion, breathing and vignetting.

Sensor and lens are those of a full-frame Nikon D750 with a 14 mm f/2.8 lens. Diffraction is left
out (its Airy disk at f/10 is 13 µm wide), so that blur is exactly the circle of confusion.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from idfd.calibration.projection import unproject
from idfd.calibration.thin_lens import circle_of_confusion_px
from idfd.model.camera import Intrinsics
from idfd.model.defocus import DefocusModel

SENSOR_WIDTH_MM = 35.9
FOCAL_LENGTH_MM = 14.0
WIDEST_F_NUMBER = 2.8
DISTORTION = (-0.03, 0.006, 0.0002, -0.0001, -0.0004)
"""k1, k2, p1, p2, k3: 1 % of barrel at the edge of the picture, 4 % in the corners."""
CENTRE = (0.0012, -0.0009)

_RIM = 1.12
"""Radius of the front rim over that of the widest pupil."""
_RIM_SHIFT = 0.45
"""How far the rim's image moves over the pupil per unit of tan θ, in radii of the widest pupil."""
_LATTICE = 384


@dataclass(frozen=True)
class Lens:
    """A thin lens in front of a sensor.

    Attributes:
        width: Width of the photo, pixels; the sensor is 35.9 mm wide whatever it is.
        height: Height of the photo, pixels.
        focus_distance_m: Distance of the plane in focus from the lens.
        focal_length_mm: Focal length when focused at infinity.
        centre: Of distortion, right of and below the middle of the photo, in widths of it.
        distortion: OpenCV's coefficients: 5 (Brown-Conrady) or 8 (rational).
    """

    width: int
    height: int
    focus_distance_m: float
    focal_length_mm: float = FOCAL_LENGTH_MM
    centre: tuple[float, float] = CENTRE
    distortion: tuple[float, ...] = DISTORTION

    @property
    def pixel_pitch_um(self) -> float:
        """Distance of two pixel centres on the sensor."""
        return SENSOR_WIDTH_MM * 1e3 / self.width

    @property
    def intrinsics(self) -> Intrinsics:
        """How chief rays meet the sensor.

        The sensor stands at ``s = f F / (F − f)`` behind the lens (thin lens equation), so the
        picture grows as the lens is focused nearer: focus breathing.
        """
        focal, focus = self.focal_length_mm, self.focus_distance_m * 1e3
        scale = focal * focus / (focus - focal) / (self.pixel_pitch_um * 1e-3)
        return Intrinsics(
            width=self.width,
            height=self.height,
            fx=scale,
            fy=scale,
            cx=(self.width - 1) / 2 + self.centre[0] * self.width,
            cy=(self.height - 1) / 2 + self.centre[1] * self.width,
            model="rational" if len(self.distortion) == 8 else "brown_conrady",
            distortion=self.distortion,
            pixel_pitch_um=self.pixel_pitch_um,
        )

    def aperture_m(self, f_number: float) -> float:
        """Diameter of the pupil, ``f / N``, metres."""
        return self.focal_length_mm * 1e-3 / f_number

    def circle_px(self, depth_m: NDArray[np.float64], f_number: float) -> NDArray[np.float64]:
        """Diameter of the blur disk, pixels, negative before the plane in focus.

        Args:
            depth_m: Depth along the axis, metres; 0 where there is none, which gives NaN.
            f_number: Aperture.
        """
        circle = circle_of_confusion_px(
            depth_m,
            focal_length_mm=self.focal_length_mm,
            f_number=f_number,
            focus_distance_m=self.focus_distance_m,
            pixel_pitch_um=self.pixel_pitch_um,
        )
        return np.copysign(circle, depth_m - self.focus_distance_m)

    def blur(self, f_number: float) -> DefocusModel:
        """The thin lens as a model of blur: uniform disks, the same all over the photo."""
        camera = self.intrinsics
        return DefocusModel(
            width=self.width,
            height=self.height,
            centre=(camera.cx, camera.cy),
            f_number=f_number,
            scale_px_m=camera.fx * self.aperture_m(f_number),
            focus_distance_m=self.focus_distance_m,
            effective_f_number=f_number,
            focal_length_mm=self.focal_length_mm,
            pixel_pitch_um=self.pixel_pitch_um,
        )

    def vignetting(self, f_number: float, window: tuple[int, int, int, int]) -> NDArray[np.float32]:
        """Share of the light that reaches each pixel, 1 on the axis, (h, w) float32.

        Natural falloff is cos²θ: the pupil of a wide-angle lens grows towards the corners, which
        halves the exponent of the cos⁴ law (Slyusarev effect; Kingslake, *Optics in
        Photography*, 1992, chapter 6). Mechanical falloff is the share of the pupil that a
        circular rim leaves free when seen from the side (cat's eye); it is gone at f/10. The
        blur disk stays round.
        """
        # A smooth function: a lattice over the whole photo, shared by all windows, is enough.
        step = max(1, self.width // _LATTICE)
        return _enlarge(_falloff(self, f_number, window, step), window, step)


@lru_cache(maxsize=8)
def _falloff(
    lens: Lens, f_number: float, window: tuple[int, int, int, int], step: int
) -> NDArray[np.float32]:
    """Vignetting on every ``step`` pixels; kept, because a live view asks ten times a second."""
    x, y, width, height = window
    columns = np.arange(x // step, (x + width - 1) // step + 2) * step
    rows = np.arange(y // step, (y + height - 1) // step + 2) * step
    rays = unproject(lens.intrinsics, np.stack(np.meshgrid(columns, rows), -1))
    tangent = np.hypot(rays[..., 0], rays[..., 1])
    stop = f_number / WIDEST_F_NUMBER
    gain = _overlap(_RIM * stop, _RIM_SHIFT * stop * tangent)
    return np.asarray(gain / (1 + tangent**2), np.float32)


def _overlap(rim: float, shift: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of a unit disk inside a disk of radius ``rim`` whose centre is ``shift`` away."""
    d = np.clip(shift, abs(rim - 1) + 1e-9, rim + 1 - 1e-9)
    near = np.arccos(np.clip((d * d + 1 - rim * rim) / (2 * d), -1, 1))
    far = np.arccos(np.clip((d * d + rim * rim - 1) / (2 * d * rim), -1, 1))
    area = near - np.sin(near) * np.cos(near) + rim * rim * (far - np.sin(far) * np.cos(far))
    full = min(1.0, rim * rim)
    return np.where(shift <= abs(rim - 1), full, np.clip(area / np.pi, 0, full))


def _enlarge(
    coarse: NDArray[np.float32], window: tuple[int, int, int, int], step: int
) -> NDArray[np.float32]:
    """Linear interpolation of a lattice of every ``step`` pixels at the pixels of a window."""
    x, y, width, height = window
    left, across = np.divmod(x % step + np.arange(width), step)
    top, down = np.divmod(y % step + np.arange(height), step)
    right = across.astype(np.float32) / np.float32(step)
    below = (down.astype(np.float32) / np.float32(step))[:, None]
    wide = coarse[:, left] * (1 - right) + coarse[:, left + 1] * right
    result: NDArray[np.float32] = wide[top] * (1 - below) + wide[top + 1] * below
    return result
