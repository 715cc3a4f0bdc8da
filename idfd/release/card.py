"""The data card: what a release holds, for a person who has to decide whether to use it."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfd.model.defocus import DefocusModel
from idfd.model.triple import Check, DepthSource, TripleRecord
from idfd.release.findings import VerifyReport
from idfd.release.picture import contact_sheet
from idfd.release.store import ReleaseFile
from idfd.release.validation import read_validation
from idfd.release.validation_page import environment
from idfd.release.verify import verify_release
from idfd.storage.durable import write_bytes
from idfd.storage.hashing import sha256_file
from idfd.storage.images import encode_jpeg

_BINS = np.append(np.arange(0, 10.25, 0.25), np.inf)
"""Edges in metres; the last bin holds everything beyond 10 m."""
_MEANINGS = {
    DepthSource.NONE: "no depth",
    DepthSource.MEASURED: "one measurement of the sensor",
    DepthSource.FUSED: "several measurements, fused",
    DepthSource.IN_PAINTED: "filled in, not measured",
    DepthSource.UNKNOWN: "measured or filled in; the source does not say where",
}


@dataclass
class _Facts:
    """Numbers gathered in one pass over the triples.

    ``blurs`` holds, by calibration and model, the 1st, 50th and 99th percentile of the circles of
    each triple, and the median of their deviation. ``notes`` counts the triples of which a part is
    absent, computed, degraded or came with the data.
    """

    depth: dict[str, NDArray[np.int64]]
    sources: dict[str, float]
    rows: list[dict[str, Any]]
    psnr: dict[str, list[float]]
    checks: dict[str, list[Check]]
    blurs: dict[tuple[str, DefocusModel], list[NDArray[np.float64]]]
    notes: Counter[str]


def write_card(path: Path, report: VerifyReport | None = None) -> list[Path]:
    """Write ``<release>.card.md`` and ``<release>.card.html`` beside a release.

    They show the validation of its splits where ``<release>.validation.json`` lies beside it, and
    call it stale where that was made of another content.

    Args:
        path: The release file.
        report: What its verification found; by default it is verified here.

    Returns:
        The paths that were written.

    Raises:
        SchemaError: The validation beside it is damaged.
        StorageError: They cannot be written.
    """
    validation = read_validation(path)
    with ReleaseFile(path) as file:
        facts = _gather(file)
        context: dict[str, Any] = {
            "info": file.info,
            "digest": file.manifest.digest,
            "file": path.name,
            "sha256": sha256_file(path),
            "megabytes": path.stat().st_size / 1e6,
            "splits": {name: len(takes) for name, takes in file.splits.items()},
            "rows": facts.rows,
            "sources": facts.sources,
            "psnr": {k: (np.mean(v), np.min(v), np.max(v)) for k, v in facts.psnr.items()},
            "meanings": {_source_name(code): text for code, text in _MEANINGS.items()},
            "checks": [_check_row(checks) for checks in facts.checks.values()],
            "notes": sorted(facts.notes.items()),
            "blurs": [_blur_row(*key, values) for key, values in facts.blurs.items()],
            "verify": report or verify_release(path),
            "validation": validation,
            "stale": validation is not None and validation.digest != file.manifest.digest,
        }
        sheet = encode_jpeg(contact_sheet(file, width=160), 80)
    templates = environment()
    markdown = path.with_suffix(".card.md")
    write_bytes(markdown, templates.get_template("card.md.j2").render(context).encode())
    page = path.with_suffix(".card.html")
    context["sheet"] = base64.b64encode(sheet).decode()
    context["histogram"] = _histogram(facts.depth)
    write_bytes(page, templates.get_template("card.html.j2").render(context).encode())
    return [markdown, page]


def _gather(file: ReleaseFile) -> _Facts:
    home = {take: name for name, takes in file.splits.items() for take in takes}
    facts = _Facts(
        depth={name: np.zeros(len(_BINS) - 1, np.int64) for name in file.splits},
        sources={},
        rows=[],
        psnr={},
        checks={},
        blurs={},
        notes=Counter(),
    )
    codes = np.zeros(max(DepthSource) + 1, np.int64)
    environments: Counter[tuple[str, str]] = Counter()
    for take in file.ids:
        record = file.record(take)
        name = "depth_inpainted" if file.has(take, "depth_inpainted") else "depth"
        depth = file.read(take, name)
        facts.depth[home[take]] += np.histogram(depth[depth > 0] / 1000, _BINS)[0]
        codes += np.bincount(file.read(take, "source").ravel(), minlength=len(codes))[: len(codes)]
        environments[record.environment, home[take]] += 1
        for label, measure in (("as shot", "psnr_before"), ("curated", "psnr_after")):
            if measure in record.measures:
                facts.psnr.setdefault(label, []).append(record.measures[measure])
        facts.notes.update(_notes(record))
        if record.given_defocus is None and record.blur is not None and file.has(take, "defocus"):
            source = record.sources.get("calibration")
            key = (source.sha256 if source else "not stated", record.blur)
            _gather_blur(facts.blurs.setdefault(key, []), file, take)
        for check in record.checks:
            facts.checks.setdefault(check.name, []).append(check)
    facts.sources = {_source_name(code): float(codes[code] / codes.sum()) for code in DepthSource}
    facts.rows = [
        {"environment": environment, "split": split, "count": count}
        for (environment, split), count in sorted(environments.items())
    ]
    return facts


def _notes(record: TripleRecord) -> Iterator[str]:
    """What a reader must know of a triple that is not simply photographed and measured."""
    for name in record.absent:
        yield f"{name.replace('_', '-')}: absent; the array holds zeros"
    given, lens = record.given_defocus, record.simulated
    if given is not None:
        yield f"defocus map: came with the data ({given.origin}), {given.unit}"
    if lens is not None:
        yield (
            f"defocused: computed by the {lens.engine} engine, preset {lens.preset}, "
            f"f/{lens.f_number:g}, {lens.focal_length_mm:g} mm, focus {lens.focus_distance_m:g} m"
        )
    for degradation in record.degradations:
        settings = ", ".join(f"{k} {v:g}" for k, v in sorted(degradation.settings.items()))
        yield f"defocused: degraded by {degradation.kind} ({settings})"


def _gather_blur(found: list[NDArray[np.float64]], file: ReleaseFile, take: str) -> None:
    circles = file.read(take, "defocus").astype(np.float32)
    known = np.isfinite(circles)
    if known.any():
        deviation = file.read(take, "defocus_uncertainty")[known].astype(np.float32)
        found.append(np.append(np.percentile(circles[known], (1, 50, 99)), np.median(deviation)))


def _source_name(code: DepthSource) -> str:
    return code.name.lower().replace("_", "-")


def _check_row(checks: list[Check]) -> dict[str, Any]:
    """One check over all triples: the middle, the worst, the limit and how many miss it."""
    one = checks[0]
    values = [check.value for check in checks]
    return {
        "name": one.name.replace("_", " "),
        "unit": one.unit,
        "median": float(np.median(values)),
        "worst": min(values) if one.higher_is_better else max(values),
        "limit": f"{'≥' if one.higher_is_better else '≤'} {one.warn:g}",
        "doubtful": sum(check.verdict != "pass" for check in checks),
    }


def _blur_row(
    calibration: str, model: DefocusModel, values: list[NDArray[np.float64]]
) -> dict[str, Any]:
    """One blur model, with the 95 % interval of its focus, and what it did to the triples."""
    focus = 1 / model.focus_distance_m
    spread = 0.0
    if model.covariance is not None:
        spread = 1.96 * model.covariance.deviation("focus_per_m")
    seen = np.array(values).reshape(-1, 4)
    return {
        "model": model,
        "calibration": calibration,
        "focus_low_m": 1 / (focus + spread),
        "focus_high_m": 1 / (focus - spread) if focus > spread else np.inf,
        "maps": len(seen),
        "low": seen[:, 0].min() if len(seen) else np.nan,
        "middle": np.median(seen[:, 1]) if len(seen) else np.nan,
        "high": seen[:, 2].max() if len(seen) else np.nan,
        "deviation": np.median(seen[:, 3]) if len(seen) else np.nan,
    }


_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 480, 200, 44, 40


def _histogram(depth: dict[str, NDArray[np.int64]]) -> str:
    """Histogram of depth by split, as inline SVG; colours come from the page around it."""
    shares = {name: counts / max(1, counts.sum()) for name, counts in depth.items()}
    filled = np.flatnonzero(sum(shares.values()))
    bins = max(8, int(filled[-1]) + 1) if len(filled) else 8
    highest = max(0.01, *(float(share.max()) for share in shares.values()))
    step = next(s for s in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5) if s * 5 >= highest)
    top = step * np.ceil(highest / step)

    def x(edge: float) -> float:
        return _LEFT + edge / bins * (_WIDTH - _LEFT - 12)

    def y(share: float) -> float:
        return _HEIGHT - _BOTTOM - share / top * (_HEIGHT - _BOTTOM - 12)

    parts = [
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" class="chart" '
        'aria-label="Histogram of depth by split">'
    ]
    for number in range(round(top / step) + 1):
        height = y(number * step)
        parts.append(
            f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - 12}" y1="{height:.1f}" '
            f'y2="{height:.1f}"/><text class="side" x="{_LEFT - 6}" y="{height + 4:.1f}">'
            f"{100 * number * step:.0f} %</text>"
        )
    metre = round(1 / (_BINS[1] - _BINS[0]))
    for edge in range(0, bins + 1, metre if bins <= 6 * metre else 2 * metre):
        label = "> 10" if edge >= len(_BINS) - 2 and bins > edge else f"{_BINS[edge]:g}"
        parts.append(
            f'<text class="tick" x="{x(edge):.1f}" y="{_HEIGHT - _BOTTOM + 16}">{label}</text>'
        )
    for number, (name, share) in enumerate(shares.items()):
        path = f"M{x(0):.1f},{y(0):.1f}" + "".join(
            f"V{y(float(share[k])):.1f}H{x(k + 1):.1f}" for k in range(bins)
        )
        parts.append(
            f'<path class="series s{number % 4}" d="{path}V{y(0):.1f}">'
            f"<title>{escape(name)}</title></path>"
        )
    middle = (_LEFT + _WIDTH - 12) / 2
    parts.append(f'<text class="tick" x="{middle}" y="{_HEIGHT - 6}">depth in metres</text></svg>')
    return "".join(parts)
