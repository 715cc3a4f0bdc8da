"""A connection to a body that is made anew, with all settings, when it is lost."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec

from idfd.capture.nikon.client import Client
from idfd.capture.nikon.config import NikonConfig
from idfd.capture.nikon.faults import RECONNECT, ExhaustedError
from idfd.capture.nikon.messages import Message, Open, Read, Release, Write, Written
from idfd.capture.nikon.widgets import Widget
from idfd.errors import CameraError

_ATTEMPTS = 2


class Connection:
    """Asks the body, through a process that is replaced when it dies, hangs or loses the body.

    Args:
        config: How to reach the body and how long to wait for it.
        prepare: Sets all that the body must be set to, each time it was opened.
    """

    def __init__(self, config: NikonConfig, prepare: Callable[[Connection], None]) -> None:
        self._config = config
        self._prepare = prepare
        self._client: Client | None = None
        self._originals: dict[str, str] = {}

    def open(self) -> None:
        """Open the body if it is not open; a wedged one is tried once more.

        Raises:
            CameraError: ``absent``, ``claimed``, ``permission``, ``driver``, ``disconnected``, …
        """
        if self._client is not None and self._client.alive:
            return
        for attempt in range(_ATTEMPTS):
            try:
                self._start()
                self._prepare(self)
                return
            except CameraError as error:
                self._drop()
                if error.cause not in RECONNECT or attempt == _ATTEMPTS - 1:
                    raise

    def read(self, names: tuple[str, ...]) -> dict[str, Widget]:
        """Those of the named widgets that the body has, by name."""
        found = msgspec.convert(self.ask(Read(names=names)), list[Widget])
        return {widget.name: widget for widget in found}

    def write(self, values: dict[str, str], strict: bool = True) -> dict[str, str]:
        """Set widgets and return what was read back; without ``strict`` what the body takes."""
        written = msgspec.convert(self.ask(Write(values=values, strict=strict)), Written)
        self._originals = written.originals
        return written.values

    def again(self, call: Callable[[], Any]) -> Any:
        """Do something that may be done twice: once more, if the body was lost meanwhile."""
        self.open()
        try:
            return call()
        except CameraError as error:
            if error.cause not in RECONNECT:
                raise
        self._drop()
        self.open()
        return call()

    def release(self, request: Release) -> Any:
        """Release the shutter; once more only where nothing was exposed."""
        self.open()
        seconds = request.release_s + max(request.files, 1) * request.download_s
        try:
            return self.ask(request, seconds)
        except ExhaustedError:
            self._drop()
        except CameraError as error:
            raise self._reopened(error) if error.cause in RECONNECT else error from None
        self.open()
        return self.ask(request, seconds)

    def close(self) -> None:
        """Restore the body's settings and give it back; never raises."""
        client, self._client = self._client, None
        given_back = client is not None and client.stop(restore=True)
        if self._originals and not given_back:
            # The process died with the body's settings changed; another one restores them.
            with suppress(CameraError):
                self._start()
            self._drop(restore=True)
        self._originals = {}

    def _reopened(self, error: CameraError) -> CameraError:
        """The error of a release, once the body was opened anew or could not be."""
        self._drop()
        try:
            self.open()
        except CameraError:
            return error
        remedy = "Shoot again: the camera was opened anew, with all settings"
        return CameraError(error.what, cause=error.cause, where=error.where, remedy=remedy)

    def _start(self) -> None:
        self._drop()
        self._client = Client(self._config.virtual_folder, self._config.port or "camera")
        port, seconds = self._config.port, self._config.command_s
        self.ask(Open(port=port, command_s=seconds, originals=self._originals), 2 * seconds)

    def ask(self, message: Message, seconds: float | None = None) -> Any:
        """Ask the open body."""
        assert self._client is not None, "the body is opened first"
        return self._client.ask(message, seconds or self._config.command_s)

    def _drop(self, restore: bool = False) -> None:
        if self._client is not None:
            self._client.stop(restore)
            self._client = None
