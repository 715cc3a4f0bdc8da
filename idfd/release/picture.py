"""Pictures of a release: one triple, and a contact sheet of all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.model.camera import CameraSettings
from idfd.model.triple import DepthSource, Triple
from idfd.processing.pictures import NOTHING, colors, depth_scale, label_strip
from idfd.release.store import ReleaseFile
from idfd.storage.durable import write_bytes
from idfd.storage.images import encode_png

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_GAP = 8
_ABSENT = " (absent)"
_SOURCE_COLOURS = {
    DepthSource.NONE: (40, 40, 40),
    DepthSource.MEASURED: (70, 160, 90),
    DepthSource.FUSED: (60, 120, 200),
    DepthSource.IN_PAINTED: (230, 150, 50),
    DepthSource.UNKNOWN: (150, 130, 170),
}
_SOURCE_LABELS = {
    DepthSource.NONE: "none",
    DepthSource.MEASURED: "measured",
    DepthSource.FUSED: "fused",
    DepthSource.IN_PAINTED: "in-painted",
    DepthSource.UNKNOWN: "unknown (the source does not say)",
}


def colour_source(source: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Colour a source map, (H, W) to (H, W, 3) RGB."""
    table = np.zeros((256, 3), np.uint8)
    for code, colour in _SOURCE_COLOURS.items():
        table[code] = colour
    return table[source]


def _fractions(colour: tuple[int, int, int]) -> tuple[float, float, float]:
    return colour[0] / 255, colour[1] / 255, colour[2] / 255


def plot_triple(triple: Triple) -> Figure:
    """Draw both photos, the depth with a scale in metres, the source map, and the defocus map."""
    from matplotlib.figure import Figure as NewFigure
    from matplotlib.patches import Patch

    columns = 2 if triple.defocus is None else 3
    figure = NewFigure(figsize=(6 * columns, 8.4), layout="constrained")
    axes = figure.subplots(2, columns)
    record = triple.record
    titles = (
        _photo_title("all-in-focus", record.all_in_focus, "all_in_focus" in record.absent),
        _photo_title("defocused", record.defocused, "defocused" in record.absent),
        "depth (m)" + _ABSENT * ("depth" in record.absent),
        "where the depth comes from",
    )
    metres = np.where(triple.depth > 0, triple.depth / 1000, np.nan)
    near, far = depth_scale(metres, triple.depth > 0)
    axes[0, 0].imshow(triple.all_in_focus)
    axes[0, 1].imshow(triple.defocused)
    shown = axes[1, 0].imshow(metres, cmap="viridis", vmin=near, vmax=far)
    axes[1, 0].set_facecolor(_fractions(NOTHING))
    figure.colorbar(shown, ax=axes[1, 0], shrink=0.8, extend="both", label="m; grey: no depth")
    axes[1, 1].imshow(colour_source(triple.source))
    axes[1, 1].legend(
        handles=[
            Patch(color=_fractions(colour), label=f"{_SOURCE_LABELS[code]}: {100 * share:.1f} %")
            for code, colour in _SOURCE_COLOURS.items()
            if (share := float(np.mean(triple.source == code))) > 0
        ],
        loc="lower right",
    )
    if triple.defocus is not None:
        _draw_defocus(figure, axes[:, 2], triple)
    for axis, title in zip(axes[:, :2].flat, titles, strict=True):
        axis.set_title(title)
    for axis in axes.flat:
        axis.set(xticks=[], yticks=[])
        axis.spines[:].set_visible(False)
    figure.suptitle(
        f"{record.id} · scene {record.scene} · {record.environment} · checks: {record.verdict}"
    )
    return figure


def _photo_title(what: str, settings: CameraSettings | None, absent: bool) -> str:
    return what + (f", f/{settings.f_number:g}" if settings else "") + _ABSENT * absent


def _draw_defocus(figure: Figure, axes: Sequence[Axes], triple: Triple) -> None:
    """Signed circles on a scale that diverges from the plane in focus, and their deviation."""
    given = triple.record.given_defocus
    unit = "px" if given is None else given.unit
    title = "circle of confusion (negative: before the focus)"
    for axis, values, signed, text in (
        (axes[0], triple.defocus, unit == "px", title if given is None else "defocus, as given"),
        (axes[1], triple.defocus_uncertainty, False, "its standard deviation"),
    ):
        if values is None:
            axis.set_title(f"{text}: not known")
            continue
        numbers = values.astype(np.float32)
        known = np.abs(numbers[np.isfinite(numbers)])
        # A few near pixels would turn the rest of the map into one colour.
        top = float(np.percentile(known, 99)) if known.size else 1.0
        shown = axis.imshow(
            numbers, cmap="RdBu" if signed else "viridis", vmin=-top if signed else 0, vmax=top
        )
        axis.set_facecolor(_fractions(NOTHING))
        axis.set_title(text)
        figure.colorbar(shown, ax=axis, shrink=0.8, extend="both", label=f"{unit}; grey: not known")


def contact_sheet(release: ReleaseFile, width: int = 200, columns: int = 2) -> NDArray[np.uint8]:
    """All triples, small: all-in-focus, defocused and depth side by side, (H, W, 3) RGB."""
    home = {take: name for name, takes in release.splits.items() for take in takes}
    tiles = []
    for take in release.ids:
        depth = release.read(take, _depth_array(release, take)).astype(np.float32) / 1000
        near, far = depth_scale(depth, depth > 0)
        parts = [
            release.read(take, "all_in_focus"),
            release.read(take, "defocused"),
            colors(depth, near, far, depth > 0),
        ]
        height = round(width * depth.shape[0] / depth.shape[1])
        small = [cv2.resize(p, (width, height), interpolation=cv2.INTER_AREA) for p in parts]
        text = f"{take}  {home.get(take, 'no split')}  depth {near:.2f} to {far:.2f} m"
        tiles.append(label_strip(np.hstack(small), text))
    tallest = max(tile.shape[0] for tile in tiles)
    tiles = [np.pad(t, ((0, tallest - t.shape[0]), (0, _GAP), (0, 0))) for t in tiles]
    while len(tiles) % columns:
        tiles.append(np.zeros_like(tiles[0]))
    rows = [np.hstack(tiles[i : i + columns])[:, :-_GAP] for i in range(0, len(tiles), columns)]
    return np.vstack(rows)


def _depth_array(release: ReleaseFile, take: str) -> str:
    return "depth" if release.has(take, "depth") else "depth_inpainted"


def save_picture(path: Path, take: str | None, output: Path) -> None:
    """Write a PNG of one triple, or the contact sheet of all.

    Raises:
        InputError: No such triple.
        StorageError: The PNG cannot be written.
    """
    if take is None:
        with ReleaseFile(path) as file:
            write_bytes(output, encode_png(contact_sheet(file), level=6))
        return
    import difflib
    import io

    from idfd.errors import InputError
    from idfd.release.reader import IDFD

    with IDFD(path) as dataset:
        if take not in dataset.ids:
            near = difflib.get_close_matches(take, dataset.ids, n=3, cutoff=0.4) or dataset.ids[:3]
            raise InputError(
                f"no triple '{take}'",
                where=path,
                limit=f"an id such as {', '.join(near)}",
                remedy="Leave the id out for a contact sheet with all ids",
            )
        buffer = io.BytesIO()
        dataset.plot(dataset.ids.index(take)).savefig(buffer, format="png", dpi=110)
    write_bytes(output, buffer.getvalue())
