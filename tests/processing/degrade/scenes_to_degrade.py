"""A triple with a camera and two planes of depth, to be degraded."""

from __future__ import annotations

import numpy as np

from idfd.model.camera import CameraSettings, Intrinsics
from idfd.model.provenance import provenance
from idfd.model.triple import (
    Crop,
    DepthSource,
    PairTransform,
    PhotometricGain,
    Triple,
    TripleRecord,
)

HEIGHT, WIDTH = 80, 120
CAMERA = Intrinsics(
    width=WIDTH, height=HEIGHT, fx=1000.0, fy=1000.0, cx=(WIDTH - 1) / 2, cy=(HEIGHT - 1) / 2
)


def make_triple(
    name: str = "desk-1", *, camera: Intrinsics | None = CAMERA, level: int | None = None
) -> Triple:
    """Noise for a photo, or one level; the left half at 1 m and the right half at 4 m."""
    generator = np.random.default_rng(5)
    photo = generator.integers(30, 220, (HEIGHT, WIDTH, 3), np.uint8)
    if level is not None:
        photo[:] = level
    depth = np.full((HEIGHT, WIDTH), 1000, np.uint16)
    depth[:, WIDTH // 2 :] = 4000
    return Triple(
        all_in_focus=photo.copy(),
        defocused=photo,
        depth=depth,
        source=np.full(depth.shape, DepthSource.MEASURED, np.uint8),
        uncertainty=None,
        record=TripleRecord(
            id=name,
            scene="desk",
            group="desk",
            environment="indoor",
            taken_at=None,
            all_in_focus=CameraSettings(f_number=10),
            defocused=CameraSettings(f_number=2.8),
            intrinsics=camera,
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
        ),
    )
