"""Build a release: one HDF5 file, the same bytes from the same triples every time."""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, get_args

import h5py
import numpy as np
from numpy.typing import NDArray

from idfd.errors import InputError
from idfd.model import schema
from idfd.model.capture import SplitTable
from idfd.model.curation import INDEX, RECORD, Curation
from idfd.model.provenance import provenance
from idfd.model.triple import Modality, TripleRecord
from idfd.processing.pipeline.local import default_workers
from idfd.progress import track
from idfd.release.chunks import Chunked, compress, write_chunked
from idfd.release.defocus import defocus_arrays, has_metric_defocus
from idfd.release.layout import (
    ARRAYS,
    DEPTH_ARRAYS,
    FORMAT,
    SCHEMA_VERSION,
    ReleaseInfo,
)
from idfd.release.manifest import Manifest, block_size, describe, write_manifest
from idfd.release.splits import check_table
from idfd.release.triple_files import complete_files, load_array
from idfd.storage.durable import atomic_file

_VERSION = re.compile(r"\d+\.\d+\.\d+")


def build_release(
    folder: Path,
    output: Path,
    *,
    version: str,
    splits: SplitTable | None = None,
    name: str | None = None,
    include: frozenset[str] = frozenset({"pass", "warn"}),
) -> Manifest:
    """Write the curated triples of a folder as one release file.

    Args:
        folder: What ``curate_collection`` wrote.
        output: The HDF5 file to write; it appears whole or not at all.
        version: Semantic version of the release.
        splits: The splits; by default those of the collection.
        name: Name of the release; by default that of the collection.
        include: Verdicts that are released; the others are listed in the release as excluded.

    Returns:
        The manifest that was written into the file.

    Raises:
        InputError: No triples, a bad version, splits that do not cover the triples, or a triple
            without one of its arrays or with one of another type or size.
        StorageError: The file cannot be written.
    """
    if not _VERSION.fullmatch(version):
        raise InputError(
            f"'{version}' is not a semantic version", limit="MAJOR.MINOR.PATCH, such as 1.0.0"
        )
    curation = schema.load(Curation, folder / INDEX, "Make it with 'idfd process'")
    wanted = [entry for entry in curation.triples if entry.verdict in include]
    if not wanted:
        raise InputError("no triples to release", where=folder, remedy="See its curation.json")
    table = splits or curation.splits
    if table is None:
        raise InputError(
            "the set has no splits", where=folder, remedy="Draw them with 'idfd release split'"
        )
    records = {
        entry.id: schema.load(TripleRecord, folder / "triples" / entry.id / RECORD)
        for entry in wanted
    }
    excluded = tuple(entry for entry in curation.triples if entry.id not in records)
    known_absent = {entry.id for entry in excluded} | {entry.id for entry in curation.failed}
    members = check_table(table, records, known_absent)
    files = {
        take: complete_files(folder / "triples" / take, record) for take, record in records.items()
    }
    kinds = tuple(
        kind for kind, array in DEPTH_ARRAYS.items()
        if all(any(path.stem == array for path in paths) for paths in files.values())
    )  # fmt: skip
    if not kinds:
        raise InputError(
            "no kind of depth is there for every triple",
            where=folder,
            limit=f"{' or '.join(DEPTH_ARRAYS.values())} in each",
        )
    info = ReleaseInfo(
        name=name or curation.name,
        version=version,
        title=curation.title,
        licence=curation.licence,
        citation=curation.citation,
        triples=len(records),
        depth_kinds=kinds,
        defocus_maps=sum(map(has_metric_defocus, records.values())),
        absent=_absent(records.values()),
        split_origin=table.origin,
        split_grouping=table.grouping,
        split_seed=table.seed,
        scenes=curation.scenes,
        excluded=excluded,
        failed=curation.failed,
        audit=curation.audit,
        provenance=provenance(),
    )
    computed = sum(spec.computed for spec in ARRAYS.values())
    arrays = sum(map(len, files.values())) + info.defocus_maps * computed
    with atomic_file(output) as temporary:
        size = block_size(arrays + len(members), 3 + len(records))
        with _new_file(temporary, size) as file:
            _write_root(file, info)
            _write_splits(file, members, table)
            ready = _compressed([(record, files[take]) for take, record in records.items()])
            for record, compressed in track(ready, len(records), "build"):
                _write_triple(file, record, members, compressed)
        manifest = describe(temporary)
        write_manifest(temporary, manifest)
    return manifest


@contextmanager
def _new_file(path: Path, block: int) -> Iterator[h5py.File]:
    """Open a new HDF5 file whose failures are all of the operating system's kind."""
    try:
        with h5py.File(path, "w", userblock_size=block) as file:
            yield file
    except RuntimeError as error:
        # h5py raises this where closing a file on a full disk fails.
        raise OSError(str(error)) from error


def _write_root(file: h5py.File, info: ReleaseInfo) -> None:
    file.attrs["format"] = FORMAT
    file.attrs["schema_version"] = SCHEMA_VERSION
    file.attrs["release"] = schema.encode(info).decode()
    # Plain copies, for people who look at the file with h5dump or a viewer.
    for key in ("name", "version", "title", "licence", "citation"):
        file.attrs[key] = getattr(info, key)
    file.attrs["depth_unit"] = "mm"
    file.attrs["alignment"] = "all arrays of a triple share the pixels of all_in_focus"


def _write_splits(file: h5py.File, members: dict[str, tuple[str, ...]], table: SplitTable) -> None:
    group = file.create_group("splits")
    for name, takes in members.items():
        data = np.array([take.encode() for take in takes], "S120")
        item = group.create_dataset(name, data=data)
        item.attrs["origin"] = table.origin
        item.attrs["grouping"] = table.grouping
        item.attrs["seed"] = -1 if table.seed is None else table.seed


def _write_triple(
    file: h5py.File,
    record: TripleRecord,
    members: dict[str, tuple[str, ...]],
    arrays: dict[str, Chunked],
) -> None:
    group = file.create_group(f"triples/{record.id}")
    group.attrs["record"] = schema.encode(record).decode()
    group.attrs["split"] = next(name for name, takes in members.items() if record.id in takes)
    for key in ("scene", "group", "environment"):
        group.attrs[key] = getattr(record, key)
    for name, shot in (("all_in_focus", record.all_in_focus), ("defocused", record.defocused)):
        if shot is not None:
            group.attrs[f"f_number_{name}"] = shot.f_number
    for name, array in arrays.items():
        spec = ARRAYS[name]
        item = write_chunked(group, name, array)
        item.attrs["units"] = _units(name, record)
        item.attrs["description"] = spec.description
        item.attrs["aligned_to"] = "all_in_focus"
        item.attrs["interpretation"] = "RGB" if spec.channels == 3 else "scalar"


def _units(name: str, record: TripleRecord) -> str:
    given = record.given_defocus
    normalised = name == "defocus" and given is not None and given.unit == "normalised"
    return "1" if normalised else ARRAYS[name].units


def _absent(records: Iterable[TripleRecord]) -> dict[str, int]:
    counts = Counter(name for record in records for name in record.absent)
    return {name: counts[name] for name in get_args(Modality) if counts[name]}


def _compressed(
    triples: list[tuple[TripleRecord, list[Path]]],
) -> Iterator[tuple[TripleRecord, dict[str, Chunked]]]:
    """Read and compress triples a few ahead of the one being written: HDF5 writes alone."""

    def prepare(record: TripleRecord, files: list[Path]) -> dict[str, Chunked]:
        maps: dict[str, NDArray[Any]] = {}
        done: dict[str, Chunked] = {}
        for path in files:
            array = load_array(path, record)
            done[path.stem] = compress(array)
            if ARRAYS[path.stem].channels == 1:
                maps[path.stem] = array  # photos are large, and no map is made from them
        return done | {name: compress(a) for name, a in defocus_arrays(record, maps).items()}

    with ThreadPoolExecutor(default_workers()) as pool:
        ahead: deque[tuple[TripleRecord, Future[dict[str, Chunked]]]] = deque()
        waiting = iter(triples)
        try:
            while True:
                for record, files in islice(waiting, default_workers() + 1 - len(ahead)):
                    ahead.append((record, pool.submit(prepare, record, files)))
                if not ahead:
                    return
                record, future = ahead.popleft()
                yield record, future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
