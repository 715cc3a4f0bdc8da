"""The body in a process of its own, and the handle that tests and the simulated rig hold.

It needs its own process because libgphoto2's binding keeps the interpreter's lock in some calls.
Requests and answers are JSON lines over the standard streams; the process ends with its parent.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import Any

import msgspec

from idfd.capture.simulated.nikon.codes import Operation, PropertyCode
from idfd.capture.simulated.nikon.control import (
    Answer,
    Clear,
    Command,
    Inject,
    Options,
    Place,
    ReadLog,
    Turn,
)
from idfd.capture.simulated.nikon.faults import Fault
from idfd.errors import CameraError, IdfdError, InputError

LogEntry = tuple[str, tuple[int, ...], str]


class ResponderProcess:
    """A simulated Nikon on the loopback interface; a context manager.

    Args:
        source: ``pattern`` for a fast texture, ``world`` for the simulated rooms.
        size: Width and height of the photos of a pattern.
        seed: Seed of the pattern.
        world: Arguments of :class:`idfd.capture.simulated.world.World`.
        raw: The body offers NEF files.
        model: Its name.
        real_time: Exposures and delays take their time.
        card_bytes: Capacity of its card, which lives in memory.

    Raises:
        InputError: The world cannot be made with these arguments.

    Attributes:
        port: Its address for libgphoto2.
    """

    def __init__(
        self,
        source: str = "pattern",
        *,
        size: tuple[int, int] = (600, 400),
        seed: int = 0,
        world: dict[str, Any] | None = None,
        raw: bool = True,
        model: str = "D750",
        real_time: bool = True,
        card_bytes: int = 4 << 30,
    ) -> None:
        options = Options(source, size, seed, world, raw, model, real_time, card_bytes)
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", __package__, msgspec.json.encode(options).decode()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for the toolkit, which ends this process
        )
        try:
            number = self._read()
        except IdfdError:
            self.stop()
            raise
        self.port = f"ptpip:127.0.0.1:{number}:{number}"

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    def place(self, environment: str, scene: str, view: int) -> None:
        """Stand the tripod before another scene."""
        self._call(Place(environment, scene, view))

    def fault(self, operation: str | int, *faults: Fault) -> None:
        """Let the next requests of an operation go wrong, one fault each.

        Args:
            operation: A name of :class:`~.codes.Operation`, or a number.
            faults: See :mod:`~.faults`.

        Raises:
            InputError: No such operation.
        """
        self._call(Inject(_code(Operation, operation), list(faults)))

    def clear_faults(self) -> None:
        """Forget all faults, and let stalled requests go."""
        self._call(Clear())

    def log(self) -> list[LogEntry]:
        """The operations so far: name, parameters, name of the response."""
        return msgspec.convert(self._call(ReadLog()), list[LogEntry])

    def set_property(
        self,
        name: str | int,
        value: int | str | None = None,
        choices: list[int | str] | None = None,
        read_only: bool | None = None,
    ) -> None:
        """Change a property at the body itself, as an operator does.

        Args:
            name: A name of :class:`~.codes.PropertyCode`, or a number.
            value: The value, in the protocol's numbers.
            choices: Values offered from now on.
            read_only: Whether the host may set it.

        Raises:
            InputError: No such property.
        """
        self._call(Turn(_code(PropertyCode, name), value, choices, read_only))

    def stop(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()

    def __enter__(self) -> ResponderProcess:
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def _call(self, command: Command) -> Any:
        assert self._process.stdin is not None
        with self._lock:
            try:
                self._process.stdin.write(msgspec.json.encode(command) + b"\n")
                self._process.stdin.flush()
            except (BrokenPipeError, ValueError):
                raise _gone() from None
            return self._read()

    def _read(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise _gone()
        answer = msgspec.json.decode(line, type=Answer)
        if answer.error is not None:
            raise InputError(answer.error, where="simulated Nikon")
        return answer.result


def _gone() -> CameraError:
    return CameraError(
        "the process of the simulated Nikon has ended",
        cause="crashed",
        remedy="See its last words above and start it again",
    )


def _code(kind: type[Operation] | type[PropertyCode], name: str | int) -> int:
    if isinstance(name, int):
        return int(name)
    try:
        return int(kind[name.upper()])
    except KeyError:
        from difflib import get_close_matches

        near = get_close_matches(name.upper(), kind.__members__, 1)
        raise InputError(
            f"the simulated Nikon has no {kind.__name__} '{name}'",
            limit=f"a name such as {near[0] if near else next(iter(kind)).name}",
        ) from None
