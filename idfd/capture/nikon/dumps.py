"""Read the output of ``gphoto2 --list-all-config`` as widgets, to plan for a body at a distance."""

from __future__ import annotations

import re
from pathlib import Path

from idfd.capture.nikon.widgets import Kind, Widget
from idfd.errors import InputError

_PATH = re.compile(r"/main/(?:\S+/)?(\S+)")
_FIELD = re.compile(r"(Readonly|Type|Current|Choice): ?(.*)")
_CHOICE = re.compile(r"\d+ (.*)")
_KINDS: dict[str, Kind] = {
    "TEXT": "text",
    "RANGE": "range",
    "TOGGLE": "toggle",
    "RADIO": "radio",
    "MENU": "menu",
    "DATE": "date",
    "BUTTON": "button",
}

# A German desktop prints the texts translated; these are the ones that the planner looks at.
_GERMAN = {
    "An": "On",
    "Aus": "Off",
    "JPEG Fein": "JPEG Fine",
    "NEF+Fein": "NEF+Fine",
    "Manuell": "Manual",
    "Speicherkarte": "Memory card",
    "interner Speicher": "Internal RAM",
    "Einzelbild": "Single Shot",
    "Automatisch": "Automatic",
}


def parse_dump(data: bytes, where: Path | str = "dump") -> dict[str, Widget]:
    """Widgets of a dump by name; of two of one name the first stays, as in libgphoto2.

    Dumps of the wild mix encodings and line ends, and older ones do not say what is read-only.

    Args:
        data: Output of ``gphoto2 --list-all-config``; text around it is skipped.
        where: The file it comes from, for messages.

    Raises:
        InputError: There is no widget in it.
    """
    widgets: dict[str, Widget] = {}
    name, fields, choices = "", dict[str, str](), list[str]()

    def finish() -> None:
        kind = _KINDS.get(fields.get("Type", "").strip())
        if kind and name not in widgets:
            read_only = fields.get("Readonly", "").strip()
            value = _plain(fields.get("Current", ""))
            widgets[name] = Widget(
                name=name,
                kind=kind,
                value="" if value == "None" else value,
                choices=tuple(choices),
                read_only=read_only == "1" if read_only else None,
            )

    for raw in data.splitlines():
        line = _decode(raw).strip()
        if path := _PATH.fullmatch(line):
            finish()
            name, fields, choices = path[1], {}, []
        elif field := _FIELD.fullmatch(line):
            choice = _CHOICE.fullmatch(field[2]) if field[1] == "Choice" else None
            if choice:
                choices.append(_plain(choice[1]))
            else:
                fields.setdefault(field[1], field[2])
    finish()
    if not widgets:
        raise InputError(
            "there is no setting of a camera in it",
            where=where,
            limit="the output of 'gphoto2 --list-all-config'",
        )
    return widgets


def read_dump(path: Path) -> dict[str, Widget]:
    """Widgets of a dump file; see :func:`parse_dump`.

    Raises:
        InputError: The file cannot be read, or there is no widget in it.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=path) from None
    return parse_dump(data, path)


def _decode(line: bytes) -> str:
    # Line by line: owners typed Latin-1 artist names into bodies whose dumps are UTF-8.
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("latin-1")


def _plain(text: str) -> str:
    text = text.strip()
    return _GERMAN.get(text, text)
