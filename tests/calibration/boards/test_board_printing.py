"""Prints at true scale, measured on what a PDF reader makes of them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from rendered_boards import BOARDS, measured_mm, render

from idfd.calibration.boards import files, geometry, pdf, printing
from idfd.errors import InputError
from idfd.model.board import Board


@pytest.mark.parametrize("name", BOARDS)
@pytest.mark.parametrize("paper", ["fit", "A3"])
def test_corners_are_printed_where_they_are_said_to_be(name: str, paper: str) -> None:
    board = BOARDS[name]
    page = printing.choose_page(board, paper)
    image, mm = render(printing.render_pdf(board, page), 6.0)
    found = measured_mm(image, mm, board)
    flat = geometry.corners_mm(board)[:, :2]
    error = found - found.mean(0) - (flat - flat.mean(0))
    assert np.abs(error).max() < 0.03
    scale = ((found - found.mean(0)) * flat).sum() / ((flat - flat.mean(0)) * flat).sum()
    assert abs(scale - 1) * board.square_mm < 0.01
    assert image.shape == pytest.approx((page.height_mm * 6, page.width_mm * 6), abs=1)


@pytest.mark.parametrize("name", BOARDS)
def test_the_line_is_as_long_as_it_says(name: str) -> None:
    board = BOARDS[name]
    page = printing.choose_page(board, "fit")
    image, mm = render(printing.render_pdf(board, page), 20.0)
    upper = max(board.margin_mm, 5) + geometry.size_mm(board)[1] + board.margin_mm
    foot = 255 - image[round(upper / mm[1]) :].astype(np.float64)
    # Its row is the one with the longest ink from the pattern's left edge on.
    row = foot[np.argmax((foot[:, : round(140 / mm[0])] > 200).sum(1))] / 255
    run = np.flatnonzero(row > 0.5)
    run = run[: np.flatnonzero(np.diff(run, append=run[-1] + 2) > 1)[0] + 1]
    length = row[run[0] - 2 : run[-1] + 3].sum() * mm[0]
    assert length == pytest.approx(printing.RULER_MM, abs=0.02)
    left = (page.width_mm - geometry.size_mm(board)[0]) / 2
    assert run[0] * mm[0] == pytest.approx(left, abs=0.05)


def test_nothing_is_printed_near_the_edge_of_the_paper_or_in_the_margin() -> None:
    board = files.change(BOARDS["charuco, odd rows"], "here", margin_mm=7.0)
    page = printing.choose_page(board, "A4")
    image, mm = render(printing.render_pdf(board, page), 4.0)
    edge = int(4.9 / mm.max())
    frame = image.copy()
    frame[edge:-edge, edge:-edge] = 255
    assert frame.min() == 255
    found = measured_mm(image, mm, board)
    lower = found[:, 1].max() + board.square_mm
    white = image[int((lower + 0.3) / mm[1]) : int((lower + board.margin_mm) / mm[1])]
    assert white.size
    assert white.min() == 255


@pytest.mark.real
def test_our_print_of_microsofts_board_is_microsofts_print(real_data: Path) -> None:
    folder = real_data / "calib" / "azure_kinect_charuco" / "PlaneFiles"
    board = files.load_board(folder / "plane.json")
    ours, our_mm = render(printing.render_pdf(board, printing.choose_page(board, "fit")), 6.0)
    theirs, their_mm = render(folder / "plane.pdf", 6.0)
    shift = measured_mm(ours, our_mm, board) - measured_mm(theirs, their_mm, board)
    assert np.abs(shift).max() < 0.03  # the same place on the paper too
    # Away from the edges every square and every bit has the same colour. Microsoft's print is a
    # picture whose edges lie up to 0.1 mm off.
    x, y = np.meshgrid(*(np.arange(0.5, side) for side in (600.0, 400.0)))
    darkest, brightest = [], []
    for image, mm in ((ours, our_mm), (theirs, their_mm)):
        place = (y / mm[1]).astype(int), (x / mm[0]).astype(int)
        darkest.append(cv2.erode(image, np.ones((5, 5)))[place])
        brightest.append(cv2.dilate(image, np.ones((5, 5)))[place])
    ink = [area < 100 for area in brightest]
    paper = [area > 155 for area in darkest]
    assert np.mean((ink[0] & ink[1]) | (paper[0] & paper[1])) > 0.8
    assert not np.any((ink[0] & paper[1]) | (paper[0] & ink[1]))


def test_the_same_board_gives_the_same_bytes() -> None:
    page = printing.choose_page(Board())
    assert printing.render_pdf(Board(), page) == printing.render_pdf(Board(), page)
    other = files.change(Board(), "here", first_id=1)
    assert printing.render_pdf(Board(), page) != printing.render_pdf(other, page)


def test_the_file_asks_for_no_scaling_and_holds_the_parameters() -> None:
    data = printing.render_pdf(Board(), printing.choose_page(Board()))
    assert b"/PrintScaling /None" in data
    assert b"Date" not in data
    document = pytest.importorskip("pypdfium2").PdfDocument(data)
    assert len(document) == 1
    assert document.get_metadata_dict()["Title"] == (
        "ChArUco, 14 x 9 squares of 40 mm, markers of 30 mm, DICT_5X5_250 from 0 to 62, "
        "margin 20 mm"
    )


def test_paper_is_turned_to_hold_the_board() -> None:
    tall = Board(columns=6, rows=9, square_mm=28.0, marker_mm=21.0, margin_mm=10.0)
    page = printing.choose_page(tall, "a3")
    assert (page.name, page.width_mm, page.height_mm) == ("A3", 297.0, 420.0)
    smallest = printing.choose_page(tall)
    assert (smallest.name, smallest.width_mm, smallest.height_mm) == ("A4", 210.0, 297.0)


def test_a_board_larger_than_all_papers_gets_a_page_made_to_measure() -> None:
    large = files.change(Board(), "here", square_mm=120.0)
    page = printing.choose_page(large)
    assert (page.name, page.width_mm, page.height_mm) == ("fit", 1720.0, 1141.0)


def test_a_small_board_leaves_room_for_the_line() -> None:
    small = Board(columns=3, rows=3, square_mm=10.0, marker_mm=7.0, margin_mm=0.0)
    page = printing.choose_page(small, "fit")
    assert page.width_mm == 140.0
    image, mm = render(printing.render_pdf(small, page), 10.0)
    assert np.abs(np.diff(measured_mm(image, mm, small)[:2, 0]) - 10).max() < 0.02


@pytest.mark.parametrize(
    ("board", "paper", "words"),
    [
        (Board(), "A2", "does not fit on A2 .*600 x 421 mm or more.* use A1"),
        (Board(), "letter", "use A1"),
        (files.change(Board(), "here", square_mm=120.0), "A0", "use 'fit'"),
        (Board(), "A33", "Did you mean 'A3'"),
        (Board(columns=200), None, "largest page a PDF can have"),
    ],
)
def test_pages_that_will_not_do(board: Board, paper: str | None, words: str) -> None:
    with pytest.raises(InputError, match=words):
        printing.choose_page(board, paper)


def test_files_are_written_side_by_side_and_never_replaced(tmp_path: Path) -> None:
    board, page = Board(), printing.choose_page(Board())
    output = tmp_path / "wall" / "board.pdf"
    written = printing.print_board(board, page, output)
    assert written == (output, output.with_suffix(".json"))
    assert files.load_board(written[1]) == board
    assert printing.print_board(board, page, output) == written
    before = output.read_bytes()
    other = files.change(board, "here", margin_mm=15.0)
    with pytest.raises(InputError, match="holds something else"):
        printing.print_board(other, page, output)
    written[1].write_text("mine")
    with pytest.raises(InputError, match="holds something else"):
        printing.print_board(board, page, output)
    assert (output.read_bytes(), written[1].read_text()) == (before, "mine")


def test_nothing_is_written_where_a_part_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Kalibr has no target"):
        printing.print_board(
            Board(), printing.choose_page(Board()), tmp_path / "b.pdf", kalibr=True
        )
    assert not list(tmp_path.iterdir())


def test_the_output_is_a_pdf(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not the name of a PDF"):
        printing.print_board(Board(), printing.choose_page(Board()), tmp_path / "b.json")


def test_a_chessboard_that_looks_the_same_upside_down_is_told() -> None:
    assert len(printing.advice(files.default_board("chessboard"))) == 1
    turned = files.change(files.default_board("chessboard"), "here", columns=13)
    assert "upside down" in printing.advice(turned)[1]


def test_words_shrink_to_their_room() -> None:
    def right_end(operators: str) -> float:
        rows = [line.split() for line in operators.splitlines() if line[-1] in "ml"]
        return max(float(row[0]) for row in rows)

    free = right_end(pdf.text("some words", 10.0, 5.0, 3.0))
    assert right_end(pdf.text("some words", 10.0, 5.0, 3.0, 50.0)) == free
    assert right_end(pdf.text("some words", 10.0, 5.0, 3.0, 8.0)) == pytest.approx(18.0, abs=0.1)
    assert free > 18.1
