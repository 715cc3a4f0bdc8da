"""One portable HTML page over one or many results: the leaderboard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from idfd.benchmark import compare
from idfd.benchmark.leaderboard.boards import Contest, contests
from idfd.benchmark.leaderboard.documents import Leaderboard
from idfd.benchmark.leaderboard.gallery import Album, hang
from idfd.benchmark.leaderboard.tables import writer
from idfd.benchmark.leaderboard.view import view
from idfd.benchmark.metrics.registry import MAIN, METRICS
from idfd.benchmark.results import Results
from idfd.benchmark.thumbnails import INDEX, Pictures, pictures_folder
from idfd.errors import InputError, SchemaError
from idfd.model.schema import load
from idfd.processing.pictures import color_stops
from idfd.storage.durable import write_bytes

PICTURE_ROOM = 11_000_000
"""Characters of the page that pictures may take; 20 models then make a page below 15 MB."""


@dataclass(frozen=True)
class Scored:
    """A results file and the pictures beside it; ``stale`` ones belong to other results."""

    results: Results
    album: Album | None
    stale: bool = False


def find_results(paths: Sequence[Path]) -> list[Path]:
    """Results files among files and folders, each once.

    Args:
        paths: Files are taken as they are; of a folder, the results in files ``*.json`` right
            inside it, by name. Documents of other schemas are passed over.

    Raises:
        InputError: A folder holds no results.
        SchemaError: A ``*.json`` file in a folder is not JSON.
    """
    found: dict[Path, Path] = {}
    for path in paths:
        inside = sorted(path.glob("*.json")) if path.is_dir() else [path]
        chosen = [one for one in inside if not path.is_dir() or _holds_results(one)]
        if not chosen:
            raise InputError(
                "the folder holds no results",
                where=path,
                limit="files *.json that 'idfd benchmark evaluate -o' wrote",
            )
        for one in chosen:
            found.setdefault(one.resolve(), one)
    return list(found.values())


def _holds_results(path: Path) -> bool:
    try:
        document = msgspec.json.decode(path.read_bytes())
    except msgspec.DecodeError as error:
        raise SchemaError(
            f"not valid JSON ({error})", where=path, remedy="Remove it or evaluate again"
        ) from None
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=path) from None
    return isinstance(document, dict) and document.get("schema") == Results.SCHEMA


def read_results(path: Path) -> Scored:
    """Read a results file and the index of the pictures beside it.

    Raises:
        InputError: There is no such file.
        SchemaError: Not a results file, one that scores nothing, or one whose means are not
            those of its images.
    """
    results = load(Results, path)
    unknown = sorted(results.metrics.keys() - METRICS.keys())
    if unknown or not results.metrics.keys() & set(MAIN):
        raise SchemaError(
            f"the results hold the metrics {sorted(results.metrics)}",
            where=path,
            limit=f"RMSE, PSNR or defocus MAE among {', '.join(METRICS)}",
        )
    _check_means(results, path)
    folder = pictures_folder(path)
    if not (folder / INDEX).exists():
        return Scored(results, None)
    index = load(Pictures, folder / INDEX)
    if index.created != results.created:
        return Scored(results, None, stale=True)
    return Scored(results, Album(folder, {facts.id: facts for facts in index.sets}))


def _check_means(results: Results, path: Path) -> None:
    if len({row.id for row in results.images}) < len(results.images):
        raise SchemaError("an image is listed twice", where=path, remedy="Evaluate again")
    for name, value in results.metrics.items():
        values = [row.metrics[name] for row in results.images if name in row.metrics]
        mean = float(np.mean(values)) if values else float("nan")
        if not np.isclose(mean, value.mean, rtol=1e-9, atol=1e-12) or len(values) != value.images:
            raise SchemaError(
                f"the mean of '{name}' is {value.mean:.6g} over {value.images} images, but the "
                f"rows of images give {mean:.6g} over {len(values)}",
                where=path,
                remedy="The file was changed by hand; evaluate again",
            )


def leaderboard(scored: Sequence[Scored], title: str) -> tuple[Leaderboard, list[Contest]]:
    """Rank results and collect the warnings.

    Args:
        scored: Results in the order given; the first one of a board is the reference there.
        title: Heading.

    Returns:
        The document, and its boards with the values of each image.
    """
    everything = [one.results for one in scored]
    found = contests(everything)
    warnings = compare.warnings(everything)
    if len(found) > 1:
        warnings.insert(
            0, f"There are {len(found)} separate tables: nothing is ranked across them."
        )
    for contest in found:
        for ranking in contest.board.rankings:
            metric, rows = METRICS[ranking.metric], contest.board.rows
            counts = {row.metrics[metric.name].images for row in rows if metric.name in row.metrics}
            if counts != {ranking.images}:
                warnings.append(
                    f"Not all models have the same images: ranks by {metric.title} are over the "
                    f"{ranking.images} that they share, means over each model's own."
                )
    stale = [one.results.model.name for one in scored if one.stale]
    if stale:
        warnings.append(
            f"The pictures of {', '.join(stale)} belong to an earlier evaluation and were left "
            "out; evaluate again to draw them."
        )
    boards = tuple(contest.board for contest in found)
    return Leaderboard(title=title, warnings=tuple(warnings), boards=boards), found


def render(scored: Sequence[Scored], title: str = "Benchmark report") -> str:
    """Render results as one HTML page without external requests.

    Args:
        scored: Results and their pictures, as :func:`read_results` gives them.
        title: Heading of the page.

    Raises:
        InputError: A picture cannot be read.
    """
    document, found = leaderboard(scored, title)
    return _page(scored, document, found)


def _page(scored: Sequence[Scored], document: Leaderboard, found: list[Contest]) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    # Names come from files of others, so that escaping must not hang on the template's suffix.
    environment = Environment(
        loader=PackageLoader("idfd.benchmark"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    boards = []
    room = PICTURE_ROOM
    for place, contest in enumerate(found):
        albums = {
            name: album
            for name, members in contest.members.items()
            if (album := scored[members[0]].album) is not None
        }
        gallery = hang(contest, albums, room // (len(found) - place))
        room -= gallery.size
        boards.append(view(contest, gallery))
    return environment.get_template("report.html.j2").render(
        title=document.title,
        warnings=document.warnings,
        boards=boards,
        scored=[[scored[i] for m in contest.members.values() for i in m] for contest in found],
        stops={"depth": color_stops("depth"), "error": color_stops("error")},
    )


def write_report(
    results: Sequence[Path],
    output: Path | None,
    title: str = "Benchmark report",
    tables: Sequence[Path] = (),
) -> None:
    """Write the leaderboard over results.

    Args:
        results: Results files and folders of them; the first one is the reference.
        output: HTML page to write; none where None.
        title: Heading.
        tables: Files for the tables alone: ``.json``, ``.csv`` or ``.md``.

    Raises:
        InputError: A file is missing, or no table can be written under a name.
        SchemaError: A file is not a results file; see :func:`read_results`.
        StorageError: A file cannot be written.
    """
    writers = [(path, writer(path)) for path in tables]
    scored = [read_results(path) for path in find_results(results)]
    document, found = leaderboard(scored, title)
    if output is not None:
        write_bytes(output, _page(scored, document, found).encode("utf-8"))
    for path, encode in writers:
        write_bytes(path, encode(document))
