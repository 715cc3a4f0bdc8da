"""Verify a release: schema, checksums, ranges, sizes, splits; and say what was checked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, TypeAlias

import h5py
import numpy as np
from numpy.typing import NDArray

from idfd.errors import IdfdError, ReleaseError
from idfd.progress import track
from idfd.release.defocus import has_metric_defocus
from idfd.release.duplicates import near_duplicates, perceptual_hash
from idfd.release.findings import Checker, VerifyReport
from idfd.release.guard import guarded
from idfd.release.layout import ARRAYS
from idfd.release.manifest import (
    ArrayEntry,
    Manifest,
    attribute_hash,
    bytes_between,
    read_manifest,
)
from idfd.release.splits import leaks
from idfd.release.store import ReleaseFile
from idfd.release.verify_triple import check_triple
from idfd.storage.hashing import sha256_array, sha256_bytes, sha256_file

_SHOWN = 5
# What h5py raises for damaged metadata: AttributeError where an array became a group, TypeError
# for unknown types, MemoryError for absurd sizes, ValueError for names that are not UTF-8.
_UNREADABLE = (
    KeyError, OSError, RuntimeError, ValueError, TypeError, AttributeError, MemoryError,
    OverflowError,
)  # fmt: skip
_Expectation: TypeAlias = tuple[bool, str, str, str]


def verify_release(path: Path) -> VerifyReport:
    """Check everything about a release that can be checked without its sources.

    Args:
        path: The release file.

    Returns:
        A report; a damaged file ends in findings, not in an exception.

    Raises:
        ReleaseError: The file does not exist.
    """
    if not path.is_file():
        raise ReleaseError("no such release", where=path)
    checker = Checker()
    try:
        manifest, block = read_manifest(path)
    except IdfdError as error:
        checker.expect(False, "manifest", str(path.name), str(error))
        return checker.report(path)
    checker.expect(True, "manifest", "", "")
    if not _check_bytes(checker, path, manifest, block):
        _place_damage(checker, path, manifest, block)
        return checker.report(path)
    try:
        release = ReleaseFile(path)
        _ = release.info
    except IdfdError as error:
        checker.expect(False, "open", path.name, str(error))
        return checker.report(path)
    checker.expect(True, "open", "", "")
    with release:
        steps = 2 * (len(manifest.arrays) + sum(map(len, manifest.attributes.values())))
        for expectation in track(_walk(release.file, manifest), steps, "verify"):
            checker.expect(*expectation)
        if all(finding.level != "error" for finding in checker.findings):
            # The content of a damaged file has no meaning to check.
            _check_content(checker, release)
    return checker.report(path)


def _check_bytes(checker: Checker, path: Path, manifest: Manifest, block: int) -> bool:
    """Hold the bytes of the file against the manifest; whether HDF5 can be trusted with them."""
    size, expected = path.stat().st_size, block + manifest.body_bytes
    lost = sorted(name for name, entry in manifest.arrays.items() if entry.end > size)
    if size < expected and not lost and manifest.arrays:
        # Only HDF5's index at the end is gone, but it leads to the last array.
        lost = [max(manifest.arrays, key=lambda name: manifest.arrays[name].end)]
    shown = ", ".join(f"/{name}" for name in lost[:_SHOWN])
    more = f" and {len(lost) - _SHOWN} more" if len(lost) > _SHOWN else ""
    whole = checker.expect(
        size >= expected,
        "size",
        f"/{lost[0]}" if lost else path.name,
        f"truncated: {size} of {expected} bytes; lost: {shown}{more}",
    )
    whole &= checker.expect(
        size <= expected, "size", path.name, f"{size - expected} bytes too many at the end"
    )
    return whole and checker.expect(
        sha256_file(path, start=block) == manifest.body_sha256,
        "file checksum",
        path.name,
        "the bytes of the file differ from those that were released",
    )


def _place_damage(checker: Checker, path: Path, manifest: Manifest, block: int) -> None:
    """Name what is damaged in a file whose bytes differ from those that were released.

    HDF5 says it best, but may crash or hang, so it works in a process of its own. Arrays that it
    does not come to are judged by the bytes that hold them, among which bits of others may lie.
    """

    def work() -> Iterator[_Expectation]:
        with h5py.File(path, "r") as file:
            yield from _walk(file, manifest)

    named: set[str] = set()
    sound: set[str] = set()
    size = path.stat().st_size
    # HDF5 opens no truncated file.
    for expectation, reason in guarded(work) if size >= block + manifest.body_bytes else ():
        if reason is not None:
            checker.expect(False, "structure", path.name, f"HDF5 cannot read the file ({reason})")
            continue
        good, check, where, message = expectation
        checker.expect(good, check, where, message)
        if not good:
            named.add(where)
        elif check == "array checksum":
            sound.add(where)
    with path.open("rb") as raw:
        changed = {
            f"/{name}": entry
            for name, entry in manifest.arrays.items()
            if entry.end <= size
            and sha256_bytes(bytes_between(raw, entry.start, entry.end)) != entry.stored_sha256
        }
    for where, entry in changed.items():
        if where not in named | sound:
            message = f"the bytes {entry.start} to {entry.end} of the file, which hold it, differ"
            checker.expect(False, "stored bytes", where, message)


def _walk(file: h5py.File, manifest: Manifest) -> Iterator[_Expectation]:
    """Hold every attribute and array, as HDF5 reads them, against the manifest."""
    yield from _walk_structure(file, manifest)
    for name, expected in manifest.attributes.items():
        where = f"/{name}" if name != "/" else name
        try:
            found = {k: attribute_hash(v) for k, v in file[name].attrs.items()}
        except _UNREADABLE as error:
            yield False, "attributes", where, f"cannot be read ({error})"
            continue
        for key, digest in expected.items():
            yield key in found, "attributes", where, f"attribute '{key}' is missing"
            changed = found.get(key, digest) != digest
            yield not changed, "attributes", where, f"attribute '{key}' was changed"
        for key in sorted(set(found) - set(expected)):
            yield False, "attributes", where, f"attribute '{key}' was added"
    for name, entry in manifest.arrays.items():
        yield from _walk_array(file, name, entry)


def _walk_structure(file: h5py.File, manifest: Manifest) -> Iterator[_Expectation]:
    present: list[str] = []
    try:
        file.visit(present.append)
    except _UNREADABLE as error:
        yield False, "structure", "/", f"the index of the file is damaged ({error})"
    for name in sorted(set(present) - set(manifest.attributes)):
        yield False, "structure", f"/{name}", "was not released"


def _walk_array(file: h5py.File, name: str, entry: ArrayEntry) -> Iterator[_Expectation]:
    where = f"/{name}"
    try:
        item = file[name]
        found = item.dtype.str, tuple(item.shape)
        expected = entry.dtype, tuple(entry.shape)
        message = f"{found[0]} {found[1]} instead of {expected[0]} {expected[1]}"
        yield found == expected, "type and shape", where, message
        # A damaged shape could ask for more memory than there is.
        same = found == expected and sha256_array(item[()]) == entry.sha256
    except _UNREADABLE as error:
        yield False, "array checksum", where, f"cannot be read ({error})"
        return
    yield same, "array checksum", where, "the content has changed"


def _check_content(checker: Checker, release: ReleaseFile) -> None:
    info = release.info
    checker.expect(
        info.triples == len(release.ids), "count", "/triples", f"{len(release.ids)} triples"
    )
    hashes: dict[str, NDArray[np.bool_]] = {}
    groups: dict[str, str] = {}
    absent: Counter[str] = Counter()
    maps = 0
    for take in track(release.ids, len(release.ids), "check"):
        try:
            record = release.record(take)
        except IdfdError as error:
            checker.expect(False, "records", f"/triples/{take}", str(error))
            continue
        groups[take] = record.group
        arrays = {name: release.read(take, name) for name in ARRAYS if release.has(take, name)}
        absent.update(record.absent)
        maps += "defocus" in arrays and has_metric_defocus(record)
        if check_triple(checker, take, record, arrays):
            # What is absent holds zeros, which are alike in all triples.
            shown = [name for name in ("all_in_focus", "defocused") if name not in record.absent]
            if shown:
                hashes[take] = perceptual_hash(arrays[shown[0]])
    checker.expect(info.defocus_maps == maps, "count", "/triples", f"{maps} defocus maps")
    checker.expect(info.absent == absent, "count", "/triples", f"absent: {dict(absent)}")
    home = {take: name for name, takes in release.splits.items() for take in takes}
    for take in release.ids:
        checker.expect(take in home, "splits cover", f"/triples/{take}", "in no split")
    for name, takes in release.splits.items():
        for take in takes:
            checker.expect(
                take in groups and home[take] == name, "splits agree", f"/splits/{name}",
                f"'{take}' is no triple or stands in another split too",
            )  # fmt: skip
    # Splits that came with the data are kept as they are: their faults are known, not ours to hide.
    level: Literal["error", "warning"] = "warning" if info.split_origin == "published" else "error"
    for group, first, second in leaks(
        {name: tuple(t for t in takes if t in groups) for name, takes in release.splits.items()},
        groups,
    ):
        checker.expect(
            False, "scene leaks", f"/splits/{second}",
            f"scene group '{group}' also stands in '{first}'", level,
        )  # fmt: skip
    checker.checked["scene leaks"] += len(set(groups.values()))
    housed = {take: bits for take, bits in hashes.items() if take in home}
    for take, other, bits in near_duplicates(housed, home):
        checker.expect(
            False, "near duplicates", f"/triples/{take}",
            f"its photo is nearly that of '{other}' in split '{home[other]}' ({bits} of 64 bits)",
            "warning",
        )  # fmt: skip
    checker.checked["near duplicates"] += len(hashes)
