"""Small triples, a dataset in memory, and real release files made from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.model import schema
from idfd.model.camera import CameraSettings
from idfd.model.capture import Scene, Split, SplitTable
from idfd.model.curation import INDEX, RECORD, CuratedEntry, Curation
from idfd.model.provenance import provenance
from idfd.model.triple import (
    Crop,
    DepthKind,
    DepthSource,
    PairTransform,
    PhotometricGain,
    Triple,
    TripleRecord,
)
from idfd.release.build import build_release
from idfd.storage.images import encode_png

HEIGHT, WIDTH = 24, 32


def make_record(name: str) -> TripleRecord:
    scene = name.split("-")[0]
    return TripleRecord(
        id=name,
        scene=scene,
        group=scene,
        environment="indoor",
        taken_at=None,
        all_in_focus=CameraSettings(f_number=10),
        defocused=CameraSettings(f_number=1.8, focal_length_mm=50),
        intrinsics=None,
        sources={},
        transform=PairTransform(
            homography=(1, 0, 0, 0, 1, 0, 0, 0, 1), radial=0, centre=(0, 0), scale=1
        ),
        gain=PhotometricGain(channels=(0, 0, 0), field=(), tone=()),
        crop=Crop(x=0, y=0, width=WIDTH, height=HEIGHT),
        checks=(),
        measures={},
        verdict="pass",
        provenance=provenance(),
    )


def make_triple(name: str, seed: int, source: DepthSource = DepthSource.MEASURED) -> Triple:
    """Smooth texture, blurred for the defocused photo; depth 0.8 to 3 m with a hole."""
    generator = np.random.default_rng(seed)
    sharp = generator.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    ramp = np.linspace(800, 3000, WIDTH) + generator.uniform(-50, 50)
    depth = np.tile(ramp, (HEIGHT, 1)).astype(np.uint16)
    depth[:3, :4] = 0
    where = np.where(depth > 0, np.uint8(source), np.uint8(0))
    if source is DepthSource.MEASURED:
        where[-6:][depth[-6:] > 0] = DepthSource.IN_PAINTED
    return Triple(
        all_in_focus=sharp,
        defocused=np.asarray(cv2.GaussianBlur(sharp, (0, 0), 1.2), np.uint8),
        depth=depth,
        source=where.astype(np.uint8),
        uncertainty=None,
        record=make_record(name),
    )


@dataclass
class FakeInfo:
    name: str = "toy"
    version: str = "1.0.0"


@dataclass
class FakeDataset:
    """The reader's interface over triples in memory."""

    triples: list[Triple]
    split: str | None = "test"
    depth_kind: DepthKind = "raw"
    info: FakeInfo = field(default_factory=FakeInfo)
    digest: str = "a" * 64

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(triple.record.id for triple in self.triples)

    def __len__(self) -> int:
        return len(self.triples)

    def __getitem__(self, index: int) -> Triple:
        return self.triples[index]


def toy_dataset(count: int = 5, source: DepthSource = DepthSource.MEASURED) -> FakeDataset:
    return FakeDataset([make_triple(f"desk{i}-a", i, source) for i in range(count)])


def make_release(
    folder: Path, test: FakeDataset, train: FakeDataset | None = None, name: str = "test"
) -> Path:
    """Build a true release file of a split called ``name`` and, where given, a training split."""
    parts = {name: test} | ({"train": train} if train else {})
    triples = [triple for part in parts.values() for triple in part.triples]
    for triple in triples:
        home = folder / "curated" / "triples" / triple.record.id
        home.mkdir(parents=True)
        (home / RECORD).write_bytes(schema.encode(triple.record))
        arrays: dict[str, NDArray[np.uint8] | NDArray[np.uint16]] = {
            "all_in_focus": triple.all_in_focus,
            "defocused": triple.defocused,
            "depth": triple.depth,
            "source": triple.source,
        }
        for key, array in arrays.items():
            (home / f"{key}.png").write_bytes(encode_png(array))
    scenes = sorted({triple.record.scene for triple in triples})
    curation = Curation(
        name="toy",
        title="Toy",
        licence="CC-BY-4.0",
        citation="none",
        size=None,
        scenes=tuple(Scene(name=scene, group=scene) for scene in scenes),
        triples=tuple(
            CuratedEntry(id=triple.record.id, verdict="pass", key="0" * 64) for triple in triples
        ),
        failed=(),
        splits=SplitTable(
            origin="published",
            grouping="scene",
            splits=tuple(Split(name=key, takes=part.ids) for key, part in parts.items()),
        ),
        audit=(),
        provenance=provenance(),
    )
    (folder / "curated" / INDEX).write_bytes(schema.encode(curation))
    output = folder / "toy.h5"
    build_release(folder / "curated", output, version="1.0.0")
    return output


def write_predictions(folder: Path, dataset: FakeDataset, factor: float = 1.1) -> Path:
    """Depth PNGs that are ``factor`` times the truth (holes filled with 1 m), and sharp photos."""
    for name in ("depth", "all_in_focus"):
        (folder / name).mkdir(parents=True)
    for triple in dataset.triples:
        depth = np.where(triple.depth > 0, triple.depth * factor, 1000).astype(np.uint16)
        (folder / "depth" / f"{triple.record.id}.png").write_bytes(encode_png(depth))
        photo = folder / "all_in_focus" / f"{triple.record.id}.png"
        photo.write_bytes(encode_png(triple.all_in_focus))
    return folder
