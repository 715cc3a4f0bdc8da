"""A burst of frames of the depth camera, as arrays."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from idfd.errors import InputError


@dataclass(frozen=True)
class Burst:
    """N frames that the depth camera took one after the other, with the tripod at rest.

    Attributes:
        depth: Depth along the optical axis, (N, H, W) uint16 millimetres, 0 = no depth.
        infrared: Active brightness, (N, H, W) uint16.
        colour: JPEG files as the camera made them, N of them, or none at all.
        timestamps_us: Device clock at the middle of the depth exposure, (N,) int64.
        system_ns: Host's clock (UNIX time) at which each frame came, (N,) int64.
        temperature_c: Temperature of the sensor, degrees Celsius, (N,) float32; NaN where the
            source does not tell.
        calibration: The factory calibration as the device holds it, JSON bytes, verbatim.
        mode: Depth mode, such as ``NFOV_UNBINNED``.
        frames_per_s: Nominal frame rate.
        device: Serial number, firmware and the like, by name.
        warm_up_s: Time since the sensor was started, seconds, or None for recordings.
    """

    depth: NDArray[np.uint16]
    infrared: NDArray[np.uint16]
    colour: tuple[bytes, ...]
    timestamps_us: NDArray[np.int64]
    system_ns: NDArray[np.int64]
    temperature_c: NDArray[np.float32]
    calibration: bytes
    mode: str
    frames_per_s: float
    device: dict[str, str] = field(default_factory=dict)
    warm_up_s: float | None = None

    def __post_init__(self) -> None:
        count = len(self.depth)
        for name, array, dtype, shape in (
            ("depth", self.depth, np.uint16, (count, *self.depth.shape[1:])),
            ("infrared", self.infrared, np.uint16, self.depth.shape),
            ("timestamps_us", self.timestamps_us, np.int64, (count,)),
            ("system_ns", self.system_ns, np.int64, (count,)),
            ("temperature_c", self.temperature_c, np.float32, (count,)),
        ):
            if array.dtype != dtype or array.shape != shape or count == 0:
                raise InputError(
                    f"{name} is {array.dtype} of shape {array.shape}",
                    limit=f"{np.dtype(dtype)} of shape {shape}, at least one frame",
                )
        if len(self.colour) not in (0, count):
            raise InputError(f"{len(self.colour)} colour images", limit=f"none or {count}")

    def __len__(self) -> int:
        return len(self.depth)
