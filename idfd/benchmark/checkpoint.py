"""Checkpoints: safetensors files with the settings and the release's hash in their header.

Reading one never unpickles: a safetensors file holds numbers and a JSON header, nothing that runs.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any, ClassVar, Literal

import msgspec
import torch
from torch import Tensor

from idfd.benchmark.network.config import NetworkConfig
from idfd.benchmark.network.twohead import TwoHeadNet
from idfd.benchmark.training.config import TrainConfig
from idfd.errors import InputError, MissingDependencyError
from idfd.model.provenance import Sha256
from idfd.model.schema import Document, Record, decode, encode
from idfd.storage.durable import atomic_file

STATE = "training."
"""Tensors under this prefix are the state of a run that can go on; a model needs none of them."""
_HEADER = "idfd"


class EncoderFacts(Record, frozen=True, kw_only=True):
    """What the encoder started from: random numbers, or a file with this hash."""

    start: Literal["random", "file"]
    sha256: Sha256 | None = None


class TrainedOn(Record, frozen=True, kw_only=True):
    """The release, and the triples that trained and validated."""

    name: str
    version: str
    digest: Sha256
    schema_version: str
    depth_kind: str
    train: tuple[str, ...]
    validation: tuple[str, ...]


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
    """
    save = _safetensors().save_file
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with atomic_file(path) as temporary:
        save(plain, temporary, metadata={_HEADER: encode(record).decode()})


def read_record(path: Path) -> CheckpointRecord:
    """Read the header of a checkpoint; see :func:`read_checkpoint` for the errors."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(8)
            length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
            if start[:2] == b"PK" or start[:1] == b"\x80":
                raise InputError(
                    "the file is a pickle (as torch.save writes it), which could run any program",
                    where=path,
                    limit="a checkpoint that 'idfd benchmark train' wrote (.safetensors)",
                    remedy="Train with idfd, or save the state dict with safetensors and register "
                    "a model of your own",
                )
            if not 2 <= length <= size - 8:
                raise _damaged(path, size, "the header is cut off or is none")
            header = json.loads(file.read(length))
    except FileNotFoundError:
        raise InputError("no such file", where=path, limit="a checkpoint") from None
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=path) from None
    except ValueError:
        raise InputError(
            "not a safetensors file", where=path, limit="a checkpoint of 'idfd benchmark train'"
        ) from None
    ends = [
        entry["data_offsets"][1]
        for name, entry in header.items()
        if name != "__metadata__" and isinstance(entry, dict) and "data_offsets" in entry
    ]
    if 8 + length + max(ends, default=0) != size:
        raise _damaged(path, size, f"the header promises {8 + length + max(ends, default=0)} bytes")
    text = header.get("__metadata__", {}).get(_HEADER)
    if text is None:
        raise InputError(
            "a safetensors file without idfd's header",
            where=path,
            limit="a checkpoint of 'idfd benchmark train'",
            remedy="Without the header nothing says which network it is",
        )
    return decode(CheckpointRecord, text.encode(), f"{path}, header")


def _damaged(path: Path, size: int, what: str) -> InputError:
    return InputError(
        f"the file has {size} bytes and {what}",
        where=path,
        limit="a whole checkpoint",
        remedy="Copy it again, or take another checkpoint of the run",
    )


def read_checkpoint(path: Path) -> tuple[CheckpointRecord, dict[str, Tensor]]:
    """Read a checkpoint.

    Returns:
        The header, and all tensors by name, those of the run's state under :data:`STATE`.

    Raises:
        InputError: No such file, a pickle, not a safetensors file, or a truncated one.
        SchemaError: The header is of another schema or does not follow it.
    """
    record = read_record(path)
    return record, _safetensors().load_file(path)


def load_network(
    path: Path, heads: tuple[Literal["depth", "aif"], ...] | None = None
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
    """
    record, tensors = read_checkpoint(path)
    chosen = record.network
    if heads is not None:
        absent = [head for head in heads if head not in chosen.heads]
        if absent:
            raise InputError(
                f"the checkpoint has no head '{absent[0]}'",
                where=path,
                limit=f"heads among {', '.join(chosen.heads)}",
            )
        chosen = _with_heads(chosen, heads)
    network = TwoHeadNet(chosen)
    dropped = tuple(f"heads.{head}." for head in record.network.heads if head not in chosen.heads)
    weights = {
        name: tensor for name, tensor in tensors.items() if not name.startswith((STATE, *dropped))
    }
    load_weights(network, weights, path)
    return network, record


def _with_heads(config: NetworkConfig, heads: tuple[Any, ...]) -> NetworkConfig:
    return msgspec.structs.replace(config, heads=heads)


def load_weights(network: TwoHeadNet, weights: dict[str, Tensor], where: Path | str) -> None:
    """Give a network its weights, all of them and nothing else.

    Raises:
        InputError: Tensors are missing, left over, or of another shape; the message names some.
    """
    expected = network.state_dict()
    missing = sorted(set(expected) - set(weights))
    unknown = sorted(set(weights) - set(expected))
    shaped = sorted(
        name for name in set(expected) & set(weights) if expected[name].shape != weights[name].shape
    )
    for names, what in ((missing, "lacks"), (unknown, "has unknown"), (shaped, "has misshapen")):
        if names:
            some = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
            raise InputError(
                f"the file {what} {len(names)} tensors: {some}",
                where=where,
                limit=f"the tensors of {network.config.name} with heads "
                f"{', '.join(network.config.heads)}",
                remedy="The header and the tensors are not of one network; take the file that "
                "training wrote",
            )
    network.load_state_dict(weights)


def _safetensors() -> Any:
    try:
        import safetensors.torch
    except ImportError:
        raise MissingDependencyError(
            "checkpoints need the package safetensors",
            remedy="Install it with 'pip install idfd[benchmark]'",
        ) from None
    return safetensors.torch


def software() -> dict[str, str]:
    """Versions that a training run depends on."""
    import idfd

    return {"idfd": idfd.__version__, "torch": str(torch.__version__)}
