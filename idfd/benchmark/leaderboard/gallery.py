"""Which images a board shows, with the pictures of every model side by side."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from idfd.benchmark.leaderboard.boards import Contest
from idfd.benchmark.metrics.registry import MAIN, METRICS, Metric
from idfd.benchmark.thumbnails import PictureSet, View
from idfd.errors import InputError

MOST_DIFFERENT = 2
"""Images shown for each main metric because the models differ there."""
_SHARED: tuple[View, ...] = ("defocused", "all_in_focus", "truth")
_OWN: tuple[View, ...] = ("depth", "depth_error", "restored", "restored_error")
_KINDS = {".png": "png", ".webp": "webp"}


@dataclass(frozen=True)
class Album:
    """The pictures beside a results file, by image id."""

    folder: Path
    sets: dict[str, PictureSet]


@dataclass(frozen=True)
class Panel:
    """A model's pictures of one image as ``data:`` addresses, with its scores on it."""

    model: str
    pictures: dict[View, str]
    scores: tuple[tuple[Metric, float], ...]


@dataclass(frozen=True)
class Exhibit:
    """One image: why it is shown, what is true, and what each model made of it."""

    facts: PictureSet
    reasons: tuple[str, ...]
    truth: dict[View, str]
    panels: tuple[Panel, ...]

    def shows(self, view: View) -> bool:
        """Whether any model has a picture of this kind."""
        return any(view in panel.pictures for panel in self.panels)


@dataclass(frozen=True)
class Gallery:
    """The exhibits of a board.

    Attributes:
        exhibits: The images, in the order of their choice.
        left_out: Images that did not fit into the page.
        missing: Models without pictures.
        size: Characters of all addresses.
    """

    exhibits: tuple[Exhibit, ...]
    left_out: tuple[str, ...]
    missing: tuple[str, ...]
    size: int


def choose(contest: Contest, known: set[str]) -> dict[str, list[str]]:
    """Choose images that tell models apart, and common ones.

    Args:
        contest: The board with its values.
        known: Images to choose from.

    Returns:
        Reasons for each chosen image, the most telling image first: where models differ most
        (the spread of the middle half of them, so that one bad model does not decide), then the
        hardest, the typical and the easiest image by the mean over models of the main metric.
    """
    tables = {metric: _table(contest, metric, known) for metric in MAIN}
    tables = {metric: table for metric, table in tables.items() if table[0]}
    chosen: dict[str, list[str]] = {}
    for metric, (ids, values) in tables.items():
        if values.shape[1] > 1:
            spread = np.subtract(*np.percentile(values, [75, 25], axis=1))
            for place in np.argsort(-spread, kind="stable")[:MOST_DIFFERENT]:
                chosen.setdefault(ids[place], []).append(
                    f"the models differ most in {METRICS[metric].title}"
                )
    if tables:
        metric = next(iter(tables))
        ids, values = tables[metric]
        order = np.argsort(values.mean(axis=1), kind="stable")
        worst, best = (0, -1) if METRICS[metric].higher_is_better else (-1, 0)
        for place, reason in ((worst, "hardest"), (len(order) // 2, "typical"), (best, "easiest")):
            chosen.setdefault(ids[order[place]], []).append(f"{reason} by {METRICS[metric].title}")
    return chosen


def _table(contest: Contest, metric: str, known: set[str]) -> tuple[list[str], np.ndarray]:
    _, ids, values = contest.table(metric)
    rows = [row for row, one in enumerate(ids) if one in known]
    return [ids[row] for row in rows], values[rows]


def hang(contest: Contest, albums: Mapping[str, Album], room: int) -> Gallery:
    """Choose images and read the pictures of every model of them.

    Args:
        contest: The board with its values.
        albums: Pictures of models, by row name; models without are missing in it.
        room: Characters that the addresses may take in all; images that do not fit are left out.

    Raises:
        InputError: A picture cannot be read.
    """
    names = [row.name for row in contest.board.rows]
    missing = tuple(name for name in names if name not in albums)
    if not albums:
        return Gallery((), (), missing, 0)
    sets = [set(album.sets) for album in albums.values()]
    known = set.intersection(*sets) or set.union(*sets)
    exhibits: list[Exhibit] = []
    left_out: list[str] = []
    size = 0
    for one, reasons in choose(contest, known).items():
        shown = {
            name: albums[name] for name in names if name in albums and one in albums[name].sets
        }
        more = sum(_size(album, one, _OWN) for album in shown.values())
        more += _size(next(iter(shown.values())), one, _SHARED)
        if size + more > room:
            left_out.append(one)
            continue
        size += more
        exhibits.append(_exhibit(contest, one, reasons, shown))
    return Gallery(tuple(exhibits), tuple(left_out), missing, size)


def _exhibit(
    contest: Contest, one: str, reasons: Sequence[str], shown: Mapping[str, Album]
) -> Exhibit:
    first = next(iter(shown.values()))
    panels = []
    for name, album in shown.items():
        values = contest.values[name]
        scores = tuple((METRICS[m], values[m][one]) for m in MAIN if one in values.get(m, {}))
        panels.append(Panel(name, _addresses(album, one, _OWN), scores))
    return Exhibit(first.sets[one], tuple(reasons), _addresses(first, one, _SHARED), tuple(panels))


def _paths(album: Album, one: str, views: Sequence[View]) -> dict[View, Path]:
    # Only the last part of a name: an index must not lead out of its folder.
    files = album.sets[one].files
    return {view: album.folder / Path(files[view]).name for view in views if view in files}


def _size(album: Album, one: str, views: Sequence[View]) -> int:
    total = 0
    for path in _paths(album, one, views).values():
        try:
            total += 4 * (path.stat().st_size + 2) // 3 + 24
        except OSError as error:
            raise _unreadable(path, error) from None
    return total


def _addresses(album: Album, one: str, views: Sequence[View]) -> dict[View, str]:
    found: dict[View, str] = {}
    for view, path in _paths(album, one, views).items():
        try:
            data = path.read_bytes()
        except OSError as error:
            raise _unreadable(path, error) from None
        kind = _KINDS.get(path.suffix, "jpeg")
        found[view] = f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"
    return found


def _unreadable(path: Path, error: OSError) -> InputError:
    return InputError(
        f"cannot be read ({error.strerror})",
        where=path,
        remedy="Evaluate again to draw the pictures anew",
    )
