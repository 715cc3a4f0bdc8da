"""Camera settings, intrinsics and extrinsics, with their units in the names."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from idfd.errors import InputError
from idfd.model.schema import Record

Positive = Annotated[float, msgspec.Meta(gt=0)]


class CameraSettings(Record, frozen=True, kw_only=True):
    """What a photo was taken with. ``None`` means that the source does not say."""

    f_number: Positive
    exposure_s: Positive | None = None
    iso: Positive | None = None
    focal_length_mm: Positive | None = None
    focus_distance_m: Positive | None = None
    white_balance: str | None = None
    camera: str | None = None
    lens: str | None = None


class Intrinsics(Record, frozen=True, kw_only=True):
    """A pinhole camera with OpenCV's distortion models, in pixels.

    Pixel centres lie at integer coordinates. ``nominal`` intrinsics were computed from
    data sheets, ``calibrated`` ones were measured.
    """

    width: Annotated[int, msgspec.Meta(gt=0)]
    height: Annotated[int, msgspec.Meta(gt=0)]
    fx: Positive
    fy: Positive
    cx: float
    cy: float
    model: Literal["pinhole", "brown_conrady", "rational"] = "pinhole"
    distortion: tuple[float, ...] = ()
    pixel_pitch_um: Positive | None = None
    origin: Literal["nominal", "calibrated"] = "calibrated"

    def __post_init__(self) -> None:
        expected = {"pinhole": (0,), "brown_conrady": (4, 5), "rational": (8,)}[self.model]
        if len(self.distortion) not in expected:
            raise ValueError(
                f"model '{self.model}' takes {' or '.join(map(str, expected))} distortion "
                f"coefficients, got {len(self.distortion)}"
            )

    def cropped(
        self, x: float, y: float, width: int, height: int, scale: float = 1.0
    ) -> Intrinsics:
        """Intrinsics of a window of ``width`` by ``height`` new pixels.

        Args:
            x: Left edge of the window.
            y: Its upper edge.
            width: Of the new image, pixels.
            height: Of the new image.
            scale: Old pixels to a new one. Distortion is in normalised coordinates and stays.

        Raises:
            InputError: The window leaves the image by more than a thousandth of a pixel.
        """
        right, lower = x + width * scale, y + height * scale
        if x < 0 or y < 0 or right > self.width + 1e-3 or lower > self.height + 1e-3:
            raise InputError(
                f"crop {width}x{height}+{x:g}+{y:g} at scale {scale:g} leaves the image",
                limit=f"a window inside {self.width}x{self.height}",
            )
        return msgspec.structs.replace(
            self,
            width=width,
            height=height,
            fx=self.fx / scale,
            fy=self.fy / scale,
            # Pixel centres lie at integers, so edges lie half a pixel before them.
            cx=(self.cx - x + 0.5) / scale - 0.5 if scale != 1 else self.cx - x,
            cy=(self.cy - y + 0.5) / scale - 0.5 if scale != 1 else self.cy - y,
            pixel_pitch_um=self.pixel_pitch_um and self.pixel_pitch_um * scale,
        )


class Extrinsics(Record, frozen=True, kw_only=True):
    """A rigid transform: ``x_to = rotation @ x_from + translation_mm``."""

    source: str
    target: str
    rotation: tuple[
        tuple[float, float, float], tuple[float, float, float], tuple[float, float, float]
    ]
    translation_mm: tuple[float, float, float]

    def __post_init__(self) -> None:
        rotation = np.array(self.rotation)
        if not np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-6):
            raise ValueError("rotation is not orthonormal (tolerance 1e-6)")
        if np.linalg.det(rotation) < 0:
            raise ValueError("rotation is a reflection (determinant -1)")

    def apply(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Transform points of shape (..., 3), in mm, from ``source`` to ``target``."""
        moved: NDArray[np.float64] = points @ np.array(self.rotation).T + self.translation_mm
        return moved
