"""The data card: what a release holds, for a person who has to decide whether to use it."""

from __future__ import annotations

import base64
import io
from collections import Counter
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfd.model.triple import DepthSource
from idfd.release.picture import contact_sheet
from idfd.release.store import ReleaseFile
from idfd.release.verify import verify_release
from idfd.storage.durable import write_bytes
from idfd.storage.hashing import sha256_file
from idfd.storage.images import encode_jpeg

_BINS = np.arange(0, 10.25, 0.25)


@dataclass
class _Facts:
    """Numbers gathered in one pass over the triples."""

    depth: dict[str, NDArray[np.int64]]
    sources: dict[str, float]
    rows: list[dict[str, Any]]
    psnr: dict[str, list[float]]
    checks: dict[str, list[float]]


def write_card(path: Path) -> list[Path]:
    """Write ``<release>.card.md`` and ``<release>.card.html`` beside a release.

    Args:
        path: The release file.

    Returns:
        The paths that were written.

    Raises:
        StorageError: They cannot be written.
    """
    import jinja2

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
            "checks": {k: np.percentile(v, (50, 95, 100)) for k, v in facts.checks.items()},
            "verify": verify_release(path),
        }
        sheet = encode_jpeg(contact_sheet(file, width=160), 80)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(str(resources.files("idfd.release") / "templates")),
        autoescape=jinja2.select_autoescape(["html.j2"]),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    markdown = path.with_suffix(".card.md")
    write_bytes(markdown, environment.get_template("card.md.j2").render(context).encode())
    page = path.with_suffix(".card.html")
    context["sheet"] = base64.b64encode(sheet).decode()
    context["histogram"] = _histogram(facts.depth)
    write_bytes(page, environment.get_template("card.html.j2").render(context).encode())
    return [markdown, page]


def _gather(file: ReleaseFile) -> _Facts:
    home = {take: name for name, takes in file.splits.items() for take in takes}
    facts = _Facts(
        depth={name: np.zeros(len(_BINS) - 1, np.int64) for name in file.splits},
        sources={},
        rows=[],
        psnr={"as shot": [], "curated": []},
        checks={},
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
        facts.psnr["as shot"].append(record.measures["psnr_before"])
        facts.psnr["curated"].append(record.measures["psnr_after"])
        for check in record.checks:
            facts.checks.setdefault(f"{check.name} ({check.unit})", []).append(check.value)
    facts.sources = {
        code.name.lower().replace("_", "-"): float(codes[code] / codes.sum())
        for code in DepthSource
    }
    facts.rows = [
        {"environment": environment, "split": split, "count": count}
        for (environment, split), count in sorted(environments.items())
    ]
    return facts


def _histogram(depth: dict[str, NDArray[np.int64]]) -> str:
    """Histogram of depth by split, as inline SVG."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    # A fixed salt keeps the ids inside the SVG, and so the card, the same in every run.
    with rc_context({"svg.hashsalt": "idfd"}):
        figure = Figure(figsize=(8, 2.8), layout="constrained")
        axis = figure.subplots()
        for name, counts in depth.items():
            axis.stairs(counts / max(1, counts.sum()), _BINS, label=name, linewidth=1.6)
        axis.set_xlabel("depth (m)")
        axis.set_ylabel("share of pixels")
        axis.legend(frameon=False)
        for side in ("top", "right"):
            axis.spines[side].set_visible(False)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]
