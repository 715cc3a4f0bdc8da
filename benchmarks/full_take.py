"""A take as a rig shoots it, 24 megapixels, as a session on disk: made up, but in the true format.

The photos show a picture; the defocused one is blurred by the depth of the scene, moved by a touch
of the tripod, dimmed towards the corners. The burst sees two walls, a box and a ball through the
depth camera's own lens, with noise, flickering and empty pixels.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from idfd.model.burst import Burst
from idfd.model.camera import CameraSettings
from idfd.model.defocus import DefocusModel
from idfd.model.provenance import FileReference
from idfd.model.rig import RigCalibration
from idfd.model.schema import encode
from idfd.model.session import (
    CALIBRATION,
    SCENE,
    SCENES,
    SESSION,
    TAKE,
    DepthSummary,
    SceneDocument,
    SessionDocument,
    TakeFile,
    TakeRecord,
)
from idfd.storage.bursts import write_burst
from idfd.storage.hashing import sha256_file
from idfd.version import __version__

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests/processing/depth"))
from register_scenes import RATIONAL, Scene, bent_rig, lens_camera

LENS = (0.09, -0.12, 0.0003, -0.0004, 0.02)
FRAMES = 30
_FOCUS_M, _FOCAL_SHARE = 1.2, 0.79


def write_session(
    folder: Path, width: int = 6000, height: int = 4000, picture: Path | None = None
) -> RigCalibration:
    """Write a session with one take; what the photos show is drawn where no picture is given."""
    rig = _rig(width, height)
    take = folder / SCENES / "room" / "room_1"
    take.mkdir(parents=True)
    sharp = _texture(width, height) if picture is None else _enlarged(picture, width, height)
    assert rig.blur is not None
    soft = _defocused(sharp, rig.blur)
    noise = np.random.default_rng(1).normal(0, 1.5, (512, 512, 3))
    files = []
    for role, photo in (("all_in_focus", sharp), ("defocused", soft)):
        grain = np.tile(noise, (-(-height // 512), -(-width // 512), 1))[:height, :width]
        noisy = np.clip(np.rint(photo + grain), 0, 255).astype(np.uint8)
        path = take / f"{role}.jpg"
        cv2.imwrite(str(path), noisy, [cv2.IMWRITE_JPEG_QUALITY, 95])
        reference = FileReference(
            path=path.name, sha256=sha256_file(path), bytes=path.stat().st_size
        )
        files.append(TakeFile(role=role, kind="jpeg", file=reference))  # type: ignore[arg-type]
        noise = noise[::-1].copy()
    burst = write_burst(take / "burst.h5", _burst(rig))
    files.append(TakeFile(role="depth", kind="burst", file=burst))
    f = {"all_in_focus": 10.0, "defocused": 2.8}
    settings = {role: CameraSettings(f_number=number) for role, number in f.items()}
    record = TakeRecord(
        id="room_1", scene="room", group="room", environment="room", number=1,
        taken_at="2026-01-01T10:00:00+00:00", files=tuple(files), exposure_residual_stops=0.0,
        depth=DepthSummary(
            frames=FRAMES, mode="NFOV_UNBINNED", valid_share=0.9, temperature_c=31.0,
            warm_up_s=2000.0,
        ),
        clock={"all_in_focus": 100.0, "defocused": 103.0, "depth": 106.0}, checks=(),
        verdict="pass", simulated=True, **settings,
    )  # fmt: skip
    (take / TAKE).write_bytes(encode(record))
    scene = SceneDocument(name="room", group="room")
    (folder / SCENES / "room" / SCENE).write_bytes(encode(scene))
    (folder / CALIBRATION).write_bytes(encode(rig))
    about = SessionDocument(
        name="outing", created_at="2026-01-01T09:00:00+00:00", simulated=True,
        tool=f"idfd {__version__}",
    )  # fmt: skip
    (folder / SESSION).write_bytes(encode(about))
    return rig


def _rig(width: int, height: int) -> RigCalibration:
    """The depth camera sees about what the photo shows, so that most of its pixels are used."""
    photo = lens_camera(width, height, _FOCAL_SHARE * width, LENS)
    rig = bent_rig(
        photo,
        lens_camera(640, 576, 504.0, RATIONAL),
        turn=(0.01, 0.02, 0.003),
        shift=(-40.0, 5.0, -10.0),
    )
    blur = DefocusModel(
        width=width, height=height, centre=(photo.cx, photo.cy), f_number=2.8,
        scale_px_m=width / 160, focus_distance_m=_FOCUS_M, sharp_f_number=10.0,
    )  # fmt: skip
    return msgspec.structs.replace(rig, blur=blur)


def _texture(width: int, height: int) -> NDArray[np.float32]:
    """Noise of many scales with edges, as files of a camera have: about 10 MB as JPEG."""
    random = np.random.default_rng(0)
    image = np.full((height, width, 3), 110, np.float32)
    for size in (8, 24, 64, 180, 500, 1400):
        grid = (size * height // width, size, 3)
        layer = random.normal(0, 1, grid).astype(np.float32)
        image += 17 * cv2.resize(layer, (width, height), interpolation=cv2.INTER_LINEAR)
    for _ in range(120):
        x, y = (int(random.integers(side)) for side in (width, height))
        size = int(random.integers(width // 60, width // 12))
        colour = random.uniform(-60, 60, 3).astype(np.float32)
        image[y : y + size, x : x + size] += colour
    return np.clip(image, 2, 245)


def _enlarged(picture: Path, width: int, height: int) -> NDArray[np.float32]:
    image = cv2.imread(str(picture))
    assert image is not None
    found = cv2.resize(image, (width, height), interpolation=cv2.INTER_LANCZOS4)
    return found.astype(np.float32)


def _defocused(sharp: NDArray[np.float32], blur: DefocusModel) -> NDArray[np.float32]:
    """Blurred between four levels by depth, in encoded values; moved, scaled and dimmed."""
    height, width = sharp.shape[:2]
    small = _rig(width // 8, height // 8)
    depth = Scene().photo_view(small)[0].astype(np.float32) / 1000
    depth = cv2.resize(depth, (width, height), interpolation=cv2.INTER_NEAREST)
    circle = np.abs(blur.scale_px_m * (1 / blur.focus_distance_m - 1 / np.maximum(depth, 0.1)))
    sigmas = np.array([0.6, 2.0, 4.0, 8.0], np.float32)
    level = np.interp(circle / 4, sigmas, np.arange(len(sigmas))).astype(np.float32)
    soft = np.zeros_like(sharp)
    for number, sigma in enumerate(sigmas):
        share = np.maximum(0, 1 - np.abs(level - number))[..., None]
        soft += share * cv2.GaussianBlur(sharp, (0, 0), float(sigma))
    scale, turn = 1.0015, 0.0004
    moved = np.array([
        [scale, -turn, 3.3 - (scale - 1) * width / 2],
        [turn, scale, -2.2 - (scale - 1) * height / 2],
    ])  # fmt: skip
    soft = cv2.warpAffine(
        soft, moved, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
    )
    x, y = np.linspace(-1, 1, width), np.linspace(-1, 1, height)
    dim = 0.97 - 0.1 * (0.7 * x**2 + 0.3 * y[:, None] ** 2)
    return np.asarray(soft * dim.astype(np.float32)[..., None])


def _burst(rig: RigCalibration) -> Burst:
    random = np.random.default_rng(2)
    truth = Scene().depth_view(rig)
    shape = (FRAMES, *truth.shape)
    depth = truth + random.normal(0, 3, shape)
    edge = cv2.dilate(truth, np.ones((3, 3))) - cv2.erode(truth, np.ones((3, 3))) > 100
    depth[:, edge] += random.normal(0, 150, (FRAMES, int(edge.sum())))
    empty = np.zeros(truth.shape, np.uint8)
    for _ in range(60):
        centre = int(random.integers(truth.shape[1])), int(random.integers(truth.shape[0]))
        axes = random.integers(2, 14, 2).tolist()
        cv2.ellipse(empty, centre, axes, float(random.uniform(0, 180)), 0, 360, 1, -1)
    depth[:, empty > 0] = 0
    depth[random.uniform(size=shape) < 0.03] = 0
    stamps = 33_333 * np.arange(FRAMES, dtype=np.int64)
    return Burst(
        depth=np.clip(np.rint(depth), 0, 5000).astype(np.uint16),
        infrared=random.integers(50, 1500, shape, dtype=np.uint16),
        colour=(), timestamps_us=stamps, system_ns=1000 * stamps,
        temperature_c=np.full(FRAMES, 31.0, np.float32), calibration=b"{}",
        mode="NFOV_UNBINNED", frames_per_s=30.0,
    )  # fmt: skip
