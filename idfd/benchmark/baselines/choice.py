"""Settings of a baseline, chosen on the training split by what the benchmark scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from idfd.benchmark.baselines.spot import excess
from idfd.benchmark.dataset import TripleDataset
from idfd.benchmark.metrics.restoration import psnr
from idfd.benchmark.models import ModelInput
from idfd.errors import ReleaseError
from idfd.model.triple import Triple
from idfd.progress import track

T = TypeVar("T")
_CAP_DB = 100.0
"""PSNR of a window that was restored exactly."""


@dataclass(frozen=True)
class Window:
    """A window of a training triple.

    Attributes:
        item: What a model may see of it, as if it were a photo.
        truth: Its sharp photo, (h, w, 3) uint8.
        depth_m: Its depth, (h, w) float32 metres, 0 where unknown.
        factor: See :func:`idfd.benchmark.baselines.spot.excess`.
    """

    item: ModelInput
    truth: NDArray[np.uint8]
    depth_m: NDArray[np.float32]
    factor: float


def training_windows(train: TripleDataset, photos: int, side: int, each: int = 1) -> list[Window]:
    """Windows of at most ``photos`` photos spread evenly over the split, at drawn places.

    Args:
        train: The training split.
        photos: How many photos are read.
        side: Of the square windows, pixels; a smaller photo gives smaller ones.
        each: Windows of a photo.

    Raises:
        ReleaseError: The split has no pair of a defocused and a sharp photo.
    """
    draw = np.random.default_rng(0)
    windows = []
    count = min(photos, len(train))
    for index in np.linspace(0, len(train) - 1, count).astype(int):
        triple = train[int(index)]
        if {"all_in_focus", "defocused"}.isdisjoint(triple.record.absent):
            windows += [_window(triple, side, draw) for _ in range(each)]
    if not windows:
        raise ReleaseError(
            f"split '{train.split}' has no pair of photos to learn from",
            where=train.info.name,
            limit="triples with a defocused and a sharp photo",
        )
    return windows


def _window(triple: Triple, side: int, draw: np.random.Generator) -> Window:
    record = triple.record
    height, width = triple.depth.shape
    rows, columns = min(side, height), min(side, width)
    y = int(draw.integers(0, height - rows + 1))
    x = int(draw.integers(0, width - columns + 1))
    part = np.s_[y : y + rows, x : x + columns]
    camera = record.intrinsics
    return Window(
        item=ModelInput(
            id=record.id,
            defocused=triple.defocused[part].copy(),
            settings=record.defocused,
            intrinsics=camera and camera.cropped(x, y, columns, rows),
            blur=record.blur,
            scale=record.crop.scale,
        ),
        truth=triple.all_in_focus[part].copy(),
        depth_m=triple.depth[part] / np.float32(1000),
        factor=excess(record),
    )


def choose(
    windows: Sequence[Window],
    candidates: Sequence[T],
    restore: Callable[[Window, T], NDArray[np.uint8]],
    label: str,
) -> T:
    """The candidate with the highest mean PSNR over the windows; the first of equals.

    Args:
        windows: Of :func:`training_windows`.
        candidates: Settings.
        restore: Gives the deblurred window, (h, w, 3) uint8, for settings.
        label: What the progress bar says.
    """
    scores = [
        np.mean([min(psnr(restore(window, one), window.truth), _CAP_DB) for window in windows])
        for one in track(candidates, len(candidates), label)
    ]
    return candidates[int(np.argmax(scores))]
