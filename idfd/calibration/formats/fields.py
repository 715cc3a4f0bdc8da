"""Text to validated fields: JSON and YAML with one kind of error."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import msgspec

from idfd.errors import SchemaError

T = TypeVar("T")


def from_json(kind: type[T], text: str, where: str | Path) -> T:
    """Decode JSON into a structure.

    Raises:
        SchemaError: Not JSON, or a field is missing or wrong; the message holds its path.
    """
    try:
        raw = msgspec.json.decode(text.removeprefix("\ufeff"))
    except msgspec.DecodeError as error:
        raise SchemaError(f"not valid JSON ({error})", where=where) from None
    return to_fields(kind, raw, where)


def from_yaml(text: str, where: str | Path) -> Any:
    """Plain values of a YAML document.

    Raises:
        SchemaError: Not YAML, or YAML with tags.
    """
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        line = getattr(error, "problem_mark", None)
        at = "" if line is None else f" in line {line.line + 1}"
        raise SchemaError(f"not valid YAML{at}", where=where) from None


def to_yaml(value: Any) -> str:
    """A YAML document; lists of numbers lie in a line, and numbers keep all digits."""
    import yaml

    return str(yaml.safe_dump(value, sort_keys=False, default_flow_style=None, width=100))


def to_fields(kind: type[T], raw: Any, where: str | Path) -> T:
    """Validate plain values.

    Raises:
        SchemaError: A field is missing or wrong; the message holds its path.
    """
    try:
        # Not strict: YAML 1.1 takes 1e-05 for text, and some tools write sizes as 640.0.
        return msgspec.convert(raw, kind, strict=False)
    except msgspec.ValidationError as error:
        raise SchemaError(f"invalid field: {error}", where=where) from None
