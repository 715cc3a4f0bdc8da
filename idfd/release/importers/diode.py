"""DIODE (Vasiljevic et al., 2019): indoor and outdoor photos with dense laser depth.

``{train,val}/{indoors,outdoor}/scene_<n>/scan_<n>/<name>.png`` of 1024x768 pixels, with
``<name>_depth.npy``, (768, 1024, 1) float32 metres, and ``<name>_depth_mask.npy``, (768, 1024),
1 where the laser saw something. The intrinsics are the published ones. There is no defocused photo.
Depth beyond 65.535 m, which outdoors there is, does not fit a release and is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from idfd.errors import InputError
from idfd.model.camera import Intrinsics
from idfd.model.triple import Triple
from idfd.release.download import dataset_source
from idfd.release.importers.audit import Audit, files_under, listing
from idfd.release.importers.blur_sets import identifier
from idfd.release.importers.rgbd_sets import (
    Frame,
    file_key,
    make_triple,
    measured_where,
    millimetres,
    need_shape,
    published_splits,
    reference,
    scenes_of,
)
from idfd.release.triple_folder import SetFacts, TripleTask, task_key
from idfd.storage.color import eight_bit
from idfd.storage.images import decode_photo, read_bytes, read_map

LAYOUT = "{train,val}/{indoors,outdoor}/scene_*/scan_*/<name>{.png,_depth.npy,_depth_mask.npy}"
SPLITS = ("train", "val")
ENVIRONMENTS = {"indoors": "indoor", "outdoor": "outdoor"}
INTRINSICS = Intrinsics(width=1024, height=768, fx=886.81, fy=927.06, cx=512, cy=384)
_DEPTH, _MASK = "_depth.npy", "_depth_mask.npy"


def verify(source: Path) -> None:
    """Check that a split is there.

    Raises:
        InputError: There is none; the error says what is there and how to get one.
    """
    if not source.is_dir():
        what = "there is no such folder"
    elif not any((source / split / place).is_dir() for split in SPLITS for place in ENVIRONMENTS):
        what = f"neither train nor val found; the folder holds {listing(source)}"
    else:
        return
    raise InputError(what, where=source, limit=LAYOUT, remedy=dataset_source("diode").instructions)


def triples(source: Path) -> tuple[SetFacts, Sequence[TripleTask]]:
    """The photos with depth, as triples without a defocused photo.

    Args:
        source: The folder that holds ``train``, ``val`` or both.

    Raises:
        InputError: No photo has depth and mask.
    """
    audit = Audit(source)
    frames: list[tuple[Frame, dict[str, Path]]] = []
    for split in SPLITS:
        for place, environment in ENVIRONMENTS.items():
            folder = source / split / place
            for photo in files_under(folder) if folder.is_dir() else ():
                if photo.suffix != ".png" or photo.parent.parent.parent != folder:
                    continue
                files = {
                    "all_in_focus": photo,
                    "depth": photo.with_name(photo.stem + _DEPTH),
                    "mask": photo.with_name(photo.stem + _MASK),
                }
                missing = [path.name for path in files.values() if not path.is_file()]
                if missing:
                    audit.add("orphan", [photo], f"there is no {' and no '.join(missing)}")
                    continue
                audit.use(files.values())
                group = identifier(photo.parent.parent.name)
                name = identifier(f"{split}-{photo.stem}")
                frames.append((Frame(name, group, split, environment), files))
    if not frames:
        raise InputError("no photo has depth and mask", where=source, limit=LAYOUT)
    known = [frame for frame, _ in frames]
    facts = SetFacts(
        name="diode",
        title="DIODE Depth",
        licence="MIT",
        citation="I. Vasiljevic et al.: DIODE: A Dense Indoor and Outdoor DEpth Dataset. "
        "arXiv:1908.00463, 2019",
        scenes=scenes_of(known),
        splits=published_splits(known, "published splits; by scene"),
        audit=audit.close(f"not part of the layout {LAYOUT}"),
    )
    return facts, [
        TripleTask(
            frame.id,
            task_key("diode", repr(frame), [file_key(path) for path in files.values()]),
            partial(_make, source, frame, files),
        )
        for frame, files in frames
    ]


def _make(root: Path, frame: Frame, files: dict[str, Path]) -> Triple:
    data = {what: read_bytes(path) for what, path in files.items()}
    photo = eight_bit(decode_photo(data["all_in_focus"], files["all_in_focus"]))
    metres, mask = read_map(files["depth"]), read_map(files["mask"])
    metres = metres[..., 0] if metres.ndim == 3 else metres
    for array, what in ((metres, "depth"), (mask, "mask")):
        need_shape(array, photo.shape[:2], str(files[what]))
        if not (np.issubdtype(array.dtype, np.floating) or what == "mask"):
            raise InputError(
                f"holds {array.dtype}", where=files[what], limit="floating-point metres"
            )
    depth, far = millimetres(metres, mask > 0)
    size = (photo.shape[1], photo.shape[0])
    return make_triple(
        "diode",
        frame,
        depth,
        measured_where(depth),
        {what: reference(path, root, data[what]) for what, path in files.items()},
        all_in_focus=photo,
        intrinsics=INTRINSICS if size == (INTRINSICS.width, INTRINSICS.height) else None,
        measures={"depth_beyond_range": far},
    )
