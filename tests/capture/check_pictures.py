"""Made-up takes for the tests of the instant checks: textured photos and depth bursts."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from fake_rig import _with_exif
from numpy.typing import NDArray

from idfd.capture.cameras import PhotoSettings
from idfd.capture.checks import TakeInputs
from idfd.capture.exposure import PairPlan
from idfd.model.burst import Burst
from idfd.model.camera import CameraSettings

Image = NDArray[np.float32]
SIZE = (720, 480)
PLAN = PairPlan(PhotoSettings(10.0, 0.125, 100), PhotoSettings(2.8, 0.01, 100), 0.0)
TAKEN = datetime(2026, 3, 1, 12, 0, 0)


def wall(seed: int = 0, size: tuple[int, int] = SIZE) -> Image:
    """Linear light of a wall with detail of every size, (H, W) in [0, 1]."""
    width, height = size
    rng = np.random.default_rng(seed)
    light: Image = np.zeros((height, width), np.float32)
    for cell, weight in ((2, 0.25), (6, 0.3), (24, 0.3), (96, 0.15)):
        cells = rng.uniform(0, 1, (height // cell + 2, width // cell + 2)).astype(np.float32)
        large = np.repeat(np.repeat(cells, cell, axis=0), cell, axis=1)
        light += weight * large[:height, :width]
    return 0.02 + 0.6 * light


def moved(light: Image, x: float, y: float, roll: float = 0.0) -> Image:
    """The picture after the camera moved it by (x, y) pixels and rolled it, radians."""
    height, width = light.shape
    centre = ((width - 1) / 2, (height - 1) / 2)
    matrix = cv2.getRotationMatrix2D(centre, -np.degrees(roll), 1)
    matrix[:, 2] += np.array((x, y))
    return np.asarray(
        cv2.warpAffine(
            light, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
        ),
        np.float32,
    )


def blurred(light: Image, sigma: float = 2.0) -> Image:
    """Defocused to the right: the left edge of the frame is in focus."""
    share = np.linspace(0, 1, light.shape[1], dtype=np.float32)
    return light * (1 - share) + cv2.GaussianBlur(light, (0, 0), sigma) * share


def rgb(light: Image, gain: float = 1.0, seed: int = 1) -> NDArray[np.uint8]:
    """A photo of linear light with a little noise, (H, W, 3) uint8."""
    noise = np.random.default_rng(seed).normal(0, 1.0, light.shape)
    grey = 255 * np.clip(light * gain, 0, 1) ** (1 / 2.2) + noise
    return np.repeat(np.clip(np.rint(grey), 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def write_photo(
    path: Path, picture: NDArray[np.uint8], f_number: float, taken: datetime | None = TAKEN
) -> Path:
    """Write a JPEG with EXIF settings; without a time the EXIF block is left out."""
    data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
    if taken is not None:
        data = _with_exif(data, PhotoSettings(f_number, 0.125, 100), taken)
    path.write_bytes(data)
    return path


def burst(count: int = 8, sigma: float = 2.0, **changes: Any) -> Burst:
    """A wall at 1.5 m with noise, an invalid border and steady time stamps at 30 Hz."""
    rng = np.random.default_rng(5)
    shape = (count, 72, 80)
    depth = np.rint(1500 + rng.normal(0, sigma, shape)).astype(np.uint16)
    depth[:, :8] = 0
    made = Burst(
        depth=depth,
        infrared=rng.integers(300, 500, shape, dtype=np.uint16),
        colour=(),
        timestamps_us=1_000_000 + np.rint(np.arange(count) * 1e6 / 30).astype(np.int64),
        system_ns=np.arange(count, dtype=np.int64),
        temperature_c=np.full(count, 30, np.float32),
        calibration=b"{}",
        mode="NFOV_UNBINNED",
        frames_per_s=30.0,
    )
    return replace(made, **changes)


def take(
    folder: Path,
    sharp: NDArray[np.uint8] | None = None,
    defocused: NDArray[np.uint8] | None = None,
    **changes: Any,
) -> TakeInputs:
    """Inputs of a take in which all is well, but for what is given."""
    light = wall()
    sharp = rgb(light) if sharp is None else sharp
    defocused = rgb(blurred(light), seed=2) if defocused is None else defocused
    inputs = TakeInputs(
        all_in_focus=write_photo(folder / "all_in_focus.jpg", sharp, 10.0),
        defocused=write_photo(
            folder / "defocused.jpg", defocused, 2.8, TAKEN + timedelta(seconds=3)
        ),
        all_in_focus_settings=CameraSettings(f_number=10.0),
        defocused_settings=CameraSettings(f_number=2.8),
        plan=PLAN,
        burst=burst(),
        clock={"all_in_focus": 100.0, "defocused": 103.0, "depth": 106.0},
    )
    return replace(inputs, **changes)
