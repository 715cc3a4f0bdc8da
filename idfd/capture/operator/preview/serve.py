"""Serve the live page on this machine's loopback until the operator ends it."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from idfd.capture.operator.preview.app import make_app
from idfd.capture.operator.preview.feed import Feed
from idfd.capture.operator.preview.frames import photo_frame
from idfd.capture.rig import Rig
from idfd.errors import InputError, MissingDependencyError

if TYPE_CHECKING:
    import uvicorn

HOST = "127.0.0.1"


def serve_preview(rig: Rig, port: int, announce: Callable[[str], None]) -> None:
    """Serve the live page of a connected rig; returns when the process is interrupted.

    Args:
        rig: A connected rig.
        port: TCP port; 0 takes a free one.
        announce: Called with the page's address before the first request is answered.

    Raises:
        InputError: The port is taken.
        MissingDependencyError: starlette or uvicorn is not installed.
    """
    with preview_server(rig, port) as (server, listening):
        announce(f"http://{HOST}:{listening.getsockname()[1]}/")
        server.run(sockets=[listening])


@contextmanager
def preview_server(rig: Rig, port: int) -> Iterator[tuple[uvicorn.Server, socket.socket]]:
    """A server that does not run yet and the socket it will listen on, with the feeds started.

    Raises:
        InputError: The port is taken.
        MissingDependencyError: starlette or uvicorn is not installed.
    """
    try:
        import starlette  # noqa: F401
        import uvicorn
    except ImportError as error:
        raise MissingDependencyError(
            f"the live page needs the package {error.name}",
            remedy="Install it with 'pip install idfd[capture]'",
        ) from None
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    with listening:
        try:
            listening.bind((HOST, port))
            # Whoever follows the announced address at once waits in the queue.
            listening.listen()
        except (OSError, OverflowError) as error:
            raise InputError(
                f"port {port} cannot be used ({error})",
                limit="a free port from 1024 to 65535, or 0 for any",
                remedy="Choose another one with --port",
            ) from None
        photo = Feed(lambda: photo_frame(rig.photo.preview()), rig.photo.connect)
        # The eye needs no more of a depth map, and colouring it takes time from the photo.
        depth = Feed(rig.depth.preview, rig.depth.connect, fastest_hz=12)
        app = make_app(photo, depth, rig.depth.status().mode)
        config = uvicorn.Config(
            app, log_level="warning", access_log=False, timeout_graceful_shutdown=1, lifespan="off"
        )
        photo.start()
        depth.start()
        try:
            yield uvicorn.Server(config), listening
        finally:
            photo.stop()
            depth.stop()
