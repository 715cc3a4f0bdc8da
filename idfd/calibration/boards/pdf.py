"""A PDF of one page whose black areas have exact places.

Plotting libraries do not let a file ask for no scaling, and they embed fonts, which printers
replace or refuse. This page is areas alone: words are drawn by the outlines of their letters.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.textpath import TextPath

POINTS_PER_MM = 72 / 25.4
MOST_MM = 5080.0
"""Longest side of a page that readers accept: 14400 points (PDF 1.7, annex C)."""


def areas(rectangles_mm: NDArray[np.float64]) -> str:
    """Rectangles (N, 4): left, upper, right, lower, as drawing operators.

    All are one area: areas that touch but are filled one by one show a seam on many screens.
    """
    # The width is that between the rounded edges, so that neighbours still touch.
    left, upper, right, lower = np.round(rectangles_mm, 4).T
    edges = np.stack([left, upper, right - left, lower - upper], -1)
    return "\n".join(f"{x:.4f} {y:.4f} {w:.4f} {h:.4f} re" for x, y, w, h in edges) + "\nf"


def text(words: str, x_mm: float, y_mm: float, size_mm: float, widest_mm: float = np.inf) -> str:
    """Words from a point on their base line, as drawing operators.

    Args:
        words: The words.
        x_mm: Left end.
        y_mm: Base line, from above.
        size_mm: Size of the type.
        widest_mm: The type gets smaller where the words would be longer.
    """
    path = _outline(words)
    scale = min(size_mm, widest_mm / path.vertices[:, 0].max())
    drawn = []
    start = np.zeros(2)
    for points, code in path.iter_segments():
        at = (points.reshape(-1, 2) * (1, -1) * scale + (x_mm, y_mm)).round(4)
        if code == path.CURVE3:  # a PDF has cubic curves only
            control, end = at
            at = np.stack([start + (control - start) * 2 / 3, end + (control - end) * 2 / 3, end])
        operator = {path.MOVETO: "m", path.LINETO: "l", path.CLOSEPOLY: "h"}.get(code, "c")
        numbers = "" if operator == "h" else " ".join(f"{v:.4f}" for v in at.ravel())
        drawn.append(f"{numbers} {operator}".strip())
        start = at[-1]
    return "\n".join([*drawn, "f"])


def document(width_mm: float, height_mm: float, title: str, drawn: Iterable[str]) -> bytes:
    """A whole PDF file; the same arguments give the same bytes.

    Args:
        width_mm: Of the page.
        height_mm: Of the page.
        title: Shown by readers; ASCII.
        drawn: Drawing operators in mm from the upper left corner, y down.
    """
    width, height = width_mm * POINTS_PER_MM, height_mm * POINTS_PER_MM
    frame = f"{POINTS_PER_MM:.10f} 0 0 {-POINTS_PER_MM:.10f} 0 {height:.6f} cm"
    content = "\n".join([frame, *drawn])
    objects = [
        # Readers that heed it offer 'actual size' and the right paper when the user prints.
        "<< /Type /Catalog /Pages 2 0 R"
        " /ViewerPreferences << /PrintScaling /None /PickTrayByPDFSize true >> >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {width:.6f} {height:.6f}]"
        " /Resources << >> /Contents 4 0 R >>",
        f"<< /Length {len(content)} >>\nstream\n{content}\nendstream",
        f"<< /Title <{title.encode('ascii').hex()}> /Creator (idfd) >>",
    ]
    data = b"%PDF-1.7\n"
    places = []
    for number, body in enumerate(objects, start=1):
        places.append(f"{len(data):010d} 00000 n \n")
        data += f"{number} 0 obj\n{body}\nendobj\n".encode("ascii")
    count = len(objects) + 1
    table = f"xref\n0 {count}\n0000000000 65535 f \n{''.join(places)}"
    trailer = f"trailer\n<< /Size {count} /Root 1 0 R /Info {len(objects)} 0 R >>\n"
    return data + f"{table}{trailer}startxref\n{len(data)}\n%%EOF\n".encode("ascii")


@lru_cache(16)
def _outline(words: str) -> TextPath:
    """Words of size 1 from the origin, y up."""
    import matplotlib
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    # By its file: a font of that name installed on the machine may be of another version.
    font = Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")
    return TextPath((0, 0), words, size=1, prop=FontProperties(fname=font))
