"""The process that talks to the camera: ``python -m idfd.capture.nikon.worker``.

It answers requests on standard input until the pipe ends, which also happens when the driver's
process dies, then restores the body and gives it back.
"""

from __future__ import annotations

import faulthandler
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from idfd.capture.nikon.messages import (
    Close,
    Detect,
    Failure,
    Open,
    Preview,
    Read,
    Release,
    Reply,
    Request,
    Write,
    receive_request,
    send,
)

if TYPE_CHECKING:
    from idfd.capture.nikon.gphoto import Session


class Worker:
    """Answers requests, one at a time."""

    def __init__(self) -> None:
        self._session: Session | None = None

    def answer(self, request: Request) -> Reply:
        """Do what is asked; failures are answers too."""
        try:
            from idfd.capture.nikon import gphoto, library
        except ImportError as error:
            failure = Failure(kind="driver", doing="importing gphoto2", text=str(error))
            return Reply(failure=failure)
        try:
            return Reply(value=self._do(request, gphoto, library))
        except library.RequestError as error:
            return Reply(failure=error.failure)

    def close(self, restore: bool = True) -> None:
        """Give the body back, with its settings restored."""
        if self._session is not None:
            session, self._session = self._session, None
            session.close(restore)

    def _do(self, request: Request, gphoto: Any, library: Any) -> Any:
        if isinstance(request, Detect):
            return library.detect()
        if isinstance(request, Close):
            return self.close(request.restore)
        if isinstance(request, Open):
            self._session = gphoto.Session(request)
            return None
        session = self._session
        assert session is not None, "the driver opens the camera first"
        if isinstance(request, Read):
            return session.read(request.names)
        if isinstance(request, Write):
            return session.write(request.values, request.strict)
        if isinstance(request, Release):
            return session.release(request)
        assert isinstance(request, Preview)
        return session.preview()


def main() -> None:
    """Serve the driver until its pipe ends."""
    faulthandler.enable()
    # libgphoto2 and its drivers print to standard output, which would garble the replies.
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    worker = Worker()
    with _host_settings():
        try:
            while request := receive_request(sys.stdin.buffer):
                send(replies, worker.answer(request))
        except BrokenPipeError:
            pass  # The driver died while we were busy; give the camera back.
        finally:
            worker.close()


@contextmanager
def _host_settings() -> Iterator[None]:
    """Keep libgphoto2's host settings in a folder of our own, so that nothing leaks in or out."""
    with tempfile.TemporaryDirectory(prefix="idfd-gphoto2-") as folder:
        os.environ["XDG_CONFIG_HOME"] = folder
        settings = Path(folder, "gphoto", "settings")
        settings.parent.mkdir()
        # By default it believes for two seconds what it read last, when a dial may be turned.
        settings.write_text("ptp2=cachetime=0\n")
        yield


if __name__ == "__main__":
    main()
