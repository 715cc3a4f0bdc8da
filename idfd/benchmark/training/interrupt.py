"""Stopping on request between two steps, where the state of a run is whole."""

from __future__ import annotations

import signal
import threading
import time
from types import FrameType

PATIENCE_S = 1.0
"""Launchers pass on a signal that the terminal has sent already; that is one request."""


class Interrupt:
    """Notes Ctrl-C and SIGTERM instead of breaking off in the middle of a step.

    A second Ctrl-C, after more than a second, breaks off at once. Outside of the main thread,
    where Python delivers no signals, nothing is noted.

    Attributes:
        asked: Whether somebody wants the run to stop.
    """

    def __init__(self) -> None:
        self.asked = False
        self._since = 0.0
        self._old: dict[signal.Signals, signal._HANDLER] = {}

    def __enter__(self) -> Interrupt:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._old[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._old.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        if self.asked and time.monotonic() - self._since > PATIENCE_S:
            raise KeyboardInterrupt
        if not self.asked:
            self.asked, self._since = True, time.monotonic()
