"""Shot plans: which scenes an outing should bring home, from a table."""

from __future__ import annotations

import csv
import difflib
import io
from dataclasses import dataclass
from pathlib import Path

from idfd.capture.session.layout import check_name
from idfd.capture.session.reader import SessionReader
from idfd.errors import InputError

COLUMNS = ("scene", "group", "environment", "note")
_REQUIRED = ("scene", "group", "environment")


@dataclass(frozen=True)
class PlannedScene:
    """A row of a shot plan; ``line`` is its line in the file."""

    scene: str
    group: str
    environment: str
    note: str
    line: int


@dataclass(frozen=True)
class Progress:
    """A session held against a plan; every row stands in one of the three."""

    shot: tuple[PlannedScene, ...]
    skipped: tuple[PlannedScene, ...]
    remaining: tuple[PlannedScene, ...]

    @property
    def next(self) -> PlannedScene | None:
        """The first row that is neither shot nor skipped."""
        return self.remaining[0] if self.remaining else None


def read_plan(path: Path) -> tuple[PlannedScene, ...]:
    """Read a CSV file with the columns scene, group, environment and, if wanted, note.

    Raises:
        InputError: The file cannot be read, a column is missing or unknown, or a row cannot be a
            scene; the message names the line.
    """
    try:
        # Spreadsheets write a byte order mark.
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=path) from None
    except UnicodeDecodeError:
        raise InputError("not a UTF-8 text", where=path, remedy="Save it as CSV UTF-8") from None
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    planned: list[PlannedScene] = []
    columns: list[str] | None = None
    try:
        for row in rows:
            cells = [cell.strip() for cell in row]
            if not any(cells):
                continue
            if columns is None:
                columns = _header(cells, f"{path}, line {rows.line_num}")
                continue
            planned.append(_row(columns, cells, path, rows.line_num, planned))
    except csv.Error as error:
        raise InputError(f"not CSV ({error})", where=f"{path}, line {rows.line_num}") from None
    if not planned:
        raise InputError(
            "the plan names no scene", where=path, limit=f"a header {','.join(COLUMNS)} and rows"
        )
    return tuple(planned)


def progress(plan: tuple[PlannedScene, ...], session: SessionReader) -> Progress:
    """Hold a session against a plan. A scene counts as shot once a take of it did not fail."""
    shot = {take.scene for take in session.takes() if take.verdict != "fail"}
    skipped = {scene.name for scene in session.scenes() if scene.skipped} - shot
    return Progress(
        tuple(row for row in plan if row.scene in shot),
        tuple(row for row in plan if row.scene in skipped),
        tuple(row for row in plan if row.scene not in shot | skipped),
    )


def _header(cells: list[str], where: str) -> list[str]:
    names = [cell.lower() for cell in cells]
    for name in names:
        if name not in COLUMNS:
            near = difflib.get_close_matches(name, COLUMNS, 1)
            raise InputError(
                f"there is no column {name!r} in a plan",
                where=where,
                limit=f"the columns {', '.join(COLUMNS)} in the first line",
                remedy=f"Did you mean {near[0]!r}?" if near else None,
            )
    for name in _REQUIRED:
        if names.count(name) != 1:
            raise InputError(
                f"the column {name!r} stands there {names.count(name)} times",
                where=where,
                limit=f"each of {', '.join(_REQUIRED)} once",
            )
    return names


def _row(
    columns: list[str], cells: list[str], path: Path, line: int, before: list[PlannedScene]
) -> PlannedScene:
    where = f"{path}, line {line}"
    if len(cells) != len(columns):
        raise InputError(
            f"the row has {len(cells)} cells",
            where=where,
            limit=f"{len(columns)}, as the first line has",
            remedy="Put text with commas in quotes",
        )
    values = dict(zip(columns, cells, strict=True))
    try:
        check_name(values["scene"], "scene")
        check_name(values["group"], "group")
    except InputError as error:
        raise InputError(error.what, where=where, limit=error.limit, remedy=error.remedy) from None
    for other in before:
        if other.scene.lower() == values["scene"].lower():
            raise InputError(
                f"scene {values['scene']!r} stands in line {other.line} already",
                where=where,
                limit="each scene once",
            )
    return PlannedScene(
        values["scene"],
        values["group"],
        values["environment"] or "unknown",
        values.get("note", ""),
        line,
    )
