"""Calibration boards: what is printed, in millimetres."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import msgspec

from idfd.model.camera import Positive
from idfd.model.schema import Document

BoardKind = Literal["charuco", "chessboard", "aprilgrid"]
_AtLeastTwo = Annotated[int, msgspec.Meta(ge=2, le=500)]


class Board(Document, frozen=True, kw_only=True):
    """A flat calibration board; the default is the ChArUco board of the Azure Kinect's SDK.

    Attributes:
        kind: ``charuco`` (OpenCV), ``chessboard``, or ``aprilgrid`` (Kalibr).
        columns: Squares across; tags across on an AprilGrid.
        rows: Squares down; tags down.
        square_mm: Side of a square; on an AprilGrid side of a tag, from outer edge to outer edge
            of its black border.
        marker_mm: ChArUco: side of a marker with its black border.
        gap_ratio: AprilGrid: space between two tags over the side of a tag (Kalibr's
            ``tagSpacing``).
        dictionary: OpenCV's name of the marker dictionary; ``DICT_APRILTAG_36h11`` on an AprilGrid.
        first_id: Number of the first marker.
        legacy: ChArUco: the pattern of OpenCV before 4.6, whose first square is white when the
            number of rows is even.
        margin_mm: White paper around the pattern.
    """

    SCHEMA: ClassVar[str] = "idfd/board"
    VERSION: ClassVar[str] = "1.0.0"

    kind: BoardKind = "charuco"
    columns: _AtLeastTwo = 14
    rows: _AtLeastTwo = 9
    square_mm: Positive = 40.0
    marker_mm: Positive | None = 30.0
    gap_ratio: Positive | None = None
    dictionary: str | None = "DICT_5X5_250"
    first_id: Annotated[int, msgspec.Meta(ge=0)] = 0
    legacy: bool = False
    margin_mm: Annotated[float, msgspec.Meta(ge=0)] = 20.0

    def __post_init__(self) -> None:
        if self.kind == "charuco":
            if self.marker_mm is None or self.dictionary is None:
                raise ValueError("a ChArUco board needs marker_mm and dictionary")
            if not self.marker_mm < self.square_mm:
                raise ValueError(
                    f"marker_mm is {self.marker_mm:g}: markers must be smaller than their squares "
                    f"of {self.square_mm:g} mm"
                )
        elif self.kind == "chessboard":
            if self.marker_mm is not None or self.dictionary is not None:
                raise ValueError(
                    "a chessboard has no markers: marker_mm and dictionary must be null"
                )
            if min(self.columns, self.rows) < 3:
                raise ValueError("a chessboard needs at least 3 squares in each direction")
        elif self.gap_ratio is None or self.dictionary is None:
            raise ValueError("an AprilGrid needs gap_ratio and dictionary")
