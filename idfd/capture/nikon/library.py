"""Calls of python-gphoto2 with their reasons, patience and deadlines.

For the process that talks to the camera only (see :mod:`idfd.capture.nikon.worker`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import gphoto2 as gp

from idfd.capture.nikon.messages import Failure, FailureKind

T = TypeVar("T")


class RequestError(Exception):
    """A request failed; carries the :class:`Failure` to report."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.doing)
        self.failure = failure


class Library:
    """libgphoto2, asked with care.

    Args:
        command_s: Longest time that a busy body is asked again, seconds.

    Attributes:
        context: To be passed with every call: the reasons of errors come only through it.
    """

    def __init__(self, command_s: float) -> None:
        self.context = gp.Context()
        self._command_s = command_s
        self._reasons: list[str] = []
        # The callback lives only as long as what is returned here is kept.
        self._callback = self.context.set_error_func(
            lambda _context, text, _data: self._reasons.append(_text(text)), None
        )

    @property
    def reason(self) -> str:
        """What the library said of the last errors."""
        return "; ".join(dict.fromkeys(self._reasons))

    @contextmanager
    def doing(self, doing: str) -> Iterator[None]:
        """Turn the library's errors into failures that say what was being done and why not."""
        self._reasons.clear()
        try:
            yield
        except gp.GPhoto2Error as error:
            raise RequestError(
                Failure(
                    kind="gphoto",
                    doing=doing,
                    code=error.code,
                    text=error.string,
                    context=self.reason,
                )
            ) from error

    def patiently(self, call: Callable[[], T], deadline: float | None = None) -> T:
        """Call until the body is not busy; the first waits are short, as most are over soon."""
        deadline = deadline or time.monotonic() + self._command_s
        pause = 0.02
        while True:
            try:
                return call()
            except gp.GPhoto2Error as error:
                # Busy bodies answer a setting with "bad parameters"; only the context tells.
                busy = error.code == gp.GP_ERROR_CAMERA_BUSY or "busy" in self.reason.lower()
                if not busy or time.monotonic() + pause > deadline:
                    raise
            self._reasons.clear()
            time.sleep(pause)
            pause = min(pause * 2, 0.3)


def failed(kind: FailureKind, doing: str, text: str = "") -> RequestError:
    """The error of a request that fails for a reason of our own."""
    return RequestError(Failure(kind=kind, doing=doing, text=text))


def detect() -> list[tuple[str, str]]:
    """Model and port of every camera that libgphoto2 sees."""
    found = gp.Camera.autodetect()
    return [(found.get_name(i), found.get_value(i)) for i in range(found.count())]


def _text(reason: bytes | str) -> str:
    return reason.decode(errors="replace") if isinstance(reason, bytes) else reason
