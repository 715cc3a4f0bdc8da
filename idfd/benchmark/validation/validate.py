"""``validate_splits``: all checks, one after another, and the document they make."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import cache as once
from pathlib import Path

import msgspec

from idfd.benchmark.validation.generalise import check_generalisation
from idfd.benchmark.validation.groups import make_groups
from idfd.benchmark.validation.leaks import check_leaks
from idfd.benchmark.validation.learning import Learn, check_learning, train_in
from idfd.benchmark.validation.parity import check_parity
from idfd.benchmark.validation.survey import Survey, sizes, survey
from idfd.model import schema
from idfd.model.provenance import provenance
from idfd.release.card import write_card
from idfd.release.findings import VerifyReport
from idfd.release.reader import IDFD
from idfd.release.validation import CheckName, CheckResult, SplitValidation, validation_path
from idfd.release.validation_page import write_pages
from idfd.release.verify import verify_release
from idfd.storage.durable import make_folder, write_bytes

_STATE, _RUN = "state.json", "run"


def validate_splits(
    release: Path,
    output: Path | None = None,
    *,
    quick: bool = False,
    seed: int = 0,
    device: str = "auto",
    cache: Path | None = None,
    progress: bool = True,
    learn: Learn | None = None,
) -> tuple[SplitValidation, list[Path]]:
    """Check the splits of a release for leaks, parity, generalisation and learning.

    A call that was stopped goes on where it was: finished checks are kept, and the training
    resumes, in the folder ``<release>.validation`` until the report is written.

    Args:
        release: The release file.
        output: Folder for ``<release>.validation.json``, ``.md`` and ``.html``; beside the
            release where None, where its data card then shows them.
        quick: Train for the short time.
        seed: Of the training and of drawn permutations.
        device: ``auto``, ``cpu`` or ``cuda``.
        cache: Folder for the uncompressed copy of the release that training reads.
        progress: Show progress on standard error.
        learn: Replaces the training of 2HDED:NET.

    Returns:
        The document, and the files that were written.

    Raises:
        InputError: No such release or device.
        ReleaseError: The release is damaged, or has no split 'train'.
        MissingDependencyError: A package that training needs is not installed.
        StorageError: Something cannot be written.
    """
    folder = output or release.parent
    path = folder / validation_path(release).name
    work = path.with_suffix("")
    make_folder(work)
    learn = learn or train_in(
        release, work / _RUN, device=device, cache=cache or work / "cache", progress=progress
    )
    with IDFD(release) as data:
        document = _begin(data, work / _STATE, quick, seed)
        if not document.checks:
            # What a stopped call with other settings left cannot be gone on with.
            shutil.rmtree(work / _RUN, ignore_errors=True)

        @once
        def seen() -> Survey:
            return survey(data, progress)

        @once
        def verified() -> VerifyReport:
            return verify_release(release)

        steps: dict[CheckName, Callable[[], CheckResult]] = {
            "leaks": lambda: check_leaks(
                data.members, {take: data.record(take) for take in data.ids}, verified()
            ),
            "parity": lambda: check_parity(seen(), make_groups(seen(), seed)),
            "generalisation": lambda: check_generalisation(seen(), make_groups(seen(), seed)),
            "learning": lambda: check_learning(
                data, learn, quick=quick, seed=seed, progress=progress
            ),
        }
        for name, make in steps.items():
            if name in {check.name for check in document.checks}:
                continue
            checks = (*document.checks, make())
            document = msgspec.structs.replace(document, checks=checks)
            write_bytes(work / _STATE, schema.encode(document))
    write_bytes(path, schema.encode(document))
    written = [path, *write_pages(document, path)]
    if release.with_suffix(".card.html").exists() and path == validation_path(release):
        written += write_card(release, verified())
    shutil.rmtree(work)
    return document, written


def _begin(data: IDFD, state: Path, quick: bool, seed: int) -> SplitValidation:
    """The document without checks, or with those that a stopped call with equal settings made."""
    fresh = SplitValidation(
        release=data.info.name,
        version=data.info.version,
        digest=data.digest,
        quick=quick,
        seed=seed,
        splits=sizes(data.members, {take: data.record(take) for take in data.ids}),
        checks=(),
        provenance=provenance(),
    )
    if not state.exists():
        return fresh
    stored = schema.load(SplitValidation, state)
    same = msgspec.structs.replace(stored, checks=()) == fresh
    return stored if same else fresh
