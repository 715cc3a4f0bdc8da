"""Curate a whole collection: fit every pair, agree on one crop size, render, resume.

Two passes over a process pool. The first fits each pair; the largest crop that suits all of them
becomes the size of the set, so that triples can be batched without being resized. The second
renders. Each triple's folder appears whole or not at all, and carries the key of everything that
it was made from, so a second run does only what changed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from idfd.errors import IdfdError, InputError, StorageError
from idfd.model import schema
from idfd.model.capture import Collection, Scene, Take
from idfd.model.curation import CuratedEntry, Curation, FailedEntry, PairFit
from idfd.model.provenance import provenance
from idfd.model.triple import TripleRecord
from idfd.processing.crop import place_crop
from idfd.processing.curate import (
    CurateConfig,
    check_sizes,
    common_field,
    fit_pair,
    move_depth,
    render_defocused,
    source_map,
)
from idfd.processing.pipeline.local import run_tasks
from idfd.processing.photos.transform import sampling_maps, valid_pixels
from idfd.progress import track
from idfd.storage.durable import atomic_folder, make_folder, remove_leftovers, write_bytes
from idfd.storage.hashing import sha256_bytes
from idfd.storage.images import encode_png, read_depth, read_photo

INDEX = "curation.json"
RECORD = "triple.json"
R = TypeVar("R")


@dataclass(frozen=True)
class _FitTask:
    take: Take
    root: Path
    output: Path
    config: CurateConfig
    force: bool


@dataclass(frozen=True)
class _RenderTask:
    take: Take
    scene: Scene
    root: Path
    output: Path
    config: CurateConfig
    force: bool
    fit: PairFit
    size: tuple[int, int]


def curate_collection(
    collection: Collection,
    output: Path,
    config: CurateConfig = CurateConfig(),
    *,
    workers: int,
    force: bool = False,
) -> Curation:
    """Curate every take of a collection into ``output/triples/<id>/``.

    Args:
        collection: What an import made.
        output: Folder for the triples and ``curation.json``.
        config: Settings; a change of them makes everything anew.
        workers: Number of processes.
        force: Make everything anew even where nothing changed.

    Returns:
        The index that was written. Takes that could not be curated are in ``failed`` with the
        reason; triples whose verdict is ``fail`` are listed with theirs and not rendered.

    Raises:
        InputError: The collection has no takes.
        StorageError: The output cannot be written.
    """
    if not collection.takes:
        raise InputError("the collection has no takes", where=collection.name)
    for folder in (output / "triples", output / "fits"):
        make_folder(folder)
        remove_leftovers(folder)
    root = Path(collection.root)
    failed: dict[str, str] = {}
    fits = _run(
        _fit,
        [_FitTask(take, root, output, config, force) for take in collection.takes],
        workers,
        "align",
        failed,
    )
    size = _common_size([fit for fit in fits.values() if fit.verdict != "fail"])
    renders = [
        _RenderTask(
            take, collection.scene_of(take), root, output, config, force, fits[take.id], size
        )
        for take in collection.takes
        if size is not None and take.id in fits and fits[take.id].verdict != "fail"
    ]
    entries = _run(_render, renders, workers, "render", failed)
    for take_id, fit in fits.items():
        if fit.verdict == "fail":
            entries[take_id] = CuratedEntry(
                id=take_id, verdict="fail", key=fit.key, reasons=fit.reasons
            )
    curation = Curation(
        name=collection.name,
        title=collection.title,
        licence=collection.licence,
        citation=collection.citation,
        size=size,
        scenes=collection.scenes,
        triples=tuple(entries[take] for take in sorted(entries)),
        failed=tuple(FailedEntry(id=take, reason=failed[take]) for take in sorted(failed)),
        splits=collection.splits,
        audit=collection.audit,
        provenance=provenance(asdict(config)),
    )
    write_bytes(output / INDEX, schema.encode(curation))
    return curation


def _run(
    function: Callable[[Any], R],
    tasks: Sequence[Any],
    workers: int,
    label: str,
    failed: dict[str, str],
) -> dict[str, R]:
    """Run a stage over all takes; collect results by take, and reasons of failures."""
    results: dict[str, R] = {}
    for task, result in track(run_tasks(function, tasks, workers), len(tasks), label):
        if isinstance(result, StorageError):
            raise result
        if isinstance(result, IdfdError):
            failed[task.take.id] = str(result)
        else:
            results[task.take.id] = result
    return results


def _common_size(fits: Sequence[PairFit]) -> tuple[int, int] | None:
    """The largest width and height that every crop holds."""
    if not fits:
        return None
    return min(fit.crop.width for fit in fits), min(fit.crop.height for fit in fits)


def _key(*parts: Any) -> str:
    """Hash of everything that a result depends on, the versions of the code included."""
    versions = provenance()
    return sha256_bytes(msgspec.json.encode([versions.tool, versions.packages, *parts]))


def _read(
    take: Take, root: Path
) -> tuple[
    NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint16] | None, NDArray[np.uint16] | None
]:
    files = take.files

    def depth(role: Any) -> NDArray[np.uint16] | None:
        if role not in files:
            return None
        return read_depth(root / files[role].path, files[role].sha256)

    photos = [
        read_photo(root / files[role].path, files[role].sha256)
        for role in ("all_in_focus", "defocused")
    ]
    maps = depth("depth"), depth("depth_inpainted")
    for found in maps:
        if found is not None:
            check_sizes(photos[0], photos[1], found)
    return photos[0], photos[1], *maps


def _fit(task: _FitTask) -> PairFit:
    path = task.output / "fits" / f"{task.take.id}.json"
    # What a fit looks at, and no more: a new calibration of the blur does not ask for a new fit.
    seen = {role: file.sha256 for role, file in task.take.files.items() if role != "calibration"}
    key = _key(seen, asdict(task.config))
    if not task.force and path.exists():
        try:
            known = schema.load(PairFit, path)
        except IdfdError:
            known = None  # damaged or of another version: made again below
        if known is not None and known.key == key:
            return known
    all_in_focus, defocused, raw, inpainted = _read(task.take, task.root)
    depth = raw if raw is not None else inpainted
    assert depth is not None  # the schema of a take demands one
    fit = fit_pair(all_in_focus, defocused, depth, task.config, key)
    write_bytes(path, schema.encode(fit))
    return fit


def _render(task: _RenderTask) -> CuratedEntry:
    take, fit = task.take, task.fit
    folder = task.output / "triples" / take.id
    key = _key(fit.key, task.size, msgspec.to_builtins(task.scene), msgspec.to_builtins(take))
    entry = CuratedEntry(id=take.id, verdict=fit.verdict, key=key, reasons=fit.reasons)
    if not task.force and (folder / "key").exists() and (folder / "key").read_text() == key:
        return entry
    all_in_focus, defocused, raw, inpainted = _read(take, task.root)
    height, width = all_in_focus.shape[:2]
    depth = raw if raw is not None else inpainted
    assert depth is not None  # the schema of a take demands one
    valid = valid_pixels(sampling_maps(fit.transform, width, height))
    crop = place_crop(common_field(valid, depth, task.config), *task.size)
    assert crop is not None  # the common size is at most this pair's largest crop
    window = crop.window
    if take.depth_frame == "defocused":
        raw = None if raw is None else move_depth(raw, fit.transform)
        inpainted = None if inpainted is None else move_depth(inpainted, fit.transform)
    record = TripleRecord(
        id=take.id,
        scene=take.scene,
        group=task.scene.group,
        environment=task.scene.environment,
        taken_at=take.taken_at,
        all_in_focus=take.all_in_focus,
        defocused=take.defocused,
        intrinsics=take.intrinsics
        and take.intrinsics.cropped(crop.x, crop.y, crop.width, crop.height),
        blur=take.blur,
        sources={str(role): reference for role, reference in take.files.items()},
        transform=fit.transform,
        gain=fit.gain,
        crop=crop,
        checks=fit.checks,
        measures=fit.measures,
        verdict=fit.verdict,
        provenance=provenance(asdict(task.config)),
    )
    images = {
        "all_in_focus": all_in_focus[window],
        "defocused": render_defocused(defocused, fit, crop),
        "depth": None if raw is None else raw[window],
        "depth_inpainted": None if inpainted is None else inpainted[window],
        "source": source_map(raw, inpainted, filled=take.depth_filled, frames=take.depth_frames)[
            window
        ],
    }
    with atomic_folder(folder) as temporary:
        for name, image in images.items():
            if image is not None:
                (temporary / f"{name}.png").write_bytes(encode_png(np.ascontiguousarray(image)))
        (temporary / RECORD).write_bytes(schema.encode(record))
        (temporary / "key").write_text(key)
    return entry
