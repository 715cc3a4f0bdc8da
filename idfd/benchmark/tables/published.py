"""The published tables as a document."""

from __future__ import annotations

from importlib import resources
from typing import ClassVar

from idfd.benchmark.metrics.registry import METRICS, Metric
from idfd.benchmark.results import Results
from idfd.model.schema import Document, Record, decode
from idfd.model.triple import DepthKind

COLUMNS = METRICS | {
    "kld_printed": Metric(
        "kld_printed",
        "KLD, scale not stated",
        "",
        False,
        "depth",
        1,
        "As table 2.1 prints it; no number of ours has this scale",
    )
}
"""What a column may be: a metric, or a printed number that nothing of ours can stand beside."""


class Dataset(Record, frozen=True, kw_only=True):
    """A dataset of the tables, and the names that releases of it have."""

    title: str
    releases: tuple[str, ...]


class PublishedRow(Record, frozen=True, kw_only=True):
    """One row of a table as it was printed.

    Attributes:
        key: Name of the row in ``--row``.
        model: The network.
        trained_on: Dataset it was trained on.
        tested_on: Dataset it was tested on.
        depth_kind: Depth maps that it was trained and tested with, where the table says so.
        values: One for each column; None where nothing was printed. The unit of depth was not.
    """

    key: str
    model: str
    trained_on: str
    tested_on: str
    depth_kind: DepthKind | None = None
    values: tuple[float | None, ...]


class PublishedTable(Record, frozen=True, kw_only=True):
    """One table; ``takes_other_data`` lets it go on with results on data that it did not have."""

    number: str
    title: str
    columns: tuple[str, ...]
    takes_other_data: bool
    rows: tuple[PublishedRow, ...]


class PublishedTables(Document, frozen=True, kw_only=True):
    """Tables with their source."""

    SCHEMA: ClassVar[str] = "idfd/published-tables"
    VERSION: ClassVar[str] = "1.0.0"

    source: str
    datasets: dict[str, Dataset]
    tables: tuple[PublishedTable, ...]

    def route(self, row: PublishedRow) -> str:
        """Where a row's model learned and where it was tested, for people."""
        learned, tested = self.datasets[row.trained_on].title, self.datasets[row.tested_on].title
        depth = f", {row.depth_kind} depth" if row.depth_kind else ""
        return f"{learned} → {tested}{depth}"

    def matches(self, row: PublishedRow, results: Results) -> bool:
        """Whether the facts in a results file say that it measures what the row printed."""
        facts = results.model.training
        return (
            facts is not None
            and facts.network == row.model
            and facts.release in self.datasets[row.trained_on].releases
            and results.release.name in self.datasets[row.tested_on].releases
            and row.depth_kind in (None, results.release.depth_kind)
        )


def published_tables() -> PublishedTables:
    """Tables 2.1, 3.1, 4.2, 4.3 and 5.1 of the thesis."""
    file = resources.files("idfd.benchmark.tables") / "published.json"
    return decode(PublishedTables, file.read_bytes(), str(file))
