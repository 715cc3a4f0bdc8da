"""Folders of ready triples: written by importers and by steps that change whole sets.

The folder is what ``idfd process`` leaves, so that ``idfd release build`` reads it: a folder for
each triple, and ``curation.json``, which is written last.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from idfd.errors import IdfdError, InputError, StorageError
from idfd.model import schema
from idfd.model.capture import AuditEntry, Scene, Split, SplitTable
from idfd.model.curation import INDEX, RECORD, TRIPLES, CuratedEntry, Curation, FailedEntry
from idfd.model.provenance import provenance
from idfd.model.schema import Record
from idfd.model.triple import DepthKind, Triple, TripleRecord
from idfd.processing.pipeline.local import default_workers
from idfd.progress import track
from idfd.release.defocus import defocus_arrays
from idfd.release.layout import ARRAYS, DEPTH_ARRAYS
from idfd.release.store import ReleaseFile
from idfd.release.triple_files import (
    array_files,
    as_triple,
    load_arrays,
    stored_arrays,
    with_stage,
    write_triple,
)
from idfd.storage.durable import write_bytes
from idfd.storage.hashing import sha256_bytes
from idfd.version import __version__


@dataclass(frozen=True)
class SetFacts:
    """What is true of a set of triples as a whole.

    Attributes:
        name: Short name, such as ``nyu_depth_v2``.
        title: Name as its authors write it.
        licence: As its authors state it.
        citation: What to cite.
        scenes: Of its triples; those of one group never cross a drawn split.
        splits: The published ones, or None.
        audit: Files that could not be used, and why.
        depth_kinds: Kinds of depth of every triple. The triple's own depth is the in-painted one
            where there is that; then ``raw`` is the measured part of it.
        excluded: Triples that were left out before, and why.
        failed: Takes that failed before, and why.
    """

    name: str
    title: str
    licence: str
    citation: str
    scenes: tuple[Scene, ...]
    splits: SplitTable | None
    audit: tuple[AuditEntry, ...] = ()
    depth_kinds: tuple[DepthKind, ...] = ("raw",)
    excluded: tuple[CuratedEntry, ...] = ()
    failed: tuple[FailedEntry, ...] = ()


@dataclass(frozen=True)
class TripleTask:
    """One triple to be made.

    Attributes:
        id: Of it.
        key: SHA-256 of everything that it depends on, 64 hexadecimal digits.
        make: Makes it; called from a thread.
        raw: Depth as measured, (H, W) uint16 mm, for sets with both kinds of depth where it is
            more than the measured part of the triple's depth.
    """

    id: str
    key: str
    make: Callable[[], Triple]
    raw: Callable[[], NDArray[np.uint16]] | None = None


def task_key(*parts: Any) -> str:
    """Key of a task: hash of what it depends on (anything JSON can hold) and of this version."""
    return sha256_bytes(msgspec.json.encode([__version__, *parts], order="sorted"))


def write_triples(
    output: Path, facts: SetFacts, tasks: Sequence[TripleTask], label: str
) -> Curation:
    """Make triples and write them as the folder that ``idfd release build`` reads.

    A triple that stands there with the same key is kept. One that cannot be made is listed as
    failed with the reason, and the rest go on.

    Args:
        output: The folder.
        facts: Of the set.
        tasks: The triples.
        label: Name of the step: shown as progress, and kept in ``stages`` of each record.

    Returns:
        The index, as written to ``output/curation.json``.

    Raises:
        InputError: No tasks, or the folder holds another set.
        StorageError: Something cannot be written; what was written is used by the next run.
    """
    if not tasks:
        raise InputError("there are no triples to make", where=facts.name)
    _check_output(output, facts.name, label)
    entries: list[CuratedEntry] = []
    failed = {entry.id: entry for entry in facts.failed}
    work = partial(_one_triple, output / TRIPLES, facts, label)
    with ThreadPoolExecutor(default_workers()) as pool:
        try:
            for result in track(pool.map(work, tasks), len(tasks), label):
                if isinstance(result, FailedEntry):
                    failed[result.id] = result
                else:
                    entries.append(result)
        finally:
            pool.shutdown(cancel_futures=True)
    curation = Curation(
        name=facts.name,
        title=facts.title,
        licence=facts.licence,
        citation=facts.citation,
        size=None,
        scenes=facts.scenes,
        triples=tuple(sorted((*entries, *facts.excluded), key=lambda entry: entry.id)),
        failed=tuple(failed[take] for take in sorted(failed)),
        splits=facts.splits,
        audit=facts.audit,
        provenance=provenance({"step": label}),
    )
    write_bytes(output / INDEX, schema.encode(curation))
    return curation


def _one_triple(
    folder: Path, facts: SetFacts, label: str, task: TripleTask
) -> CuratedEntry | FailedEntry:
    home = folder / task.id
    record = _record_at(home)
    if record is None or record.stages.get(label) != task.key or not _has_files(home, facts):
        try:
            triple = task.make()
            raw = None if task.raw is None else task.raw()
        except StorageError:
            raise
        except IdfdError as error:
            (home / RECORD).unlink(missing_ok=True)
            return FailedEntry(id=task.id, reason=str(error))
        record = with_stage(triple.record, label, task.key)
        write_triple(home, record, stored_arrays(triple, facts.depth_kinds, raw))
    reasons = tuple(check.name for check in record.checks if check.verdict != "pass")
    return CuratedEntry(id=task.id, verdict=record.verdict, key=task.key, reasons=reasons)


def _record_at(home: Path) -> TripleRecord | None:
    """The record of a triple; None where there is none that can be read."""
    try:
        return schema.load(TripleRecord, home / RECORD)
    except IdfdError:
        return None  # unwritten, damaged or of another version: the triple is made again


def _has_files(home: Path, facts: SetFacts) -> bool:
    needed = {name for name, spec in ARRAYS.items() if spec.required}
    needed |= {DEPTH_ARRAYS[kind] for kind in facts.depth_kinds}
    return needed <= {path.stem for path in array_files(home)}


def _check_output(output: Path, name: str, label: str) -> None:
    """Refuse a folder that another step or set was written to, and take its index away.

    Triples of another set would get into splits of this one, and those of another step, which may
    have taken hours to curate, would be replaced. Without an index a run that was stopped halfway
    is not released as a mixture of old and new.
    """
    index = output / INDEX
    if not index.exists():
        return
    found = schema.load(Curation, index)
    if (found.name, found.provenance.config.get("step")) != (name, label):
        raise InputError(
            f"the folder holds the set '{found.name}', which another step made",
            where=output,
            limit=f"an empty folder, or an earlier run of '{label}' for '{name}'",
            remedy="Give another folder with -o",
        )
    index.unlink()


class TripleSource(Protocol):
    """Triples to be read, from a release or from a folder."""

    @property
    def facts(self) -> SetFacts:
        """What is true of the set."""

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of the triples that can be read, sorted."""

    def digest(self, take: str) -> str:
        """Hash of the content of a triple, 64 hexadecimal digits."""

    def depth_kind(self, take: str) -> DepthKind:
        """The kind of depth that :meth:`read` gives: the most complete there is."""

    def read(self, take: str) -> Triple:
        """Read a triple."""

    def raw(self, take: str) -> NDArray[np.uint16]:
        """Its depth as measured, (H, W) uint16 mm, where the set has both kinds."""


def open_triples(source: Path) -> TripleSource:
    """Open a release file, or a folder of triples.

    Raises:
        InputError: There is neither.
        ReleaseError: The release is damaged.
    """
    return _Folder(source) if source.is_dir() else _Release(source)


class _Release:
    def __init__(self, path: Path) -> None:
        self._file = ReleaseFile(path)
        self.ids = self._file.ids

    @cached_property
    def facts(self) -> SetFacts:
        info = self._file.info
        splits = SplitTable(
            origin="published" if info.split_origin == "published" else "drawn",
            grouping=info.split_grouping,
            seed=info.split_seed,
            splits=tuple(Split(name=k, takes=v) for k, v in self._file.splits.items()),
        )
        kinds: tuple[DepthKind, ...] = tuple(
            kind for kind in ("raw", "inpainted") if kind in info.depth_kinds
        )
        return SetFacts(
            info.name, info.title, info.licence, info.citation, info.scenes, splits, info.audit,
            kinds, info.excluded, info.failed,
        )  # fmt: skip

    def digest(self, take: str) -> str:
        manifest, name = self._file.manifest, f"triples/{take}"
        arrays = {k: v.sha256 for k, v in manifest.arrays.items() if k.startswith(f"{name}/")}
        return sha256_bytes(
            msgspec.json.encode([arrays, manifest.attributes[name]], order="sorted")
        )

    def depth_kind(self, take: str) -> DepthKind:
        return "inpainted" if self._file.has(take, DEPTH_ARRAYS["inpainted"]) else "raw"

    def read(self, take: str) -> Triple:
        arrays = {n: self._file.read(take, n) for n in ARRAYS if self._file.has(take, n)}
        return as_triple(self._file.record(take), arrays, self.depth_kind(take))

    def raw(self, take: str) -> NDArray[np.uint16]:
        return self._file.read(take, DEPTH_ARRAYS["raw"])


class _Folder:
    def __init__(self, folder: Path) -> None:
        self._folder = folder / TRIPLES
        self._curation = schema.load(Curation, folder / INDEX, "Make it with 'idfd process'")
        self._keys = {e.id: e.key for e in self._curation.triples if e.verdict != "fail"}
        self.ids = tuple(sorted(self._keys))

    @cached_property
    def facts(self) -> SetFacts:
        index = self._curation
        names = [{path.stem for path in array_files(self._folder / take)} for take in self.ids]
        kinds: tuple[DepthKind, ...] = tuple(
            kind for kind in ("raw", "inpainted") if all(DEPTH_ARRAYS[kind] in n for n in names)
        )
        return SetFacts(
            index.name, index.title, index.licence, index.citation, index.scenes, index.splits,
            index.audit, kinds, tuple(e for e in index.triples if e.id not in self._keys),
            index.failed,
        )  # fmt: skip

    def digest(self, take: str) -> str:
        return self._keys[take]

    def depth_kind(self, take: str) -> DepthKind:
        filled = f"{DEPTH_ARRAYS['inpainted']}.png"
        return "inpainted" if (self._folder / take / filled).exists() else "raw"

    def read(self, take: str) -> Triple:
        home = self._folder / take
        record = schema.load(TripleRecord, home / RECORD)
        arrays = load_arrays(home, record)
        return as_triple(record, arrays | defocus_arrays(record, arrays), self.depth_kind(take))

    def raw(self, take: str) -> NDArray[np.uint16]:
        home = self._folder / take
        return load_arrays(home, schema.load(TripleRecord, home / RECORD))[DEPTH_ARRAYS["raw"]]


def rework(
    source: Path,
    output: Path,
    change: Callable[[Triple], Triple],
    settings: Record,
    label: str,
) -> Curation:
    """Write every triple of a release or folder, changed, as a new folder of triples.

    Args:
        source: A release file or a folder of triples; nothing in it is changed.
        output: The new folder; a run that was stopped goes on there.
        change: Gives the new triple; called from threads. It leaves the depth as it is.
        settings: Everything that ``change`` depends on.
        label: Name of the step; see :func:`write_triples`.

    Raises:
        InputError: No such source, or the output is the source.
        StorageError: Something cannot be written.
    """
    if source.resolve() == output.resolve():
        raise InputError("a set cannot be changed in place", where=output, remedy="Give another -o")
    triples = open_triples(source)
    both = len(triples.facts.depth_kinds) > 1
    config = msgspec.to_builtins(settings)

    def changed(take: str) -> Triple:
        return change(triples.read(take))

    tasks = [
        TripleTask(
            take,
            task_key(label, triples.digest(take), config),
            partial(changed, take),
            partial(triples.raw, take) if both else None,
        )
        for take in triples.ids
    ]
    return write_triples(output, triples.facts, tasks, label)
