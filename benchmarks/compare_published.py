"""Our pipeline and the published one on the same rendered takes, against what is truly there.

Both start from the same files: two JPEG photos, the depth burst with colour, the calibration. Each
is scored on its own pixels, against the truth at the places of the photo that they stand for.

A rendered tripod does not move, so the defocused photo is moved and darkened by a known amount
first, as real pairs are (``--still`` leaves it alone). The published depth lies along the axis of
the Kinect's colour camera; in the column "own axis" it is held against the truth along that axis,
which no user of the data could do, but which tells what the axis alone costs. Own pixels differ
between the two, so the last rows are of the same places: those that both measured, those that both
filled, and the holes of our registered depth, filled by each method.

Usage: python benchmarks/compare_published.py SESSION        (shot with the simulated rig)
       python benchmarks/compare_published.py --rooms 3 --quality small
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import h5py
import numpy as np
from numpy.typing import NDArray

from idfd.calibration.projection import project, unproject
from idfd.capture.session.reader import SessionReader
from idfd.capture.simulated.outing import shoot_rooms
from idfd.model.rig import RigCalibration
from idfd.model.triple import DepthSource
from idfd.processing.config import ProcessConfig
from idfd.processing.crop import common, depth_field, largest_crop, pair_field
from idfd.processing.depth.denoise import denoise
from idfd.processing.depth.freespace import least_depth
from idfd.processing.depth.inpaint import inpaint
from idfd.processing.depth.maps import DepthMap
from idfd.processing.depth.register import photo_points, register
from idfd.processing.photos.pair import fit_pair
from idfd.processing.photos.render import render_defocused, render_sharp
from idfd.processing.photos.transform import map_points
from idfd.processing.published.coherence import inpaint_coherent
from idfd.processing.published.colour import kinect_colour
from idfd.processing.published.steps import MODE_OF_BURST, make_published
from idfd.storage.bursts import read_burst
from idfd.storage.color import decode_srgb, encode_srgb, luminance
from idfd.storage.images import read_photo

Array = NDArray[np.float64]

SHIFT_PX, TURN_DEG, GROWTH, STOPS = (2.3, -1.6), 0.05, 1.0015, -0.2
"""What is done to a defocused photo of 960 pixels; the shift grows with the width."""
OFF_MM, NEAR_EDGE_PX, JUMP, OCCLUDED, SHARP_PX = 50.0, 5, 1.05, 1.04, 0.7
BLOCK, SEARCH = 48, 20
"""Side of a block of depth and how far it is looked for, pixels of a photo of 960."""


@dataclass(frozen=True)
class Take:
    """What both pipelines get, and the truth on the pixels of the all-in-focus photo."""

    name: str
    sharp: NDArray[np.uint8]
    defocused: NDArray[np.uint8]
    moved: Array  # (2, 3): from the all-in-focus photo's pixels to the defocused one's
    burst_path: Path
    rig: RigCalibration
    depth: Array  # along the photo camera's axis, mm
    along_colour: Array  # along the axis of the Kinect's colour camera, mm
    occluded: NDArray[np.bool_]  # hidden from the depth camera by something nearer
    circle: Array  # diameter of the blur in the defocused photo, px


@dataclass(frozen=True)
class Result:
    """What a pipeline made of a take."""

    sharp: NDArray[np.uint8]
    defocused: NDArray[np.uint8]
    measured: DepthMap
    filled: DepthMap
    places: Array  # (h, w, 2): the photo's pixel of each of its pixels
    pair: Callable[[Array], Array]  # its idea of where the defocused photo shows them
    kept_share: float
    aspect: float
    seconds: float


def read_takes(session: Path, still: bool) -> list[Take]:
    reader = SessionReader(session)
    rig = reader.calibration
    assert rig is not None, "the session has no calibration"
    return [
        _read(session / "scenes" / record.scene / record.id, record.id, rig, still)
        for record in reader.takes()
    ]


def _read(folder: Path, name: str, rig: RigCalibration, still: bool) -> Take:
    sharp, defocused = (read_photo(folder / f"{n}.jpg") for n in ("all_in_focus", "defocused"))
    with h5py.File(folder / "truth.h5") as file:
        depth = np.asarray(file["photo/depth"], np.float64)
        kinect = np.asarray(file["kinect/depth"], np.float64)
        circle = np.abs(np.asarray(file["photo/circle_of_confusion_f2.8"], np.float64))
    moved = np.eye(2, 3) if still else _movement(*sharp.shape[1::-1])
    if not still:
        defocused = _disturbed(defocused, moved)
    height, width = depth.shape
    rays = unproject(rig.photo, np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1))
    to_photo = rig.depth_to_photo
    points = (rays * depth[..., None] - to_photo.translation_mm) @ np.array(to_photo.rotation)
    _, colour_rig = kinect_colour(read_burst(folder / "depth.h5"))
    return Take(
        name, sharp, defocused, moved, folder / "depth.h5", rig, depth,
        along_colour=np.where(depth > 0, colour_rig.depth_to_photo.apply(points)[..., 2], 0),
        occluded=(depth > 0) & _hidden(points, kinect, rig), circle=circle,
    )  # fmt: skip


def _movement(width: int, height: int) -> Array:
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), TURN_DEG, GROWTH)
    matrix[:, 2] += np.array(SHIFT_PX) * width / 960
    return np.asarray(matrix, np.float64)


def _disturbed(photo: NDArray[np.uint8], moved: Array) -> NDArray[np.uint8]:
    light = decode_srgb(photo / np.float32(255)) * np.float32(2**STOPS)
    size = photo.shape[1::-1]
    light = cv2.warpAffine(light, moved, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    return np.rint(255 * encode_srgb(np.clip(light, 0, 1))).astype(np.uint8)


def _hidden(points: Array, kinect: Array, rig: RigCalibration) -> NDArray[np.bool_]:
    """Points before which the depth camera sees something nearer.

    All nine depths around must be nearer, so that it is not a matter of half a pixel.
    """
    seen = np.rint(project(rig.depth, points))
    inside = (seen >= 0).all(-1) & (seen < (rig.depth.width, rig.depth.height)).all(-1)
    x, y = np.where(inside[..., None], seen, 0).astype(int).transpose(2, 0, 1)
    farthest = cv2.dilate(np.where(kinect > 0, kinect, np.inf), np.ones((3, 3)))
    return inside & (points[..., 2] > OCCLUDED * farthest[y, x])


def ours(take: Take) -> Result:
    config = ProcessConfig()
    start = time.process_time()
    height, width = take.sharp.shape[:2]
    depth = denoise(read_burst(take.burst_path).depth, config.denoise)
    fit = fit_pair(take.sharp, take.defocused, config.pair)
    field = common(pair_field(fit), depth_field(photo_points(depth, take.rig), width, height))
    crop = largest_crop(field, width / height)
    measured = register(depth, take.rig, crop, config.register)
    sharp = render_sharp(take.sharp, crop)
    bound = least_depth(depth, take.rig, crop, measured.depth == 0)
    filled = inpaint(measured, sharp, config.inpaint, bound)
    defocused = render_defocused(take.defocused, fit, crop)
    seconds = time.process_time() - start
    x = crop.x + (np.arange(crop.width) + 0.5) * crop.scale - 0.5
    y = crop.y + (np.arange(crop.height) + 0.5) * crop.scale - 0.5
    return Result(
        sharp, defocused, measured, filled, np.stack(np.meshgrid(x, y), -1),
        pair=lambda places: map_points(fit.transform, places),
        kept_share=crop.width * crop.height * crop.scale**2 / (width * height),
        aspect=1.0,
        seconds=seconds,
    )  # fmt: skip


def published(take: Take) -> Result:
    start = time.process_time()
    burst = read_burst(take.burst_path)
    colour, colour_rig = kinect_colour(burst)
    depth = denoise(burst.depth, MODE_OF_BURST)
    made = make_published(depth, colour, colour_rig, take.sharp, take.defocused)
    seconds = time.process_time() - start
    height, width = take.sharp.shape[:2]
    return Result(
        made.all_in_focus, made.defocused, made.depth, made.depth_inpainted,
        made.crop.photo_pixels(),
        pair=lambda places: places,
        kept_share=made.crop.side**2 / (width * height),
        aspect=made.crop.distortion,
        seconds=seconds,
    )  # fmt: skip


def score(result: Result, take: Take, own_axis: bool = False) -> dict[str, float]:
    truth = _at(take.along_colour if own_axis else take.depth, result.places)
    occluded = _at(take.occluded, result.places)
    edges = _edges(truth)
    near = cv2.dilate(edges.astype(np.uint8), np.ones((2 * NEAR_EDGE_PX + 1,) * 2)) > 0
    measured = (result.measured.depth > 0) & (truth > 0)
    painted = (result.filled.source == DepthSource.IN_PAINTED) & (truth > 0)
    found: dict[str, float] = {}
    for name, mask, depth in (
        ("measured", measured & ~near, result.measured.depth),
        ("near edges", measured & near, result.measured.depth),
        ("in-painted", painted, result.filled.depth),
        ("everywhere", (result.filled.depth > 0) & (truth > 0), result.filled.depth),
    ):
        found |= {f"{name}: {key}": v for key, v in _errors(depth[mask], truth[mask]).items()}
    found["depth left empty, %"] = 100 * float(np.mean(result.filled.depth == 0))
    claimed = np.count_nonzero(measured & occluded) / max(np.count_nonzero(occluded), 1)
    found["occluded pixels given as measured, %"] = 100 * claimed
    found["depth misplaced, photo px"] = _misplaced(result, take)
    right = np.abs(result.filled.depth - truth) < OFF_MM
    share = np.mean(right & (result.filled.depth > 0) & (truth > 0))
    found[f"photo with depth within {OFF_MM:g} mm, %"] = 100 * result.kept_share * float(share)
    grid = result.places[::16, ::16].reshape(-1, 2)
    off = result.pair(grid) - (grid @ take.moved[:, :2].T + take.moved[:, 2])
    found["pair misaligned, photo px"] = float(np.linalg.norm(off, axis=1).mean())
    found["pair exposure, stops"] = _exposure(result)
    in_focus = (_at(take.circle, result.places) < SHARP_PX) & (truth > 0)
    error = (result.sharp.astype(np.float64) - result.defocused)[in_focus]
    if error.size:
        found["pair PSNR in focus, dB"] = float(10 * np.log10(255**2 / np.mean(error**2)))
    found["photo kept, %"] = 100 * result.kept_share
    found["aspect stretched by"] = result.aspect
    found["processor time, s"] = result.seconds
    return found


def _errors(depth: NDArray[np.float32], truth: Array) -> dict[str, float]:
    error = np.abs(depth - truth)
    if not error.size:
        return {}
    return {
        "RMSE, mm": float(np.sqrt(np.mean(error**2))),
        "MAE, mm": float(error.mean()),
        "AbsRel, %": 100 * float(np.mean(error / truth)),
        f"off by > {OFF_MM:g} mm, %": 100 * float(np.mean(error > OFF_MM)),
    }


def _edges(depth: Array) -> NDArray[np.bool_]:
    """Pixels beside a jump in depth; nothing is known about pixels without depth."""
    known = depth > 0
    high = cv2.dilate(np.where(known, depth, 0.0), np.ones((3, 3)))
    low = cv2.erode(np.where(known, depth, np.inf), np.ones((3, 3)))
    return known & (high / JUMP > low)


def _misplaced(result: Result, take: Take) -> float:
    """How far the measured depth lies from its place, median over blocks with edges, photo pixels.

    Each block of the truth is looked for in the depth map nearby, by the logarithm of depth but for
    a constant, so that a wrong scale or axis does not count. In place counts as half a step.
    """
    coarse = max(1.0, take.depth.shape[1] / 960)  # the search is of the fourth power in it
    (left, top), (right, bottom) = result.places[0, 0], result.places[-1, -1]
    photo = np.stack(
        np.meshgrid(np.arange(left, right, coarse), np.arange(top, bottom, coarse)), -1
    )
    truth = _at(take.depth, photo)
    depth = _at_places(result.measured.depth, result, photo)
    with np.errstate(divide="ignore"):
        wanted, seen = (np.where(plane > 0, np.log(plane), np.nan) for plane in (truth, depth))
    rows, columns = (side // BLOCK for side in wanted.shape)

    def blocks(plane: Array) -> Array:
        cut = plane[: rows * BLOCK, : columns * BLOCK].reshape(rows, BLOCK, columns, BLOCK)
        return cut.swapaxes(1, 2).reshape(rows, columns, -1)

    wanted, edges = blocks(wanted), blocks(_edges(truth).astype(np.float64))
    known = np.isfinite(blocks(seen) - wanted)
    usable = (known.mean(-1) > 0.5) & (edges.sum(-1) > BLOCK / 2)
    wanted = wanted[usable]
    if not len(wanted):
        return float("nan")
    offset = np.nanmedian(blocks(seen)[usable] - wanted, axis=-1, keepdims=True)
    padded = np.pad(seen - 0.0, SEARCH, constant_values=np.nan)
    best, place = np.full(len(wanted), np.inf), np.zeros((len(wanted), 2))
    for dy in range(-SEARCH, SEARCH + 1):
        for dx in range(-SEARCH, SEARCH + 1):
            y, x = SEARCH + dy, SEARCH + dx
            moved = blocks(padded[y : y + seen.shape[0], x : x + seen.shape[1]])[usable]
            error = np.minimum(np.abs(moved - wanted - offset), 0.1)
            cost = np.where(np.isfinite(error), error, 0.05).mean(-1)
            better = cost < best
            best[better], place[better] = cost[better], (dx, dy)
    return coarse * max(0.5, float(np.median(np.linalg.norm(place, axis=1))))


def _at(plane: NDArray[np.generic], places: Array) -> NDArray[np.generic]:
    """Values at the nearest pixels, (h, w); what lies outside gets the border's."""
    column, row = np.rint(places).astype(int).transpose(2, 0, 1)
    height, width = plane.shape
    return plane[np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)]


def _at_places(plane: NDArray[np.generic], result: Result, photo: Array) -> NDArray[np.generic]:
    """A plane of a result at pixels of the photo; 0 outside of it."""
    own = (photo - result.places[0, 0]) / (result.places[1, 1] - result.places[0, 0])
    inside = (own > -0.5).all(-1) & (own < np.array(plane.shape[::-1]) - 0.5).all(-1)
    return np.where(inside, _at(plane, own), 0)


def score_together(
    mine: Result, theirs: Result, take: Take, truth: Array
) -> list[dict[str, float]]:
    """Errors of both on the same places: those that both measured, and those that both filled."""
    on_mine = _at_places(theirs.filled.depth, theirs, mine.places)
    source = _at_places(theirs.filled.source, theirs, mine.places)
    rows: list[dict[str, float]] = [{}, {}]
    for name, painted in (("both measured", False), ("both in-painted", True)):
        both = (_at(take.depth, mine.places) > 0) & (source > 0) & (mine.filled.source > 0)
        both &= (source == DepthSource.IN_PAINTED) == painted
        both &= (mine.filled.source == DepthSource.IN_PAINTED) == painted
        found = (rows[0], mine.filled.depth, take.depth), (rows[1], on_mine, truth)
        for row, depth, true in found:
            errors = _errors(depth[both], _at(true, mine.places)[both])
            row |= {f"where {name}: {key}": value for key, value in errors.items()}
    return rows


def score_holes(mine: Result, take: Take) -> list[dict[str, float]]:
    """Our in-painting and the published one of the same holes in the same registered depth."""
    truth = _at(take.depth, mine.places)
    holes = (mine.filled.source == DepthSource.IN_PAINTED) & (truth > 0)
    theirs = inpaint_coherent(mine.measured.depth.astype(np.uint16)).astype(np.float32)
    return [
        {f"our holes: {key}": value for key, value in _errors(depth[holes], truth[holes]).items()}
        for depth in (mine.filled.depth, theirs)
    ]


def _exposure(result: Result) -> float:
    """Root mean square over blocks of the logarithm of one photo's light over the other's."""
    blocks = []
    for photo in (result.sharp, result.defocused):
        light = luminance(decode_srgb(photo / np.float32(255)))
        light = np.where((photo.max(-1) < 250) & (photo.min(-1) > 2), light, np.nan)
        height, width = (side // 16 * 16 for side in light.shape)
        cut = light[:height, :width].reshape(height // 16, 16, width // 16, 16)
        blocks.append(cut.mean((1, 3)))  # NaN where anything is clipped
    ratio = np.log2(blocks[0] / blocks[1])
    return float(np.sqrt(np.nanmean(ratio**2)))


HIGHER = ("photo kept", "photo with depth")
NO_FACTOR = ("depth left empty", "processor time")


def table(columns: dict[str, list[dict[str, float]]]) -> str:
    """Means over the takes as Markdown, with how many times better ours is than published."""
    lines = [f"| | {' | '.join(columns)} | published / ours |", "|---" * (len(columns) + 2) + "|"]
    for name in columns["ours"][0]:
        mean = {
            column: float(np.mean([row[name] for row in rows if name in row] or [np.nan]))
            for column, rows in columns.items()
        }
        factor = _factor(mean["ours"], mean["published"], name)
        cells = " | ".join("" if np.isnan(v) else f"{v:.4g}" for v in mean.values())
        lines.append(f"| {name} | {cells} | {factor} |")
    return "\n".join(lines)


def _factor(mine: float, theirs: float, name: str) -> str:
    if name.startswith(NO_FACTOR):
        return ""
    if name.endswith("dB"):  # as a ratio of the root mean square errors
        return f"{10 ** ((mine - theirs) / 20):.2f}"
    better, worse = (theirs, mine) if name.startswith(HIGHER) else (mine, theirs)
    return f"{worse / better:.2f}" if better > 0 else "∞"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("session", type=Path, nargs="?")
    parser.add_argument("--rooms", type=int, default=3)
    parser.add_argument("--quality", default="draft")
    parser.add_argument("--still", action="store_true", help="do not move the defocused photo")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as name:
        session = arguments.session or Path(name) / "session"
        if arguments.session is None:
            shoot_rooms(session, arguments.rooms, quality=arguments.quality)
        takes = read_takes(session, arguments.still)
        columns: dict[str, list[dict[str, float]]] = {"ours": [], "published": [], "own axis": []}
        for take in takes:
            mine, theirs = ours(take), published(take)
            columns["ours"].append(score(mine, take))
            columns["published"].append(score(theirs, take))
            columns["own axis"].append(score(theirs, take, own_axis=True))
            for name, truth in (("published", take.depth), ("own axis", take.along_colour)):
                rows = score_together(mine, theirs, take, truth)
                columns["ours"][-1] |= rows[0]
                columns[name][-1] |= rows[1]
            for name, row in zip(("ours", "published"), score_holes(mine, take), strict=True):
                columns[name][-1] |= row
    height, width = takes[0].depth.shape
    names = ", ".join(take.name for take in takes)
    print(f"Means of {len(takes)} rendered takes of {width}x{height}: {names}\n")
    print(table(columns))


if __name__ == "__main__":
    main()
