"""Near-duplicate photos, found by perceptual hash."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

HASH_BITS = 64
NEAR = 6
"""Hashes that differ in at most this many of 64 bits belong to near-duplicate photos."""


def perceptual_hash(rgb: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Perceptual hash (pHash, Zauner 2010): signs of the 64 lowest cosine frequencies.

    Args:
        rgb: Photo, (H, W, 3) uint8.

    Returns:
        (64,) bool; alike for photos that differ in exposure, noise or size.
    """
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)
    small = cv2.resize(grey, (32, 32), interpolation=cv2.INTER_AREA)
    low = cv2.dct(small)[:8, :8].ravel()
    return np.asarray(low > np.median(low[1:]))


def near_duplicates(
    hashes: Mapping[str, NDArray[np.bool_]], home: Mapping[str, str], near: int = NEAR
) -> list[tuple[str, str, int]]:
    """Pairs of photos in different splits whose hashes nearly agree: (id, id, bits)."""
    ids = sorted(hashes)
    if not ids:
        return []
    bits = np.stack([hashes[take] for take in ids])
    found = []
    for i, take in enumerate(ids):
        distance = np.count_nonzero(bits[i + 1 :] != bits[i], axis=1)
        for j in np.flatnonzero(distance <= near):
            other = ids[i + 1 + int(j)]
            if home[take] != home[other]:
                found.append((take, other, int(distance[j])))
    return found
