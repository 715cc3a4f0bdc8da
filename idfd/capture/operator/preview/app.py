"""The web application of the live page: one page, two picture streams, one JSON of facts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from idfd.capture.cameras import DepthFrame
from idfd.capture.operator.preview.feed import Feed, Numbered
from idfd.capture.operator.preview.frames import (
    Overlays,
    PhotoFrame,
    depth_facts,
    draw,
    draw_depth,
    photo_facts,
)

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

# Browsers show a part of a multipart stream when the next boundary comes.
_BOUNDARY = b"--frame\r\n"
_LOOK_EVERY_S = 0.01
_HEADERS = {
    "Cache-Control": "no-store",
    # No other page may show or read what the rig sees.
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; img-src 'self' data:; connect-src 'self'; "
    "script-src 'unsafe-inline'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}


def make_app(
    photo: Feed[PhotoFrame], depth: Feed[DepthFrame], depth_mode: str | None = None
) -> Starlette:
    """The application over two running feeds.

    Only requests whose ``Host`` is this machine's loopback are answered, so that a page of the
    outside world cannot reach it by a name that it lets point here (DNS rebinding).
    """
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware
    from starlette.responses import HTMLResponse, JSONResponse, StreamingResponse
    from starlette.routing import Route

    # Several pages share the work on a frame; drawing outside the event loop keeps it free.
    drawn = lru_cache(maxsize=8)(lambda item, overlays: draw(item.frame, overlays))
    drawn_depth = lru_cache(maxsize=2)(lambda item: draw_depth(item.frame))
    of_photo = lru_cache(maxsize=2)(lambda item: photo_facts(item.frame))
    of_depth = lru_cache(maxsize=2)(lambda item: depth_facts(item.frame, depth_mode))

    async def page(request: Request) -> Response:  # noqa: ARG001
        source = resources.files("idfd.capture.operator") / "templates" / "preview.html"
        return HTMLResponse(source.read_text(encoding="utf-8"), headers=_HEADERS)

    async def photo_stream(request: Request) -> Response:
        overlays = Overlays(
            peaking=request.query_params.get("peaking", "1") == "1",
            zebra=request.query_params.get("zebra", "1") == "1",
        )
        return streaming(_stream(photo, lambda item: drawn(item, overlays)))

    async def depth_stream(request: Request) -> Response:  # noqa: ARG001
        return streaming(_stream(depth, drawn_depth))

    def streaming(parts: AsyncIterator[bytes]) -> Response:
        kind = "multipart/x-mixed-replace; boundary=frame"
        return StreamingResponse(parts, media_type=kind, headers=_HEADERS)

    async def tell(request: Request) -> Response:  # noqa: ARG001
        found = {"photo": await _facts(photo, of_photo), "depth": await _facts(depth, of_depth)}
        return JSONResponse(found, headers=_HEADERS)

    return Starlette(
        routes=[
            Route("/", page),
            Route("/photo.mjpg", photo_stream),
            Route("/depth.mjpg", depth_stream),
            Route("/facts.json", tell),
        ],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])],
    )


async def _stream(feed: Feed[Any], show: Callable[[Numbered[Any]], bytes]) -> AsyncIterator[bytes]:
    """Parts of a multipart stream: always the newest frame, so that slow readers skip some."""
    yield _BOUNDARY
    shown = 0
    while True:
        newest = feed.newest
        if newest is None or newest.number == shown:
            await asyncio.sleep(_LOOK_EVERY_S)
            continue
        shown = newest.number
        jpeg = await asyncio.to_thread(show, newest)
        head = f"Content-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
        yield head.encode() + jpeg + b"\r\n" + _BOUNDARY


async def _facts(
    feed: Feed[Any], measure: Callable[[Numbered[Any]], dict[str, Any]]
) -> dict[str, Any]:
    newest = feed.newest
    state = {"frames_per_s": round(feed.frames_per_s, 1), "error": feed.error}
    if newest is None:
        return {"number": 0, **state}
    return {"number": newest.number, **state, **await asyncio.to_thread(measure, newest)}
