"""Checkpoints: safetensors files with the settings and the release's hash in their header.

Reading one never unpickles: a safetensors file holds numbers and a JSON header, nothing that runs.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

import msgspec
import torch
from torch import Tensor

from idfd.benchmark.network.config import Head, NetworkConfig
from idfd.benchmark.network.twohead import TwoHeadNet
from idfd.benchmark.tensor_file import read_metadata, read_tensors, safetensors
from idfd.benchmark.training.config import TrainConfig
from idfd.errors import InputError
from idfd.model.provenance import Sha256
from idfd.model.schema import Document, Record, decode, encode
from idfd.storage.durable import atomic_file

STATE = "training."
"""Tensors under this prefix are the state of a run that can go on; a model needs none of them."""
_HEADER = "idfd"
_EXPECTED = "a checkpoint that 'idfd benchmark train' wrote (.safetensors)"


class EncoderFacts(Record, frozen=True, kw_only=True):
    """What the encoder started from.

    Attributes:
        start: Random numbers, or a file of DenseNet-121 weights.
        sha256: Of the file.
        tensors: How many tensors of the encoder are the file's.
    """

    start: Literal["random", "file"]
    sha256: Sha256 | None = None
    tensors: int = 0


class TrainedOn(Record, frozen=True, kw_only=True):
    """The release, and the triples that trained and validated.

    ``photo_size`` is the width and height of most of the training photos. Blur is counted in
    pixels, so depth learned at one size of the photo means nothing at a much different one.
    """

    name: str
    version: str
    digest: Sha256
    schema_version: str
    depth_kind: str
    train: tuple[str, ...]
    validation: tuple[str, ...]
    photo_size: tuple[int, int] | None = None


class Progress(Record, frozen=True, kw_only=True):
    """How far a run got, and at which cost.

    Attributes:
        step: Steps done.
        epoch: Passes over the training triples done.
        wall_s: Time spent training, over all starts of the run, without validation.
        cpu_s: Processor time of it.
        wait_s: Time of it spent waiting for data.
        scores: Validation scores of these weights, by metric.
        best: Best selection score so far; smaller is better; see docs/training.md.
        stale: Validations since then.
        rate_factor: Factor of the plateau schedule.
        balance: Running means that λ is made of.
    """

    step: int = 0
    epoch: float = 0.0
    wall_s: float = 0.0
    cpu_s: float = 0.0
    wait_s: float = 0.0
    scores: dict[str, float] = msgspec.field(default_factory=dict)
    best: float | None = None
    stale: int = 0
    rate_factor: float = 1.0
    balance: tuple[float, ...] = ()


class CheckpointRecord(Document, frozen=True, kw_only=True):
    """The header of a checkpoint.

    Attributes:
        network: What was built.
        config: Settings of the run.
        encoder: What the encoder started from.
        data: What it was trained on.
        progress: How far the run was.
        hardware: Processor or GPUs, and how many.
        precision: Numbers that training computed with.
        software: Versions of idfd and torch.
    """

    SCHEMA: ClassVar[str] = "idfd/checkpoint"
    VERSION: ClassVar[str] = "1.0.0"

    network: NetworkConfig
    config: TrainConfig
    encoder: EncoderFacts
    data: TrainedOn
    progress: Progress
    hardware: str
    precision: str
    software: dict[str, str]


def write_checkpoint(path: Path, tensors: dict[str, Tensor], record: CheckpointRecord) -> None:
    """Write weights, and the state of the run where it is among them, under a temporary name.

    Raises:
        StorageError: It cannot be written; what was there before is left.
        MissingDependencyError: safetensors is not installed.
    """
    save = safetensors().torch.save_file
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with atomic_file(path) as temporary:
        save(plain, temporary, metadata={_HEADER: encode(record).decode()})


def read_record(path: Path) -> CheckpointRecord:
    """Read the header of a checkpoint; see :func:`read_checkpoint` for the errors."""
    text = read_metadata(path, _EXPECTED).get(_HEADER)
    if text is None:
        raise InputError(
            "a safetensors file without idfd's header, which says what network it is",
            where=path,
            limit=_EXPECTED,
            remedy="Train with idfd, or register a model of your own that reads the file",
        )
    return decode(CheckpointRecord, text.encode(), f"{path}, header")


def read_checkpoint(path: Path) -> tuple[CheckpointRecord, dict[str, Tensor]]:
    """Read a checkpoint.

    Returns:
        The header, and all tensors by name, those of the run's state under :data:`STATE`.

    Raises:
        InputError: No such file, a pickle, not a safetensors file, or a damaged one.
        SchemaError: The header is of another schema or does not follow it.
        MissingDependencyError: safetensors is not installed.
    """
    return read_record(path), read_tensors(path, _EXPECTED)


def load_network(
    path: Path, heads: tuple[Head, ...] | None = None
) -> tuple[TwoHeadNet, CheckpointRecord]:
    """Build the network of a checkpoint and give it its weights.

    Args:
        path: The checkpoint.
        heads: Heads to keep; all of the checkpoint's where None. What a head gives does not depend
            on the other's being there.

    Raises:
        InputError: As for :func:`read_checkpoint`; a head that the checkpoint lacks; or tensors
            that do not fit the network that the header describes.
        SchemaError: As for :func:`read_checkpoint`.
        MissingDependencyError: As for :func:`read_checkpoint`.
    """
    record = read_record(path)
    there = record.network.heads
    kept = there if heads is None else heads
    if not kept or not set(kept) <= set(there):
        raise InputError(
            f"heads {', '.join(kept) or 'none'} were asked for",
            where=path,
            limit=f"some of the checkpoint's heads, {', '.join(there)}",
        )
    chosen = msgspec.structs.replace(record.network, heads=kept)
    network = TwoHeadNet(chosen)
    others = (STATE, *(f"heads.{head}." for head in there if head not in kept))
    weights = read_tensors(path, _EXPECTED, lambda name: not name.startswith(others))
    load_weights(network, weights, path)
    return network, record


def load_weights(network: TwoHeadNet, weights: dict[str, Tensor], where: Path | str) -> None:
    """Give a network its weights, all of them and nothing else.

    Raises:
        InputError: Tensors are missing, left over, of another type or shape, or hold a value that
            is not finite; the message names some.
    """
    expected = network.state_dict()
    common = sorted(set(expected) & set(weights))
    form = {name: (weights[name].dtype, weights[name].shape) for name in common}
    for what, names in (
        ("is without", sorted(set(expected) - set(weights))),
        ("has in excess", sorted(set(weights) - set(expected))),
        (
            "has of another type or shape",
            [name for name in common if form[name] != (expected[name].dtype, expected[name].shape)],
        ),
    ):
        if names:
            raise InputError(
                f"the file {what} {_some(names)}",
                where=where,
                limit=f"the {len(expected)} tensors of {network.config.name}, which its header "
                "describes",
                remedy="Header and tensors are not of one network; take the file that training "
                "wrote",
            )
    wild = [name for name in common if not weights[name].isfinite().all()]
    if wild:
        raise InputError(
            f"NaN or infinity is in {_some(wild)}",
            where=where,
            limit="finite weights",
            remedy="The run diverged or the file is damaged; take another checkpoint, or train "
            "with a lower optimiser.rate",
        )
    network.load_state_dict(weights)


def _some(names: list[str]) -> str:
    """Count of tensors, and the first names."""
    shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
    return f"{len(names)} tensor{'s' if len(names) > 1 else ''}: {shown}"


def software() -> dict[str, str]:
    """Versions that a training run depends on."""
    import idfd

    return {"idfd": idfd.__version__, "torch": str(torch.__version__)}
