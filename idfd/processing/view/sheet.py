"""One picture of all panels side by side, and the blink of the pair."""

from __future__ import annotations

import io
from collections.abc import Sequence

import cv2
import numpy as np

from idfd.processing.pictures import Picture, colors, label_strip
from idfd.processing.view.panels import Panel, Ramp

_GROUND = 24
_GAP = 6
_LEGEND = 22
_INK = (225, 225, 225)


def contact_sheet(panels: Sequence[Panel], columns: int = 3) -> Picture:
    """Arrange panels in rows, each with its title above and its legend below.

    All get a cell of the size of the first; others are fitted into it.

    Returns:
        RGB, (H, W, 3) uint8.
    """
    height, width = panels[0].picture.shape[:2]
    cells = [_cell(panel, width, height) for panel in panels]
    across, down = min(columns, len(cells)), -(-len(cells) // columns)
    high, wide = cells[0].shape[:2]
    shape = (down * (high + _GAP) + _GAP, across * (wide + _GAP) + _GAP, 3)
    sheet = np.full(shape, _GROUND, np.uint8)
    for number, cell in enumerate(cells):
        y = _GAP + number // columns * (high + _GAP)
        x = _GAP + number % columns * (wide + _GAP)
        sheet[y : y + high, x : x + wide] = cell
    return sheet


def blink(first: Picture, second: Picture, period_s: float = 0.5) -> bytes:
    """An animated PNG that shows two pictures in turn, for ever, without loss."""
    from PIL import Image

    frames = [Image.fromarray(picture) for picture in (first, second)]
    buffer = io.BytesIO()
    frames[0].save(
        buffer,
        "PNG",
        save_all=True,
        append_images=frames[1:],
        duration=round(period_s * 1000),
        loop=0,
    )
    return buffer.getvalue()


def _cell(panel: Panel, width: int, height: int) -> Picture:
    """A panel with title and legend on a cell of fixed size."""
    own_height, own_width = panel.picture.shape[:2]
    scale = min(width / own_width, height / own_height)
    size = (max(1, round(own_width * scale)), max(1, round(own_height * scale)))
    how = cv2.INTER_AREA if panel.photo else cv2.INTER_NEAREST
    picture = cv2.resize(panel.picture, size, interpolation=how)
    cell = np.full((height, width, 3), _GROUND, np.uint8)
    x, y = (width - size[0]) // 2, (height - size[1]) // 2
    cell[y : y + size[1], x : x + size[0]] = picture
    return np.concatenate([label_strip(cell, panel.title), _legend(panel, width)])


def _legend(panel: Panel, width: int) -> Picture:
    strip = np.full((_LEGEND, width, 3), _GROUND, np.uint8)
    if isinstance(panel.legend, Ramp):
        ramp = panel.legend
        x = _text(strip, 4, ramp.low) + 6
        length = max(24, width // 3)
        bar = colors(np.linspace(0, 1, length)[None], 0, 1, scale=ramp.scale)
        strip[5 : _LEGEND - 5, x : x + length] = bar[:, : max(0, width - x)]
        _text(strip, x + length + 6, ramp.high)
        return strip
    x = 4
    for name, color in panel.legend:
        strip[5 : _LEGEND - 5, x : x + 14] = color
        x = _text(strip, x + 19, name) + 14
    return strip


def _text(strip: Picture, x: int, text: str) -> int:
    """Write on a strip; returns where the text ends."""
    font, size = cv2.FONT_HERSHEY_SIMPLEX, 0.42
    cv2.putText(strip, text, (x, 15), font, size, _INK, 1, cv2.LINE_AA)
    return int(x + cv2.getTextSize(text, font, size, 1)[0][0])
