"""The layout of a release file, version 1. ``docs/release-format.md`` describes it for readers.

```
/                       attributes: format, schema_version, release (JSON), and plain copies
/splits/<name>          ids of the triples, fixed-length bytes
/triples/<id>/          attributes: record (JSON), scene, group, environment, f-numbers
    all_in_focus        (H, W, 3) uint8 RGB
    defocused           (H, W, 3) uint8 RGB
    depth               (H, W) uint16 mm, 0 = no depth        (where there is raw depth)
    depth_inpainted     (H, W) uint16 mm, 0 = no depth        (where there is in-painted depth)
    source              (H, W) uint8, see DepthSource
    uncertainty         (H, W) float16 mm, NaN = no depth     (optional)
    defocus             (H, W) float16 px, NaN = not known   (where the blur is known or given)
    defocus_uncertainty (H, W) float16 px, NaN = no depth measured   (where the blur is known)
```

An array that a triple's record calls absent holds zeros. The file starts with an HDF5 user block
that holds the manifest: the hash and place of every array.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import msgspec
import numpy as np

from idfd.model.capture import AuditEntry, Scene
from idfd.model.curation import CuratedEntry, FailedEntry
from idfd.model.provenance import Provenance
from idfd.model.schema import Document

FORMAT = "idfd-release"
SCHEMA_VERSION = "1.3.0"
CHUNK = 128
GZIP_LEVEL = 6


@dataclass(frozen=True)
class ArraySpec:
    """Type and meaning of one array of a triple.

    ``computed`` arrays follow from the others and the record, and are made with the release.
    """

    dtype: type
    channels: int
    units: str
    description: str
    required: bool
    computed: bool = False


ARRAYS: dict[str, ArraySpec] = {
    "all_in_focus": ArraySpec(
        np.uint8, 3, "sRGB", "photo at the small aperture, RGB, the reference of all arrays", True
    ),
    "defocused": ArraySpec(
        np.uint8, 3, "sRGB", "photo at the large aperture, RGB, aligned and exposure-matched", True
    ),
    "depth": ArraySpec(
        np.uint16, 1, "mm", "depth along the optical axis as measured, 0 = no measurement", False
    ),
    "depth_inpainted": ArraySpec(
        np.uint16, 1, "mm", "depth along the optical axis with holes filled, 0 = no depth", False
    ),
    "source": ArraySpec(
        np.uint8, 1, "code", "0 none, 1 measured, 2 fused, 3 in-painted, 4 unknown", True
    ),
    "uncertainty": ArraySpec(
        np.float16, 1, "mm", "standard deviation of the depth, NaN = no depth", False
    ),
    "defocus": ArraySpec(
        np.float16, 1, "px",
        "signed diameter of the circle of confusion in the defocused photo, negative before the "
        "plane in focus, NaN where no depth was measured", False, computed=True,
    ),
    "defocus_uncertainty": ArraySpec(
        np.float16, 1, "px",
        "standard deviation of defocus, from the blur model, and from the depth where the triple "
        "has an uncertainty of it", False, computed=True,
    ),
}  # fmt: skip
DEPTH_ARRAYS = {"raw": "depth", "inpainted": "depth_inpainted"}


class ReleaseInfo(Document, frozen=True, kw_only=True):
    """What a release is and where it came from; the ``release`` attribute of the file.

    ``defocus_maps`` counts the triples with a metric defocus map, ``absent`` the triples that lack
    a modality, by its name; what none lacks is not in it.
    """

    SCHEMA: ClassVar[str] = "idfd/release"
    VERSION: ClassVar[str] = SCHEMA_VERSION

    name: str
    version: str
    title: str
    licence: str
    citation: str
    triples: int
    depth_kinds: tuple[str, ...]
    defocus_maps: int = 0
    absent: dict[str, int] = msgspec.field(default_factory=dict)
    split_origin: str
    split_grouping: str
    split_seed: int | None
    scenes: tuple[Scene, ...]
    excluded: tuple[CuratedEntry, ...]
    failed: tuple[FailedEntry, ...]
    audit: tuple[AuditEntry, ...]
    provenance: Provenance
