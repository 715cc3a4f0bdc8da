"""A split whose defocused photos are degraded as they are read."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from idfd.benchmark.dataset import Info, TripleDataset
from idfd.model.degradation import Degradation
from idfd.model.triple import DepthKind, Triple
from idfd.processing.degrade.apply import degrade
from idfd.storage.hashing import sha256_bytes


@dataclass(frozen=True)
class _DegradedInfo:
    name: str
    version: str


class DegradedDataset:
    """The triples of a dataset with one degradation; nothing is written.

    Its digest is its own, so that its scores cannot be taken for those of the clean photos.

    Args:
        whole: The dataset.
        degradation: What is done to each defocused photo.
    """

    def __init__(self, whole: TripleDataset, degradation: Degradation) -> None:
        self._whole = whole
        self._degradation = degradation
        self.ids = whole.ids
        self.split = whole.split
        self.depth_kind: DepthKind = whole.depth_kind
        self.info: Info = _DegradedInfo(
            f"{whole.info.name} with {degradation.kind}", whole.info.version
        )
        self.digest = sha256_bytes(msgspec.json.encode([whole.digest, degradation]))

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int, /) -> Triple:
        return degrade(self._whole[index], self._degradation)
