"""A thin, careful layer over python-gphoto2, for the process that talks to the camera only.

libgphoto2 may hang, crash or leave a body locked, so this runs in a process of its own (see
:mod:`idfd.capture.nikon.worker`). What is careful about it:

* reasons of errors come only through the context, so that one goes with every call;
* a choice is looked up before it is set, as unknown ones snap to a neighbour or crash, and what
  was set is read back;
* a busy body is asked again, later and later, until an overall deadline;
* waiting for events has an overall deadline too: reading a property makes an event, whose report
  reads the property;
* values from before the first change are restored, and ``exit()`` is always called.
"""

from __future__ import annotations

import hashlib
import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

import gphoto2 as gp

from idfd.capture.nikon.messages import Downloaded, Failure, FailureKind, Open, Release, Written
from idfd.capture.nikon.widgets import NAMES, VIEWFINDER, Kind, Widget

T = TypeVar("T")

_KINDS: dict[int, Kind] = {
    gp.GP_WIDGET_TEXT: "text",
    gp.GP_WIDGET_RANGE: "range",
    gp.GP_WIDGET_TOGGLE: "toggle",
    gp.GP_WIDGET_RADIO: "radio",
    gp.GP_WIDGET_MENU: "menu",
    gp.GP_WIDGET_DATE: "date",
}
_CONVERT: dict[Kind, Callable[[str], Any]] = {"range": float, "toggle": int, "date": int}
_EVENT_MS = 100
_DRAIN_S = 1.0


class RequestError(Exception):
    """A request failed; carries the :class:`Failure` to report."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.doing)
        self.failure = failure


class Session:
    """An open camera."""

    def __init__(self, request: Open) -> None:
        self._context = gp.Context()
        self._reasons: list[str] = []
        # The callback lives only as long as what is returned here is kept.
        self._callback = self._context.set_error_func(
            lambda _context, text, _data: self._reasons.append(_text(text)), None
        )
        self._command_s = request.command_s
        self._live = False
        self.originals = dict(request.originals)
        self._camera = gp.Camera()
        with self._doing(f"opening {request.port or 'the camera'}"):
            if request.port:
                self._set_port(request.port)
            self._camera.init(self._context)
            # Right after opening, "bad parameters" means that the body has no such widget; later
            # it may as well mean that the cable is out.
            self._names = {name for name in (*NAMES, *VIEWFINDER) if self._has(name)}

    def read(self, names: tuple[str, ...]) -> list[Widget]:
        """Those of the named widgets that the body has."""
        return [self._read(name)[0] for name in names if name in self._names]

    def write(self, values: dict[str, str], strict: bool) -> Written:
        """Set widgets in order, each read back and compared."""
        found, refused = {}, {}
        for name, text in values.items():
            try:
                found[name] = self._write(name, text)
            except RequestError as error:
                failure = error.failure
                if strict or (failure.kind == "gphoto" and not failure.context):
                    raise
                refused[name] = failure.context or f"{failure.kind} {failure.text}".strip()
        return Written(values=found, refused=refused, originals=self.originals)

    def release(self, request: Release) -> list[Downloaded]:
        """Release the shutter, wait for its files and download them."""
        self._stop_live_view()
        self._drain()
        with self._doing("releasing the shutter"):
            deadline = time.monotonic() + request.release_s
            first = self._patiently(
                lambda: self._camera.capture(gp.GP_CAPTURE_IMAGE, self._context), deadline
            )
        files = self._files_of_release(first, request.files, deadline)
        return [self._download(source, request) for source in files]

    def preview(self) -> bytes:
        """A live frame as JPEG; live view stays on until the next release."""
        with self._doing("taking a live frame"):
            self._live = True
            frame = gp.CameraFile()
            self._patiently(lambda: self._camera.capture_preview(frame, self._context))
            return bytes(memoryview(frame.get_data_and_size()))

    def close(self, restore: bool) -> None:
        """Exit, with the original values restored as far as the body still takes them."""
        try:
            self._stop_live_view()
            # Last changed first: the exposure mode decides what else can be set.
            originals = dict(reversed(self.originals.items()))
            self.write(originals if restore else {}, strict=False)
        except RequestError:
            pass  # The camera is gone; there is nothing left to restore.
        finally:
            # exit() fails where the cable is out, and frees the port all the same.
            gp.gp_camera_exit(self._camera, self._context)

    def _set_port(self, port: str) -> None:
        ports = gp.PortInfoList()
        ports.load()
        self._camera.set_port_info(ports[ports.lookup_path(port)])
        if port.startswith("ptpip:"):
            # Nothing announces the model on a network port.
            models = gp.CameraAbilitiesList()
            models.load(self._context)
            self._camera.set_abilities(models[models.lookup_model("PTP/IP Camera")])

    def _has(self, name: str) -> bool:
        try:
            self._patiently(lambda: self._camera.get_single_config(name, self._context))
        except gp.GPhoto2Error as error:
            if error.code != gp.GP_ERROR_BAD_PARAMETERS:
                raise
            return False
        return True

    def _read(self, name: str) -> tuple[Widget, Any]:
        with self._doing(f"reading {name}"):
            try:
                handle = self._patiently(
                    lambda: self._camera.get_single_config(name, self._context)
                )
            except gp.GPhoto2Error as error:
                if error.code == gp.GP_ERROR_BAD_PARAMETERS:
                    raise _failed("lost", f"reading {name}", self._reason()) from error
                raise
            kind = _KINDS[handle.get_type()]
            choices = tuple(handle.get_choices()) if kind in ("radio", "menu") else ()
            value = handle.get_value()
            widget = Widget(
                name=name,
                kind=kind,
                value=_value_text(value),
                choices=choices,
                read_only=bool(handle.get_readonly()),
            )
            return widget, handle

    def _write(self, name: str, text: str) -> str:
        doing = f"setting {name} to {text}"
        if name not in self._names:
            raise _failed("missing", doing)
        widget, handle = self._read(name)
        if widget.kind != "text" and _same(widget.value, text):
            return text
        if widget.read_only:
            raise _failed("read_only", doing, widget.value)
        if widget.choices and text not in widget.choices:
            raise _failed("refused", doing, ", ".join(widget.choices))
        self.originals.setdefault(name, widget.value)
        with self._doing(doing):
            handle.set_value(_CONVERT.get(widget.kind, str)(text))
            self._patiently(lambda: self._camera.set_single_config(name, handle, self._context))
        found = self._read(name)[0].value
        # Text widgets of Nikons are commands (controlmode): what is read back is not the state.
        if widget.kind != "text" and not _same(found, text):
            raise _failed("mismatch", doing, found)
        return found

    def _files_of_release(self, first: Any, count: int, deadline: float) -> list[PurePosixPath]:
        """Camera paths of one release, one of each suffix: RAW and JPEG are two events.

        On a card the files of a release share their stem, and those with another stem are late
        news of an earlier release. In the body's memory each object gets its own number.
        """
        files = {_suffix(first): PurePosixPath(first.folder, first.name)}
        on_card = first.folder != "/"
        with self._doing(f"waiting for {count or 'the'} files of the release"):
            while (not count or len(files) < count) and time.monotonic() < deadline:
                kind, data = self._camera.wait_for_event(_EVENT_MS, self._context)
                if kind == gp.GP_EVENT_FILE_ADDED:
                    path = PurePosixPath(data.folder, data.name)
                    if not on_card or path.stem == PurePosixPath(first.name).stem:
                        files.setdefault(_suffix(data), path)
                elif not count and kind in (gp.GP_EVENT_CAPTURE_COMPLETE, gp.GP_EVENT_TIMEOUT):
                    break
        if len(files) < count:
            names = ", ".join(path.name for path in files.values())
            raise _failed("missing", f"waiting for {count} files of the release", names)
        return list(files.values())

    def _download(self, source: PurePosixPath, request: Release) -> Downloaded:
        folder, name = str(source.parent), source.name
        with self._doing(f"downloading {name}"):
            deadline = time.monotonic() + request.download_s
            # Files from the body's memory were fetched whole with their event, and have no info.
            on_card = folder != "/"
            info = self._camera.file_get_info(folder, name, self._context) if on_card else None
            file = gp.CameraFile()
            self._patiently(
                lambda: self._camera.file_get(
                    folder, name, gp.GP_FILE_TYPE_NORMAL, file, self._context
                ),
                deadline,
            )
        data = memoryview(file.get_data_and_size())
        if info and len(data) != info.file.size:
            doing = f"downloading {name} of {info.file.size} bytes"
            raise _failed("mismatch", doing, f"{len(data)} bytes")
        path = Path(request.folder, f".{request.stem}{source.suffix.lower()}.part")
        try:
            with path.open("wb") as target:
                target.write(data)
                target.flush()
                os.fsync(target.fileno())
        except OSError as error:
            path.unlink(missing_ok=True)
            raise RequestError(
                Failure(kind="storage", doing=f"writing {path}", code=error.errno or 0)
            ) from error
        return Downloaded(
            path=str(path),
            camera_name=name,
            sha256=hashlib.sha256(data).hexdigest(),
            bytes=len(data),
        )

    def _drain(self) -> None:
        """Take in old events, so that files of an earlier release are not taken for new ones."""
        with self._doing("waiting for the body to be quiet"):
            deadline = time.monotonic() + _DRAIN_S
            while time.monotonic() < deadline:
                if self._camera.wait_for_event(1, self._context)[0] == gp.GP_EVENT_TIMEOUT:
                    return

    def _stop_live_view(self) -> None:
        if self._live:
            self._live = False
            if VIEWFINDER[0] in self._names:
                self._write(VIEWFINDER[0], "0")
                self.originals.pop(VIEWFINDER[0])

    def _patiently(self, call: Callable[[], T], deadline: float | None = None) -> T:
        """Call until the body is not busy; the first waits are short, as most are over soon."""
        deadline = deadline or time.monotonic() + self._command_s
        pause = 0.02
        while True:
            try:
                return call()
            except gp.GPhoto2Error as error:
                # Busy bodies answer a setting with "bad parameters"; only the context tells.
                busy = error.code == gp.GP_ERROR_CAMERA_BUSY or "busy" in self._reason().lower()
                if not busy or time.monotonic() + pause > deadline:
                    raise
            self._reasons.clear()
            time.sleep(pause)
            pause = min(pause * 2, 0.3)

    @contextmanager
    def _doing(self, doing: str) -> Iterator[None]:
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
                    context=self._reason(),
                )
            ) from error

    def _reason(self) -> str:
        return "; ".join(dict.fromkeys(self._reasons))


def detect() -> list[tuple[str, str]]:
    """Model and port of every camera that libgphoto2 sees."""
    found = gp.Camera.autodetect()
    return [(found.get_name(i), found.get_value(i)) for i in range(found.count())]


def _failed(kind: FailureKind, doing: str, text: str = "") -> RequestError:
    return RequestError(Failure(kind=kind, doing=doing, text=text))


def _suffix(path: Any) -> str:
    return PurePosixPath(path.name).suffix.lower()


def _same(found: str, wanted: str) -> bool:
    try:
        return found == wanted or math.isclose(float(found), float(wanted), rel_tol=1e-5)
    except ValueError:
        return False


def _value_text(value: str | int | float | None) -> str:
    if value is None:
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _text(reason: bytes | str) -> str:
    return reason.decode(errors="replace") if isinstance(reason, bytes) else reason
