"""libgphoto2 as a host of the simulated Nikon, with the reasons of its errors."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class HostError(Exception):
    """A libgphoto2 error: its code and the text of its context."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"[{code}] {text}")
        self.code = code
        self.text = text


class Host:
    """One connection to a body."""

    def __init__(self, port: str) -> None:
        import gphoto2

        self._gp = gphoto2
        self._texts: list[str] = []
        self._context = gphoto2.Context()
        # The callback lives as long as what is kept of it.
        self._callback = self._context.set_error_func(self._hear, None)
        self._camera = gphoto2.Camera()
        ports = gphoto2.PortInfoList()
        ports.load()
        self._camera.set_port_info(ports[ports.lookup_path(port)])
        models = gphoto2.CameraAbilitiesList()
        models.load()
        self._camera.set_abilities(models[models.lookup_model("PTP/IP Camera")])
        with self._errors():
            self._camera.init(self._context)

    def close(self) -> None:
        self._camera.exit(self._context)

    def summary(self) -> str:
        with self._errors():
            return str(self._camera.get_summary(self._context))

    def widget(self, name: str) -> Any:
        with self._errors():
            return self._camera.get_single_config(name, self._context)

    def get(self, name: str) -> Any:
        return self.widget(name).get_value()

    def set(self, name: str, value: object) -> Any:
        widget = self.widget(name)
        widget.set_value(value)
        with self._errors():
            self._camera.set_single_config(name, widget, self._context)
        return self.get(name)

    def choices(self, name: str) -> list[str]:
        return list(self.widget(name).get_choices())

    def capture(self, files: int) -> list[tuple[str, str]]:
        """Release, and wait for so many files: folder and name of each."""
        with self._errors():
            path = self._camera.capture(self._gp.GP_CAPTURE_IMAGE, self._context)
            found = [(path.folder, path.name)]
            deadline = time.monotonic() + 5
            while len(found) < files and time.monotonic() < deadline:
                kind, data = self._camera.wait_for_event(100, self._context)
                if kind == self._gp.GP_EVENT_FILE_ADDED:
                    found.append((data.folder, data.name))
        return found

    def events(self, seconds: float) -> list[tuple[int, Any]]:
        found = []
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            event = self._camera.wait_for_event(20, self._context)
            if event[0] != self._gp.GP_EVENT_TIMEOUT:
                found.append(event)
        return found

    def download(self, path: tuple[str, str], folder: Path) -> Path:
        with self._errors():
            file = self._camera.file_get(*path, self._gp.GP_FILE_TYPE_NORMAL, None, self._context)
        target = folder / path[1]
        target.write_bytes(memoryview(file.get_data_and_size()))
        return target

    def files(self, folder: str) -> list[str]:
        with self._errors():
            return list(self._camera.folder_list_files(folder, self._context).keys())

    def preview(self) -> bytes:
        with self._errors():
            frame = self._camera.capture_preview(None, self._context)
        return bytes(memoryview(frame.get_data_and_size()))

    def _hear(self, _context: object, text: bytes | str, _data: object) -> None:
        self._texts.append(text if isinstance(text, str) else text.decode(errors="replace"))

    @contextmanager
    def _errors(self) -> Iterator[None]:
        self._texts.clear()
        try:
            yield
        except self._gp.GPhoto2Error as error:
            raise HostError(error.code, " ".join(self._texts)) from None


@contextmanager
def connected(port: str) -> Iterator[Host]:
    host = Host(port)
    try:
        yield host
    finally:
        host.close()
