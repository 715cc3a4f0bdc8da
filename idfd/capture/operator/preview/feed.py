"""Threads that keep the newest frame of each camera at hand; slow readers skip frames."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from idfd.errors import CameraError, IdfdError

T = TypeVar("T")
_PAUSE_AFTER_ERROR_S = 1.0
_NEW_CONNECTION_CAUSES = frozenset({"timeout", "disconnected", "crashed"})


@dataclass(frozen=True, eq=False)
class Numbered(Generic[T]):
    """A frame and its number, which grows by one from frame to frame."""

    number: int
    frame: T


class Feed(Generic[T]):
    """Reads a camera in a thread of its own, as fast as it gives frames.

    An error is kept as text and the camera is asked again after a pause, and connected anew
    where the connection was lost; what was read before stays visible meanwhile.

    Args:
        read: Gives the next frame; raises :class:`IdfdError`.
        connect: Connects the camera anew.
        fastest_hz: Frames are not read faster than this.
    """

    def __init__(
        self, read: Callable[[], T], connect: Callable[[], object], fastest_hz: float = 30.0
    ) -> None:
        self._read = read
        self._connect = connect
        self._period = 1 / fastest_hz
        self._newest: Numbered[T] | None = None
        self._error: str | None = None
        self._times: deque[float] = deque(maxlen=30)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def newest(self) -> Numbered[T] | None:
        """The newest frame, or None before the first one."""
        return self._newest

    @property
    def error(self) -> str | None:
        """What is wrong with the camera now, and what to do."""
        return self._error

    @property
    def frames_per_s(self) -> float:
        """Rate over the last second or so."""
        times = list(self._times)
        if len(times) < 2 or time.monotonic() - times[-1] > 2:
            return 0.0
        return (len(times) - 1) / (times[-1] - times[0])

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread; returns when the camera is free."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        lost = False
        while not self._stop.is_set():
            started = time.monotonic()
            try:
                if lost:
                    self._connect()
                    lost = False
                frame = self._read()
            except IdfdError as error:
                self._error = str(error)
                lost = lost or (
                    isinstance(error, CameraError) and error.cause in _NEW_CONNECTION_CAUSES
                )
                self._stop.wait(_PAUSE_AFTER_ERROR_S)
                continue
            self._error = None
            number = self._newest.number + 1 if self._newest else 1
            self._newest = Numbered(number, frame)
            self._times.append(time.monotonic())
            self._stop.wait(max(0.0, self._period - (time.monotonic() - started)))
