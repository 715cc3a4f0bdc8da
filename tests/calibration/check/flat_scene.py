"""Made-up scenes for the tests of the check: textured cards standing before a textured wall."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from idfd.calibration.kinect_factory import make_factory_calibration
from idfd.calibration.projection import ray_table
from idfd.capture.simulated.mount import COLOUR, DEPTH, DEPTH_TO_COLOUR, DEPTH_TO_PHOTO, SERIAL
from idfd.model import schema
from idfd.model.burst import Burst
from idfd.model.camera import CameraSettings, Extrinsics, Intrinsics
from idfd.model.rig import RigCalibration
from idfd.model.session import (
    SESSION,
    TAKE,
    DepthSummary,
    FileKind,
    FileRole,
    SessionDocument,
    TakeFile,
    TakeRecord,
)
from idfd.storage.bursts import write_burst
from idfd.storage.durable import write_bytes
from idfd.storage.hashing import sha256_file
from idfd.storage.images import encode_jpeg

PHOTO = Intrinsics(
    width=900, height=600, fx=480.0, fy=481.0, cx=452.0, cy=297.0, model="brown_conrady",
    distortion=(-0.05, 0.01, 1e-4, -1e-4, 0.0),
)  # fmt: skip
RIG = RigCalibration(photo=PHOTO, depth=DEPTH, depth_to_photo=DEPTH_TO_PHOTO, origin="calibrated")
_FRAMES = 3
_CELL_MM = 25.0


@dataclass(frozen=True)
class Card:
    """A rectangle across the depth camera's axis, millimetres, with its own texture."""

    left: float
    top: float
    width: float
    height: float
    z: float
    seed: int


def cards(seed: int) -> list[Card]:
    """A wall 2.8 m away and fourteen cards before it."""
    rng = np.random.default_rng(seed)
    found = [Card(-4000, -4000, 8000, 8000, 2800, 1000 + seed)]
    for number in range(14):
        z = rng.uniform(900, 2300)
        x, y = rng.uniform(-0.55, 0.45, 2) * z
        width, height = rng.uniform(0.08, 0.25, 2) * z
        found.append(Card(x, y, width, height, z, 1000 * (seed + 2) + number))
    return found


def turned(
    rig: RigCalibration,
    degrees: tuple[float, float, float] = (0, 0, 0),
    step_mm: tuple[float, float, float] = (0, 0, 0),
) -> RigCalibration:
    """The calibration of a rig whose photo camera is turned and moved by so much."""
    turn = cv2.Rodrigues(np.radians(degrees))[0]
    old = rig.depth_to_photo
    rotation = (turn @ np.array(old.rotation)).tolist()
    step = turn @ np.array(old.translation_mm) + step_mm
    return msgspec.structs.replace(
        rig,
        depth_to_photo=Extrinsics(
            source="depth",
            target="photo",
            rotation=(tuple(rotation[0]), tuple(rotation[1]), tuple(rotation[2])),
            translation_mm=tuple(step.tolist()),
        ),
    )


@lru_cache(maxsize=16)
def seen(
    seed: int, camera: Intrinsics, place: Extrinsics | None
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """What a camera sees of the cards: grey (H, W) uint8 and depth (H, W) mm along its axis.

    ``place`` leads from the depth camera's frame to the camera's; None is the depth camera itself.
    """
    rays = np.dstack([ray_table(camera), np.ones((camera.height, camera.width))])
    rotation = np.eye(3) if place is None else np.array(place.rotation)
    origin = np.zeros(3) if place is None else -rotation.T @ np.array(place.translation_mm)
    ways = rays @ rotation  # in the depth camera's frame
    depth = np.full(rays.shape[:2], np.inf)
    grey = np.zeros(rays.shape[:2], np.float32)
    for card in cards(seed):
        reach = (card.z - origin[2]) / ways[..., 2]
        x = origin[0] + reach * ways[..., 0] - card.left
        y = origin[1] + reach * ways[..., 1] - card.top
        hit = (x >= 0) & (x < card.width) & (y >= 0) & (y < card.height) & (reach < depth)
        hit &= np.isfinite(reach)
        depth[hit] = reach[hit]
        grey[hit] = texture(card, x[hit], y[hit])
    return np.clip(grey, 0, 255).astype(np.uint8), depth


def texture(card: Card, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float32]:
    """Smooth random grey, of a brightness of the card's own."""
    rng = np.random.default_rng(card.seed)
    cells = rng.uniform(-80, 80, (340, 340)).astype(np.float32) + rng.uniform(90, 170)
    shape = (1, -1)
    places = [(v / _CELL_MM + 1).astype(np.float32).reshape(shape) for v in (x, y)]
    parts = [
        cv2.remap(cells, p[0][:, i : i + 30000], p[1][:, i : i + 30000], cv2.INTER_CUBIC).ravel()
        for p in (places,)
        for i in range(0, x.size, 30000)
    ]
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


def burst(seed: int, colour: bool = True) -> Burst:
    """The depth camera's frames, with a little noise."""
    _, depth = seen(seed, DEPTH, None)
    rng = np.random.default_rng(seed)
    noisy = depth + rng.normal(0, 3, (_FRAMES, *depth.shape))
    frames = np.where(np.isfinite(noisy), noisy.round(), 0).astype(np.uint16)
    pictures: tuple[bytes, ...] = ()
    if colour:
        grey = noised(seen(seed, COLOUR, DEPTH_TO_COLOUR)[0], seed)
        pictures = (encode_jpeg(np.dstack([grey] * 3), 92),) * _FRAMES
    return Burst(
        depth=frames,
        infrared=np.zeros_like(frames),
        colour=pictures,
        timestamps_us=np.arange(_FRAMES, dtype=np.int64) * 33_333,
        system_ns=np.arange(_FRAMES, dtype=np.int64),
        temperature_c=np.full(_FRAMES, 30, np.float32),
        calibration=make_factory_calibration(DEPTH, COLOUR, DEPTH_TO_COLOUR, SERIAL),
        mode="NFOV_UNBINNED",
        frames_per_s=30.0,
    )


def photo(seed: int) -> NDArray[np.uint8]:
    """The all-in-focus photo of the rig as it is in :data:`RIG`, grey."""
    return noised(seen(seed, PHOTO, DEPTH_TO_PHOTO)[0], seed + 1)


def noised(grey: NDArray[np.uint8], seed: int) -> NDArray[np.uint8]:
    noise = np.random.default_rng(seed).normal(0, 3, grey.shape)
    return np.clip(grey + noise, 0, 255).astype(np.uint8)


def write_take(folder: Path, seed: int, colour: bool = True) -> Path:
    """A take on disk, as a session holds it; returns its folder."""
    name = f"cards_{seed}"
    take = folder / "scenes" / "cards" / name
    take.mkdir(parents=True)
    write_bytes(take / "all_in_focus.jpg", encode_jpeg(np.dstack([photo(seed)] * 3), 92))
    depth = write_burst(take / "depth.h5", burst(seed, colour))
    roles: tuple[tuple[FileRole, FileKind, str], ...] = (
        ("all_in_focus", "jpeg", "all_in_focus.jpg"), ("depth", "burst", depth.path)
    )  # fmt: skip
    files = [
        TakeFile(
            role=role,
            kind=kind,
            file=msgspec.structs.replace(depth, path=path, sha256=sha256_file(take / path)),
        )
        for role, kind, path in roles
    ]
    settings = CameraSettings(f_number=10.0)
    record = TakeRecord(
        id=name, scene="cards", group="cards", environment="lab", number=1,
        taken_at="2026-03-01T12:00:00+00:00", files=tuple(files), all_in_focus=settings,
        defocused=settings, exposure_residual_stops=None,
        depth=DepthSummary(
            frames=_FRAMES, mode="NFOV_UNBINNED", valid_share=0.8, temperature_c=30.0,
            warm_up_s=None,
        ),
        clock={}, checks=(), verdict="pass",
    )  # fmt: skip
    write_bytes(take / TAKE, schema.encode(record))
    return take


def write_session(folder: Path, seeds: tuple[int, ...]) -> Path:
    """A session of cards, as far as the check reads it."""
    for seed in seeds:
        write_take(folder, seed)
    document = SessionDocument(name="cards", created_at="2026-03-01T12:00:00+00:00", tool="test")
    write_bytes(folder / SESSION, schema.encode(document))
    return folder
