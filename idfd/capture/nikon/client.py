"""The driver's end of the process that talks to the camera."""

from __future__ import annotations

import os
import select
import struct
import subprocess
import sys
import tempfile
import time
from typing import IO, Any

import msgspec

from idfd.capture.nikon.faults import error_of
from idfd.capture.nikon.messages import Close, Message, Reply, send
from idfd.errors import CameraError

_GRACE_S = 2.0
_EXIT_S = 5.0


class Client:
    """A process that talks to the camera, and what is asked of it.

    The process starts at once and belongs to no terminal, so that Ctrl-C reaches the toolkit and
    not libgphoto2. A process that is gone or too slow never comes back: make a new one.

    Args:
        virtual_folder: Folder of libgphoto2's virtual camera; None takes real ones.
        where: The camera, for messages.
    """

    def __init__(self, virtual_folder: str | None = None, where: str = "camera") -> None:
        self._where = where
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - kill() closes it
        self._process = subprocess.Popen(
            [sys.executable, "-m", "idfd.capture.nikon.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=environment(virtual_folder),
            start_new_session=True,
        )

    @property
    def alive(self) -> bool:
        """Whether it can still be asked."""
        return self._process.poll() is None

    def ask(self, message: Message, seconds: float) -> Any:
        """Send a request and wait for its answer.

        Args:
            message: The request.
            seconds: Longest wait; a process that is later, by a grace, is ended.

        Returns:
            The reply's value.

        Raises:
            CameraError: ``crashed`` (the process died), ``timeout`` (it was ended), or what the
                failure stands for.
            StorageError: A file could not be written.
        """
        assert self._process.stdin is not None
        deadline = time.monotonic() + seconds + _GRACE_S
        try:
            send(self._process.stdin, message)
            (length,) = struct.unpack(">I", self._receive(4, deadline))
            reply = msgspec.msgpack.decode(self._receive(length, deadline), type=Reply)
        except (BrokenPipeError, EOFError):
            raise self._crashed(message) from None
        except TimeoutError:
            self.kill()
            raise CameraError(
                f"the camera did not answer to '{_name(message)}' in {seconds + _GRACE_S:.0f} s; "
                "the process that talks to it was ended",
                cause="timeout",
                where=self._where,
                remedy="Try again: the camera is opened anew with all settings",
            ) from None
        if reply.failure is not None:
            raise error_of(reply.failure, self._where)
        return reply.value

    def stop(self, restore: bool) -> bool:
        """Let it give the body back (with its settings restored) and end; never raises.

        Returns:
            Whether the process did so by itself.
        """
        answered = self.alive
        try:
            if answered:
                self.ask(Close(restore=restore), _EXIT_S)
        except CameraError:
            answered = False
        assert self._process.stdin is not None
        try:
            self._process.stdin.close()
            self._process.wait(_EXIT_S)
        except (subprocess.TimeoutExpired, BrokenPipeError):
            answered = False
        self.kill()
        return answered

    def kill(self) -> None:
        """End it without asking, first softly."""
        if self.alive:
            self._process.terminate()
            try:
                self._process.wait(1.0)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._log):
            assert pipe is not None
            try:
                pipe.close()
            except BrokenPipeError:
                continue  # What was still to be sent has nobody to go to.

    def _receive(self, size: int, deadline: float) -> bytes:
        assert self._process.stdout is not None
        handle = self._process.stdout.fileno()
        data = bytearray()
        while len(data) < size:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([handle], [], [], left)[0]:
                raise TimeoutError
            block = os.read(handle, size - len(data))
            if not block:
                raise EOFError
            data += block
        return bytes(data)

    def _crashed(self, message: Message) -> CameraError:
        status = self._process.wait()
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        last = next((line for line in lines if line.startswith("Fatal")), (lines or [""])[-1])
        self.kill()
        return CameraError(
            f"the process that talks to the camera died at '{_name(message)}' "
            f"({f'signal {-status}' if status < 0 else f'exit {status}'}{last and f': {last}'})",
            cause="crashed",
            where=self._where,
            remedy="Try again: the camera is opened anew with all settings",
        )


def environment(virtual_folder: str | None) -> dict[str, str]:
    """Environment of the process: numbers and texts of the C locale, no leftover camera."""
    changed = {
        "LC_ALL": "C",
        "LC_NUMERIC": "C",
        "LC_MESSAGES": "C",
        "PYTHONUTF8": "1",
    }
    env = {name: text for name, text in os.environ.items() if name != "VCAMERADIR"} | changed
    env.pop("LANGUAGE", None)
    return env | ({"VCAMERADIR": virtual_folder} if virtual_folder else {})


def _name(message: Message) -> str:
    return type(message).__name__.lower()
