"""What every photo camera and every depth camera of a rig can do.

Drivers live in folders of their own beside their configuration and import their libraries when
they connect. All of them are context managers: leaving the block always gives the device back.
Failures are :class:`idfd.errors.CameraError` with a ``cause``, a reason and a remedy.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from idfd.model.burst import Burst
from idfd.model.camera import CameraSettings
from idfd.model.provenance import FileReference

D = TypeVar("D", bound="Device")


class Device(ABC):
    """Something that is connected, used and given back, at the latest by the end of a ``with``."""

    @abstractmethod
    def connect(self) -> object:
        """Open the device; safe to call again after an error."""

    @abstractmethod
    def close(self) -> None:
        """Give the device back; never raises."""

    def __enter__(self: D) -> D:
        self.connect()
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


@dataclass(frozen=True)
class PhotoStatus:
    """State of a photo camera; ``None`` where the body does not tell.

    ``mode`` is the exposure mode (``M``, ``A``, …), ``shots_left`` counts free frames on the card.
    """

    model: str
    serial: str | None = None
    firmware: str | None = None
    lens: str | None = None
    focal_length_mm: float | None = None
    battery_percent: float | None = None
    shots_left: int | None = None
    mode: str | None = None
    focus_mode: str | None = None


@dataclass(frozen=True)
class Offers:
    """Values that a body offers now, sorted; what it does not offer is empty.

    ``fixed`` names what cannot be changed from here and why, such as ``{"exposure_s": "the
    mode dial is on A"}``; keys are the fields of :class:`PhotoSettings`. With
    ``declared_aperture`` the operator sets any f-number on the lens's ring and confirms it.
    """

    f_numbers: tuple[float, ...]
    exposures_s: tuple[float, ...]
    isos: tuple[int, ...] = ()
    white_balances: tuple[str, ...] = ()
    formats: tuple[Literal["jpeg", "raw", "raw+jpeg"], ...] = ()
    fixed: dict[str, str] = field(default_factory=dict)
    declared_aperture: bool = False


@dataclass(frozen=True)
class PhotoSettings:
    """Settings to apply; ``None`` leaves what the body has. Values must be among the offers."""

    f_number: float | None = None
    exposure_s: float | None = None
    iso: int | None = None
    white_balance: str | None = None
    format: Literal["jpeg", "raw", "raw+jpeg"] | None = None


@dataclass(frozen=True)
class PhotoFile:
    """A downloaded and verified file; ``file.path`` is its name in the folder asked for."""

    kind: Literal["jpeg", "raw"]
    file: FileReference
    camera_name: str


@dataclass(frozen=True)
class Shot:
    """One release of the shutter: its files and what they were taken with (by EXIF).

    ``released_at`` is the host's UNIX time just before the release, seconds; ``camera_time`` the
    camera's own clock from EXIF, ISO 8601 without a zone.
    """

    files: tuple[PhotoFile, ...]
    settings: CameraSettings
    released_at: float
    camera_time: str | None


class PhotoCamera(Device):
    """A camera that takes photos under remote control."""

    @abstractmethod
    def connect(self) -> PhotoStatus:
        """Open the device and set what a session needs; safe to call again after an error.

        Raises:
            CameraError: ``absent``, ``claimed``, ``permission``, ``driver``, …
        """

    @abstractmethod
    def status(self) -> PhotoStatus:
        """The state now."""

    @abstractmethod
    def offers(self) -> Offers:
        """What can be set now; depends on lens and mode dial."""

    @abstractmethod
    def apply(self, settings: PhotoSettings) -> PhotoSettings:
        """Set values, read them back and compare.

        Returns:
            What the body reports.

        Raises:
            CameraError: ``refused`` (not offered; nothing was changed), ``read_only``,
                ``mismatch`` (the body reports another value), ``busy``, …
        """

    @abstractmethod
    def capture(self, folder: Path, stem: str, expected: PhotoSettings) -> Shot:
        """Release the shutter, download and verify the files as ``folder/stem.<suffix>``.

        Args:
            folder: Where the files go; it exists.
            stem: Name of the files without suffix.
            expected: What the EXIF block must say (f-number; exposure within a third of a stop).

        Raises:
            CameraError: ``out_of_focus``, ``store_full``, ``busy``, ``timeout``,
                ``disconnected``, ``crashed``, ``mismatch``; no part of a file is left then.
            StorageError: The disk is full or read-only.
        """

    @abstractmethod
    def preview(self) -> bytes:
        """A live frame as JPEG."""

    @abstractmethod
    def close(self) -> None:
        """Restore the body's settings as they were and give it back; never raises."""


@dataclass(frozen=True)
class DepthStatus:
    """State of a depth camera."""

    model: str
    serial: str | None = None
    firmware: str | None = None
    mode: str | None = None
    warm_up_s: float | None = None
    temperature_c: float | None = None


@dataclass(frozen=True)
class DepthFrame:
    """One live frame.

    Attributes:
        depth: (H, W) uint16 millimetres, 0 = no depth.
        infrared: (H, W) uint16.
        timestamp_us: Device clock.
    """

    depth: NDArray[np.uint16]
    infrared: NDArray[np.uint16]
    timestamp_us: int


class DepthCamera(Device):
    """A camera that measures depth: an Azure Kinect, a recording of one, or a simulated one."""

    @abstractmethod
    def connect(self) -> DepthStatus:
        """Open the device and start it; safe to call again after an error.

        Raises:
            CameraError: ``absent``, ``claimed``, ``permission``, ``driver``, …
        """

    @abstractmethod
    def status(self) -> DepthStatus:
        """The state now."""

    @abstractmethod
    def calibration(self) -> bytes:
        """The factory calibration, JSON bytes as the device holds them."""

    @abstractmethod
    def burst(self, frames: int, drop: int) -> Burst:
        """Take ``frames`` fresh frames after throwing away ``drop``.

        Raises:
            CameraError: ``timeout``, ``stale``, ``disconnected``, ``end``, …
        """

    @abstractmethod
    def preview(self) -> DepthFrame:
        """The newest frame."""

    @abstractmethod
    def pause(self) -> None:
        """Stop the infrared light, so that it does not reach the photos."""

    @abstractmethod
    def resume(self) -> None:
        """Start the infrared light again."""

    @abstractmethod
    def close(self) -> None:
        """Stop and give the device back; never raises."""
