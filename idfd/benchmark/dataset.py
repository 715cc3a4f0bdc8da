"""What the benchmark needs of an opened split; :class:`idfd.IDFD` provides it."""

from __future__ import annotations

from typing import Protocol

from idfd.model.triple import DepthKind, Triple


class Info(Protocol):
    """Name and version of a release."""

    @property
    def name(self) -> str:
        """Name of the release."""

    @property
    def version(self) -> str:
        """Version of the release."""


class TripleDataset(Protocol):
    """A sequence of triples with the facts that identify it."""

    @property
    def ids(self) -> tuple[str, ...]:
        """Identifiers of the triples, in the order of the sequence."""

    @property
    def split(self) -> str | None:
        """Name of the split; None for the whole release."""

    @property
    def depth_kind(self) -> DepthKind:
        """Which of the release's depth maps the triples hold."""

    @property
    def info(self) -> Info:
        """Name and version of the release."""

    @property
    def digest(self) -> str:
        """SHA-256 that identifies the release's content."""

    def __len__(self) -> int:
        """Number of triples."""

    def __getitem__(self, index: int, /) -> Triple:
        """One triple as NumPy arrays."""


class Selection:
    """Some triples of a dataset, as a dataset.

    Args:
        whole: The dataset.
        ids: Identifiers of the triples to keep, in this order.
        name: Name of the selection, which stands for the split's.

    Raises:
        KeyError: An identifier is not in ``whole``.
    """

    def __init__(self, whole: TripleDataset, ids: tuple[str, ...], name: str) -> None:
        places = {take: index for index, take in enumerate(whole.ids)}
        self._whole = whole
        self._places = [places[take] for take in ids]
        self.ids = ids
        self.split: str | None = name
        self.depth_kind: DepthKind = whole.depth_kind
        self.info: Info = whole.info
        self.digest: str = whole.digest

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int, /) -> Triple:
        return self._whole[self._places[index]]
