"""A board on paper at true scale, with a line to check the scale by."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from idfd.calibration.boards import files, geometry, pdf
from idfd.errors import InputError
from idfd.model import schema
from idfd.model.board import Board
from idfd.storage import durable

PAPERS_MM = {
    "A4": (297.0, 210.0),
    "A3": (420.0, 297.0),
    "A2": (594.0, 420.0),
    "A1": (841.0, 594.0),
    "A0": (1189.0, 841.0),
    "letter": (279.4, 215.9),
    "tabloid": (431.8, 279.4),
}
"""Long and short side of each paper."""
RULER_MM = 100.0
_EDGE_MM = 5.0  # printers leave the edge of the paper white
_FOOT_MM = 21.0
_LINE_MM = 0.2


@dataclass(frozen=True)
class Page:
    """What a board is printed on: ``name`` of the paper, or ``fit``."""

    name: str
    width_mm: float
    height_mm: float


def choose_page(board: Board, name: str | None = None) -> Page:
    """The page for a board, upright or on its side, whichever holds it.

    Args:
        board: What is printed.
        name: A paper, ``fit`` for a page made to measure, or None for the smallest of A4 to A0
            that holds the board, and a page made to measure where none does.

    Raises:
        InputError: The paper is unknown or too small for the board; the message names one that
            would do.
    """
    fit = _made_to_measure(board)
    holding = [page for paper in PAPERS_MM if (page := _turned(paper, fit)) is not None]
    if name is None:
        return next((page for page in holding if page.name.startswith("A")), fit)
    names = {paper.lower(): paper for paper in (*PAPERS_MM, "fit")}
    paper = names.get(name.lower())
    if paper is None:
        near = difflib.get_close_matches(name.lower(), names, n=1)
        raise InputError(
            f"there is no paper '{name}'",
            where="page",
            limit=" or ".join(names.values()),
            remedy=f"Did you mean '{names[near[0]]}'?" if near else None,
        )
    for page in (*holding, fit):
        if page.name == paper:
            return page
    advice = f"use {holding[0].name}" if holding else "no paper up to A0 is large enough: use 'fit'"
    raise InputError(
        f"the board does not fit on {paper} ({_size(PAPERS_MM[paper])} mm)",
        where="page",
        limit=f"a page of {_size((fit.width_mm, fit.height_mm))} mm or more, with margin and ruler",
        remedy=f"For this board {advice}, or make it smaller",
    )


def print_board(
    board: Board, page: Page, output: Path, *, kalibr: bool = False
) -> tuple[Path, ...]:
    """Write a board as PDF, its parameters as JSON, and Kalibr's target file if asked for.

    The same board and page give the same bytes. A file that holds something else is never
    replaced: the board that is on the wall may be known from it alone.

    Args:
        board: What is printed.
        page: On what.
        output: The PDF; the others differ in the suffix.
        kalibr: Write the target file too.

    Returns:
        The files.

    Raises:
        InputError: A file of that name holds something else, or the board cannot be drawn, see
            :func:`idfd.calibration.boards.geometry.dictionary`.
        StorageError: A file cannot be written.
    """
    if output.suffix.lower() != ".pdf":
        raise InputError(f"'{output.name}' is not the name of a PDF", where=output, limit=".pdf")
    contents = {output: render_pdf(board, page), output.with_suffix(".json"): schema.encode(board)}
    if kalibr:
        contents[output.with_suffix(".yaml")] = files.kalibr_target(board).encode()
    for path, data in contents.items():
        if path.exists() and (not path.is_file() or path.read_bytes() != data):
            raise InputError(
                "exists and holds something else",
                where=path,
                remedy="Choose another name with --output, or move that file away",
            )
    for path, data in contents.items():
        durable.write_bytes(path, data)
    return tuple(contents)


def render_pdf(board: Board, page: Page) -> bytes:
    """A board at true scale as a PDF of one page.

    Below the board stand its parameters, a line of :data:`RULER_MM` to check the scale by, and
    which way is up.

    Raises:
        InputError: The board cannot be drawn, see
            :func:`idfd.calibration.boards.geometry.dictionary`.
    """
    width, height = geometry.size_mm(board)
    fit = _made_to_measure(board)
    left = (page.width_mm - width) / 2
    upper = (page.height_mm - fit.height_mm) / 2 + max(board.margin_mm, _EDGE_MM)
    middle = np.array([left + width / 2, upper + height / 2])
    ink = geometry.ink_mm(board) + np.tile(middle, 2)
    foot = upper + height + board.margin_mm
    drawn = [pdf.areas(ink), *_foot(board, max(left, _EDGE_MM), foot, page.width_mm)]
    return pdf.document(page.width_mm, page.height_mm, describe(board), drawn)


def describe(board: Board) -> str:
    """The parameters of a board in one line of plain ASCII."""
    name = {"charuco": "ChArUco", "chessboard": "Chessboard", "aprilgrid": "AprilGrid"}[board.kind]
    parts = "tags" if board.kind == "aprilgrid" else "squares"
    words = [f"{name}, {board.columns} x {board.rows} {parts} of {board.square_mm:g} mm"]
    if board.kind == "charuco":
        words.append(f"markers of {board.marker_mm:g} mm")
    if board.kind == "aprilgrid":
        words.append(f"gap ratio {board.gap_ratio:g}")
    if board.kind != "chessboard":
        ids = geometry.marker_ids(board)
        words.append(f"{board.dictionary} from {ids[0]} to {ids[-1]}")
    if board.legacy:
        words.append("legacy pattern")
    return ", ".join([*words, f"margin {board.margin_mm:g} mm"])


def advice(board: Board) -> tuple[str, ...]:
    """What a user should know before printing, a sentence each."""
    notes = [
        "Print at 100 % (actual size), never 'fit to page', and measure the line on the print."
    ]
    if board.kind == "chessboard" and (board.columns + board.rows) % 2 == 0:
        notes.append(
            "This chessboard looks the same upside down: let one of columns and rows be even and "
            "the other odd."
        )
    return tuple(notes)


def _made_to_measure(board: Board) -> Page:
    width, height = geometry.size_mm(board)
    sides = (
        max(width + 2 * max(board.margin_mm, _EDGE_MM), RULER_MM + 40),
        height + max(board.margin_mm, _EDGE_MM) + board.margin_mm + _FOOT_MM,
    )
    if max(sides) > pdf.MOST_MM:
        raise InputError(
            f"the board needs a page of {_size(sides)} mm",
            where="page",
            limit=f"at most {pdf.MOST_MM:g} mm, the largest page a PDF can have",
            remedy="Make it smaller",
        )
    return Page("fit", *sides)


def _turned(paper: str, fit: Page) -> Page | None:
    """A paper, turned as the page where it can be; None where it is too small."""
    long, short = PAPERS_MM[paper]
    wide = fit.width_mm >= fit.height_mm
    for width, height in sorted([(long, short), (short, long)], reverse=wide):
        if fit.width_mm <= width and fit.height_mm <= height:
            return Page(paper, width, height)
    return None


def _foot(board: Board, left: float, upper: float, page_width: float) -> list[str]:
    """What stands below the board, outside its margin."""
    widest = page_width - left - _EDGE_MM
    size = _size(geometry.size_mm(board))
    check = (
        "Print at 100 %, actual size, not fitted to the page. Then measure: the pattern is "
        f"{size} mm, this line {RULER_MM:g} mm from outer edge to outer edge."
    )
    base = upper + 15.0
    marks = [(0.0, base - _LINE_MM, RULER_MM, base)]
    for at in range(0, int(RULER_MM) + 1, 10):
        high = 3.0 if at % 50 == 0 else 1.5
        # The outermost edges of the first and last mark are the ends of the line.
        start = min(max(at - _LINE_MM / 2, 0.0), RULER_MM - _LINE_MM)
        marks.append((start, base - high, start + _LINE_MM, base - _LINE_MM))
    ruler = np.array(marks) + np.array([left, 0.0, left, 0.0])
    arrow = left + RULER_MM + 15
    return [
        pdf.text(describe(board), left, upper + 4.0, 3.0, widest),
        pdf.text(check, left, upper + 8.5, 3.0, widest),
        pdf.areas(ruler),
        pdf.text(f"{RULER_MM:g} mm", left + RULER_MM + 1, base, 3.0),
        f"{arrow:.4f} {base:.4f} m {arrow + 3:.4f} {base:.4f} l "
        f"{arrow + 1.5:.4f} {base - 3:.4f} l h f",
        pdf.text("up", arrow + 4, base, 3.0),
    ]


def _size(sides: tuple[float, float]) -> str:
    return " x ".join(f"{round(side, 2):g}" for side in sides)
