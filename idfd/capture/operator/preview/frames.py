"""What the operator sees of a live frame: focus peaking, clipping, histogram, depth; pure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.capture.cameras import DepthFrame
from idfd.capture.checking.depth import RANGES_MM, measure_depth, range_histogram
from idfd.processing.pictures import colors
from idfd.storage.color import CLIP_LEVEL, brightest
from idfd.storage.images import decode_image, encode_jpeg

Picture = NDArray[np.uint8]
DARK_LEVEL = 5
_PEAK_COLOUR = (255, 40, 40)
_STRIPE = 6
_BINS = 64
_DEPTH_BINS = 40
DEPTH_VIEW_MM = (0, 6000)


@dataclass(frozen=True)
class Overlays:
    """What is drawn over the photo: edges in focus, and stripes over clipped areas."""

    peaking: bool = True
    zebra: bool = True


@dataclass(frozen=True, eq=False)
class PhotoFrame:
    """A live frame of the photo camera: the JPEG as it came, and RGB, (H, W, 3) uint8."""

    jpeg: bytes
    rgb: Picture


def photo_frame(jpeg: bytes) -> PhotoFrame:
    """Decode a live frame.

    Raises:
        InputError: It cannot be decoded.
    """
    bgr = decode_image(jpeg, Path("live frame"), cv2.IMREAD_COLOR)
    return PhotoFrame(jpeg, np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8))


def focus_peaking(rgb: Picture) -> NDArray[np.bool_]:
    """Pixels of the sharpest edges, (H, W).

    The second derivative (Laplacian) over its neighbourhood's contrast falls off faster with
    defocus than the edge itself; the limit keeps noise of plain areas out.

    Args:
        rgb: (H, W, 3) uint8.
    """
    plain = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)
    grey = np.asarray(cv2.GaussianBlur(plain, (0, 0), 0.7), np.float32)
    fine = np.abs(cv2.Laplacian(grey, cv2.CV_32F, ksize=1))
    mean = cv2.blur(grey, (15, 15))
    contrast = np.sqrt(np.maximum(cv2.blur(grey * grey, (15, 15)) - mean * mean, 0))
    return np.asarray((fine > 12) & (fine > 0.55 * contrast))


def draw(frame: PhotoFrame, overlays: Overlays) -> bytes:
    """A live frame with overlays as JPEG bytes; the camera's own where nothing is drawn."""
    if not (overlays.peaking or overlays.zebra):
        return frame.jpeg
    rgb = frame.rgb
    picture = rgb.copy()
    if overlays.peaking:
        picture[focus_peaking(rgb)] = _PEAK_COLOUR
    if overlays.zebra:
        y, x = np.ogrid[: rgb.shape[0], : rgb.shape[1]]
        stripes = (x + y) % (2 * _STRIPE) < _STRIPE
        picture[stripes & (brightest(rgb) >= CLIP_LEVEL)] = (0, 0, 0)
        picture[stripes & (brightest(rgb) <= DARK_LEVEL)] = (70, 70, 255)
    return encode_jpeg(picture, 80)


def photo_facts(frame: PhotoFrame) -> dict[str, Any]:
    """Histogram per channel (64 bins, shares), clipped, dark and peaking shares, size."""
    rgb = frame.rgb
    pixels = rgb.shape[0] * rgb.shape[1]
    counts = [cv2.calcHist([rgb], [c], None, [_BINS], [0, 256]).ravel() / pixels for c in range(3)]
    level = brightest(rgb)
    return {
        "histogram": [[round(float(share), 5) for share in channel] for channel in counts],
        "clipped": float((level >= CLIP_LEVEL).mean()),
        "dark": float((level <= DARK_LEVEL).mean()),
        "peaking": float(focus_peaking(rgb).mean()),
        "size": [rgb.shape[1], rgb.shape[0]],
    }


def draw_depth(frame: DepthFrame) -> bytes:
    """The depth map in colours from 0 to 6 m, grey where there is none, as JPEG."""
    low, high = DEPTH_VIEW_MM
    return encode_jpeg(colors(frame.depth.astype(np.float32), low, high, frame.depth > 0), 85)


def depth_facts(frame: DepthFrame, mode: str | None) -> dict[str, Any]:
    """Share of valid pixels, share of those within the mode's range, and histogram of depth."""
    mode = mode or "NFOV_UNBINNED"
    values = measure_depth(frame.depth[None], mode)
    edges = np.linspace(*DEPTH_VIEW_MM, _DEPTH_BINS + 1)
    return {
        "valid": values["depth_valid"],
        "in_range": values.get("depth_range", 0.0),
        "range_mm": list(RANGES_MM.get(mode, DEPTH_VIEW_MM)),
        "histogram": [round(float(s), 5) for s in range_histogram(frame.depth[::2, ::2], edges)],
        "view_mm": list(DEPTH_VIEW_MM),
    }
