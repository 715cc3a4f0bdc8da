"""Texture atlases: pictures, book spines, labels and screens, to be shown through windows."""

from __future__ import annotations

import cv2
import numpy as np

from idfd.capture.simulated.scene.lettering import write
from idfd.capture.simulated.scene.pigments import Colour, Texture, axes, ink, mix, noise, soft
from idfd.capture.simulated.scene.primitives import Window

SPINES = 32
PAINTINGS = 4
"""Pictures along each side of the atlas of paintings; also of labels and of screens."""
_TITLES = """
ATLAS OPTICS LIGHT FIELD NOTES RIVER WINTER GARDEN VOLUME STARS HISTORY DEPTH FOCUS MUSIC HARBOUR
LETTERS ALGEBRA BREAD MAPS STONE SALT TEA COFFEE OLIVE HONEY PLUM CITRON
"""
_WORDS = tuple(_TITLES.split())


def spine_window(index: int) -> Window:
    """Where a book's spine lies in the atlas; it reads from top to bottom."""
    column = index % SPINES
    return column / SPINES, 0.0, (column + 1) / SPINES, 1.0


def cell_window(index: int, cells: int = 2) -> Window:
    """Where a picture lies in an atlas of ``cells`` by ``cells`` pictures."""
    row, column = divmod(index % cells**2, cells)
    return column / cells, row / cells, (column + 1) / cells, (row + 1) / cells


def spines(rng: np.random.Generator, size: int, palette: tuple[Colour, ...]) -> Texture:
    """Spines of books side by side: bands, a title along the spine and a publisher's mark."""
    image = np.zeros((size, size, 3), np.float32)
    width = size // SPINES
    for index in range(SPINES):
        ground = np.array(palette[rng.integers(len(palette))]) * rng.uniform(0.5, 1.0)
        letters = np.full(3, 0.8) if ground.mean() < 0.25 else np.full(3, 0.03)
        # Drawn lying, then turned upright: the title runs along the spine.
        lying = np.empty((width, size, 3), np.float32)
        lying[:] = ground
        for band in rng.uniform(0.03, 0.97, rng.integers(1, 5)):
            thick = int(rng.integers(2, size // 60))
            lying[:, int(band * size) : int(band * size) + thick] = letters * rng.uniform(0.4, 1)
        title = " ".join(rng.choice(_WORDS, rng.integers(2, 4)))
        write(lying, title, size // 8, width // 4, width // 2, letters)
        turned = cv2.rotate(lying, cv2.ROTATE_90_CLOCKWISE)
        # The rounded back darkens towards the joints.
        shade = 1 - 0.6 * np.abs(np.linspace(-1, 1, width)) ** 4
        image[:, index * width : (index + 1) * width] = turned * shade[None, :, None]
    return image * (1 + 0.06 * noise(rng, size, 5, 9, 1.0))[..., None]


def paintings(rng: np.random.Generator, size: int, palette: tuple[Colour, ...]) -> Texture:
    """Four pictures: a landscape, a poster with letters, an abstract and a still life."""
    half = size // 2
    makers = (_landscape, _poster, _abstract, _still_life)
    cells = []
    for maker in makers:
        order = rng.permutation(len(palette))
        cells.append(maker(rng, half, tuple(palette[int(k)] for k in order)))
    image = np.vstack([np.hstack(cells[:2]), np.hstack(cells[2:])])
    canvas = 1 + 0.05 * noise(rng, size, 8, 10, 1.0)
    return image * canvas[..., None]


def labels(rng: np.random.Generator, size: int, palette: tuple[Colour, ...]) -> Texture:
    """Sixteen labels of boxes, jars and bottles: a word, stripes, small print, bars."""
    image = np.empty((size, size, 3), np.float32)
    cell = size // 4
    for index in range(16):
        row, column = divmod(index, 4)
        ground, accent = (np.array(palette[k]) for k in rng.choice(len(palette), 2, replace=False))
        label = np.empty((cell, cell, 3), np.float32)
        label[:] = ground
        dark = np.full(3, 0.03) if ground.mean() > 0.2 else np.full(3, 0.85)
        top = int(rng.uniform(0.1, 0.2) * cell)
        label[top : 3 * top] = accent
        ink_on_accent = np.full(3, 0.9) if accent.mean() < 0.25 else np.full(3, 0.02)
        write(label, str(rng.choice(_WORDS)), cell // 16, int(1.5 * top), top, ink_on_accent)
        for line in range(int(0.6 * cell), int(0.8 * cell), max(cell // 22, 4)):
            write(label, " ".join(rng.choice(_WORDS, 4)), cell // 16, line, cell // 34, dark)
        for bar in np.cumsum(rng.integers(2, 6, 14)) * cell // 160:
            label[int(0.84 * cell) : int(0.95 * cell), cell // 2 + bar : cell // 2 + bar + 1] = dark
        image[row * cell : (row + 1) * cell, column * cell : (column + 1) * cell] = label
    return image


def screens(rng: np.random.Generator, size: int, palette: tuple[Colour, ...]) -> Texture:
    """Four screens: code, plots and a microscope's picture on a dark ground."""
    half = size // 2
    cells = []
    for kind in range(4):
        screen = np.full((half, half, 3), 0.012, np.float32)
        screen[: half // 20] = palette[0]
        if kind == 3:
            cells_seen = noise(rng, half, 3, 7, 0.8)
            screen = mix((0.01, 0.03, 0.02), palette[1 % len(palette)], soft(cells_seen) * 0.8)
        elif kind % 2:
            _plot(screen, rng, palette)
        else:
            for line in range(half // 12, half - half // 30, half // 30):
                colour = np.array(palette[rng.integers(len(palette))])
                start = half // 20 + int(rng.integers(0, 4)) * half // 16
                words = " ".join(rng.choice(_WORDS, rng.integers(1, 5)))
                write(screen, words, start, line, half // 56, colour)
        cells.append(screen)
    return np.vstack([np.hstack(cells[:2]), np.hstack(cells[2:])])


def rug(rng: np.random.Generator, size: int, palette: tuple[Colour, ...]) -> Texture:
    """A whole rug: borders, a lattice of lozenges and a medallion, mirrored both ways."""
    axis = (np.arange(size // 2, dtype=np.float32) + np.float32(0.5)) / np.float32(size // 2)
    u, v = np.meshgrid(axis, axis)
    lattice = (np.abs((u * 6) % 1 - 0.5) + np.abs((v * 6) % 1 - 0.5)) * rng.uniform(0.8, 1.2)
    dye = (lattice < 0.3).astype(np.uint8)
    dye[lattice < 0.12] = 2
    radius = u + v + 0.06 * np.cos(14 * np.arctan2(v, u))
    for limit, colour in ((0.6, 3), (0.52, 0), (0.3, 2), (0.16, 1)):
        dye[radius < limit] = colour
    edge = np.maximum(u, v)
    for limit, colour in ((0.74, 2), (0.78, 3), (0.94, 1), (0.97, 0)):
        dye[edge > limit] = colour
    zigzag = np.abs((np.minimum(u, v) * 20) % 1 - 0.5) * 0.3 + 0.8
    dye[(edge > 0.79) & (edge < 0.93) & (edge > zigzag)] = 2
    upper = np.hstack([dye[::-1, ::-1], dye[::-1]])
    image = np.array(palette, np.float32)[np.vstack([upper, upper[::-1]]) % len(palette)]
    return image * (1 + 0.3 * noise(rng, size, 8, 10, 1.1))[..., None]


def outdoors(rng: np.random.Generator, size: int, palette: tuple[Colour, ...]) -> Texture:
    """What a window shows: a bright sky over trees, far off and therefore soft."""
    _, v = axes(size)
    sky = mix(palette[0], palette[1], v)
    trees = noise(rng, size, 1, 6, 0.7)
    green = mix(palette[2], palette[3], 0.5 + 0.25 * noise(rng, size, 3, 7, 0.9))
    return mix(sky, green, soft((v - 0.62 + 0.07 * trees) * 12))


def _landscape(rng: np.random.Generator, size: int, palette: tuple[Colour, ...]) -> Texture:
    """Hills behind each other under a sky."""
    u, v = axes(size)
    sky = ink("6f97b8", "f2dfc0")
    image = mix(sky[0], sky[1], v * 1.6 + 0.08 * noise(rng, size, 2, 7, 0.8))
    for k, level in enumerate((0.45, 0.58, 0.72, 0.86)):
        phase, waves = rng.uniform(0, 6), rng.uniform(1, 3)
        x = u[0]
        hill = level + 0.06 * np.sin(2 * np.pi * waves * x + phase) + 0.02 * np.sin(37 * x + phase)
        colour = np.array(palette[k % len(palette)], np.float32) * 0.35 + np.float32(0.02)
        below = slice(int(0.3 * size), None)
        rough = 1 + 0.25 * noise(rng, size, 4, 8, 1.0)[below, :, None]
        image[below] = mix(image[below], colour * rough, soft((v - hill)[below] * (size / 2)))
    return image


def _poster(rng: np.random.Generator, size: int, palette: tuple[Colour, ...]) -> Texture:
    """Large letters, a disc and small print."""
    image = np.empty((size, size, 3), np.float32)
    image[:] = ink("efe6d2")[0]
    accent = tuple(float(c) for c in palette[0])
    second = tuple(float(c) for c in palette[1 % len(palette)])
    corners = int(rng.integers(3, 9))
    turn, radius = rng.uniform(0, np.pi), size * rng.uniform(0.16, 0.28)
    angles = turn + 2 * np.pi * np.arange(corners) / corners
    shape = np.stack([size / 2 + radius * np.cos(angles), 0.42 * size + radius * np.sin(angles)], 1)
    cv2.fillPoly(image, [shape.astype(np.int32)], accent, cv2.LINE_8)
    first, slope = int(rng.integers(size // 8, size // 2)), int(rng.integers(-size, size)) // 4
    for k in range(int(rng.integers(2, 8))):
        y = first + k * size // 14
        cv2.line(image, (0, y), (size, y + slope), second, int(rng.integers(2, 9)), cv2.LINE_8)
    dark = np.full(3, 0.02)
    write(image, str(rng.choice(_WORDS)), size // 14, size // 14, size // 10, dark)
    for line in range(int(0.78 * size), int(0.95 * size), size // 26):
        write(image, " ".join(rng.choice(_WORDS, 5)), size // 14, line, size // 56, dark)
    return image


def _abstract(rng: np.random.Generator, size: int, palette: tuple[Colour, ...]) -> Texture:
    """Rectangles and lines on a coarse ground."""
    image = mix(palette[-1], palette[0], 0.5 + 0.2 * noise(rng, size, 3, 8, 0.9))
    for _ in range(14):
        x, y = rng.integers(0, size, 2)
        w, h = rng.integers(size // 12, size // 3, 2)
        image[y : y + h, x : x + w] = palette[rng.integers(len(palette))]
    for _ in range(8):
        start, stop = rng.integers(0, size, (2, 2)).tolist()
        cv2.line(image, start, stop, (0.02, 0.02, 0.02), int(rng.integers(2, 7)), cv2.LINE_8)
    return image * (1 + 0.15 * noise(rng, size, 4, 9, 1.0))[..., None]


def _still_life(rng: np.random.Generator, size: int, palette: tuple[Colour, ...]) -> Texture:
    """Shaded balls of fruit on a dark cloth."""
    u, v = axes(size)
    image = mix(ink("2b211b")[0], ink("6d5138")[0], 0.4 + 0.2 * noise(rng, size, 2, 8, 0.8))
    for _ in range(9):
        x, y, r = rng.uniform(0.15, 0.85), rng.uniform(0.5, 0.85), rng.uniform(0.06, 0.14)
        left, top, side = int((x - r) * size), int((y - r) * size), int(2 * r * size) + 2
        part = (slice(top, top + side), slice(left, left + side))
        du, dv = (u[part] - x) / r, (v[part] - y) / r
        light = np.clip(1.15 - 0.8 * np.hypot(du + 1 / 3, dv + 1 / 3), 0.08, 1)
        fruit = np.array(palette[rng.integers(len(palette))], np.float32) * light[..., None]
        image[part] = mix(image[part], fruit, soft((1 - np.hypot(du, dv)) * r * size))
    return image


def _plot(screen: Texture, rng: np.random.Generator, palette: tuple[Colour, ...]) -> None:
    """Curves with a grid, drawn onto a screen."""
    size = len(screen)
    for k in range(1, 8):
        screen[size * k // 8], screen[:, size * k // 8] = 0.05, 0.05
    x = np.arange(0, size, max(size // 128, 1))
    for k, colour in enumerate(palette[:3]):
        walk = np.cumsum(rng.standard_normal(len(x)))
        y = size * (0.3 + 0.2 * k) + walk * size / 60
        line = np.stack([x, np.clip(y, 4, size - 4)], -1).astype(np.int32)
        cv2.polylines(screen, [line], False, tuple(float(c) for c in colour), 2, cv2.LINE_8)
