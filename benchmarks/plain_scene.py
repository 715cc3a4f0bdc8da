"""The peer of ``process_scene.py``: the steps of a take as one would write them with OpenCV.

Median of the burst by numpy; temporal spread and a count of agreeing neighbours against flying
pixels; bilateral filter on log depth; SIFT and a homography at a quarter of the size; cubic warp of
the whole photo; gain and vignetting by least squares on small linear images; ``cv2.registerDepth``
to the whole photo, its dots closed to a surface; crop to what all three see; in-painting by
colourisation or by Telea's method, which does not look at the photo; PNG files by ``cv2.imwrite``
as OpenCV writes them by default (its fastest).

Gain and vignetting are applied as the formulas say, in float32 to the whole warped photo, and the
colourisation solves the system over all pixels of the release crop, as the usual ports do (but it
is set up by numpy, which they leave to a loop in Python), at no more than 640 pixels width: beyond,
its factors need more memory than there may be. ``tuned`` applies both by lookup to the cropped (and
reduced) photo only, and solves for the unknown pixels alone, at the full size.

In its favour: files are neither hashed nor flushed to the disk, the uncertainty stays on the depth
camera's pixels, and neither the blur nor what is left of misalignment is checked.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import cv2
import h5py
import numpy as np
from numpy.typing import NDArray

from idfd.model.camera import Intrinsics
from idfd.model.rig import RigCalibration

_VALUES = np.arange(256) / 255
_LINEAR = np.where(_VALUES <= 0.04045, _VALUES / 12.92, ((_VALUES + 0.055) / 1.055) ** 2.4)
_LINEAR = _LINEAR.astype(np.float32)[:, None].repeat(3, 1)[None]
_STEPS = np.arange(65536, dtype=np.float32) / 65535
_ENCODED = np.where(_STEPS <= 0.0031308, _STEPS * 12.92, 1.055 * _STEPS ** (1 / 2.4) - 0.055)
_ENCODED = np.rint(255 * _ENCODED).astype(np.uint8)
Image = NDArray[Any]
Box = tuple[int, int, int, int]
Fill = Literal["none", "telea", "colourisation"]


def plain_scene(
    take: Path,
    rig: RigCalibration,
    output: Path,
    size: tuple[int, int] | None,
    fill: Fill,
    tuned: bool = False,
) -> None:
    """Two photos and a burst become a triple in ``output``; ``size`` None keeps all pixels."""
    sharp, soft = (cv2.imread(str(take / f"{n}.jpg")) for n in ("all_in_focus", "defocused"))
    assert sharp is not None
    assert soft is not None
    with h5py.File(take / "burst.h5") as file:
        burst = file["depth"][()]
    depth, uncertainty = fused(burst)
    warp = alignment(sharp, soft)
    full = sharp.shape[1], sharp.shape[0]
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    soft = cv2.warpPerspective(soft, warp, full, flags=flags)
    gain = fitted_gain(sharp, soft)
    registered = on_photo(depth, rig)
    x, y, width, height = window(registered, warp, size or full)
    box = x, y, width, height
    if tuned:
        sharp, matched = matched_by_lookup(sharp, soft, gain, box, size)
    else:
        sharp, matched = matched_plainly(sharp, soft, gain, box, size)
    registered = registered[y : y + height, x : x + width]
    if size is not None:
        registered = cv2.resize(registered, size, interpolation=cv2.INTER_NEAREST)
    source = np.where(registered > 0, 2, 0).astype(np.uint8)
    output.mkdir(parents=True)
    if fill != "none":
        if fill == "telea":
            holes = (registered == 0).astype(np.uint8)
            filled = cv2.inpaint(registered, holes, 3, cv2.INPAINT_TELEA)
        else:
            filled = (colourised if tuned else colourised_whole)(registered, sharp)
        source[(registered == 0) & (filled > 0)] = 3
        cv2.imwrite(str(output / "depth_inpainted.png"), filled)
    cv2.imwrite(str(output / "all_in_focus.png"), sharp)
    cv2.imwrite(str(output / "defocused.png"), matched)
    cv2.imwrite(str(output / "depth.png"), registered)
    cv2.imwrite(str(output / "source.png"), source)
    np.save(output / "uncertainty.npy", uncertainty.astype(np.float16))
    record = {
        "crop": [x, y, width, height], "warp": warp.tolist(), "gain": gain.tolist(),
        "psnr": cv2.PSNR(sharp, matched), "depth_coverage": float((registered > 0).mean()),
    }  # fmt: skip
    (output / "triple.json").write_text(json.dumps(record))


def matched_plainly(
    sharp: Image, soft: Image, gain: NDArray[np.float64], box: Box, size: tuple[int, int] | None
) -> tuple[Image, Image]:
    """Both photos on the crop; the gain is applied to all of the warped one, in linear light."""
    x, y, width, height = box
    inside = slice(y, y + height), slice(x, x + width)
    field = vignetting(gain, (soft.shape[1], soft.shape[0]), (0, 0, soft.shape[1], soft.shape[0]))
    light = decoded(soft) * (field[..., None] * np.exp(gain[:3]).astype(np.float32))
    matched = np.rint(255 * encoded_plainly(light)).astype(np.uint8)[inside]
    sharp = sharp[inside]
    if size is not None:
        sharp, matched = (
            cv2.resize(photo, size, interpolation=cv2.INTER_AREA) for photo in (sharp, matched)
        )
    return sharp, matched


def matched_by_lookup(
    sharp: Image, soft: Image, gain: NDArray[np.float64], box: Box, size: tuple[int, int] | None
) -> tuple[Image, Image]:
    """Both photos on the crop; the gain is applied to what is left after it was reduced."""
    x, y, width, height = box
    inside = slice(y, y + height), slice(x, x + width)
    field = vignetting(gain, (soft.shape[1], soft.shape[0]), box, size)
    sharp, light = sharp[inside], cv2.LUT(soft[inside], _LINEAR)
    if size is not None:
        light = cv2.resize(light, size, interpolation=cv2.INTER_AREA)
        sharp = encoded(cv2.resize(cv2.LUT(sharp, _LINEAR), size, interpolation=cv2.INTER_AREA))
    return sharp, encoded(light * (field[..., None] * np.exp(gain[:3]).astype(np.float32)))


def vignetting(
    gain: NDArray[np.float64], full: tuple[int, int], box: Box, size: tuple[int, int] | None = None
) -> Image:
    """Its gain, float32, on so many pixels of a box."""
    x, y, width, height = box
    target = size or (width, height)
    columns = ((np.arange(target[0]) + 0.5) * width / target[0] + x) / full[0] * 2 - 1
    rows = ((np.arange(target[1]) + 0.5) * height / target[1] + y) / full[1] * 2 - 1
    radius = (columns**2 + rows[:, None] ** 2).astype(np.float32)
    return np.exp(np.float32(gain[3]) * radius + np.float32(gain[4]) * radius**2)


def decoded(photo: Image) -> Image:
    """8-bit sRGB as linear light, float32."""
    value = photo.astype(np.float32) / np.float32(255)
    high = ((value + np.float32(0.055)) / np.float32(1.055)) ** np.float32(2.4)
    return np.where(value <= 0.04045, value / np.float32(12.92), high)


def encoded_plainly(light: Image) -> Image:
    """Linear light as sRGB in [0, 1], float32."""
    light = np.clip(light, 0, 1)
    high = np.float32(1.055) * light ** np.float32(1 / 2.4) - np.float32(0.055)
    return np.where(light <= 0.0031308, light * np.float32(12.92), high)


def fused(burst: Image) -> tuple[Image, Image]:
    """Depth and its standard deviation, mm."""
    values = burst.astype(np.float32)
    values[burst == 0] = np.nan
    count = (burst > 0).sum(0)
    some = count > len(burst) // 2
    depth, spread = np.zeros(count.shape, np.float32), np.full(count.shape, np.inf, np.float32)
    depth[some] = np.nanmedian(values[:, some], axis=0)
    spread[some] = np.nanstd(values[:, some], axis=0)
    depth[spread > 25] = 0
    padded = np.pad(depth, 1)
    support = np.zeros(depth.shape, np.int32)
    for dy in (0, 1, 2):
        for dx in (0, 1, 2):
            near = padded[dy : dy + depth.shape[0], dx : dx + depth.shape[1]]
            support += np.abs(near - depth) < 0.01 * depth
    valid = (depth > 0) & (support >= 5)
    smooth = cv2.bilateralFilter(np.log(np.maximum(depth, 1)), 5, 0.01, 1.5)
    return np.where(valid, np.exp(smooth), 0), 1.25 * spread / np.sqrt(np.maximum(count, 1))


def alignment(sharp: Image, soft: Image) -> NDArray[np.float64]:
    """Homography from the pixels of the sharp photo to those of the other."""
    small = [
        cv2.resize(
            cv2.cvtColor(photo, cv2.COLOR_BGR2GRAY), None, fx=0.25, fy=0.25,
            interpolation=cv2.INTER_AREA,
        )
        for photo in (sharp, soft)
    ]  # fmt: skip
    sift = cv2.SIFT_create(4000)  # type: ignore[attr-defined]
    (points, about), (others, about_others) = (sift.detectAndCompute(g, None) for g in small)
    pairs = cv2.BFMatcher().knnMatch(about, about_others, k=2)
    good = [first for first, second in pairs if first.distance < 0.8 * second.distance]
    start = np.array([points[match.queryIdx].pt for match in good])
    end = np.array([others[match.trainIdx].pt for match in good])
    found, _ = cv2.findHomography((start + 0.5) * 4 - 0.5, (end + 0.5) * 4 - 0.5, cv2.RANSAC, 3.0)
    return np.asarray(found, np.float64)


def fitted_gain(sharp: Image, soft: Image) -> NDArray[np.float64]:
    """Log gain of each channel, and of r² and r⁴."""
    small = [
        cv2.LUT(cv2.resize(photo, (150, 100), interpolation=cv2.INTER_AREA), _LINEAR)
        for photo in (sharp, soft)
    ]
    ratio = np.log(np.maximum(small[0], 1e-3) / np.maximum(small[1], 1e-3))
    y, x = np.mgrid[:100, :150]
    r2 = ((x + 0.5) / 75 - 1) ** 2 + ((y + 0.5) / 50 - 1) ** 2
    usable = (np.maximum(*small).max(-1) < 0.9) & (np.minimum(*small).min(-1) > 0.01)
    rows = [
        np.column_stack([*(np.full(usable.sum(), float(k == c)) for k in range(3)),
                         r2[usable], r2[usable] ** 2])
        for c in range(3)
    ]  # fmt: skip
    values = np.concatenate([ratio[..., c][usable] for c in range(3)])
    found: NDArray[np.float64] = np.linalg.lstsq(np.concatenate(rows), values, rcond=None)[0]
    return found


def on_photo(depth: Image, rig: RigCalibration) -> Image:
    """Depth on the photo's pixels, uint16 mm; the dots are closed to a surface."""
    matrix, lens = _matrix(rig.depth), np.array(rig.depth.distortion)
    size = rig.depth.width, rig.depth.height
    maps = cv2.initUndistortRectifyMap(matrix, lens, np.eye(3), matrix, size, cv2.CV_32FC1)
    straight = cv2.remap(np.rint(depth).astype(np.uint16), *maps, cv2.INTER_NEAREST)
    transform = np.eye(4)
    transform[:3, :3] = rig.depth_to_photo.rotation
    transform[:3, 3] = np.array(rig.depth_to_photo.translation_mm) / 1000
    dots = cv2.registerDepth(  # type: ignore[attr-defined]
        matrix, _matrix(rig.photo), np.array(rig.photo.distortion), transform, straight,
        (rig.photo.width, rig.photo.height),
    )  # fmt: skip
    side = 2 * int(1.2 * rig.photo.fx / rig.depth.fx) + 1
    return np.asarray(cv2.morphologyEx(dots, cv2.MORPH_CLOSE, np.ones((side, side), np.uint8)))


def colourised_whole(depth: Image, photo: Image) -> Image:
    """The usual system over all pixels, the known ones too, no wider than 640 of them."""
    height, width = depth.shape
    shrink = min(1.0, 640 / width)
    size = round(width * shrink), round(height * shrink)
    small = cv2.resize(depth, size, interpolation=cv2.INTER_NEAREST)
    filled = colourised(small, cv2.resize(photo, size, interpolation=cv2.INTER_AREA), whole=True)
    large = cv2.resize(filled, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.where(depth > 0, depth, large)


def colourised(depth: Image, photo: Image, whole: bool = False) -> Image:
    """Unknown depth as the weighted mean of its neighbours (Levin et al., SIGGRAPH 2004).

    Known pixels are left out of the system, or are in it with equations of their own.
    """
    from scipy.sparse import csc_matrix
    from scipy.sparse.linalg import spsolve

    grey = np.pad(cv2.cvtColor(photo, cv2.COLOR_BGR2GRAY) / 255, 1).ravel()
    inside = np.pad(np.ones(depth.shape, bool), 1).ravel()
    known = np.pad(depth, 1).ravel().astype(np.float64)
    columns = depth.shape[1] + 2
    unknown = np.flatnonzero(inside) if whole else np.flatnonzero(inside & (known == 0))
    steps = [dy * columns + dx for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dy or dx]
    near = unknown[:, None] + np.array(steps)
    there = inside[near]
    count = there.sum(1) + 1
    light = np.where(there, grey[near], 0)
    mean = (light.sum(1) + grey[unknown]) / count
    variance = ((light**2).sum(1) + grey[unknown] ** 2) / count - mean**2
    gap = np.where(there, (light - grey[unknown, None]) ** 2, np.inf)
    spread = np.maximum(np.maximum(0.6 * variance, -gap.min(1) / np.log(0.01)), 2e-6)
    weight = np.exp(-gap / spread[:, None])
    weight /= weight.sum(1, keepdims=True)
    number = np.zeros(len(known), np.int64)
    number[unknown] = np.arange(len(unknown))
    fixed = known[unknown] > 0  # nowhere but in the whole system
    open_end = there & ~fixed[:, None] & (whole | (known[near] == 0))
    row = np.nonzero(open_end)[0]
    everyone = np.arange(len(unknown))
    matrix = csc_matrix((
        np.concatenate([np.ones(len(unknown)), -weight[open_end]]),
        (np.concatenate([everyone, row]), np.concatenate([everyone, number[near[open_end]]])),
    ))  # fmt: skip
    right = known[unknown] if whole else (weight * known[near]).sum(1)
    known[unknown] = spsolve(matrix, right)
    whole = known.reshape(-1, columns)[1:-1, 1:-1]
    return np.rint(np.clip(whole, 0, 65535)).astype(np.uint16)


def window(depth: Image, warp: NDArray[np.float64], size: tuple[int, int]) -> Box:
    """What all three see, with the aspect of ``size``: x, y, width, height."""
    height, width = depth.shape
    left, top, across, down = cv2.boundingRect((depth > 0).astype(np.uint8))
    corners = np.array([[[0, 0]], [[width, 0]], [[width, height]], [[0, height]]], np.float64)
    seen = cv2.perspectiveTransform(corners, np.linalg.inv(warp))[:, 0]
    left = int(np.ceil(max(left, seen[0, 0], seen[3, 0])))
    top = int(np.ceil(max(top, seen[0, 1], seen[1, 1])))
    across = int(min(left + across, seen[1, 0], seen[2, 0], width)) - left
    down = int(min(top + down, seen[2, 1], seen[3, 1], height)) - top
    scale = min(across / size[0], down / size[1])
    w, h = int(size[0] * scale), int(size[1] * scale)
    return left + (across - w) // 2, top + (down - h) // 2, w, h


def encoded(light: Image) -> NDArray[np.uint8]:
    """Linear light as 8-bit sRGB."""
    return _ENCODED[np.clip(light * 65535 + 0.5, 0, 65535).astype(np.uint16)]


def _matrix(camera: Intrinsics) -> NDArray[np.float64]:
    return np.array([[camera.fx, 0, camera.cx], [0, camera.fy, camera.cy], [0, 0, 1]])
