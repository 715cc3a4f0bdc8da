"""Training images per second: ours against a plain loop over files.

The peer is the loop that one writes first: the same network in fp32, NCHW, with Adam as it comes,
the same loss, and a folder data set whose items are decoded from JPEG photos and PNG depth when
the step needs them. Ours is ``idfd benchmark train`` without its validation: bf16, channels_last,
fused Adam, and windows cut from the training cache (with workers where there is a GPU).

Both take batches of 4 windows of 256x256. Processor time is reported beside the wall clock: it
says the same on a machine that is not idle, where no clean round can be had.

Usage: python benchmarks/train_throughput.py RELEASE [--steps N] [--rounds N] [--cpu-time-only]
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
from rounds import compare, print_ratios
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader

from idfd.benchmark.losses.config import LossConfig
from idfd.benchmark.losses.total import Balance, terms, total
from idfd.benchmark.network.decoder import DecoderBlock
from idfd.benchmark.network.start import initialise
from idfd.benchmark.network.twohead import TwoHeadNet
from idfd.benchmark.training.config import AugmentConfig, TrainConfig
from idfd.benchmark.training.device import open_fabric
from idfd.benchmark.training.learner import Learner
from idfd.benchmark.training.samples import Positions, Samples
from idfd.benchmark.training.state import Weights
from idfd.release.reader import IDFD

BATCH = 4
CROP = 256
SCHEDULED = 10**6


def write_files(data: IDFD, folder: Path) -> None:
    """The training split as a folder of JPEG and PNG files."""
    for take in data.ids:
        triple = data.read(take)
        for name in ("defocused", "all_in_focus"):
            photo = cv2.cvtColor(getattr(triple, name), cv2.COLOR_RGB2BGR)
            cv2.imwrite(str(folder / f"{take}.{name}.jpg"), photo, [cv2.IMWRITE_JPEG_QUALITY, 95])
        cv2.imwrite(str(folder / f"{take}.depth.png"), triple.depth)


def plain_block(block: DecoderBlock, x: Tensor) -> Tensor:
    """A block of the decoder as its layers come, without the shortcut of our own."""
    x = functional.relu(block.norm1(block.up(x)))
    return functional.relu(block.norm2(block.conv(x)))


class Peer:
    """The plain loop; calling it takes some steps."""

    def __init__(self, folder: Path, ids: tuple[str, ...], device: torch.device) -> None:
        self.folder, self.ids, self.device = folder, ids, device
        self.network = TwoHeadNet().to(device).train()
        initialise(self.network, 0)
        for block in self.network.modules():
            if isinstance(block, DecoderBlock):
                block.forward = partial(plain_block, block)  # type: ignore[method-assign]
        self.optimiser = torch.optim.Adam(self.network.parameters(), 2e-4, (0.5, 0.999))
        self.loss, self.balance = LossConfig(), Balance("auto")
        self.generator = np.random.default_rng(0)
        self.waited = 0.0

    def item(self) -> dict[str, Tensor]:
        """A window of a triple that is decoded from its files."""
        take = self.ids[int(self.generator.integers(len(self.ids)))]
        photos = {}
        for name in ("defocused", "all_in_focus"):
            photo = cv2.imread(str(self.folder / f"{take}.{name}.jpg"))
            assert photo is not None
            photos[name] = cv2.cvtColor(photo, cv2.COLOR_BGR2RGB)
        depth = cv2.imread(str(self.folder / f"{take}.depth.png"), cv2.IMREAD_UNCHANGED)
        assert depth is not None
        height, width = depth.shape
        y = int(self.generator.integers(height - CROP + 1))
        x = int(self.generator.integers(width - CROP + 1))
        part = (slice(y, y + CROP), slice(x, x + CROP))
        metres = torch.from_numpy(depth[part].astype(np.float32))[None] / 1000
        arrays = {name: torch.from_numpy(photo[part].copy()) for name, photo in photos.items()}
        made = {name: array.permute(2, 0, 1).float() / 255 for name, array in arrays.items()}
        return made | {"depth": metres, "valid": metres > 0}

    def __call__(self, steps: int) -> None:  # noqa: D102
        for _ in range(steps):
            began = time.perf_counter()
            items = [self.item() for _ in range(BATCH)]
            batch = {
                name: torch.stack([item[name] for item in items]).to(self.device)
                for name in items[0]
            }
            self.waited += time.perf_counter() - began
            self.optimiser.zero_grad()
            found = terms(self.network(batch["defocused"] * 2 - 1), batch, self.loss)
            loss, _ = total(found, self.balance)
            loss.backward()
            self.optimiser.step()
            float(loss.detach())


class Ours:
    """The learner of ``idfd benchmark train``, fed as there; calling it takes some steps."""

    def __init__(self, data: IDFD, device: str) -> None:
        config = TrainConfig(batch=BATCH, crop=CROP, precision="bf16")
        fabric, _ = open_fabric(config.precision, device)
        network = TwoHeadNet().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        initialise(network, 0)
        weights = Weights(network.to(fabric.device), config.optimiser, config.average)
        self.learner = Learner(fabric, weights, config, SCHEDULED)
        self.gpu = fabric.device.type == "cuda"
        samples = Samples(data, data.ids, CROP, AugmentConfig(), 0)
        loader = DataLoader(
            samples,
            batch_sampler=Positions(0, SCHEDULED, BATCH),
            num_workers=8 if self.gpu else 0,
            pin_memory=self.gpu,
        )
        self.batches: Iterator[dict[str, Tensor]] = iter(loader)
        self.step, self.waited = 0, 0.0

    def __call__(self, steps: int) -> None:  # noqa: D102
        for _ in range(steps):
            began = time.perf_counter()
            batch = next(self.batches)
            self.waited += time.perf_counter() - began
            values = self.learner.step(batch, self.step)
            self.step += 1
        float(values["loss"].detach())


def by_processor_time(contenders: dict[str, Callable[[], None]], rounds: int, images: int) -> None:
    """Print processor seconds per image and their ratios, contenders in turn."""
    used: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, action in contenders.items():
            began = time.process_time()
            action()
            used[name].append((time.process_time() - began) / images)
    peer = statistics.median(next(iter(used.values())))
    for name, seconds in used.items():
        middle = statistics.median(seconds)
        line = f"{name:28} {middle:9.2f} processor s/image {peer / middle:8.2f}"
        print(line, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("release", type=Path)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--steps", type=int, default=2, help="steps of a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cache", type=Path, help="training cache; default: a temporary folder")
    parser.add_argument("--cpu-time-only", action="store_true", help="on a busy machine")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        cache = arguments.cache or Path(name, "cache")
        data = IDFD(arguments.release, split="train", cache=cache)
        write_files(data, Path(name))
        ours = Ours(data, arguments.device)
        peer = Peer(
            Path(name),
            data.ids,
            ours.learner.weights.network.encoder.features["conv0"].weight.device,
        )
        contenders: dict[str, Callable[[], None]] = {
            "plain fp32 loop (peer)": lambda: peer(arguments.steps),
            "idfd, bf16, channels_last": lambda: ours(arguments.steps),
        }
        images = arguments.steps * BATCH
        print(
            f"{len(data.ids)} training triples, {torch.get_num_threads()} threads", file=sys.stderr
        )
        for action in contenders.values():
            action()
        if not ours.gpu:
            by_processor_time(contenders, arguments.rounds, images)
        peer.waited = ours.waited = 0.0
        began = {"peer": time.perf_counter()}
        peer(arguments.steps)
        began["ours"] = time.perf_counter()
        ours(arguments.steps)
        ended = time.perf_counter()
        print(
            f"peer waits for data {peer.waited / (began['ours'] - began['peer']):.1%} of the time"
        )
        print(f"idfd waits for data {ours.waited / (ended - began['ours']):.1%} of the time")
        if not arguments.cpu_time_only:
            print_ratios(compare(contenders, rounds=arguments.rounds), images, "images")


if __name__ == "__main__":
    main()
