"""A network as a model of the benchmark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from idfd.benchmark.checkpoint import CheckpointRecord, load_network
from idfd.benchmark.models import ModelInput, Prediction, Target
from idfd.benchmark.network.config import Head
from idfd.benchmark.network.twohead import Output, TwoHeadNet
from idfd.benchmark.origin import Origin, TrainingFacts
from idfd.benchmark.training.device import choose_device, describe_hardware
from idfd.storage.hashing import sha256_file

SMALLEST_DEPTH_M = 1e-3
"""The depth head is linear and may give zero or less, which is no depth."""


class TrainedModel:
    """Depth or defocus, and the deblurred photo, of one photo at a time, in float32.

    Args:
        network: The network; it is put into evaluation mode and onto ``device``.
        name: Name in results and reports.
        device: Where to compute.
        origin: How it was trained, for results.
    """

    def __init__(
        self,
        network: TwoHeadNet,
        name: str,
        device: str | torch.device = "cpu",
        origin: Origin | None = None,
    ) -> None:
        self.name = name
        self.origin = origin
        self.predicts: frozenset[Target] = frozenset(network.config.heads)
        self.device = torch.device(device)
        self.network = network.eval().to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    @torch.inference_mode()
    def predict(self, item: ModelInput) -> Prediction:
        """Predict at the photo's size: maps (H, W) float32, the photo (H, W, 3) uint8."""
        # By default cuDNN picks algorithms by speed, some of which add in another order each time.
        with torch.backends.cudnn.flags(
            enabled=True, benchmark=False, deterministic=True, allow_tf32=False
        ):
            return to_prediction(self.network(to_input(item.defocused).to(self.device)))


def open_checkpoint(
    path: Path,
    heads: tuple[Head, ...] | None = None,
    device: str = "auto",
    name: str | None = None,
) -> TrainedModel:
    """Open a checkpoint as a model of the benchmark.

    Args:
        path: A file that ``idfd benchmark train`` wrote.
        heads: Heads to keep; all of the checkpoint's where None.
        device: ``auto``, ``cpu`` or ``cuda``.
        name: Name in results and reports; the network's where None.

    Raises:
        InputError: As for :func:`idfd.benchmark.checkpoint.load_network`, or no such device.
        SchemaError: The checkpoint's header does not follow its schema.

    Example:
        >>> model = open_checkpoint(Path("run/best.safetensors"))  # doctest: +SKIP
        >>> model.name, sorted(model.predicts)  # doctest: +SKIP
        ('2HDED:NET', ['aif', 'depth'])
    """
    network, record = load_network(path, heads)
    chosen = torch.device(choose_device(device))
    origin = Origin(
        facts=_facts(network, record, sha256_file(path), chosen),
        train=frozenset(record.data.train),
        validation=frozenset(record.data.validation),
    )
    return TrainedModel(network, name or _name(network, record), chosen, origin)


def _name(network: TwoHeadNet, record: CheckpointRecord) -> str:
    """A head of 2HDED:NET alone is no D3-Net: both heads taught its encoder."""
    if network.config.heads == record.network.heads:
        return record.network.name
    return f"{record.network.name}, {' and '.join(network.config.heads)} head"


def _facts(
    network: TwoHeadNet, record: CheckpointRecord, sha256: str, device: torch.device
) -> TrainingFacts:
    encoder = record.encoder
    threads = f", {torch.get_num_threads()} threads" if device.type == "cpu" else ""
    return TrainingFacts(
        checkpoint=sha256,
        network=record.network.name,
        heads=network.config.heads,
        trained_heads=record.network.heads,
        joint=network.config.joint,
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        encoder=encoder.sha256 or "random encoder initialisation",
        release=record.data.name,
        release_version=record.data.version,
        release_digest=record.data.digest,
        depth_kind=record.data.depth_kind,
        train_images=len(record.data.train),
        validation_images=len(record.data.validation),
        epochs=record.progress.epoch,
        steps=record.progress.step,
        seed=record.config.seed,
        precision=record.precision,
        hardware=record.hardware,
        wall_hours=record.progress.wall_s / 3600,
        cpu_hours=record.progress.cpu_s / 3600,
        software=record.software,
        settings=msgspec.json.decode(msgspec.json.encode(record.config)),
        scored_on=describe_hardware(device, 1) + threads,
    )


def to_input(photo: NDArray[np.uint8]) -> Tensor:
    """(H, W, 3) uint8 to (1, 3, H, W) float32 in [-1, 1], channels innermost in memory."""
    return torch.from_numpy(photo)[None].permute(0, 3, 1, 2).float() / 127.5 - 1


def to_prediction(output: Output) -> Prediction:
    """What the network gave for one photo, as the benchmark takes it."""
    depth: NDArray[np.floating[Any]] | None = None
    photo: NDArray[np.uint8] | None = None
    defocus: NDArray[np.floating[Any]] | None = None
    if output.depth is not None:
        depth = output.depth[0, 0].float().clamp_min(SMALLEST_DEPTH_M).cpu().numpy()
    if output.aif is not None:
        levels = ((output.aif[0].float() + 1) * 127.5).round_().clamp_(0, 255)
        photo = levels.to(torch.uint8).permute(1, 2, 0).contiguous().cpu().numpy()
    if output.defocus is not None:
        defocus = output.defocus[0, 0].float().cpu().numpy()
    return Prediction(depth_m=depth, all_in_focus=photo, defocus_px=defocus)
