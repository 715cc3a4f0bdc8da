"""Small curated folders written by hand, and the releases built from them."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from idfd.model import schema
from idfd.model.camera import CameraSettings, Intrinsics
from idfd.model.capture import AuditEntry, Scene, Split, SplitTable
from idfd.model.covariance import Covariance
from idfd.model.curation import INDEX, RECORD, CuratedEntry, Curation, FailedEntry
from idfd.model.defocus import DefocusModel
from idfd.model.provenance import FileReference, provenance
from idfd.model.triple import Check, Crop, PairTransform, PhotometricGain, TripleRecord
from idfd.release.build import build_release
from idfd.storage.images import encode_png

Arrays = dict[str, NDArray[Any]]
# Neither side is a multiple of the 128 pixels of a chunk, so every array has edge chunks.
SIZE = (150, 141)
TAKES = ("attic-1", "attic-2", "cellar-1", "garden-1", "garden-2", "kitchen-1")
TRAIN, TEST = TAKES[:3], TAKES[3:]
CALIBRATION = FileReference(path="calibration.json", sha256="c" * 64, bytes=9)
MAPS = ("defocus", "defocus_uncertainty")
"""Arrays that a release computes; the others come from the curated triples."""


def group_of(take: str) -> str:
    return take.split("-")[0]


def make_record(take: str, size: tuple[int, int] = SIZE) -> TripleRecord:
    height, width = size
    return TripleRecord(
        id=take,
        scene=group_of(take),
        group=group_of(take),
        environment="outdoor" if take.startswith("garden") else "indoor",
        taken_at=None,
        all_in_focus=CameraSettings(f_number=10),
        defocused=CameraSettings(f_number=1.8, focal_length_mm=50),
        intrinsics=Intrinsics(
            width=width, height=height, fx=200, fy=201, cx=width / 2 + 1.25, cy=height / 2 - 0.5,
            model="brown_conrady", distortion=(0.1, -0.05, 0.01, 0.02, 0.003),
        ),
        sources={},
        transform=PairTransform(
            homography=(1, 0, 0, 0, 1, 0, 0, 0, 1), radial=0, centre=(0, 0), scale=1
        ),
        gain=PhotometricGain(channels=(0, 0, 0), field=(), tone=()),
        crop=Crop(x=7, y=5, width=width, height=height),
        checks=(
            Check(name="alignment", value=0.2, warn=0.5, fail=1, unit="px", verdict="pass"),
        ),
        measures={"psnr_before": 20.0, "psnr_after": 30.0},
        verdict="pass",
        provenance=provenance(),
    )  # fmt: skip


def blurred(record: TripleRecord) -> TripleRecord:
    """The record with a blur model of a photo that is 30 pixels larger than its crop."""
    camera, crop = record.intrinsics, record.crop
    assert camera is not None
    model = DefocusModel(
        width=crop.width + 30,
        height=crop.height + 30,
        centre=(crop.x + camera.cx, crop.y + camera.cy),
        f_number=1.8,
        scale_px_m=9.0,
        focus_distance_m=2.0,
        field_gain=0.1,
        field_curvature_per_m=-0.05,
        covariance=Covariance.of(("scale_px_m", "focus_per_m"), np.diag([0.04, 1e-4])),
        residual_px=0.05,
    )
    sources = {**record.sources, "calibration": CALIBRATION}
    return msgspec.structs.replace(record, blur=model, sources=sources)


def blurred_records(size: tuple[int, int] = SIZE) -> dict[str, TripleRecord]:
    return {take: blurred(make_record(take, size)) for take in TAKES}


def make_arrays(
    take: str,
    *,
    size: tuple[int, int] = SIZE,
    raw: bool = True,
    inpainted: bool = False,
    uncertainty: bool = False,
) -> Arrays:
    """Smooth texture of its own for each take, and depth in which no two rows are alike."""
    generator = np.random.default_rng(zlib.crc32(take.encode()))
    coarse = generator.integers(0, 256, (12, 12, 3), np.uint8)
    sharp = cv2.resize(coarse, size[::-1], interpolation=cv2.INTER_CUBIC)
    sharp = np.bitwise_xor(sharp, generator.integers(0, 8, sharp.shape, np.uint8))
    whole = generator.integers(800, 9000, size, np.uint16)
    hole = generator.random(size) < 0.1
    source = np.where(hole, np.uint8(3), np.uint8(1))
    arrays: Arrays = {
        "all_in_focus": sharp,
        "defocused": np.asarray(cv2.GaussianBlur(sharp, (0, 0), 1.5)),
        "source": source,
    }
    if raw:
        arrays["depth"] = np.where(hole, np.uint16(0), whole)
    if inpainted:
        arrays["depth_inpainted"] = whole
    else:
        arrays["source"] = np.where(hole, np.uint8(0), source)
    if uncertainty:
        arrays["uncertainty"] = generator.uniform(0, 90, size).astype(np.float16)
    return arrays


def table(
    parts: Mapping[str, Sequence[str]], origin: Literal["published", "drawn"] = "drawn"
) -> SplitTable:
    return SplitTable(
        origin=origin,
        grouping="scene",
        seed=None if origin == "published" else 0,
        splits=tuple(Split(name=name, takes=tuple(takes)) for name, takes in parts.items()),
    )


def write_triple(home: Path, record: TripleRecord, arrays: Arrays) -> None:
    home.mkdir(parents=True)
    (home / RECORD).write_bytes(schema.encode(record))
    for name, array in arrays.items():
        if array.dtype == np.float16:
            np.save(home / f"{name}.npy", array)
        else:
            (home / f"{name}.png").write_bytes(encode_png(array))


def write_curated(
    folder: Path,
    triples: Mapping[str, Arrays],
    splits: SplitTable | None,
    *,
    excluded: Sequence[str] = (),
    failed: Sequence[str] = (),
    records: Mapping[str, TripleRecord] | None = None,
) -> Path:
    """What ``curate_collection`` would have left: ``curation.json`` and a folder for each triple.

    ``excluded`` takes were found to be bad and not rendered, ``failed`` ones could not be read.
    """
    folder.mkdir(parents=True)
    for take, arrays in triples.items():
        size = arrays["all_in_focus"].shape
        record = (records or {}).get(take, make_record(take, (size[0], size[1])))
        write_triple(folder / "triples" / take, record, arrays)
    entries = [CuratedEntry(id=take, verdict="pass", key="0" * 64) for take in triples]
    entries += [
        CuratedEntry(id=take, verdict="fail", key="0" * 64, reasons=("alignment 3 px (limit 1)",))
        for take in excluded
    ]
    scenes = sorted({group_of(take) for take in [*triples, *excluded, *failed]})
    curation = Curation(
        name="toy set",
        title="Toy <set>",
        licence="CC-BY-4.0",
        citation="A. Nobody, 2024",
        size=None,
        scenes=tuple(Scene(name=scene, group=scene) for scene in scenes),
        triples=tuple(sorted(entries, key=lambda entry: entry.id)),
        failed=tuple(FailedEntry(id=take, reason="photo is truncated") for take in failed),
        splits=splits,
        audit=(AuditEntry(kind="orphan", path="stray.png", reason="no photo"),),
        provenance=provenance(),
    )
    (folder / INDEX).write_bytes(schema.encode(curation))
    return folder


def all_triples(
    size: tuple[int, int] = SIZE, *, raw: bool = True, inpainted: bool = True
) -> dict[str, Arrays]:
    return {
        take: make_arrays(take, size=size, raw=raw, inpainted=inpainted, uncertainty=True)
        for take in TAKES
    }


def make_release(
    folder: Path,
    triples: Mapping[str, Arrays] | None = None,
    splits: SplitTable | None = None,
    **options: Any,
) -> Path:
    """Build a release of six triples with raw and in-painted depth, or of those given."""
    triples = all_triples() if triples is None else triples
    splits = splits or table({"train": TRAIN, "test": TEST})
    curated = write_curated(folder / "curated", triples, splits, **options)
    output = folder / "toy.h5"
    build_release(curated, output, version="1.2.3")
    return output


def with_group(record: TripleRecord, group: str) -> TripleRecord:
    return msgspec.structs.replace(record, group=group)
