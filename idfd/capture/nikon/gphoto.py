"""An open camera, for the process that talks to it only.

libgphoto2 may hang, crash or leave a body locked, so this runs in a process of its own (see
:mod:`idfd.capture.nikon.worker`). Choices are looked up before they are set, as unknown ones snap
to a neighbour or crash; what was set is read back; values from before the first change are
restored; and ``exit()`` is always called.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import gphoto2 as gp

from idfd.capture.nikon.library import Library, RequestError, failed
from idfd.capture.nikon.messages import Downloaded, Open, Release, Written
from idfd.capture.nikon.release import release
from idfd.capture.nikon.widgets import NAMES, VIEWFINDER, Kind, Widget

_KINDS: dict[int, Kind] = {
    gp.GP_WIDGET_TEXT: "text",
    gp.GP_WIDGET_RANGE: "range",
    gp.GP_WIDGET_TOGGLE: "toggle",
    gp.GP_WIDGET_RADIO: "radio",
    gp.GP_WIDGET_MENU: "menu",
    gp.GP_WIDGET_DATE: "date",
}
_CONVERT: dict[Kind, Callable[[str], Any]] = {"range": float, "toggle": int, "date": int}


class Session:
    """An open camera."""

    def __init__(self, request: Open) -> None:
        self._library = Library(request.command_s)
        self._live = False
        self.originals = dict(request.originals)
        self._camera = gp.Camera()
        with self._library.doing(f"opening {request.port or 'the camera'}"):
            if request.port:
                self._set_port(request.port)
            self._camera.init(self._library.context)
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
                lost = failure.kind == "lost" or (failure.kind == "gphoto" and not failure.context)
                if strict or lost:
                    raise
                refused[name] = failure.context or f"{failure.kind} {failure.text}".strip()
        return Written(values=found, refused=refused, originals=self.originals)

    def release(self, request: Release) -> list[Downloaded]:
        """Release the shutter, wait for its files and download them."""
        self._stop_live_view()
        return release(self._camera, self._library, request)

    def preview(self) -> bytes:
        """A live frame as JPEG; live view stays on until the next release."""
        with self._library.doing("taking a live frame"):
            self._live = True
            frame = self._library.patiently(
                lambda: self._camera.capture_preview(None, self._library.context)
            )
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
            gp.gp_camera_exit(self._camera, self._library.context)

    def _set_port(self, port: str) -> None:
        ports = gp.PortInfoList()
        ports.load()
        self._camera.set_port_info(ports[ports.lookup_path(port)])
        if port.startswith("ptpip:"):
            # Nothing announces the model on a network port.
            models = gp.CameraAbilitiesList()
            models.load(self._library.context)
            self._camera.set_abilities(models[models.lookup_model("PTP/IP Camera")])

    def _has(self, name: str) -> bool:
        try:
            self._library.patiently(
                lambda: self._camera.get_single_config(name, self._library.context)
            )
        except gp.GPhoto2Error as error:
            if error.code != gp.GP_ERROR_BAD_PARAMETERS:
                raise
            return False
        return True

    def _read(self, name: str) -> tuple[Widget, Any]:
        with self._library.doing(f"reading {name}"):
            try:
                handle = self._library.patiently(
                    lambda: self._camera.get_single_config(name, self._library.context)
                )
            except gp.GPhoto2Error as error:
                if error.code == gp.GP_ERROR_BAD_PARAMETERS:
                    raise failed("lost", f"reading {name}", self._library.reason) from error
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
            raise failed("refused", doing, "no such setting")
        widget, handle = self._read(name)
        if widget.kind != "text" and _same(widget.value, text):
            return text
        if widget.read_only:
            raise failed("read_only", doing, widget.value)
        if widget.choices and text not in widget.choices:
            raise failed("refused", doing, ", ".join(widget.choices))
        self.originals.setdefault(name, widget.value)
        with self._library.doing(doing):
            handle.set_value(_CONVERT.get(widget.kind, str)(text))
            self._library.patiently(
                lambda: self._camera.set_single_config(name, handle, self._library.context)
            )
        found = self._read(name)[0].value
        # Text widgets of Nikons are commands (controlmode): what is read back is not the state.
        if widget.kind != "text" and not _same(found, text):
            raise failed("mismatch", doing, found)
        return found

    def _stop_live_view(self) -> None:
        if self._live:
            self._live = False
            if VIEWFINDER[0] in self._names:
                self._write(VIEWFINDER[0], "0")
                self.originals.pop(VIEWFINDER[0])


def _same(found: str, wanted: str) -> bool:
    try:
        return found == wanted or math.isclose(float(found), float(wanted), rel_tol=1e-5)
    except ValueError:
        return False


def _value_text(value: str | int | float | None) -> str:
    if value is None:
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)
