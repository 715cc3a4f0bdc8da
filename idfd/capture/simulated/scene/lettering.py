"""Letters for textures.

OpenCV's own fonts changed between versions 4 and 5; these make the same picture everywhere.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

_COLUMNS = {
    "A": "7E1111117E", "B": "7F49494936", "C": "3E41414122", "D": "7F4141221C",
    "E": "7F49494941", "F": "7F09090901", "G": "3E4149497A", "H": "7F0808087F",
    "I": "00417F4100", "J": "2040413F01", "K": "7F08142241", "L": "7F40404040",
    "M": "7F020C027F", "N": "7F0408107F", "O": "3E4141413E", "P": "7F09090906",
    "Q": "3E4151215E", "R": "7F09192946", "S": "4649494931", "T": "01017F0101",
    "U": "3F4040403F", "V": "1F2040201F", "W": "3F4038403F", "X": "6314081463",
    "Y": "0708700807", "Z": "6151494543", " ": "0000000000",
}  # fmt: skip
"""Five columns of seven dots per letter, the lowest bit at the top."""


def write(
    image: NDArray[np.float32], words: str, left: int, top: int, height: int, colour: ArrayLike
) -> None:
    """Write capitals A to Z and spaces onto an image, cut at its edges.

    Args:
        image: (H, W, 3), changed in place.
        words: The text.
        left: First column.
        top: First row.
        height: Of the letters, pixels.
        colour: RGB.
    """
    dots = np.array([column for letter in words for column in [*_dots(letter), 0]], np.uint8)
    coarse = ((dots[None] >> np.arange(7, dtype=np.uint8)[:, None]) & 1).astype(np.float32)
    width = round(height * coarse.shape[1] / 7)
    # Enlarged smoothly and cut at half, the dots become strokes with round corners.
    strokes = cv2.resize(coarse, (max(width, 1), height), interpolation=cv2.INTER_LINEAR) > 0.5
    area = image[top : top + height, left : left + width]
    area[strokes[: area.shape[0], : area.shape[1]]] = colour


def _dots(letter: str) -> bytes:
    return bytes.fromhex(_COLUMNS[letter])
