"""The Nikon driver: a photo camera whose library runs in a process of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import msgspec

from idfd.capture.cameras import Offers, PhotoCamera, PhotoSettings, PhotoStatus, Shot
from idfd.capture.nikon import widgets as w
from idfd.capture.nikon.config import NikonConfig
from idfd.capture.nikon.connection import Connection
from idfd.capture.nikon.messages import Downloaded, Preview, Release
from idfd.capture.nikon.plan import plan_body
from idfd.capture.nikon.settings import delay_s, offers_of, settings_of, status_of, texts_of
from idfd.capture.nikon.values import parse_format
from idfd.capture.nikon.verify import keep
from idfd.capture.nikon.widgets import Widget, Widgets, value_of
from idfd.errors import CameraError


class NikonCamera(PhotoCamera):
    """A Nikon by libgphoto2.

    A process that dies or hangs costs one shot: the next call starts another one, which opens
    the camera and applies all settings again. The same happens after a wedged connection.

    Args:
        config: How to reach the body.

    Attributes:
        confirm_aperture: Asks the operator to set the lens's ring to an f-number, and tells
            whether it was done; needed where the configuration declares the aperture.
    """

    def __init__(self, config: NikonConfig) -> None:
        self.confirm_aperture: Callable[[float], bool] | None = None
        self._config = config
        self._wanted = PhotoSettings()
        self._connection = Connection(config, self._prepare)
        # The preview page asks for frames from a thread of its own.
        self._lock = threading.RLock()

    def connect(self) -> PhotoStatus:
        """Open the body and set what a session needs; after an error the body is opened anew."""
        return self.status()

    def status(self) -> PhotoStatus:
        """The state now."""
        return status_of(self.widgets())

    def offers(self) -> Offers:
        """What can be set now; depends on lens and mode dial."""
        return offers_of(self.widgets(), self._config.declared_aperture)

    def settings(self) -> PhotoSettings:
        """What the body is set to; a declared aperture is the one confirmed last."""
        return self._told(settings_of(self.widgets(w.SETTINGS)))

    def widgets(self, names: tuple[str, ...] = w.NAMES) -> dict[str, Widget]:
        """Those of the named settings that the body has, by name."""
        with self._lock:
            return self._connection.again(lambda: self._connection.read(names))

    def apply(self, settings: PhotoSettings) -> PhotoSettings:
        """Set values, read them back and compare; see :meth:`PhotoCamera.apply`."""
        with self._lock:
            widgets = self.widgets(w.SETTINGS)
            texts = texts_of(settings, widgets, self._config.declared_aperture)
            if settings.f_number not in (None, self._wanted.f_number):
                self._confirm(settings.f_number)
            found = self._connection.again(lambda: self._connection.write(texts))
            given = {field: value for field, value in asdict(settings).items() if value is not None}
            self._wanted = replace(self._wanted, **given)
            now = {n: msgspec.structs.replace(widgets[n], value=text) for n, text in found.items()}
            return self._told(settings_of(widgets | now))

    def capture(self, folder: Path, stem: str, expected: PhotoSettings) -> Shot:
        """Release, download and verify; see :meth:`PhotoCamera.capture`."""
        with self._lock:
            widgets = self.widgets((*w.FOCUS, *w.QUALITY, *w.SHUTTER, *w.DELAY))
            self._check_focus(widgets)
            if not delay_s(widgets):
                time.sleep(self._config.settle_s)
            exposure = expected.exposure_s or settings_of(widgets).exposure_s or 0.0
            request = Release(
                folder=str(folder),
                stem=stem,
                files=_files(widgets),
                # Noise reduction of long exposures takes a dark frame of the same length.
                release_s=self._config.release_s + 2 * exposure,
                download_s=self._config.download_s,
            )
            released_at = time.time()
            try:
                files = msgspec.convert(self._connection.release(request), list[Downloaded])
                declared = self._config.declared_aperture
                return keep(files, folder / stem, expected, declared, released_at)
            finally:
                for left in folder.glob(f".{stem}.*.part"):
                    left.unlink(missing_ok=True)

    def preview(self) -> bytes:
        """A live frame as JPEG."""
        with self._lock:
            frame: bytes = self._connection.again(lambda: self._connection.ask(Preview()))
            return frame

    def close(self) -> None:
        """Restore the body's settings as they were and give it back; never raises."""
        with self._lock:
            self._connection.close()

    def _prepare(self, connection: Connection) -> None:
        """Set what a session needs and, after the first time, what was applied before."""
        basics = plan_body(connection.read(w.NAMES), config=self._config).basics
        connection.write(basics, strict=False)
        declared = self._config.declared_aperture
        connection.write(texts_of(self._wanted, connection.read(w.SETTINGS), declared))

    def _told(self, settings: PhotoSettings) -> PhotoSettings:
        declared = self._config.declared_aperture
        return replace(settings, f_number=self._wanted.f_number) if declared else settings

    def _confirm(self, f_number: float | None) -> None:
        if not self._config.declared_aperture:
            return
        if self.confirm_aperture is None or not self.confirm_aperture(f_number or 0.0):
            raise CameraError(
                f"nobody confirmed that the lens's ring is set to f/{f_number:g}",
                cause="refused",
                where=self._config.port,
                remedy="Set the ring and confirm it in the guided session ('idfd capture session')",
            )

    def _check_focus(self, widgets: Widgets) -> None:
        mode = value_of(widgets, w.FOCUS)
        if self._config.focus == "manual" and mode and not mode.startswith(("Manual", "MF")):
            raise CameraError(
                f"the focus is on {mode}, and autofocus would move it between the photos",
                cause="out_of_focus",
                where=self._config.port,
                limit="manual focus (MF)",
                remedy="Switch the lens, or the body, to MF; focus once for the whole session",
            )


def _files(widgets: Widgets) -> int:
    """How many files come of one release; 0 where the body's quality is none that we know."""
    quality = value_of(widgets, w.QUALITY)
    if quality is None:
        return 1
    return {"jpeg": 1, "raw": 1, "raw+jpeg": 2, None: 0}[parse_format(quality)]
