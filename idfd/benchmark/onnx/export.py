"""Checkpoints to ONNX files, checked against torch before they are there."""

from __future__ import annotations

import warnings
from importlib import metadata
from pathlib import Path
from typing import ClassVar

import numpy as np
import onnx
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from idfd.benchmark.network.config import Head
from idfd.benchmark.network.twohead import CHANNELS, TwoHeadNet
from idfd.benchmark.onnx.contract import (
    DEFAULT_RANGE,
    FACTS,
    INPUT,
    OUTPUTS,
    RANGE,
    ExportFacts,
)
from idfd.benchmark.onnx.model import open_session, run_session
from idfd.benchmark.origin import Origin
from idfd.benchmark.trained import SMALLEST_DEPTH_M, open_checkpoint
from idfd.errors import InputError
from idfd.model.schema import Document, Record, encode
from idfd.storage.durable import atomic_file
from idfd.storage.hashing import sha256_file

OPSET = 17
"""Version of the operators: old enough for the runtimes of 2022, new enough for this network."""
LIMITS: dict[Head, float] = {"depth": 1e-4, "aif": 1e-3, "defocus": 1e-3}
"""Largest differences from torch: a tenth of the millimetre that depth is scored to, and an
eighth of a grey level; a tenth of the hundredth of a pixel that defocus is scored to."""
CHECKED_SIZES = ((64, 64), (97, 70), (45, 131))
"""Width and height of the photos that check a file for any size; most are not divided by 32."""
TENSORS = {
    INPUT: "defocused photo, (1, 3, height, width) float32 RGB, black -1, white 1",
    OUTPUTS["depth"]: "depth along the optical axis, (1, 1, height, width) float32 metres",
    OUTPUTS["defocus"]: "diameter of the circle of confusion, (1, 1, height, width) float32 pixels",
    OUTPUTS["aif"]: "deblurred photo, (1, 3, height, width) float32 RGB, black -1, white 1",
}


class CheckedSize(Record, frozen=True, kw_only=True):
    """Largest differences between onnxruntime and torch on one photo, by output."""

    width: int
    height: int
    differences: dict[str, float]


class Export(Document, frozen=True, kw_only=True):
    """What was written, and how it was checked.

    Attributes:
        file: The ONNX file.
        sha256: Of it.
        bytes: Size of it.
        network: Name of the network in it.
        outputs: What it gives.
        size: Width and height it is made for; None for any.
        opset: Version of the operators.
        checks: Photos that onnxruntime and torch were compared on.
        largest: Largest difference by output: metres, units of [-1, 1], and pixels.
        limits: What they may be at most.
    """

    SCHEMA: ClassVar[str] = "idfd/onnx-export"
    VERSION: ClassVar[str] = "1.0.0"

    file: str
    sha256: str
    bytes: int
    network: str
    outputs: tuple[str, ...]
    size: tuple[int, int] | None
    opset: int
    checks: tuple[CheckedSize, ...]
    largest: dict[str, float]
    limits: dict[str, float]


class _Graph(nn.Module):
    """What the file computes: the network with its outputs made fit for use, as a plain tuple."""

    def __init__(self, network: TwoHeadNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, photo: Tensor) -> tuple[Tensor, ...]:
        output = self.network(photo)
        depth = None if output.depth is None else output.depth.clamp_min(SMALLEST_DEPTH_M)
        aif = None if output.aif is None else output.aif.clamp(*DEFAULT_RANGE)
        return tuple(made for made in (depth, aif, output.defocus) if made is not None)


def export(
    checkpoint: Path,
    output: Path,
    *,
    heads: tuple[Head, ...] | None = None,
    size: tuple[int, int] | None = None,
) -> Export:
    """Write the network of a checkpoint as one ONNX file, weights inside.

    The file pads photos to multiples of 32 and crops back itself, and holds how the network was
    trained. It is there only after onnx's checker has passed it and onnxruntime has given what
    torch gives, on photos of sizes that 32 does and does not divide.

    Args:
        checkpoint: A file that ``idfd benchmark train`` wrote.
        output: The file to write.
        heads: Heads to keep; all of the checkpoint's where None.
        size: Width and height of the photos that the file is for; any where None.

    Raises:
        InputError: The checkpoint cannot be used, or the file would give other numbers than
            torch; nothing is written then.
        SchemaError: The checkpoint's header does not follow its schema.
        StorageError: The file cannot be written; what was there before is left.
    """
    model = open_checkpoint(checkpoint, heads, "cpu")
    graph = _Graph(model.network.to(memory_format=torch.contiguous_format)).eval()
    kept = [head for head in OUTPUTS if head in model.predicts]
    names = [OUTPUTS[head] for head in kept]
    assert model.origin is not None
    with atomic_file(output) as temporary:
        _trace(graph, names, size, temporary)
        _describe(temporary, model.network, model.origin, names)
        onnx.checker.check_model(temporary, full_check=True)
        checks = _compare(graph, temporary, names, (size,) if size else CHECKED_SIZES)
        largest = {
            name: float(np.max([check.differences[name] for check in checks])) for name in names
        }
        limits = {OUTPUTS[head]: LIMITS[head] for head in kept}
        for name, limit in limits.items():
            if not largest[name] <= limit:  # NaN is above every limit
                raise InputError(
                    f"the ONNX file gives '{name}' that differs by up to {largest[name]:.2g} from "
                    "torch's, and was not written",
                    where=checkpoint,
                    limit=f"at most {limit:g}",
                    remedy="Evaluate the checkpoint: numbers that overflow mean that training "
                    "failed. Else try other versions of torch and onnxruntime",
                )
        digest, length = sha256_file(temporary), temporary.stat().st_size
    return Export(
        file=str(output),
        sha256=digest,
        bytes=length,
        network=model.name,
        outputs=tuple(names),
        size=size,
        opset=OPSET,
        checks=tuple(checks),
        largest=largest,
        limits=limits,
    )


def _trace(graph: nn.Module, names: list[str], size: tuple[int, int] | None, path: Path) -> None:
    """Write the graph, open in height and width where no size is given."""
    width, height = size or CHECKED_SIZES[1]
    sides = {2: "height", 3: "width"}
    with warnings.catch_warnings():
        # The exporter that follows Python's bytecode takes 20 times as long on this network, and
        # fails on open sizes when the example's sides are multiples of 32. Nothing in the network
        # depends on the values in a photo, so a trace is exact; the comparison would show if not.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            graph,
            (torch.zeros(1, 3, height, width),),
            path,
            dynamo=False,
            opset_version=OPSET,
            input_names=[INPUT],
            output_names=names,
            dynamic_axes=None if size else dict.fromkeys((INPUT, *names), sides),
        )


def _describe(path: Path, network: TwoHeadNet, origin: Origin, names: list[str]) -> None:
    """Add to a file what it is."""
    facts = ExportFacts(
        network=network.config,
        training=origin.facts,
        train=tuple(sorted(origin.train)),
        validation=tuple(sorted(origin.validation)),
        tensors={name: TENSORS[name] for name in (INPUT, *names)},
        software={name: metadata.version(name) for name in ("idfd", "torch", "onnx")},
    )
    proto = onnx.load(path)
    channels = {OUTPUTS[head]: count for head, count in CHANNELS.items()}
    for entry in proto.graph.output:
        # With open sides the exporter opens all; a photo is one and has its channels.
        sides = entry.type.tensor_type.shape.dim
        sides[0].dim_value, sides[1].dim_value = 1, channels[entry.name]
    proto.doc_string = "; ".join(f"{name}: {meaning}" for name, meaning in facts.tensors.items())
    levels = " ".join(f"{level:g}" for level in DEFAULT_RANGE)
    onnx.helper.set_model_props(proto, {FACTS: encode(facts).decode(), RANGE: levels})
    onnx.save(proto, path)


@torch.inference_mode()
def _compare(
    graph: nn.Module, path: Path, names: list[str], sizes: tuple[tuple[int, int], ...]
) -> list[CheckedSize]:
    session = open_session(path)
    generator = torch.Generator().manual_seed(0)
    checks = []
    for width, height in sizes:
        # Noise at every scale: as smooth as a wall and as rough as grass.
        coarse = torch.rand(1, 3, 4, 4, generator=generator)
        fine = torch.rand(1, 3, height, width, generator=generator)
        photo = F.interpolate(coarse, (height, width), mode="bilinear") + fine - 1
        expected = graph(photo)
        found = run_session(session, photo.numpy(), names, str(path))
        checks.append(
            CheckedSize(
                width=width,
                height=height,
                differences={
                    name: float(np.max(np.abs(mine - theirs.numpy())))
                    for name, mine, theirs in zip(names, found, expected, strict=True)
                },
            )
        )
    return checks
