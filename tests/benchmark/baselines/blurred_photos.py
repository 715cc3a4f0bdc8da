"""Sharp pictures with a known blur, and datasets of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import msgspec
import numpy as np
import torch
from benchmark_data import FakeDataset, make_record
from numpy.typing import NDArray

from idfd.benchmark.baselines.dncnn import DnCNN
from idfd.benchmark.baselines.light import to_bytes
from idfd.benchmark.baselines.spot import Spot
from idfd.model.camera import CameraSettings, Intrinsics
from idfd.model.triple import Triple
from idfd.storage.color import linear_from_uint8

HEIGHT, WIDTH = 64, 80
FOCAL_MM, F_NUMBER, FX = 35.0, 2.8, 900.0


def picture(seed: int, height: int = HEIGHT, width: int = WIDTH) -> NDArray[np.uint8]:
    """Overlapping bright and dark shapes with soft texture: edges of all directions."""
    draw = np.random.default_rng(seed)
    photo = np.full((height, width, 3), 90, np.uint8)
    for _ in range(20):
        at = (int(draw.integers(0, width)), int(draw.integers(0, height)))
        colour = tuple(int(level) for level in draw.integers(20, 235, 3))
        cv2.circle(photo, at, int(draw.integers(3, 14)), colour, -1, cv2.LINE_AA)
    return photo


def blurred(sharp: NDArray[np.uint8], spot: Spot) -> NDArray[np.uint8]:
    """The photo through a lens with one spot: a convolution of linear light."""
    light = linear_from_uint8(sharp)
    kernel = spot.kernel().astype(np.float32)
    return to_bytes(
        np.asarray(cv2.filter2D(light, -1, kernel, borderType=cv2.BORDER_REFLECT), np.float32)
    )


def blurred_set(spot: Spot, count: int = 1) -> FakeDataset:
    """Photos of one spot, of a lens that nothing is known of."""
    return FakeDataset([blurred_triple(f"room{seed}-a", seed, spot) for seed in range(count)])


def blurred_triple(name: str, seed: int, spot: Spot) -> Triple:
    sharp = picture(seed)
    return Triple(
        all_in_focus=sharp,
        defocused=blurred(sharp, spot),
        depth=np.full(sharp.shape[:2], 2000, np.uint16),
        source=np.ones(sharp.shape[:2], np.uint8),
        uncertainty=None,
        record=make_record(name),
    )


def with_lens(triple: Triple, focus_distance_m: float | None) -> Triple:
    """The triple with the settings and the camera that give a thin lens, sharp at f/1000."""
    camera = Intrinsics(
        width=WIDTH, height=HEIGHT, fx=FX, fy=FX, cx=(WIDTH - 1) / 2, cy=(HEIGHT - 1) / 2
    )
    record = msgspec.structs.replace(
        triple.record,
        all_in_focus=CameraSettings(f_number=1000),
        defocused=CameraSettings(
            f_number=F_NUMBER, focal_length_mm=FOCAL_MM, focus_distance_m=focus_distance_m
        ),
        intrinsics=camera,
    )
    return replace(triple, record=record)


def write_weights(path: Path, channels: int = 1, depth: int = 3, width: int = 4) -> Path:
    """A small weight file in the layout of KAIR, of random numbers."""
    torch.manual_seed(0)
    torch.save(DnCNN(channels, depth, width).state_dict(), path)
    return path
