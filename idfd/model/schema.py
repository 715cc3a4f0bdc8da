"""Versioned, strictly validated JSON documents.

Every JSON file of the toolkit is a :class:`Document`: it names its schema and the
schema's semantic version, unknown fields are refused, and a file written by a newer
major version is refused with a remedy instead of being half understood.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, TypeVar

import msgspec

from idfd.errors import InputError, SchemaError


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A validated part of a document."""


class Document(Record, frozen=True, kw_only=True):
    """A JSON file with a schema name and version; subclasses set ``SCHEMA`` and ``VERSION``."""

    SCHEMA: ClassVar[str]
    VERSION: ClassVar[str]


D = TypeVar("D", bound=Document)


def major(version: str) -> int:
    """Return the major number of a semantic version such as ``1.4.0``."""
    try:
        return int(version.split(".")[0])
    except ValueError:
        raise SchemaError(
            f"'{version}' is not a semantic version", limit="MAJOR.MINOR.PATCH"
        ) from None


def check_version(schema: str, found: str, supported: str, where: str | Path) -> None:
    """Refuse a document whose major schema version differs from the supported one.

    Raises:
        SchemaError: The versions are not compatible; the message says which way.
    """
    if major(found) == major(supported):
        return
    newer = major(found) > major(supported)
    raise SchemaError(
        f"schema {schema} is version {found}",
        where=where,
        limit=f"version {major(supported)}.x",
        remedy="It was written by a newer idfd; upgrade with 'pip install -U idfd'"
        if newer
        else "It was written by an older idfd; read it with that version or build it again",
    )


def encode(document: Document) -> bytes:
    """Encode a document as stable, indented JSON (same content, same bytes)."""
    head: dict[str, Any] = {"schema": document.SCHEMA, "schema_version": document.VERSION}
    body = msgspec.to_builtins(document)
    return msgspec.json.format(msgspec.json.encode(head | body), indent=2) + b"\n"


def decode(kind: type[D], data: bytes, where: str | Path) -> D:
    """Decode and validate a document.

    Args:
        kind: The document class expected.
        data: JSON bytes.
        where: The file or array the bytes come from, for messages.

    Raises:
        SchemaError: Not JSON, another schema, an unsupported version, or an invalid field
            (the message holds the path of the field and the constraint).
    """
    try:
        raw = msgspec.json.decode(data)
    except msgspec.DecodeError as error:
        raise SchemaError(
            f"not valid JSON ({error})", where=where, remedy="Restore it from its source"
        ) from None
    if not isinstance(raw, dict) or raw.get("schema") != kind.SCHEMA:
        found = raw.get("schema") if isinstance(raw, dict) else None
        raise SchemaError(
            f"schema is {found!r}", where=where, limit=f"a document with schema '{kind.SCHEMA}'"
        )
    check_version(kind.SCHEMA, str(raw.pop("schema_version", "0")), kind.VERSION, where)
    del raw["schema"]
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        raise SchemaError(f"invalid field: {error}", where=where) from None


def load(kind: type[D], path: Path, remedy: str | None = None) -> D:
    """Read a document from a file; see :func:`decode` for the errors.

    Args:
        kind: The document class expected.
        path: The file.
        remedy: What to do where the file is missing.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise InputError(
            "no such file", where=path, limit=f"a document of schema {kind.SCHEMA}", remedy=remedy
        ) from None
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=path) from None
    return decode(kind, data, path)
