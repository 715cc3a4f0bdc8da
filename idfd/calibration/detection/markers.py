"""Markers of a ChArUco board or an AprilGrid, and the map from the board to the image they give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.calibration.boards.geometry import border_bits, dictionary
from idfd.calibration.detection.layout import Layout
from idfd.calibration.detection.levels import Level, level, levels
from idfd.calibration.detection.warp import Warp
from idfd.model.board import Board

Array = NDArray[np.float64]
Seen = dict[int, Array]
"""Corners of markers in the image by number, (4, 2) each."""

_FEWEST = 3
_WINDOW, _BELOW = 31, 10
"""The quick threshold: so much below the mean of a square of this side. Texture and noise, whose
outlines take the time, are mostly above."""
_SMALLEST = 32
"""Way round the smallest marker that may be read, in pixels of the picture."""
_ENOUGH = 0.5
"""Share of the markers inside the image from which on no other picture is tried: corners need none
beside them."""


@dataclass(frozen=True)
class Found:
    """Where a board is in an image, roughly.

    Attributes:
        warp: From the board to the image.
        markers: The markers that agree with it.
        others: Markers that do not, or are not on the board.
    """

    warp: Warp | None
    markers: Seen
    others: Seen


def find_markers(image: NDArray[Any], board: Board, layout: Layout) -> Found:
    """Look for a board's markers in ever larger pictures, until most of them are there."""
    words, border = dictionary(board), border_bits(board)
    seen: Seen = {}
    best = Found(None, {}, {})
    # What is quick comes first at all sizes: thresholds in contrast that is evened out find noise.
    for thorough in (False, True):
        for scale in levels(image):
            before = len(best.markers)
            plain = level(image, scale, _region(best, layout, image))
            for picture in (plain, plain.evened()) if thorough else (plain,):
                seen |= detect_markers(picture, words, border, thorough=thorough)
                best = agree(seen, layout)
                if _enough(best, layout, image):
                    return best
            if before >= _FEWEST and len(best.markers) < 1.1 * before:
                break
    return best


def marker_detector(
    picture: NDArray[np.uint8], words: cv2.aruco.Dictionary, border: int, *, thorough: bool
) -> cv2.aruco.ArucoDetector:
    """OpenCV's detector; thorough thresholds the picture in three ways instead of one."""
    settings = cv2.aruco.DetectorParameters()
    settings.markerBorderBits = border
    settings.minMarkerPerimeterRate = _SMALLEST / max(picture.shape)
    if not thorough:
        settings.adaptiveThreshWinSizeMin = settings.adaptiveThreshWinSizeMax = _WINDOW
        settings.adaptiveThreshConstant = _BELOW
    return cv2.aruco.ArucoDetector(words, settings)


def detect_markers(
    picture: Level, words: cv2.aruco.Dictionary, border: int, *, thorough: bool
) -> Seen:
    """Markers in a picture, in the image's pixels."""
    detector = marker_detector(picture.picture, words, border, thorough=thorough)
    corners, ids, _ = detector.detectMarkers(picture.picture)
    if not len(corners):
        return {}
    return {
        int(number): picture.to_image(_to_edges(np.asarray(quad, np.float64).reshape(4, 2)))
        for number, quad in zip(np.ravel(ids), corners, strict=True)
    }


def _to_edges(quad: Array) -> Array:
    """Move corners from the middles of the outermost dark pixels to the edges, half a pixel out."""
    sides = np.roll(quad, -1, axis=0) - quad
    sides /= np.maximum(np.linalg.norm(sides, axis=1, keepdims=True), 1e-9)
    return quad + (np.roll(sides, 1, axis=0) - sides) / 2


def agree(seen: Seen, layout: Layout) -> Found:
    """The markers that lie as on the board, and the others."""
    known = {number: quad for number, quad in seen.items() if number in layout.markers}
    if len(known) < _FEWEST:
        return Found(None, {}, seen)
    quads = np.stack(list(known.values()))
    side = float(np.median(np.linalg.norm(quads - np.roll(quads, 1, axis=1), axis=2)))
    board = np.concatenate([layout.markers[number] for number in known])
    # The lens may bend the board by this much; a wrong number puts a marker a square away.
    warp = Warp(board, quads.reshape(-1, 2), limit_px=0.5 * side)
    kept = np.flatnonzero(warp.kept.reshape(-1, 4).all(axis=1))
    right = {list(known)[k] for k in kept}
    if len(right) < max(_FEWEST, len(known) // 2):
        return Found(None, {}, seen)
    return Found(
        warp,
        {number: quad for number, quad in seen.items() if number in right},
        {number: quad for number, quad in seen.items() if number not in right},
    )


def _enough(found: Found, layout: Layout, image: NDArray[Any]) -> bool:
    """Whether most of the markers inside the image were found."""
    if found.warp is None:
        return False
    pixels = found.warp(np.concatenate(list(layout.markers.values()))).reshape(-1, 4, 2)
    limit = np.array(image.shape[::-1]) - 1
    visible = np.count_nonzero(((pixels >= 0) & (pixels <= limit)).all(axis=(1, 2)))
    return len(found.markers) >= _ENOUGH * int(visible)


def _region(found: Found, layout: Layout, image: NDArray[Any]) -> tuple[int, int, int, int] | None:
    """The part of the image that the board takes, once it is known."""
    if found.warp is None:
        return None
    pixels = found.warp(layout.corners)
    if not np.isfinite(pixels).all():
        return None
    low, high = pixels.min(axis=0), pixels.max(axis=0)
    margin = 0.15 * (high - low) + 8
    limit = np.array(image.shape[::-1])
    left, upper = np.clip(low - margin, 0, limit - 1).astype(int)
    right, lower = np.clip(high + margin, (left + 1, upper + 1), limit).astype(int)
    return int(left), int(upper), int(right), int(lower)
