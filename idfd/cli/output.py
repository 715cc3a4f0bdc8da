"""Print results: a table for people, JSON for programs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import click


def print_json(value: Any) -> None:
    """Print a JSON document or plain values, indented, on standard output."""
    import msgspec

    from idfd.model import schema

    data = (
        schema.encode(value)
        if isinstance(value, schema.Document)
        else msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"
    )
    click.echo(data.decode(), nl=False)


def print_table(headers: Sequence[str], rows: Sequence[Sequence[object]], title: str = "") -> None:
    """Print rows as a table; columns of numbers are right-aligned."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=title or None, title_justify="left")
    for column, header in enumerate(headers):
        numeric = all(isinstance(row[column], int | float) for row in rows)
        table.add_column(header, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        # Text is not markup: "idfd[torch]" keeps its brackets.
        table.add_row(*(f"{v:.4g}" if isinstance(v, float) else escape(str(v)) for v in row))
    Console().print(table)


def print_failures(failed: Iterable[tuple[str, str]]) -> int:
    """Say on standard error what could not be made and why; returns the exit code."""
    code = 0
    for name, reason in failed:
        # Most reasons begin with what they are about.
        about = "" if reason.startswith(f"{name}:") else f"{name}: "
        click.echo(f"failed: {about}{reason}", err=True)
        code = 1
    return code
