"""Try a model on degraded photos, level by level; a run that was stopped goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from idfd.benchmark.dataset import TripleDataset
from idfd.benchmark.evaluate import evaluate
from idfd.benchmark.models import Model
from idfd.benchmark.onnx.model import OnnxModel
from idfd.benchmark.origin import Origin
from idfd.benchmark.protocol import DEFAULT, LoadedProtocol, MaskKind, load_protocol
from idfd.benchmark.robustness.degraded import DegradedDataset
from idfd.benchmark.robustness.picture import picture
from idfd.benchmark.robustness.report import DegradedScores, RobustnessReport, changes
from idfd.benchmark.robustness.table import markdown
from idfd.benchmark.run import choose_split, fit
from idfd.errors import InputError
from idfd.model.degradation import Degradation
from idfd.model.schema import encode, load
from idfd.model.triple import DepthKind
from idfd.release.reader import IDFD
from idfd.storage.durable import write_bytes
from idfd.storage.hashing import sha256_bytes, sha256_file
from idfd.version import __version__


def run_robustness(
    release: Path,
    model: Model,
    degradations: Sequence[Degradation],
    output: Path,
    *,
    split: str | None = None,
    depth: DepthKind | None = None,
    protocol: str = DEFAULT,
    mask: MaskKind | None = None,
    options: Mapping[str, str] | None = None,
    progress: bool = True,
) -> RobustnessReport:
    """Score a model on a split of a release, clean and with each degradation.

    Args:
        release: The release file.
        model: Any model that computes; predictions from files have seen no degraded photo.
        degradations: What to try, each by itself.
        output: The report, ``.json``; a table ``.md`` and a picture ``.svg`` are written beside
            it. Levels that stand there already are not scored again.
        split: As for :func:`idfd.benchmark.run.run`.
        depth: Likewise.
        protocol: Likewise.
        mask: Likewise.
        options: What ``model`` was made with, as for :func:`idfd.benchmark.models.load_model`;
            scores of other options do not go into the same report.
        progress: Show progress on standard error.

    Returns:
        Everything that the file holds, also of levels asked for earlier.

    Raises:
        InputError: ``output`` is no ``.json`` or holds the scores of something else, or a
            degradation cannot be done to the photos.
        IdfdError: As for :func:`idfd.benchmark.evaluate.evaluate`.
    """
    if output.suffix != ".json":
        raise InputError("the report is a .json file", where=output, limit="a name.json")
    loaded = load_protocol(protocol)
    chosen = choose_split(release, split)
    with IDFD(release, split=chosen, depth=depth) as dataset:
        subject = _subject(model, options or {}, dataset, loaded, mask)
        report = _started(output, subject)
        missing = [one for one in degradations if report is None or report.level(one) is None]
        if report is None or missing:
            fit(model, release, depth)
        if report is None:
            clean = evaluate(dataset, model, loaded, mask=mask, progress=progress)
            report = RobustnessReport(subject=subject, clean=clean)
            write_bytes(output, encode(report))
        for degradation in missing:
            report = _with(report, dataset, model, degradation, loaded, mask, progress)
            write_bytes(output, encode(report))
    write_bytes(output.with_suffix(".md"), markdown(report).encode())
    write_bytes(output.with_suffix(".svg"), picture(report).encode())
    return report


def _with(
    report: RobustnessReport,
    dataset: TripleDataset,
    model: Model,
    degradation: Degradation,
    loaded: LoadedProtocol,
    mask: MaskKind | None,
    progress: bool,
) -> RobustnessReport:
    degraded = DegradedDataset(dataset, degradation)
    results = evaluate(degraded, model, loaded, mask=mask, progress=progress)
    change = changes(report.clean, results, loaded.protocol.bootstrap)
    level = DegradedScores(degradation=degradation, results=results, change=change)
    return msgspec.structs.replace(report, levels=(*report.levels, level))


def _started(output: Path, subject: str) -> RobustnessReport | None:
    """The report that an earlier run left.

    Raises:
        InputError: It is about another model, other photos or other rules.
    """
    if not output.exists():
        return None
    report = load(RobustnessReport, output)
    if report.subject != subject:
        raise InputError(
            f"the file holds scores of '{report.clean.model.name}' on {report.clean.release.name} "
            f"{report.clean.release.version} that cannot stand with these",
            where=output,
            limit="scores of the same model, photos and protocol by the same idfd",
            remedy="Give another file with -o, or delete this one",
        )
    return report


def _subject(
    model: Model,
    options: Mapping[str, str],
    dataset: TripleDataset,
    loaded: LoadedProtocol,
    mask: MaskKind | None,
) -> str:
    """What scores depend on. Of a model made in Python, its class, its name and its options."""
    origin = getattr(model, "origin", None)
    weights = origin.facts.checkpoint if isinstance(origin, Origin) else None
    if isinstance(model, OnnxModel):
        weights = sha256_file(model.path)
    facts = [
        __version__,
        type(model).__module__,
        type(model).__qualname__,
        model.name,
        {name: _content(value) for name, value in sorted(options.items())},
        sorted(model.predicts),
        weights,
        dataset.digest,
        dataset.ids,
        dataset.depth_kind,
        loaded.sha256,
        mask,
    ]
    return sha256_bytes(msgspec.json.encode(facts))


def _content(value: str) -> str:
    """An option as it is, or the SHA-256 of the file that it names."""
    path = Path(value)
    return sha256_file(path) if path.is_file() else value
