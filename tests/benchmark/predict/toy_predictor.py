"""A network that sees one pixel around, and photos to give it."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from idfd.benchmark.checkpoint import (
    CheckpointRecord,
    EncoderFacts,
    Progress,
    TrainedOn,
    software,
    write_checkpoint,
)
from idfd.benchmark.network.config import NetworkConfig
from idfd.benchmark.network.twohead import Output
from idfd.benchmark.training.config import TrainConfig


class Blur:
    """Depth 2 m + mean of the colours, photo blurred: 3×3 means, with zeros around the picture."""

    def __init__(self) -> None:
        self.sizes: list[tuple[int, int]] = []

    def __call__(self, x: Tensor) -> Output:
        self.sizes.append((int(x.shape[2]), int(x.shape[3])))
        kernel = torch.full((3, 1, 3, 3), 1 / 9)
        blurred = F.conv2d(x, kernel, padding=1, groups=3)
        return Output(2 + blurred.mean(1, keepdim=True), blurred)


def noise(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def scene(height: int, width: int) -> NDArray[np.uint8]:
    """Smooth, and different in every corner, so that a JPEG of it shows how it is turned."""
    y, x = np.mgrid[0:height, 0:width]
    channels = (255 * x / width, 255 * y / height, 255 * (x / width) * (y / height))
    return np.stack(channels, 2).astype(np.uint8)


def jpeg(rgb: NDArray[np.uint8], *segments: tuple[int, bytes]) -> bytes:
    """A JPEG file with segments between its first marker and the encoder's own."""
    data = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))[1].tobytes()
    added = (
        bytes((0xFF, code)) + struct.pack(">H", len(body) + 2) + body for code, body in segments
    )
    return data[:2] + b"".join(added) + data[2:]


def png(rgb: NDArray[np.uint8] | NDArray[np.uint16], *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG file with chunks after its head."""
    data = cv2.imencode(".png", rgb[..., ::-1])[1].tobytes()
    return data[:33] + b"".join(chunk(*one) for one in chunks) + data[33:]


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def profile(space: bytes) -> bytes:
    """The head of an ICC profile for values of a colour space."""
    return bytes(16) + space + bytes(108)


def write_header(
    path: Path,
    seed: int = 0,
    tensors: dict[str, Tensor] | None = None,
    network: NetworkConfig = NetworkConfig(),
    photo_size: tuple[int, int] | None = None,
) -> Path:
    """A checkpoint, by default with a header and next to nothing else."""
    record = CheckpointRecord(
        network=network,
        config=TrainConfig(seed=seed),
        encoder=EncoderFacts(start="random"),
        data=TrainedOn(
            name="toy", version="1.0.0", digest="0" * 64, schema_version="1.0.0",
            depth_kind="inpainted", train=("a",), validation=(), photo_size=photo_size,
        ),
        progress=Progress(),
        hardware="none",
        precision="fp32",
        software=software(),
    )  # fmt: skip
    write_checkpoint(path, tensors or {"nothing": torch.zeros(1)}, record)
    return path
