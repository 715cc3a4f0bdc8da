"""Training samples: windows of triples, each a function of the seed and of its place in the run."""

from __future__ import annotations

from collections import Counter
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from idfd.benchmark.training.config import AugmentConfig
from idfd.errors import ReleaseError
from idfd.model.triple import DepthSource, Modality, Triple
from idfd.release.reader import IDFD

Slices = tuple[slice, slice]


def check_parts(data: IDFD, ids: tuple[str, ...], parts: frozenset[Modality]) -> None:
    """Refuse to learn from what the source data of a triple lacks; its array holds zeros.

    Args:
        data: The release.
        ids: The triples to learn from.
        parts: What the training needs of each.

    Raises:
        ReleaseError: It names the first triple that lacks something.
    """
    for take in ids:
        lacking = parts & set(data.record(take).absent)
        if lacking:
            raise ReleaseError(
                f"triple {take} has no {' and no '.join(sorted(lacking))}",
                where=data.path,
                limit=f"triples with {', '.join(sorted(parts))}",
                remedy="Train heads that need less: network.heads, loss.self_supervised.sharp",
            )


class Samples(Dataset[dict[str, Any]]):
    """Sample ``k`` of a run: triple ``k mod n`` of the shuffled pass ``k div n``.

    Nothing but the arguments and ``k`` decides a sample, so that a run that goes on after a kill,
    and one of more processes, sees the samples of an undisturbed one.

    Args:
        data: The release's training split, best with its training cache.
        ids: The triples to use.
        crop: Side of the square windows in pixels.
        augment: Changes to a sample.
        seed: Decides order, windows and changes.

    Raises:
        ReleaseError: No triples, or one is smaller than a window.
    """

    def __init__(
        self, data: IDFD, ids: tuple[str, ...], crop: int, augment: AugmentConfig, seed: int
    ) -> None:
        self.data = data
        self.ids = ids
        self.crop = crop
        self.augment = augment
        self.seed = seed
        if not ids:
            raise ReleaseError("there are no triples to train on", where=data.path)
        self.sizes = {take: data.shape(take) for take in ids}
        for take, (height, width) in self.sizes.items():
            if min(height, width) < crop:
                raise ReleaseError(
                    f"triple {take} is {width}x{height}",
                    where=data.path,
                    limit=f"at least the {crop}x{crop} pixels of a training window",
                    remedy="Set a smaller crop",
                )

    @property
    def photo_size(self) -> tuple[int, int]:
        """Width and height of most of the photos."""
        (height, width), _ = Counter(self.sizes.values()).most_common(1)[0]
        return width, height

    def __getitem__(self, k: int) -> dict[str, Any]:
        """A sample.

        Returns:
            ``defocused`` and ``all_in_focus`` (3, c, c) uint8, ``depth`` (1, c, c) float32 metres,
            ``valid`` and ``measured`` (1, c, c) bool, ``uncertainty`` (1, c, c) float32 metres,
            NaN where unknown, and ``gain`` (3, 1, 1) float32, the factors of the channels of both
            photos.
        """
        turn, place = divmod(k, len(self.ids))
        order = np.random.default_rng([self.seed, 1, turn]).permutation(len(self.ids))
        take = self.ids[order[place]]
        draw = np.random.default_rng([self.seed, 2, k])
        largest = min(self.augment.rotation_deg, _largest_turn(self.sizes[take], self.crop))
        angle = largest * draw.uniform(-1, 1)
        mirrored = self.augment.flip and draw.random() < 0.5
        exposure = self.augment.exposure_stops * draw.uniform(-1, 1)
        stops = exposure + self.augment.colour_stops * draw.uniform(-1, 1, 3)
        arrays = self._window(take, angle, draw)
        if mirrored:
            arrays = {name: np.ascontiguousarray(array[:, ::-1]) for name, array in arrays.items()}
        sample = {
            name: torch.from_numpy(array.transpose(2, 0, 1) if array.ndim == 3 else array[None])
            for name, array in arrays.items()
        }
        # Photos are encoded with a power of about 1/2.2; a gain in linear light becomes this.
        sample["gain"] = torch.from_numpy(2 ** (stops / 2.2)).float().reshape(3, 1, 1)
        return sample

    def _window(
        self, take: str, angle: float, draw: np.random.Generator
    ) -> dict[str, NDArray[Any]]:
        height, width = self.sizes[take]
        side = _turned_side(self.crop, angle) if angle else self.crop
        rows, columns = min(side, height), min(side, width)
        y = int(draw.integers(0, height - rows + 1))
        x = int(draw.integers(0, width - columns + 1))
        arrays = _arrays(self.data.read(take, (slice(y, y + rows), slice(x, x + columns))))
        return _turned(arrays, angle, self.crop) if angle else arrays


MARGIN = 8
"""Pixels that Lanczos' kernel of 8 by 8 reads beyond a turned window, both sides together."""


def _turned_side(crop: int, angle: float) -> int:
    """Side of the upright square that holds a window turned by ``angle`` degrees."""
    turned = np.deg2rad(abs(angle))
    return int(np.ceil(crop * (np.cos(turned) + np.sin(turned)))) + MARGIN


def _largest_turn(size: tuple[int, ...], crop: int) -> float:
    """Degrees by which a window can be turned within a photo; no border is ever made up.

    Example:
        >>> _largest_turn((422, 630), 256), _largest_turn((256, 256), 256)
        (45.0, 0.0)
    """
    # cos a + sin a = √2 sin(a + 45°), which must not exceed the free size over the window's.
    ratio = (min(size) - MARGIN - 1) / crop
    if ratio <= 1:
        return 0.0
    return float(np.rad2deg(np.arcsin(min(ratio / np.sqrt(2), 1.0)))) - 45.0


def _arrays(triple: Triple) -> dict[str, NDArray[Any]]:
    depth = triple.depth.astype(np.float32) / 1000
    if triple.uncertainty is None:
        uncertainty = np.full(depth.shape, np.nan, np.float32)
    else:
        uncertainty = triple.uncertainty.astype(np.float32)
    return {
        "defocused": triple.defocused,
        "all_in_focus": triple.all_in_focus,
        "depth": depth,
        "valid": depth > 0,
        "measured": triple.source == DepthSource.MEASURED,
        "uncertainty": uncertainty,
    }


def _turned(arrays: dict[str, NDArray[Any]], angle: float, side: int) -> dict[str, NDArray[Any]]:
    """Rotate about the middle, and cut the middle ``side`` pixels out.

    Photos are interpolated with Lanczos' kernel, because a softer one would blur both; maps keep
    the value of the nearest pixel, because a mean of two depths is the depth of nothing.
    """
    rows, columns = arrays["depth"].shape
    matrix = cv2.getRotationMatrix2D(((columns - 1) / 2, (rows - 1) / 2), angle, 1)
    matrix[:, 2] += (side - columns) / 2, (side - rows) / 2
    out: dict[str, NDArray[Any]] = {}
    for name, array in arrays.items():
        photo = array.ndim == 3
        plain = array.astype(np.uint8) if array.dtype == np.bool_ else array
        made = cv2.warpAffine(
            plain,
            matrix,
            (side, side),
            flags=cv2.INTER_LANCZOS4 if photo else cv2.INTER_NEAREST,
            # Never seen: the window lies within the arrays.
            borderMode=cv2.BORDER_REFLECT_101,
        )
        out[name] = made.astype(array.dtype)
    return out


class Positions(Sampler[list[int]]):
    """Numbers of the samples of each step, from step ``first`` on, for one of several processes.

    Args:
        first: First step.
        last: Step to stop before.
        batch: Samples of a step over all processes.
        rank: Which process this is.
        world: How many there are.
    """

    def __init__(self, first: int, last: int, batch: int, rank: int = 0, world: int = 1) -> None:
        self.steps = range(first, last)
        self.batch = batch
        self.rank = rank
        self.world = world

    def __iter__(self) -> Any:
        share = self.batch // self.world
        for step in self.steps:
            start = step * self.batch + self.rank * share
            yield list(range(start, start + share))

    def __len__(self) -> int:
        return len(self.steps)


def prepare(
    batch: dict[str, Tensor], device: torch.device, channels_last: bool
) -> dict[str, Tensor]:
    """Move a batch to the device, photos as float32 in [0, 1] with their gains applied."""
    moved = {name: tensor.to(device, non_blocking=True) for name, tensor in batch.items()}
    gain = moved.pop("gain")
    layout = torch.channels_last if channels_last else torch.contiguous_format
    for name in ("defocused", "all_in_focus"):
        photo = (moved[name].float() / 255 * gain).clamp_(0, 1)
        moved[name] = photo.contiguous(memory_format=layout)
    return moved
