"""A rig of arrays: fast, follows the interfaces of real cameras, and fails when told to.

Every call of a camera is an operation with a name (see :data:`OPERATIONS`); a test says which of
them fails, when and how::

    rig = fake_rig()
    rig.faults.fail("photo.capture", camera_error("busy"))   # the next release only
    rig.faults.fail("depth.burst", camera_error("timeout"), times=2, after=3)

``rig.faults.calls`` holds the names of all operations, in order.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any, Literal

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from idfd.capture.cameras import (
    DepthCamera,
    DepthFrame,
    DepthStatus,
    Offers,
    PhotoCamera,
    PhotoFile,
    PhotoSettings,
    PhotoStatus,
    Shot,
)
from idfd.capture.exposure import PairPlan
from idfd.capture.rig import Place, Rig, RigProfile
from idfd.errors import CameraError
from idfd.model.burst import Burst
from idfd.model.camera import CameraSettings
from idfd.model.provenance import FileReference
from idfd.storage.durable import write_bytes
from idfd.storage.hashing import sha256_bytes

OPERATIONS = (
    "photo.connect", "photo.status", "photo.offers", "photo.apply", "photo.capture",
    "photo.download", "photo.preview", "depth.connect", "depth.status", "depth.calibration",
    "depth.burst", "depth.preview", "depth.pause", "depth.resume", "rig.place", "rig.truth",
)  # fmt: skip
CALIBRATION = b'{"CalibrationInformation": {"Cameras": []}}'
F_NUMBERS = (2.8, 4.0, 5.6, 8.0, 10.0, 16.0)
EXPOSURES = tuple(round(2 ** (n / 3), 6) for n in range(-39, 4))
PLAN = PairPlan(
    PhotoSettings(10.0, 2 ** (-9 / 3), 100, "Daylight", "raw+jpeg"),
    PhotoSettings(2.8, 2 ** (-20 / 3), 100, "Daylight", "raw+jpeg"),
    residual_stops=0.006,
)


def camera_error(cause: str) -> CameraError:
    """An error as a driver would raise it."""
    return CameraError(f"the fake says {cause}", cause=cause, where="fake", remedy="Try it again")


@dataclass
class Faults:
    """What goes wrong, and what was called."""

    calls: list[str] = field(default_factory=list)
    planned: list[tuple[str, BaseException, list[int]]] = field(default_factory=list)

    def fail(self, operation: str, error: BaseException, times: int = 1, *, after: int = 0) -> None:
        """Let an operation fail ``times`` times, after it has worked ``after`` times."""
        assert operation in OPERATIONS, operation
        self.planned.append((operation, error, [after, times]))

    def enter(self, operation: str) -> None:
        """Note that an operation begins; raise what was planned for it."""
        self.calls.append(operation)
        for name, error, left in self.planned:
            if name != operation:
                continue
            if left[0] > 0:
                left[0] -= 1
            elif left[1] > 0:
                left[1] -= 1
                raise error


class FakePhotoCamera(PhotoCamera):
    """Takes pictures of one textured wall; the large aperture blurs it."""

    def __init__(
        self, faults: Faults, size: tuple[int, int] = (240, 160), declared: bool = False
    ) -> None:
        self.faults = faults
        self.size = size
        self.declared = declared
        self.settings = PhotoSettings(2.8, 2 ** (-20 / 3), 100, "Daylight", "raw+jpeg")
        self.battery: float | None = 80.0
        self.shots_left: int | None = 500
        self.brightness = 1.0
        self.offset = (0, 0)  # a tripod that was touched: pixels to the right, down
        self.connected = False
        self._encoded: dict[tuple[object, ...], bytes] = {}
        self._numbers: Iterator[int] = count(1)

    def connect(self) -> PhotoStatus:
        self.faults.enter("photo.connect")
        self.connected = True
        return self._status()

    def status(self) -> PhotoStatus:
        self.faults.enter("photo.status")
        return self._status()

    def _status(self) -> PhotoStatus:
        return PhotoStatus(
            model="Fake D750", serial="1", lens="14 mm f/2.8", focal_length_mm=14.0, mode="M",
            battery_percent=self.battery, shots_left=self.shots_left, focus_mode="manual",
        )  # fmt: skip

    def offers(self) -> Offers:
        self.faults.enter("photo.offers")
        return Offers(
            F_NUMBERS, EXPOSURES, (100, 200, 400), ("Auto", "Daylight"),
            ("jpeg", "raw", "raw+jpeg"),
        )  # fmt: skip

    def apply(self, settings: PhotoSettings) -> PhotoSettings:
        self.faults.enter("photo.apply")
        changed = {k: v for k, v in vars(settings).items() if v is not None}
        self.settings = replace(self.settings, **changed)
        return self.settings

    def capture(self, folder: Path, stem: str, expected: PhotoSettings) -> Shot:
        self.faults.enter("photo.capture")
        released = time.time()
        now = datetime.fromtimestamp(released)
        name = f"DSC_{next(self._numbers):04d}"
        jpeg = _with_exif(self._picture(), self.settings, now)
        data: dict[Literal["jpeg", "raw"], tuple[str, bytes]]
        data = {"jpeg": (".jpg", jpeg), "raw": (".nef", b"NEF" + jpeg)}
        kinds = (self.settings.format or "jpeg").split("+")
        files: list[PhotoFile] = []
        for kind, (suffix, content) in data.items():
            if kind not in kinds:
                continue
            write_bytes(folder / f"{stem}{suffix}", content)
            if not files:
                self.faults.enter("photo.download")
            reference = FileReference(
                path=f"{stem}{suffix}", sha256=sha256_bytes(content), bytes=len(content)
            )
            files.append(PhotoFile(kind, reference, name + suffix.upper()))
        assert self.settings.f_number is not None
        taken = CameraSettings(
            f_number=self.settings.f_number, exposure_s=self.settings.exposure_s,
            iso=self.settings.iso, focal_length_mm=14.0, camera="Fake D750",
        )  # fmt: skip
        return Shot(tuple(files), taken, released, now.isoformat())

    def preview(self) -> bytes:
        self.faults.enter("photo.preview")
        return self._picture()

    def close(self) -> None:
        self.faults.calls.append("photo.close")
        self.connected = False

    def _picture(self) -> bytes:
        shown = self.settings
        key = (shown.f_number, shown.exposure_s, shown.iso, self.brightness, self.offset, self.size)
        if key not in self._encoded:
            self._encoded[key] = self._render()
        return self._encoded[key]

    def _render(self) -> bytes:
        """Sharp at f/10 (the reference exposure: 1/8 s at ISO 100), blurred at f/2.8."""
        width, height = self.size
        rng = np.random.default_rng(7)
        coarse = rng.uniform(0.05, 0.4, (height // 4 + 9, width // 4 + 9))
        wall: NDArray[Any] = np.kron(coarse, np.ones((4, 4))).astype(np.float32)
        x, y = 16 - self.offset[0], 16 - self.offset[1]
        wall = wall[y : y + height, x : x + width]
        f_number, exposure = self.settings.f_number or 10.0, self.settings.exposure_s or 0.125
        wall = cv2.GaussianBlur(wall, (0, 0), 0.5 + 9.0 / f_number) if f_number < 8 else wall
        gain = self.brightness * exposure / 0.125 * (10.0 / f_number) ** 2
        level = np.clip(wall * gain * (self.settings.iso or 100) / 100, 0, 1)
        encoded = np.rint(255 * level ** (1 / 2.2)).astype(np.uint8)
        image = np.repeat(encoded[..., None], 3, axis=2)
        return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 92])[1].tobytes()


class FakeDepthCamera(DepthCamera):
    """Sees a wall at 1.2 m with a little noise and an invalid border; frames every 33 ms."""

    def __init__(self, faults: Faults, size: tuple[int, int] = (64, 48)) -> None:
        self.faults = faults
        self.size = size
        self.running = False
        self.connected = False
        self.colour: tuple[int, int] | None = None  # width and height of colour images
        self._clock_us = 1_000_000
        self._rng = np.random.default_rng(3)

    def connect(self) -> DepthStatus:
        self.faults.enter("depth.connect")
        self.connected = self.running = True
        return self._status()

    def status(self) -> DepthStatus:
        self.faults.enter("depth.status")
        return self._status()

    def _status(self) -> DepthStatus:
        return DepthStatus("Fake Kinect", "2", "1.6", "NFOV_UNBINNED", 2500.0, 31.0)

    def calibration(self) -> bytes:
        self.faults.enter("depth.calibration")
        return CALIBRATION

    def burst(self, frames: int, drop: int) -> Burst:
        self.faults.enter("depth.burst")
        assert self.running, "a burst was asked of a camera whose infrared is stopped"
        self._clock_us += 33_333 * drop
        stamps = self._clock_us + 33_333 * np.arange(1, frames + 1, dtype=np.int64)
        self._clock_us = int(stamps[-1])
        depth, infrared = self._frames(frames)
        images = tuple(self._colour(index) for index in range(frames)) if self.colour else ()
        return Burst(
            depth=depth, infrared=infrared, colour=images, timestamps_us=stamps,
            system_ns=np.full(frames, time.time_ns(), np.int64),
            temperature_c=np.full(frames, 31.5, np.float32), calibration=CALIBRATION,
            mode="NFOV_UNBINNED", frames_per_s=30.0, device={"serial": "2"}, warm_up_s=2500.0,
        )  # fmt: skip

    def preview(self) -> DepthFrame:
        self.faults.enter("depth.preview")
        depth, infrared = self._frames(1)
        self._clock_us += 33_333
        return DepthFrame(depth[0], infrared[0], self._clock_us)

    def pause(self) -> None:
        self.faults.enter("depth.pause")
        self.running = False

    def resume(self) -> None:
        self.faults.enter("depth.resume")
        self.running = True

    def close(self) -> None:
        self.faults.calls.append("depth.close")
        self.connected = self.running = False

    def _frames(self, frames: int) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
        width, height = self.size
        depth = self._rng.integers(1197, 1204, (frames, height, width), dtype=np.uint16)
        infrared = self._rng.integers(400, 600, (frames, height, width), dtype=np.uint16)
        border = max(1, width // 16)
        depth[:, :, :border] = 0
        return depth, infrared

    def _colour(self, index: int) -> bytes:
        assert self.colour is not None
        width, height = self.colour
        image = np.full((height, width, 3), 60 + index, np.uint8)
        image[::4, ::3] = 200
        return cv2.imencode(".jpg", image)[1].tobytes()


class FakeRig(Rig):
    """Both fakes on one tripod. ``truths`` are written as truth files, if there are any."""

    photo: FakePhotoCamera
    depth: FakeDepthCamera

    def __init__(self, profile: RigProfile, photo: FakePhotoCamera, depth: FakeDepthCamera) -> None:
        super().__init__(profile, photo, depth)
        self.faults = photo.faults
        self.places: list[Place] = []
        self.truths: dict[str, bytes] = {}

    def place(self, place: Place) -> None:
        self.faults.enter("rig.place")
        self.places.append(place)

    def truth(self, folder: Path) -> list[Path]:
        self.faults.enter("rig.truth")
        for name, data in self.truths.items():
            write_bytes(folder / name, data)
        return [folder / name for name in self.truths]


def write_photo(
    camera: FakePhotoCamera, path: Path, settings: PhotoSettings, taken: datetime
) -> None:
    """Write ``path`` with suffix ``.jpg``, ``.nef`` or both, as if taken by hand at a time."""
    camera.settings = settings
    jpeg = _with_exif(camera._picture(), settings, taken)
    for kind, suffix in (("jpeg", ".jpg"), ("raw", ".nef")):
        if kind in (settings.format or "jpeg").split("+"):
            path.with_name(path.name + suffix).write_bytes(jpeg)


def fake_rig(
    profile: RigProfile | None = None,
    *,
    frames: int = 3,
    photo_size: tuple[int, int] = (240, 160),
    depth_size: tuple[int, int] = (64, 48),
) -> FakeRig:
    """A rig of fakes, not connected yet, whose bursts are short."""
    if profile is None:
        profile = fake_profile(frames)
    faults = Faults()
    return FakeRig(
        profile, FakePhotoCamera(faults, photo_size), FakeDepthCamera(faults, depth_size)
    )


def fake_profile(frames: int = 3) -> RigProfile:
    """A profile for short bursts."""
    profile = RigProfile(name="fake")
    burst = msgspec.structs.replace(profile.burst, frames=frames, drop=1)
    return msgspec.structs.replace(profile, burst=burst, margin_gb=0.0)


def _with_exif(jpeg: bytes, settings: PhotoSettings, taken: datetime) -> bytes:
    """Insert an EXIF block with the settings and the time after the JPEG's start marker."""
    f_number, exposure = settings.f_number or 10.0, settings.exposure_s or 0.125
    stamp = taken.strftime("%Y:%m:%d %H:%M:%S").encode() + b"\0"
    entries: list[tuple[int, int, int, bytes]] = [
        (0x829A, 5, 1, struct.pack("<II", round(exposure * 1_000_000), 1_000_000)),
        (0x829D, 5, 1, struct.pack("<II", round(f_number * 10), 10)),
        (0x8827, 3, 1, struct.pack("<H", settings.iso or 100)),
        (0x9003, 2, 20, stamp),
        (0x9291, 2, 3, f"{taken.microsecond // 10000:02d}\0".encode()),
    ]
    start = 8 + 2 + 12 + 4  # the only entry of the image directory points to the EXIF directory
    head = b"II*\0" + struct.pack("<IHHHIII", 8, 1, 0x8769, 4, 1, start, 0)
    data_start = start + 2 + 12 * len(entries) + 4
    directory, data = struct.pack("<H", len(entries)), b""
    for tag, kind, number, raw in entries:
        if len(raw) > 4:
            value = struct.pack("<I", data_start + len(data))
            data += raw
        else:
            value = raw.ljust(4, b"\0")
        directory += struct.pack("<HHI", tag, kind, number) + value
    app1 = b"Exif\0\0" + head + directory + struct.pack("<I", 0) + data
    return b"\xff\xd8\xff\xe1" + struct.pack(">H", len(app1) + 2) + app1 + jpeg[2:]
