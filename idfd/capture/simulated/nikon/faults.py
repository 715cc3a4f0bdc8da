"""Faults that tests inject: what the body does wrong the next time it is asked for something."""

from __future__ import annotations

import threading
from collections import defaultdict, deque

import msgspec


class Respond(msgspec.Struct, frozen=True, tag="respond"):
    """Refuse with a response code (see :class:`~.codes.Response`), several times in a row."""

    code: int
    times: int = 1


class Delay(msgspec.Struct, frozen=True, tag="delay"):
    """Answer late."""

    seconds: float


class Stall(msgspec.Struct, frozen=True, tag="stall"):
    """Never answer.

    With a number, do what was asked and stop after so many bytes of the data, or before the
    response where there are none.
    """

    after_bytes: int | None = None


class Unplug(msgspec.Struct, frozen=True, tag="unplug"):
    """Pull the cable: both connections break, and for ``seconds`` nobody can connect again.

    ``after_bytes`` is that of :class:`Stall`.
    """

    after_bytes: int | None = None
    seconds: float = 0.0


Fault = Respond | Delay | Stall | Unplug


class FaultQueue:
    """Faults waiting for their operation; safe to use from several threads."""

    def __init__(self) -> None:
        self._waiting: defaultdict[int, deque[Fault]] = defaultdict(deque)
        self._lock = threading.Lock()
        self._cleared = threading.Event()

    def add(self, operation: int, faults: list[Fault]) -> None:
        """Queue faults; each request of the operation takes one."""
        with self._lock:
            for fault in faults:
                times = fault.times if isinstance(fault, Respond) else 1
                self._waiting[operation].extend([fault] * times)

    def take(self, operation: int) -> Fault | None:
        """The next fault of an operation."""
        with self._lock:
            queue = self._waiting.get(operation)
            return queue.popleft() if queue else None

    def clear(self) -> None:
        """Forget all faults, and let stalled requests go."""
        with self._lock:
            self._waiting.clear()
            self._cleared.set()
            self._cleared = threading.Event()

    def stall(self) -> None:
        """Wait until the faults are cleared."""
        with self._lock:
            cleared = self._cleared
        cleared.wait()
