"""Fit a lens to the triples of a release or folder, and write what came out."""

from __future__ import annotations

from pathlib import Path

from idfd.calibration.defocus.fit import DefocusFit
from idfd.calibration.defocus.scenes import calibrate_scenes
from idfd.errors import InputError
from idfd.model import schema
from idfd.model.lens_blur import LensBlur
from idfd.model.provenance import provenance
from idfd.progress import track
from idfd.release.triple_folder import TripleSource, open_triples
from idfd.storage.durable import write_bytes


def fit_scenes(
    source: Path, output: Path, *, split: str | None = None, views: int = 40
) -> tuple[DefocusFit, LensBlur]:
    """Fit the blur of the lens to scenes, and write it for ``idfd process --blur``.

    Args:
        source: A release file or a folder of triples.
        output: The document to write.
        split: Triples to fit to; None takes ``train`` where there is one, so that a test split
            stays unseen, else all.
        views: Most triples to fit to, evenly spread.

    Raises:
        InputError: No such split, or as for
            :func:`idfd.calibration.defocus.scenes.calibrate_scenes`.
        StorageError: The document cannot be written.
    """
    triples = open_triples(source)
    ids = _members(triples, split)
    chosen = [ids[index * len(ids) // views] for index in range(views)] if len(ids) > views else ids
    fit = calibrate_scenes(triples.read(take) for take in track(chosen, len(chosen), "read"))
    document = LensBlur(
        blur=fit.model,
        fitted_to=triples.facts.name,
        triples=tuple(chosen),
        rows=fit.rows,
        warnings=fit.warnings,
        provenance=provenance({"split": split, "views": views}),
    )
    write_bytes(output, schema.encode(document))
    return fit, document


def _members(triples: TripleSource, split: str | None) -> list[str]:
    table = triples.facts.splits
    members = {one.name: one.takes for one in table.splits} if table else {}
    if split is None and "train" not in members:
        return list(triples.ids)
    if (name := split or "train") not in members:
        raise InputError(f"no split '{name}'", limit=f"one of {sorted(members)}")
    return [take for take in triples.ids if take in set(members[name])]
