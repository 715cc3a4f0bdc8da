"""Verify a release: schema, checksums, ranges, sizes, splits; and say what was checked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeAlias, get_args

import h5py
import numpy as np
from numpy.typing import NDArray

from idfd.errors import IdfdError, ReleaseError
from idfd.model.schema import Document, Record
from idfd.model.triple import DepthSource, GivenDefocus, Modality, TripleRecord
from idfd.progress import track
from idfd.release.defocus import defocus_arrays, has_metric_defocus
from idfd.release.duplicates import near_duplicates, perceptual_hash
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
from idfd.storage.hashing import sha256_array, sha256_bytes, sha256_file

_SHOWN = 5
_HALF_STEP = 2**-10
"""Largest step of half precision, relative: processors may round to either side."""
# What h5py raises for damaged metadata: AttributeError where an array became a group, TypeError
# for unknown types, MemoryError for absurd sizes, ValueError for names that are not UTF-8.
_UNREADABLE = (
    KeyError, OSError, RuntimeError, ValueError, TypeError, AttributeError, MemoryError,
    OverflowError,
)  # fmt: skip
_Expectation: TypeAlias = tuple[bool, str, str, str]


class Finding(Record, frozen=True, kw_only=True):
    """One thing that is wrong (``error``) or doubtful (``warning``)."""

    check: str
    level: Literal["error", "warning"]
    where: str
    message: str


class VerifyReport(Document, frozen=True, kw_only=True):
    """What was checked, how often, and what was found."""

    SCHEMA: ClassVar[str] = "idfd/verify-report"
    VERSION: ClassVar[str] = "1.0.0"

    release: str
    checked: dict[str, int]
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether there is no error (warnings are allowed)."""
        return all(finding.level != "error" for finding in self.findings)


class _Checker:
    """Collects findings; a check that passes is counted, one that does not is described."""

    def __init__(self) -> None:
        self.checked: Counter[str] = Counter()
        self.findings: list[Finding] = []

    def expect(
        self,
        good: bool,
        check: str,
        where: str,
        message: str,
        level: Literal["error", "warning"] = "error",
    ) -> bool:
        self.checked[check] += 1
        if not good:
            self.findings.append(Finding(check=check, level=level, where=where, message=message))
        return good

    def report(self, path: Path) -> VerifyReport:
        return VerifyReport(
            release=path.name, checked=dict(self.checked), findings=tuple(self.findings)
        )


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
    checker = _Checker()
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


def _check_bytes(checker: _Checker, path: Path, manifest: Manifest, block: int) -> bool:
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


def _place_damage(checker: _Checker, path: Path, manifest: Manifest, block: int) -> None:
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


def _check_content(checker: _Checker, release: ReleaseFile) -> None:
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
        if _check_triple(checker, take, record, arrays):
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


def _check_triple(
    checker: _Checker, take: str, record: TripleRecord, arrays: dict[str, NDArray[Any]]
) -> bool:
    """Check one triple; False where an array is missing or of a wrong type or size."""
    where = f"/triples/{take}"
    size = (record.crop.height, record.crop.width)
    usable = True
    for name, spec in ARRAYS.items():
        if name not in arrays:
            usable &= checker.expect(not spec.required, "arrays", where, f"'{name}' is missing")
            continue
        array = arrays[name]
        expected = (*size, 3) if spec.channels == 3 else size
        usable &= checker.expect(
            array.dtype == spec.dtype, "types", f"{where}/{name}", str(array.dtype)
        )
        usable &= checker.expect(
            array.shape == expected, "sizes", f"{where}/{name}",
            f"shape {array.shape} instead of {expected}",
        )  # fmt: skip
    whole = arrays.get("depth_inpainted", arrays.get("depth"))
    usable &= checker.expect(whole is not None, "arrays", where, "no depth")
    if not usable or whole is None:
        return False
    source = arrays["source"]
    _check_absent(checker, where, record, {**arrays, "depth": whole})
    checker.expect(
        int(source.max()) <= max(DepthSource), "ranges", f"{where}/source", f"code {source.max()}"
    )
    wrong = int(np.count_nonzero((source == DepthSource.NONE) != (whole == 0)))
    checker.expect(
        wrong == 0, "ranges", f"{where}/source", f"{wrong} pixels disagree with the depth map"
    )
    if "depth" in arrays and "depth_inpainted" in arrays:
        raw = arrays["depth"]
        changed = int(np.count_nonzero((raw > 0) & (raw != whole)))
        checker.expect(
            changed == 0, "ranges", f"{where}/depth_inpainted",
            f"{changed} measured pixels were changed by in-painting", "warning",
        )  # fmt: skip
    if "uncertainty" in arrays:
        known = arrays["uncertainty"].astype(np.float32) >= 0
        bad = int(np.count_nonzero(~known & (source != DepthSource.NONE)))
        checker.expect(
            bad == 0, "ranges", f"{where}/uncertainty",
            f"{bad} negative or NaN values where there is depth",
        )  # fmt: skip
    _check_defocus(checker, where, record, arrays)
    return True


def _check_absent(
    checker: _Checker, where: str, record: TripleRecord, arrays: dict[str, NDArray[Any]]
) -> None:
    """What is absent holds zeros, and what is not holds something."""
    for name in get_args(Modality):
        empty, absent = not arrays[name].any(), name in record.absent
        if absent:
            checker.expect(empty, "absent", f"{where}/{name}", "is called absent, but is not zero")
        else:
            # A take of which the sensor saw nothing is poor, but may be so.
            level: Literal["error", "warning"] = "warning" if name == "depth" else "error"
            checker.expect(
                not empty, "absent", f"{where}/{name}",
                "is all zero, but the record does not call it absent", level,
            )  # fmt: skip


def _check_defocus(
    checker: _Checker, where: str, record: TripleRecord, arrays: dict[str, NDArray[Any]]
) -> None:
    """Hold the defocus map against what the depth and the blur model of the record give."""
    if record.given_defocus is not None:
        _check_given_defocus(checker, where, record.given_defocus, arrays)
        return
    try:
        expected = defocus_arrays(record, arrays)
    except IdfdError as error:
        checker.expect(False, "defocus map", where, str(error))
        return
    present = {name for name, spec in ARRAYS.items() if spec.computed and name in arrays}
    for name in sorted(present | set(expected)):
        if name not in present or name not in expected:
            reason = "is missing" if name in expected else "there is no blur model it comes from"
            checker.expect(False, "defocus map", f"{where}/{name}", reason)
            continue
        same = np.isclose(
            arrays[name].astype(np.float32), expected[name].astype(np.float32),
            rtol=_HALF_STEP, atol=1e-4, equal_nan=True,
        )  # fmt: skip
        wrong = int(np.count_nonzero(~same))
        checker.expect(
            wrong == 0, "defocus map", f"{where}/{name}",
            f"{wrong} pixels differ from what the depth and the blur model give",
        )  # fmt: skip


def _check_given_defocus(
    checker: _Checker, where: str, given: GivenDefocus, arrays: dict[str, NDArray[Any]]
) -> None:
    """A map that came with the data is there and in the range of its unit."""
    where = f"{where}/defocus"
    if not checker.expect("defocus" in arrays, "defocus map", where, "is missing"):
        return
    values = arrays["defocus"].astype(np.float32)
    low, high = (0.0, 1.0) if given.unit == "normalised" else (-np.inf, np.inf)
    known = values[~np.isnan(values)]
    wrong = int(np.count_nonzero(~np.isfinite(known) | (known < low) | (known > high)))
    message = f"{wrong} pixels are infinite or outside {low:g} to {high:g}"
    checker.expect(wrong == 0, "defocus map", where, message)
    alone = "defocus_uncertainty" not in arrays
    checker.expect(alone, "defocus map", f"{where}_uncertainty", "belongs to no computed map")
