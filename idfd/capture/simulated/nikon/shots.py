"""Releases of the shutter: they run beside the protocol, as in a real body.

The host polls until the body is ready, then reads the events that announce the files.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from fractions import Fraction

from idfd.capture.simulated.nikon.codes import Event, PropertyCode, Response
from idfd.capture.simulated.nikon.files import ShotInfo, jpeg_head, nef_head
from idfd.capture.simulated.nikon.pictures import Exposure, Pictures
from idfd.capture.simulated.nikon.properties import BULB
from idfd.capture.simulated.nikon.ptp import Refusal
from idfd.capture.simulated.nikon.settings import Settings
from idfd.capture.simulated.nikon.store import Store
from idfd.errors import IdfdError

# Bytes per pixel of the largest JPEG and of a NEF, for the count of shots left.
_JPEG_BYTES, _RAW_BYTES = 0.9, 1.8

_LOG = logging.getLogger(__name__)

NamedFile = tuple[str, tuple[bytes, ...]]


class Shots:
    """The shutter, and the files that come of it.

    Args:
        pictures: What the body sees.
        settings: Its dials.
        store: Where the files go.
        identity: Model and serial number, for EXIF.
        real_time: Exposures and delays take their time.
    """

    def __init__(
        self,
        pictures: Pictures,
        settings: Settings,
        store: Store,
        identity: tuple[str, str],
        real_time: bool,
    ) -> None:
        self._pictures = pictures
        self._settings = settings
        self._store = store
        self._identity = identity
        self._real_time = real_time
        self._lock = threading.Lock()
        self._events: list[tuple[int, int]] = []
        self._in_ram: deque[tuple[NamedFile, ShotInfo]] = deque()
        self._releases = 0
        self._busy = False
        self._failure: Response | None = None

    @property
    def busy(self) -> bool:
        """A release is going on."""
        return self._busy

    @property
    def left(self) -> int:
        """Shots that fit on the card, if they are as large as they can be."""
        width, height = self._pictures.size
        per_pixel = _JPEG_BYTES * (self._settings.jpeg_quality is not None)
        per_pixel += _RAW_BYTES * self._settings.makes_raw
        return int(self._store.free / (width * height * per_pixel))

    def announce(self, event: Event, parameter: int = 0) -> None:
        """Queue an event for the host."""
        with self._lock:
            self._events.append((event, parameter))

    def events(self) -> list[tuple[int, int]]:
        """Events since the last call."""
        with self._lock:
            events, self._events = self._events, []
        return events

    def release(self, to_ram: bool) -> None:
        """Start a shot; :meth:`ready` tells when it is over.

        Raises:
            Refusal: Busy or a file waits in RAM, the card is full, or the shutter is on bulb.
        """
        if self._busy or (to_ram and self._in_ram):
            raise Refusal(Response.BUSY)
        if not to_ram and self.left == 0:
            raise Refusal(Response.STORE_FULL)
        self._settings.expose_automatically()
        if self._settings.number(PropertyCode.SHUTTER) == BULB:
            raise Refusal(Response.INVALID_STATUS)
        self._busy = True
        self._releases += 1
        wait_s = 0.0
        exposure = self._settings.exposure()
        if self._real_time:
            wait_s = self._settings.delay_s + exposure.exposure_s
        kinds = (self._settings.makes_raw, self._settings.jpeg_quality)
        shot = (self._releases, exposure, self._info(), *kinds)
        threading.Thread(target=self._expose, args=(shot, wait_s, to_ram), daemon=True).start()

    def ready(self) -> None:
        """Return once the last release is over.

        Raises:
            Refusal: Busy, or what went wrong with the last release.
        """
        if self._busy:
            raise Refusal(Response.BUSY)
        failure, self._failure = self._failure, None
        if failure is not None:
            raise Refusal(failure)

    def show_next_in_ram(self) -> None:
        """Announce the next file in RAM, once the host has fetched the one before.

        Of files that are announced together the driver fetches only the last.
        """
        with self._lock:
            self._in_ram.popleft()
            self._show_first_in_ram()

    def forget(self) -> None:
        """Drop what a host that is gone has not fetched."""
        with self._lock:
            self._events.clear()
            self._in_ram.clear()
            self._store.drop_ram()

    def _expose(
        self,
        shot: tuple[int, Exposure, ShotInfo, bool, int | None],
        wait_s: float,
        to_ram: bool,
    ) -> None:
        # The picture is rendered while the shutter is open.
        end = time.monotonic() + wait_s
        self._failure = Response.HARDWARE_ERROR
        try:
            files = self._develop(*shot)
            time.sleep(max(0.0, end - time.monotonic()))
            self._keep(files, shot[2], to_ram)
            self._failure = None
        except Refusal as refusal:
            self._failure = refusal.response
        except IdfdError as error:
            _LOG.error("%s", error)
        finally:
            self._busy = False

    def _develop(
        self, number: int, exposure: Exposure, info: ShotInfo, raw: bool, quality: int | None
    ) -> list[NamedFile]:
        files: list[NamedFile] = []
        if raw:
            head = nef_head(info, self._pictures.sensor)
            files.append((f"DSC_{number:04d}.NEF", (head, self._pictures.raw(exposure, number))))
        if quality is not None:
            photo = self._pictures.jpeg(exposure, quality, number)
            files.append((f"DSC_{number:04d}.JPG", (jpeg_head(info), photo)))
        return files

    def _keep(self, files: list[NamedFile], info: ShotInfo, to_ram: bool) -> None:
        with self._lock:
            if to_ram:
                # Nothing waits there, or the release would have been refused.
                self._in_ram.extend((file, info) for file in files)
                self._show_first_in_ram()
                return
            if sum(len(part) for _, parts in files for part in parts) > self._store.free:
                raise Refusal(Response.STORE_FULL)
            for name, parts in files:
                handle = self._store.add(name, parts, info.size, info.taken_at, in_ram=False)
                self._events.append((Event.OBJECT_ADDED, handle))
            self._events.append((Event.CAPTURE_COMPLETE, 0))

    def _show_first_in_ram(self) -> None:
        if not self._in_ram:
            self._events.append((Event.CAPTURE_COMPLETE_IN_RAM, 0))
            return
        (name, parts), info = self._in_ram[0]
        handle = self._store.add(name, parts, info.size, info.taken_at, in_ram=True)
        self._events.append((Event.OBJECT_ADDED_IN_RAM, handle))

    def _info(self) -> ShotInfo:
        settings, (model, serial) = self._settings, self._identity
        return ShotInfo(
            model=model,
            serial=serial,
            size=self._pictures.size,
            f_number=Fraction(settings.number(PropertyCode.F_NUMBER), 100),
            exposure=settings.nominal_exposure(),
            iso=settings.number(PropertyCode.ISO),
            focal_length_mm=settings.number(PropertyCode.FOCAL_LENGTH) / 100,
            focus_distance_m=self._pictures.focus_distance_m,
            program=settings.number(PropertyCode.EXPOSURE_PROGRAM),
            auto_white_balance=settings.number(PropertyCode.WHITE_BALANCE) == 2,
            taken_at=settings.now(),
        )
