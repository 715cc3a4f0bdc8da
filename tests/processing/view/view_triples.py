"""A small processed take in the true layout: a slanted wall with a box before it."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from idfd.model import schema
from idfd.model.camera import CameraSettings, Intrinsics
from idfd.model.limits import Limit
from idfd.model.provenance import Provenance
from idfd.model.stage import StageRecord
from idfd.model.triple import (
    Crop,
    DepthSource,
    PairTransform,
    PhotometricGain,
    TripleRecord,
)
from idfd.storage.images import encode_png

HEIGHT, WIDTH = 64, 96
WALL_MM, BOX_MM = 3000, 1200
BOX = (slice(20, 44), slice(30, 60))
GAP = (slice(20, 44), slice(26, 30))
"""Beside the box on its left: the depth camera does not see it."""
CAMERA = Intrinsics(
    width=WIDTH,
    height=HEIGHT,
    fx=80.0,
    fy=80.0,
    cx=47.0,
    cy=32.5,
    model="brown_conrady",
    distortion=(-0.1, 0.02, 0.001, -0.002, 0.0),
)


def photo() -> NDArray[np.uint8]:
    """RGB noise on a ramp, (H, W, 3) uint8."""
    ramp = np.linspace(40, 200, WIDTH)[None, :, None] + np.zeros((HEIGHT, 1, 3))
    noise = np.random.default_rng(1).normal(0, 12, (HEIGHT, WIDTH, 3))
    return np.clip(ramp + noise, 0, 255).astype(np.uint8)


def raw_depth() -> NDArray[np.uint16]:
    """The wall, the box, and the gap beside the box."""
    depth = np.full((HEIGHT, WIDTH), WALL_MM, np.uint16)
    depth[BOX] = BOX_MM
    depth[GAP] = 0
    return depth


def source_map() -> NDArray[np.uint8]:
    """Fused, but for the gap, which was filled."""
    source = np.full((HEIGHT, WIDTH), DepthSource.FUSED, np.uint8)
    source[GAP] = DepthSource.IN_PAINTED
    return source


def triple_record(take: str, camera: Intrinsics | None = CAMERA) -> TripleRecord:
    """A record that warns about its exposure."""
    return TripleRecord(
        id=take,
        scene="kitchen",
        group="flat",
        environment="kitchen",
        taken_at="2026-01-02T03:04:05+00:00",
        all_in_focus=CameraSettings(f_number=10.0, camera="D750 <b>"),
        defocused=CameraSettings(f_number=2.8),
        intrinsics=camera,
        sources={},
        transform=PairTransform(
            homography=(1, 0, 0, 0, 1, 0, 0, 0, 1), radial=0.0, centre=(0.0, 0.0), scale=1.0
        ),
        gain=PhotometricGain(channels=(0.0, 0.0, 0.0), field=(), tone=()),
        crop=Crop(x=0.0, y=0.0, width=WIDTH, height=HEIGHT),
        checks=(
            Limit(0.5, 2, "px").judge("residual_shift", 0.1),
            Limit(0.5, 2, "stops").judge("exposure", 0.75),
        ),
        measures={"psnr_after": 31.25},
        verdict="warn",
        provenance=Provenance(tool="idfd test"),
    )


def write_take(output: Path, take: str = "kitchen_1", camera: Intrinsics | None = CAMERA) -> Path:
    """Write ``triples/<take>`` and ``stages/<take>`` below ``output``; returns the triple."""
    triple, stages = output / "triples" / take, output / "stages" / take
    triple.mkdir(parents=True)
    stages.mkdir(parents=True)
    filled = raw_depth()
    filled[GAP] = WALL_MM
    images = {
        "all_in_focus": photo(),
        "defocused": photo()[:, ::-1],
        "depth": raw_depth(),
        "depth_inpainted": filled,
        "source": source_map(),
    }
    for name, image in images.items():
        (triple / f"{name}.png").write_bytes(encode_png(np.ascontiguousarray(image)))
    uncertainty = np.full((HEIGHT, WIDTH), 1.5, np.float16)
    uncertainty[GAP] = np.nan
    np.save(triple / "uncertainty.npy", uncertainty)
    (triple / "triple.json").write_bytes(schema.encode(triple_record(take, camera)))
    arrays = io.BytesIO()
    np.savez(
        arrays,
        depth=np.full((24, 32), 2000, np.float32),
        source=np.full((24, 32), DepthSource.FUSED, np.uint8),
        uncertainty=np.ones((24, 32), np.float32),
        count=np.full((24, 32), 30, np.uint16),
    )
    (stages / "denoise.npz").write_bytes(arrays.getvalue())
    write_stage(output, take, StageRecord(
        take=take, stage="denoise", key="0" * 64, inputs={}, config={}, code={},
        measures={"flying_share": 0.0125},
    ))  # fmt: skip
    return triple


def write_stage(output: Path, take: str, record: StageRecord) -> None:
    """Write the manifest of a step."""
    folder = output / "stages" / take
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{record.stage}.json").write_bytes(schema.encode(record))
