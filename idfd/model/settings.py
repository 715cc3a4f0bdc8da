"""Settings that people write: YAML or JSON files read into dataclasses or records."""

from __future__ import annotations

import dataclasses
import difflib
import re
import typing
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from idfd.errors import InputError

T = TypeVar("T")


def read_settings(kind: type[T], path: Path, show: str) -> T:
    """Read settings from a YAML or JSON file; what is not said keeps its default.

    Args:
        kind: The dataclass or record of settings.
        path: The file.
        show: Command that prints all settings, for the message.

    Raises:
        InputError: Unreadable file, unknown setting (with the nearest known one), or a value of
            another type or range.
    """
    import yaml

    try:
        data = yaml.load(path.read_text(), _loader())
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=path) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        first = str(error).splitlines()[0]
        raise InputError(f"not a YAML file ({first})", where=path) from None
    return settings_from(kind, data or {}, path, show)


def _loader() -> Any:
    """The safe loader, which also takes 2e-4 for a number, as everybody but YAML 1.1 does."""
    import yaml

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        pass

    Loader.add_implicit_resolver(
        "tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9]+[eE][-+]?[0-9]+$"), list("-+0123456789")
    )
    return Loader


def settings_from(kind: type[T], data: Any, where: str | Path, show: str) -> T:
    """Settings from plain data; see :func:`read_settings`."""
    _refuse_unknown(data, kind, where, ())
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        raise InputError(
            f"a setting cannot be used: {error}",
            where=where,
            remedy=f"See '{show}' for all settings and their values",
        ) from None


def _refuse_unknown(data: Any, kind: type, where: str | Path, path: tuple[str, ...]) -> None:
    if not isinstance(data, dict):
        name = ".".join(path) or "the settings"
        raise InputError(f"{name}: {data!r}", where=where, limit="names with values")
    hints = {
        name: hint
        for name, hint in typing.get_type_hints(kind).items()
        if typing.get_origin(hint) is not typing.ClassVar
    }
    for key, value in data.items():
        if key not in hints:
            name = ".".join((*path, str(key)))
            near = difflib.get_close_matches(str(key), hints, n=1)
            raise InputError(
                f"there is no setting '{name}'",
                where=where,
                limit=", ".join(hints),
                remedy=f"Did you mean '{near[0]}'?" if near else "Remove it",
            )
        nested = [part for part in (hints[key], *typing.get_args(hints[key])) if _is_group(part)]
        if nested and value is not None:
            _refuse_unknown(value, nested[0], where, (*path, str(key)))


def _is_group(hint: Any) -> bool:
    return dataclasses.is_dataclass(hint) or (
        isinstance(hint, type) and issubclass(hint, msgspec.Struct)
    )
