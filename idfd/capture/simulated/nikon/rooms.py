"""The rooms of the simulated world as the body sees them."""

from __future__ import annotations

from pathlib import Path
from threading import Lock
from typing import Any

import msgspec

from idfd.capture.simulated.nikon.files import Sensor, pack_mosaic, pack_photo
from idfd.capture.simulated.nikon.pictures import LIVE_QUALITY, MIDDLE_GREY, Exposure, Pictures
from idfd.model.board import Board
from idfd.storage.color import linear_from_uint8
from idfd.storage.images import encode_jpeg


class WorldPictures(Pictures):
    """The rooms of :mod:`idfd.capture.simulated.world`.

    Args:
        options: Arguments of the world, as JSON has them.
    """

    def __init__(self, options: dict[str, Any]) -> None:
        from idfd.capture.simulated.world import World

        if options.get("cache") is not None:
            options = {**options, "cache": Path(options["cache"])}
        if options.get("board") is not None:
            options = {**options, "board": msgspec.convert(options["board"], Board)}
        self._world = World(**options)
        self._lock = Lock()
        self._metered: float | None = None
        self.size = self._world.size
        self.sensor = Sensor(self._world.black_level, self._world.raw_gains)
        self.focus_distance_m = self._world.focus_distance_m

    def jpeg(self, exposure: Exposure, quality: int, release: int) -> bytes:
        """The photo, with noise of its own."""
        with self._lock:
            photo = self._world.photo(exposure.f_number, exposure.exposure_s, exposure.iso, release)
        return pack_photo(photo, quality)

    def raw(self, exposure: Exposure, release: int) -> bytes:
        """The raw values, with noise of their own."""
        with self._lock:
            mosaic = self._world.raw(exposure.f_number, exposure.exposure_s, exposure.iso, release)
        return pack_mosaic(mosaic)

    def live(self, exposure: Exposure) -> bytes:
        """A live frame as JPEG."""
        with self._lock:
            frame = self._world.live(exposure.f_number, exposure.exposure_s, exposure.iso)
        return encode_jpeg(frame, LIVE_QUALITY)

    def metered(self) -> float:
        """Measured on a live frame, once per place."""
        if self._metered is None:
            probe = Exposure(10, 0.25, 100)
            with self._lock:
                frame = self._world.live(probe.f_number, probe.exposure_s, probe.iso)
            mean = float(linear_from_uint8(frame).mean())
            self._metered = probe.amount * MIDDLE_GREY / max(mean, 1e-4)
        return self._metered

    def place(self, environment: str, scene: str, view: int) -> None:
        """Move to another room or another view of one."""
        from idfd.capture.simulated.stand import Placement

        with self._lock:
            self._world.place(Placement(environment, scene, view))
            self._metered = None
