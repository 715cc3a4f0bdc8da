"""The contact sheet: one page in the session's folder that shows every take."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import cv2
import h5py
import numpy as np
from numpy.typing import NDArray

from idfd.capture.checking.depth import RANGES_MM, range_histogram
from idfd.capture.checking.pictures import read_reduced
from idfd.capture.operator.words import check_row, take_line
from idfd.capture.session.reader import SessionReader
from idfd.errors import IdfdError
from idfd.model.session import SceneDocument, TakeRecord
from idfd.processing.pictures import colors
from idfd.storage.durable import write_bytes
from idfd.storage.images import encode_jpeg

INDEX = "index.html"
THUMBS = "thumbs"
_HEIGHT = 200
_DEPTH_VIEW_MM = (0, 6000)
_BINS = 24
_GREY = 40
Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Sheet:
    """One take on the page; ``picture`` is None where none can be drawn."""

    record: TakeRecord
    line: str
    rows: list[tuple[str, str, str, str, str]]
    picture: str | None
    rejected: bool


@dataclass(frozen=True)
class Part:
    """One scene on the page."""

    scene: SceneDocument
    sheets: list[Sheet]


def write_contact_sheet(session: SessionReader) -> Path:
    """Write ``index.html`` and the pictures that are missing under ``thumbs/``.

    Pictures of takes that were drawn before are kept, so the page costs one take's work.

    Returns:
        The page.

    Raises:
        StorageError: The disk refuses.
    """
    parts = []
    for scene in session.scenes():
        sheets = [
            Sheet(
                record,
                take_line(record),
                [check_row(check) for check in record.checks],
                _picture(session, record),
                rejected,
            )
            for rejected in (False, True)
            for record in reversed(session.takes(scene.name, rejected=rejected))
        ]
        parts.append(Part(scene, sheets))
    page = session.path / INDEX
    write_bytes(page, _render(session, parts).encode("utf-8"))
    return page


def _render(session: SessionReader, parts: list[Part]) -> str:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    source = resources.files("idfd.capture.operator") / "templates" / "contact.html.j2"
    counted = [s for part in parts for s in part.sheets if not s.rejected]
    counts = {v: sum(s.record.verdict == v for s in counted) for v in ("pass", "warn", "fail")}
    return environment.from_string(source.read_text(encoding="utf-8")).render(
        session=session.document, parts=parts, counts=counts, takes=len(counted)
    )


def _picture(session: SessionReader, record: TakeRecord) -> str | None:
    name = f"{THUMBS}/{record.id}.jpg"
    path = session.path / name
    if path.exists():
        return name
    try:
        data = encode_jpeg(draw_take(session.find(record.id).folder, record), 80)
    except IdfdError:
        # The page is for looking; 'idfd capture status' says which files are damaged.
        return None
    write_bytes(path, data)
    return name


def draw_take(folder: Path, record: TakeRecord) -> Picture:
    """Both photos, the depth map in colours and the histogram of depth, side by side.

    Args:
        folder: The take's folder.
        record: Its record.

    Returns:
        (200, W, 3) uint8 RGB.

    Raises:
        InputError: A photo cannot be decoded.
        MissingDependencyError: The photos are raw only and rawpy is not installed.
    """
    tiles = []
    for role in ("all_in_focus", "defocused"):
        item = record.file(role, "jpeg") or record.file(role)
        if item is not None:
            tiles.append(_fitted(read_reduced(folder / item.file.path).rgb, cv2.INTER_AREA))
    burst = record.file("depth", "burst")
    depth = _middle_frame(folder / burst.file.path) if burst else None
    if depth is not None:
        small = _fitted(depth, cv2.INTER_NEAREST)
        tiles.append(colors(small.astype(np.float32), *_DEPTH_VIEW_MM, small > 0))
        tiles.append(draw_histogram(depth, record.depth.mode))
    return np.concatenate(tiles, axis=1)


def draw_histogram(depth: NDArray[np.uint16], mode: str) -> Picture:
    """Histogram of a depth map from 0 (below) to 6 m (above), as lying bars in the map's colours.

    Lines mark the specified range of the mode.

    Returns:
        (200, 120, 3) uint8 RGB.
    """
    low, high = _DEPTH_VIEW_MM
    edges = np.linspace(low, high, _BINS + 1)
    shares = range_histogram(depth[::2, ::2], edges)
    picture = np.full((_HEIGHT, 120, 3), _GREY, np.uint8)
    bar_colours = colors((edges[None, :-1] + edges[None, 1:]) / 2, low, high)[0]
    step = _HEIGHT / _BINS
    for k, share in enumerate(shares / max(float(shares.max()), 1e-9)):
        top, bottom = round(_HEIGHT - (k + 1) * step), round(_HEIGHT - k * step)
        picture[top + 1 : bottom, 4 : 4 + round(100 * share)] = bar_colours[k]
    for limit in RANGES_MM.get(mode, ()):
        picture[round(_HEIGHT * (1 - (limit - low) / (high - low)))] = 160
    return picture


def _middle_frame(path: Path) -> NDArray[np.uint16] | None:
    try:
        with h5py.File(path, "r") as file:
            frames = file["depth"]
            return np.asarray(frames[len(frames) // 2], np.uint16)
    except (OSError, KeyError):
        return None


def _fitted(picture: NDArray[Any], how: int) -> NDArray[Any]:
    height, width = picture.shape[:2]
    size = (max(1, round(width * _HEIGHT / height)), _HEIGHT)
    return np.asarray(cv2.resize(picture, size, interpolation=how))
