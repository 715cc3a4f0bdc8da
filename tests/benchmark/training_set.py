"""A release to train on, and a network a hundredth of the size, for tests of training.

Run as a program it is ``idfd`` with the small network, and saves the state after every step.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest
from benchmark_data import FakeDataset, make_record, make_release

from idfd.benchmark.network import decoder, encoder
from idfd.benchmark.training.config import TrainConfig, change_config
from idfd.model.triple import Crop, DepthSource, Triple

SIDES = (72, 96)
SMALL = {
    (encoder, "BLOCKS"): (2, 2, 2, 2),
    (decoder, "CHAIN"): ((128, 16), (80, 16), (80, 16), (80, 16), (80, 8)),
}
"""All layers are there, but fewer in a block and with fewer channels: 0.7 M parameters."""

QUICK = change_config(
    TrainConfig(),
    {
        "epochs": 3,
        "batch": 2,
        "crop": 32,
        "precision": "fp32",
        "pictures_every": 0,
        "workers": 0,
        "average": 0.9,
        "optimiser.rate": 2e-3,
        "augment.rotation_deg": 10,
        "network.dropout": 0.5,
        "validation.share": 0.3,
    },
)
"""Settings that use every part of a run's state: running mean, dropout, balance."""


def training_triple(name: str, seed: int, sides: tuple[int, int] = SIDES) -> Triple:
    """Smooth texture; a defocused photo; depth that grows to the right."""
    generator = np.random.default_rng(seed)
    height, width = sides
    coarse = generator.integers(0, 256, (height // 4, width // 4, 3), np.uint8)
    sharp = np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)
    depth = np.tile(np.linspace(800, 3000, width), (height, 1)).astype(np.uint16)
    depth[:3, :4] = 0
    record = msgspec.structs.replace(
        make_record(name), crop=Crop(x=0, y=0, width=width, height=height)
    )
    return Triple(
        all_in_focus=sharp,
        defocused=np.asarray(cv2.GaussianBlur(sharp, (0, 0), 1.5), np.uint8),
        depth=depth,
        source=np.where(depth > 0, np.uint8(DepthSource.MEASURED), np.uint8(0)),
        uncertainty=None,
        record=record,
    )


def training_release(folder: Path, count: int = 7) -> Path:
    """A release with ``count`` training triples of as many scenes, one to test on, no 'val'."""
    train = [training_triple(f"room{k}-a", k) for k in range(count)]
    test = FakeDataset([training_triple("hall-a", 99)])
    return make_release(folder, test, replace(test, triples=train, split="train"))


@contextmanager
def small_networks() -> Iterator[None]:
    """Build networks of 0.7 M parameters wherever the true one would be built."""
    with pytest.MonkeyPatch.context() as patch:
        for (module, name), value in SMALL.items():
            patch.setattr(module, name, value)
        yield


def main() -> None:
    from idfd.benchmark.training import loop
    from idfd.cli.main import main as idfd

    loop.SAVE_SECONDS = 0.0
    for (module, name), value in SMALL.items():
        setattr(module, name, value)
    if folder := os.environ.get("IDFD_TEST_WEIGHTS"):
        keep_parameters(Path(folder))
    idfd()


def keep_parameters(folder: Path) -> None:
    """Let each process write the parameters after every step, to compare them."""
    import torch

    from idfd.benchmark.training.state import Weights

    stepped = Weights.stepped

    def writing(weights: Weights) -> None:
        stepped(weights)
        path = folder / f"rank{os.environ.get('RANK', '0')}.pt"
        torch.save({name: part.detach() for name, part in weights.network.named_parameters()}, path)

    setattr(Weights, "stepped", writing)  # noqa: B010


if __name__ == "__main__":
    main()
