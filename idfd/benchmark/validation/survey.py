"""What the checks need of each triple, gathered in one pass over a release."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.model.triple import Triple, TripleRecord
from idfd.processing.blur import measure_blur
from idfd.progress import track
from idfd.release.reader import IDFD
from idfd.release.validation import SplitSize
from idfd.storage.color import linear_from_uint8

DEPTH_EDGES = np.linspace(0, 20, 401)
"""Metres. Farther depth counts into the last bin."""
BLUR_EDGES = np.linspace(0, 20, 401)
"""Pixels; wider blur counts into the last bin."""
PATCH = 32
"""Side of the patches whose depth the light model predicts, pixels."""
_SCALES = (0.7, 1.4, 2.8, 5.6)


@dataclass(frozen=True)
class Sight:
    """What was seen of one triple.

    Attributes:
        depth: Share of its known depth in each bin, (D,); all 0 where no depth is known.
        blur: Share of its blur in each bin, (E,); all 0 where none can be told.
        features: What the light model sees of each patch with depth, (N, F) float64.
        log_depth: Natural logarithm of each patch's median depth in metres, (N,).
    """

    depth: NDArray[np.float64]
    blur: NDArray[np.float64]
    features: NDArray[np.float64]
    log_depth: NDArray[np.float64]


@dataclass(frozen=True)
class Survey:
    """A release as the checks see it.

    Attributes:
        members: Ids of each split.
        records: Of each triple.
        sights: What was seen of each triple.
        blur_from: ``defocus maps`` or ``photo pairs``.
    """

    members: Mapping[str, tuple[str, ...]]
    records: Mapping[str, TripleRecord]
    sights: Mapping[str, Sight]
    blur_from: str

    @property
    def home(self) -> dict[str, str]:
        """Split of each scene group: the one that holds most of it, the first of equals."""
        counts: dict[str, Counter[str]] = {}
        for split, takes in self.members.items():
            for take in takes:
                counts.setdefault(self.records[take].group, Counter())[split] += 1
        return {group: count.most_common(1)[0][0] for group, count in sorted(counts.items())}

    @property
    def cut(self) -> tuple[str, ...]:
        """Groups that stand in more than one split."""
        held: dict[str, set[str]] = {}
        for split, takes in self.members.items():
            for take in takes:
                held.setdefault(self.records[take].group, set()).add(split)
        return tuple(sorted(group for group, splits in held.items() if len(splits) > 1))

    def of_group(self, group: str) -> list[Sight]:
        """What was seen of the triples of a group that stand in any split."""
        takes = (take for part in self.members.values() for take in part)
        return [self.sights[take] for take in takes if self.records[take].group == group]


def survey(data: IDFD, progress: bool = True) -> Survey:
    """Look at every triple of a release once.

    Args:
        data: The whole release.
        progress: Show progress on standard error.
    """
    records = {take: data.record(take) for take in data.ids}
    takes = track(data.ids, len(data), "survey") if progress else data.ids
    sights = {take: look(data.read(take), data.has_defocus) for take in takes}
    return Survey(
        members=data.members,
        records=records,
        sights=sights,
        blur_from="defocus maps" if data.has_defocus else "photo pairs",
    )


def look(triple: Triple, maps: bool) -> Sight:
    """What the checks need of a triple.

    Args:
        triple: The triple.
        maps: Take the blur from its defocus map rather than from its photos.
    """
    known = triple.depth > 0
    depth = _shares(triple.depth[known] / 1000, DEPTH_EDGES)
    if maps and triple.defocus is not None:
        circles = np.abs(triple.defocus.astype(np.float32))
        blur = circles[np.isfinite(circles)]
    else:
        blur = measure_blur(triple.all_in_focus, triple.defocused, triple.depth).sigma
    features, log_depth = _patches(triple, known)
    return Sight(depth, _shares(blur, BLUR_EDGES), features, log_depth)


def sizes(
    members: Mapping[str, tuple[str, ...]], records: Mapping[str, TripleRecord]
) -> dict[str, SplitSize]:
    """How large each split is, in triples and in scene groups."""
    found = {}
    for split, takes in members.items():
        counts = np.array([*Counter(records[take].group for take in takes).values()], np.float64)
        environments = Counter(records[take].environment for take in takes)
        found[split] = SplitSize(
            triples=len(takes),
            groups=len(counts),
            effective_groups=float(counts.sum() ** 2 / (counts**2).sum()) if len(counts) else 0.0,
            environments=dict(sorted(environments.items())),
        )
    return found


def _shares(values: NDArray[Any], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    inside = np.clip(values, edges[0], edges[-1])
    counts = np.histogram(inside, edges)[0].astype(np.float64)
    return counts / max(counts.sum(), 1)


def _patches(
    triple: Triple, known: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Features of the defocused photo and the depth of each patch that is at least half known.

    The features are the logarithms of the mean energies of differences of Gaussians, which fall
    with blur and rise with texture, the mean colour, and the place in the photo.
    """
    light = linear_from_uint8(triple.defocused).astype(np.float32)
    grey = np.log(light.mean(axis=2) + 0.02)
    bands = []
    for fine, coarse in zip((0.0, *_SCALES), _SCALES, strict=False):
        sharp = cv2.GaussianBlur(grey, (0, 0), fine) if fine else grey
        bands.append((sharp - cv2.GaussianBlur(grey, (0, 0), coarse)) ** 2)
    colour = np.log(light + 0.02)
    planes = np.dstack([*bands, colour])
    rows, columns = known.shape[0] // PATCH, known.shape[1] // PATCH
    tiles = _tiles(planes, rows, columns).mean(axis=1, dtype=np.float64)
    tiles[:, : len(_SCALES)] = np.log(tiles[:, : len(_SCALES)] + 1e-6)
    y, x = np.mgrid[:rows, :columns]
    place = np.stack([(y + 0.5) / rows * 2 - 1, (x + 0.5) / columns * 2 - 1], -1).reshape(-1, 2)
    depth = np.where(known, triple.depth, np.nan).astype(np.float64) / 1000
    depths = _tiles(depth[..., None], rows, columns)[..., 0]
    enough = np.isfinite(depths).sum(axis=1) * 2 >= PATCH**2
    median = np.nanmedian(depths[enough], axis=1)
    return np.hstack([tiles, place])[enough], np.log(median)


def _tiles(planes: NDArray[Any], rows: int, columns: int) -> NDArray[Any]:
    """Patches of (H, W, C) planes, (rows · columns, PATCH², C)."""
    cut = planes[: rows * PATCH, : columns * PATCH]
    tiles = cut.reshape(rows, PATCH, columns, PATCH, -1).transpose(0, 2, 1, 3, 4)
    return tiles.reshape(rows * columns, PATCH**2, -1)
