"""Verify a release: schema, checksums, ranges, sizes, splits; and say what was checked."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, ClassVar, Literal

import h5py
import numpy as np
from numpy.typing import NDArray

from idfd.errors import IdfdError, ReleaseError
from idfd.model.schema import Document, Record
from idfd.model.triple import DepthSource
from idfd.progress import track
from idfd.release.duplicates import near_duplicates, perceptual_hash
from idfd.release.layout import ARRAYS
from idfd.release.manifest import Manifest, attribute_hash, read_manifest
from idfd.release.splits import leaks
from idfd.release.store import ReleaseFile
from idfd.storage.hashing import sha256_array, sha256_file

_SHOWN = 5


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
    _check_bytes(checker, path, manifest, block)
    try:
        release = ReleaseFile(path)
    except IdfdError as error:
        checker.expect(False, "open", path.name, str(error))
        return checker.report(path)
    checker.expect(True, "open", "", "")
    with release:
        _check_attributes(checker, release, manifest)
        _check_arrays(checker, release, manifest)
        if all(finding.level != "error" for finding in checker.findings):
            # The content of a damaged file has no meaning to check.
            _check_content(checker, release)
    return checker.report(path)


def _check_bytes(checker: _Checker, path: Path, manifest: Manifest, block: int) -> None:
    size, expected = path.stat().st_size, block + manifest.body_bytes
    lost = sorted(name for name, entry in manifest.arrays.items() if entry.end > size)
    if size < expected and not lost:
        # Only HDF5's index at the end is gone, but it leads to the last array.
        lost = [max(manifest.arrays, key=lambda name: manifest.arrays[name].end)]
    shown = ", ".join(f"/{name}" for name in lost[:_SHOWN])
    more = f" and {len(lost) - _SHOWN} more" if len(lost) > _SHOWN else ""
    checker.expect(
        size >= expected,
        "size",
        f"/{lost[0]}" if lost else path.name,
        f"truncated: {size} of {expected} bytes; lost: {shown}{more}",
    )
    checker.expect(
        size <= expected, "size", path.name, f"{size - expected} bytes too many at the end"
    )
    if size == expected:
        checker.expect(
            sha256_file(path, start=block) == manifest.body_sha256,
            "file checksum",
            path.name,
            "the bytes of the file differ from those that were released",
        )


def _check_attributes(checker: _Checker, release: ReleaseFile, manifest: Manifest) -> None:
    for name, expected in manifest.attributes.items():
        where = f"/{name}" if name != "/" else name
        try:
            found = {k: attribute_hash(v) for k, v in release.file[name].attrs.items()}
        except (KeyError, OSError, RuntimeError) as error:
            checker.expect(False, "attributes", where, f"cannot be read ({error})")
            continue
        for key, digest in expected.items():
            if checker.expect(key in found, "attributes", where, f"attribute '{key}' is missing"):
                checker.expect(
                    found[key] == digest, "attributes", where, f"attribute '{key}' was changed"
                )
        for key in sorted(set(found) - set(expected)):
            checker.expect(False, "attributes", where, f"attribute '{key}' was added")


def _check_arrays(checker: _Checker, release: ReleaseFile, manifest: Manifest) -> None:
    present: list[str] = []

    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            present.append(name)

    try:
        release.file.visititems(visit)
    except (KeyError, OSError, RuntimeError) as error:
        checker.expect(False, "structure", "/", f"the index of the file is damaged ({error})")
    for name in sorted(set(present) - set(manifest.arrays)):
        checker.expect(False, "structure", f"/{name}", "array that was not released")
    for name, entry in track(manifest.arrays.items(), len(manifest.arrays), "verify"):
        where = f"/{name}"
        try:
            array = np.asarray(release.file[name][()])
        except (KeyError, OSError, RuntimeError, ValueError) as error:
            checker.expect(False, "array checksum", where, f"cannot be read ({error})")
            continue
        checker.expect(
            (array.dtype.str, array.shape) == (entry.dtype, tuple(entry.shape)),
            "type and shape",
            where,
            f"{array.dtype.str} {array.shape} instead of {entry.dtype} {tuple(entry.shape)}",
        )
        checker.expect(
            sha256_array(array) == entry.sha256, "array checksum", where, "the content has changed"
        )


def _check_content(checker: _Checker, release: ReleaseFile) -> None:
    info = release.info
    checker.expect(
        info.triples == len(release.ids), "count", "/triples", f"{len(release.ids)} triples"
    )
    hashes: dict[str, NDArray[np.bool_]] = {}
    groups: dict[str, str] = {}
    for take in track(release.ids, len(release.ids), "check"):
        hashes[take], groups[take] = _check_triple(checker, release, take)
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
    for take, other, bits in near_duplicates(hashes, home):
        checker.expect(
            False, "near duplicates", f"/triples/{take}",
            f"its photo is nearly that of '{other}' in split '{home[other]}' ({bits} of 64 bits)",
            "warning",
        )  # fmt: skip
    checker.checked["near duplicates"] += len(hashes)


def _check_triple(
    checker: _Checker, release: ReleaseFile, take: str
) -> tuple[NDArray[np.bool_], str]:
    where = f"/triples/{take}"
    record = release.record(take)
    arrays = {name: release.read(take, name) for name in ARRAYS if release.has(take, name)}
    size = arrays["all_in_focus"].shape[:2]
    for name, spec in ARRAYS.items():
        if name not in arrays:
            checker.expect(not spec.required, "arrays", where, f"'{name}' is missing")
            continue
        array = arrays[name]
        expected = (*size, 3) if spec.channels == 3 else size
        checker.expect(array.dtype == spec.dtype, "types", f"{where}/{name}", str(array.dtype))
        checker.expect(array.shape == expected, "sizes", f"{where}/{name}", f"shape {array.shape}")
    checker.expect(
        (record.crop.height, record.crop.width) == size, "sizes", where,
        f"the record's crop is {record.crop.width}x{record.crop.height}",
    )  # fmt: skip
    whole = arrays.get("depth_inpainted", arrays.get("depth"))
    if not checker.expect(whole is not None, "arrays", where, "no depth"):
        return perceptual_hash(arrays["all_in_focus"]), record.group
    assert whole is not None
    source = arrays["source"]
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
        bad = int(np.count_nonzero(~(arrays["uncertainty"].astype(np.float32) >= 0)))
        checker.expect(bad == 0, "ranges", f"{where}/uncertainty", f"{bad} negative or NaN values")
    return perceptual_hash(arrays["all_in_focus"]), record.group
