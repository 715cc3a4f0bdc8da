"""A picture for tests of drivers: quick to make at any size, and different at every setting."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.capture.simulated.nikon.files import WHITE_LEVEL, Sensor, pack_mosaic, pack_photo
from idfd.capture.simulated.nikon.pictures import LIVE_QUALITY, MIDDLE_GREY, Exposure, Pictures
from idfd.capture.simulated.nikon.properties import F_NUMBERS
from idfd.storage.color import encode_srgb
from idfd.storage.images import encode_jpeg

_LIVE_WIDTH = 640
_TILE = 512
_BLUR_PX = 2.5  # standard deviation at the widest aperture
_MARGIN = 16


class PatternPictures(Pictures):
    """A seeded texture, blurred in proportion to the aperture's diameter.

    Args:
        size: Width and height in pixels.
        seed: Seed of the texture; places have textures of their own.
    """

    def __init__(self, size: tuple[int, int], seed: int = 0) -> None:
        self.size = size
        self.sensor = Sensor()
        self.focus_distance_m = 0.8
        self._seed = seed
        self._place = ""
        self._encoded = lru_cache(maxsize=8)(self._encode)
        self._live = lru_cache(maxsize=64)(self._encode_live)

    def jpeg(self, exposure: Exposure, quality: int, release: int) -> bytes:  # noqa: ARG002
        """The photo; every release gives the same."""
        return self._encoded(self._place, exposure, quality)

    def raw(self, exposure: Exposure, release: int) -> bytes:  # noqa: ARG002
        """The raw values; every release gives the same."""
        return self._encoded(self._place, exposure, None)

    def live(self, exposure: Exposure) -> bytes:
        """A live frame as JPEG."""
        return self._live(self._place, exposure)

    def metered(self) -> float:
        """The texture's mean is middle grey at f/10, 1/4 s and ISO 100."""
        return 0.25

    def place(self, environment: str, scene: str, view: int) -> None:
        """Show the texture of another place."""
        self._place = f"{environment}/{scene}/{view}"

    def _encode(self, place: str, exposure: Exposure, quality: int | None) -> bytes:
        light = self._light(place, exposure)
        if quality is None:
            return pack_mosaic(_repeat(mosaic_of_light(light, self.sensor), self.size))
        return pack_photo(_repeat(_to_uint8(light), self.size), quality)

    def _encode_live(self, place: str, exposure: Exposure) -> bytes:
        size = (_LIVE_WIDTH, round(_LIVE_WIDTH * self.size[1] / self.size[0]))
        return encode_jpeg(_repeat(_to_uint8(self._light(place, exposure)), size), LIVE_QUALITY)

    def _light(self, place: str, exposure: Exposure) -> NDArray[np.float32]:
        """Linear light of one tile, 1 is clipping; tiles meet without a seam."""
        generator = np.random.default_rng([self._seed, *place.encode()])
        tile = generator.lognormal(0, 0.6, (_TILE, _TILE, 3)).astype(np.float32)
        tile *= MIDDLE_GREY / tile.mean() * exposure.amount / self.metered()
        sigma = _BLUR_PX * F_NUMBERS[0] / exposure.f_number
        around = np.pad(tile, ((_MARGIN, _MARGIN), (_MARGIN, _MARGIN), (0, 0)), mode="wrap")
        blurred = cv2.GaussianBlur(around, (0, 0), sigma)[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN]
        return np.minimum(blurred, 1).astype(np.float32)


def mosaic_of_light(light: NDArray[np.float32], sensor: Sensor) -> NDArray[np.uint16]:
    """Raw values under an RGGB filter.

    Args:
        light: (H, W, 3) linear sRGB; 1 is the JPEG's white.
        sensor: Black level and white-balance gains.

    Returns:
        (H, W) uint16.
    """
    scale = (WHITE_LEVEL - sensor.black_level) / np.asarray(sensor.gains, np.float32)
    mosaic = np.empty(light.shape[:2], np.float32)
    for row, column, channel in ((0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 2)):
        mosaic[row::2, column::2] = light[row::2, column::2, channel] * scale[channel]
    return (mosaic + (sensor.black_level + 0.5)).astype(np.uint16)


def _repeat(tile: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """Cover a picture of (width, height) with a tile."""
    rows, columns = (-(-length // _TILE) for length in reversed(size))
    repeats = (rows, columns) + (1,) * (tile.ndim - 2)
    return np.tile(tile, repeats)[: size[1], : size[0]]


def _to_uint8(light: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.rint(encode_srgb(light) * 255).astype(np.uint8)
