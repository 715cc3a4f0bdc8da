"""One release of the shutter: its files found, downloaded and hashed.

For the process that talks to the camera only (see :mod:`idfd.capture.nikon.worker`).
"""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path, PurePosixPath
from typing import Any

import gphoto2 as gp

from idfd.capture.nikon.library import Library, RequestError, failed
from idfd.capture.nikon.messages import Downloaded, Failure, Release

_EVENT_MS = 100
_DRAIN_S = 1.0


def release(camera: Any, library: Library, request: Release) -> list[Downloaded]:
    """Release the shutter, wait for the files and download them.

    Args:
        camera: The open camera.
        library: The library it belongs to.
        request: Where the files go, how many, and the deadlines.

    Raises:
        RequestError: The body or the disk refuses; photos already taken stay on the card.
    """
    _drain(camera, library)
    deadline = time.monotonic() + request.release_s
    with library.doing("releasing the shutter"):
        first = library.patiently(
            lambda: camera.capture(gp.GP_CAPTURE_IMAGE, library.context), deadline
        )
    files = _files(camera, library, first, request.files, deadline)
    return [_download(camera, library, source, request) for source in files]


def _drain(camera: Any, library: Library) -> None:
    """Take in old events, so that files of an earlier release are not taken for new ones.

    Reading a property makes an event, whose report reads the property: only an overall deadline
    ends that.
    """
    deadline = time.monotonic() + _DRAIN_S
    with library.doing("waiting for the body to be quiet"):
        while time.monotonic() < deadline:
            if camera.wait_for_event(1, library.context)[0] == gp.GP_EVENT_TIMEOUT:
                return


def _files(
    camera: Any, library: Library, first: Any, count: int, deadline: float
) -> list[PurePosixPath]:
    """Camera paths of one release, one of each suffix: RAW and JPEG are two events.

    On a card the files of a release share their stem, and those with another stem are late news
    of an earlier release. In the body's memory each object gets its own number.
    """
    path = PurePosixPath(first.folder, first.name)
    files = {path.suffix.lower(): path}
    stem = path.stem if first.folder != "/" else None
    waiting = f"waiting for {count or 'the'} files of the release"
    with library.doing(waiting):
        while (not count or len(files) < count) and time.monotonic() < deadline:
            kind, data = camera.wait_for_event(_EVENT_MS, library.context)
            if kind == gp.GP_EVENT_FILE_ADDED:
                path = PurePosixPath(data.folder, data.name)
                if stem in (None, path.stem):
                    files.setdefault(path.suffix.lower(), path)
            elif not count and kind in (gp.GP_EVENT_CAPTURE_COMPLETE, gp.GP_EVENT_TIMEOUT):
                break
    if len(files) < count:
        raise failed("missing", waiting, ", ".join(path.name for path in files.values()))
    return list(files.values())


def _download(camera: Any, library: Library, source: PurePosixPath, request: Release) -> Downloaded:
    folder, name = str(source.parent), source.name
    deadline = time.monotonic() + request.download_s
    with library.doing(f"downloading {name}"):
        # Files from the body's memory were fetched whole with their event, and have no info.
        on_card = folder != "/"
        info = camera.file_get_info(folder, name, library.context) if on_card else None
        kind = gp.GP_FILE_TYPE_NORMAL
        file = library.patiently(
            lambda: camera.file_get(folder, name, kind, None, library.context), deadline
        )
    data = memoryview(file.get_data_and_size())
    if info and len(data) != info.file.size:
        doing = f"downloading {name} of {info.file.size} bytes"
        raise failed("mismatch", doing, f"{len(data)} bytes")
    path = Path(request.folder, f".{request.stem}{source.suffix.lower()}.part")
    try:
        with path.open("wb") as target:
            target.write(data)
            target.flush()
            os.fsync(target.fileno())
    except OSError as error:
        path.unlink(missing_ok=True)
        failure = Failure(kind="storage", doing=f"writing {path}", code=error.errno or 0)
        raise RequestError(failure) from error
    return Downloaded(
        path=str(path),
        camera_name=name,
        sha256=hashlib.sha256(data).hexdigest(),
        bytes=len(data),
    )
