"""Make3D (Saxena et al., 2005 to 2009): outdoor photos with a coarse laser grid.

``Train400Img/img-<name>.jpg`` with ``Train400Depth/depth_sph_corr-<name>.mat``, and
``Test134/img-<name>.jpg`` with ``Gridlaserdata/depth_sph_corr-<name>.mat``. A photo is 2272 high
and 1704 wide. ``Position3DGrid`` is 55x305x4 (MATLAB 5, or 7.3 with its axes turned around); the
published Readme calls the fourth layer, which all public readers take, "Depths in meters". It is
the laser's range along its ray, and is kept as it is: without intrinsics it cannot be made depth
along the axis, and those are not published.

The grid spans the photo. Photos are reduced by area to the width asked for (345 by default, so
345x460, as is common in the literature), and each pixel takes the nearest cell of the grid. A cell
is thus a block of pixels, not depth at that resolution.

A release ends at 65.535 m, so the error C1 (truth below 70 m) misses the cells between the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.errors import InputError
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
    resized,
    scenes_of,
)
from idfd.release.triple_folder import SetFacts, TripleTask, task_key
from idfd.storage.color import eight_bit
from idfd.storage.images import decode_photo, read_bytes
from idfd.storage.matlab import matlab_array

LAYOUT = "{Train400Img,Test134}/img-*.jpg, {Train400Depth,Gridlaserdata}/depth_sph_corr-*.mat"
FOLDERS = {"train": ("Train400Img", "Train400Depth"), "test": ("Test134", "Gridlaserdata")}
GRID = (55, 305, 4)
RANGE_LAYER = 3
_PHOTO, _GRID = "img-", "depth_sph_corr-"


def verify(source: Path) -> None:
    """Check that the folders of a split are there.

    Raises:
        InputError: None is complete; the error says what is there and how to get the rest.
    """
    if any(all((source / name).is_dir() for name in names) for names in FOLDERS.values()):
        return
    raise InputError(
        f"no split is complete; the folder holds {listing(source)}"
        if source.is_dir() else "there is no such folder",
        where=source,
        limit=LAYOUT,
        remedy=dataset_source("make3d").instructions,
    )  # fmt: skip


def triples(source: Path, width: int = 345) -> tuple[SetFacts, Sequence[TripleTask]]:
    """The photos with their grids, as triples without a defocused photo.

    Args:
        source: The folder that holds the folders of :data:`FOLDERS`.
        width: Of the triples, pixels.

    Raises:
        InputError: No photo has a grid.
    """
    audit = Audit(source)
    frames: list[tuple[Frame, Path, Path]] = []
    for split, (photo_folder, grid_folder) in FOLDERS.items():
        photos = _by_name(source / photo_folder, _PHOTO, ".jpg")
        grids = _by_name(source / grid_folder, _GRID, ".mat")
        for name in sorted(photos.keys() & grids.keys()):
            place = identifier(name.split("-p-")[0])
            frame = Frame(identifier(f"{split}-{name}"), place, split, "outdoor")
            frames.append((frame, photos[name], grids[name]))
            audit.use([photos[name], grids[name]])
        for name in sorted(photos.keys() - grids.keys()):
            audit.add("orphan", [photos[name]], f"there is no grid '{name}'")
        for name in sorted(grids.keys() - photos.keys()):
            audit.add("orphan", [grids[name]], f"there is no photo '{name}'")
    if not frames:
        raise InputError("no photo has a grid", where=source, limit=LAYOUT)
    known = [frame for frame, _, _ in frames]
    facts = SetFacts(
        name="make3d",
        title="Make3D",
        licence="none stated by the authors (published for research; cite the papers)",
        citation="A. Saxena, M. Sun, A. Y. Ng: Make3D: Learning 3D Scene Structure from a Single "
        "Still Image. IEEE TPAMI 31(5), 2009",
        scenes=scenes_of(known),
        splits=published_splits(known, "published splits; places may stand in both"),
        audit=audit.close(f"not part of the layout {LAYOUT}"),
    )
    return facts, [
        TripleTask(
            frame.id,
            task_key("make3d", repr(frame), file_key(photo), file_key(grid), width),
            partial(_make, source, frame, photo, grid, width),
        )
        for frame, photo, grid in frames
    ]


def _by_name(folder: Path, prefix: str, suffix: str) -> dict[str, Path]:
    """Files under a folder by what their names hold between prefix and suffix."""
    return {
        path.stem.removeprefix(prefix): path
        for path in (files_under(folder) if folder.is_dir() else ())
        if path.name.startswith(prefix) and path.suffix.lower() == suffix
    }


def _make(root: Path, frame: Frame, photo: Path, grid: Path, width: int) -> Triple:
    data, grid_data = read_bytes(photo), read_bytes(grid)
    full = eight_bit(decode_photo(data, photo))
    small = resized(full, width)
    cells = read_grid(grid_data, grid)[..., RANGE_LAYER]
    size = (small.shape[1], small.shape[0])
    spread = cv2.resize(cells, size, interpolation=cv2.INTER_NEAREST_EXACT)
    depth, far = millimetres(spread)
    return make_triple(
        "make3d",
        frame,
        depth,
        measured_where(depth),
        {"all_in_focus": reference(photo, root, data), "depth": reference(grid, root, grid_data)},
        all_in_focus=small,
        scale=full.shape[1] / small.shape[1],
        measures={"depth_beyond_range": far},
        options={"width": width},
    )


def read_grid(data: bytes, where: Path) -> NDArray[np.float32]:
    """``Position3DGrid`` of a MATLAB file, (55, 305, 4) float32 metres.

    Raises:
        InputError: Damaged, or of another shape.
    """
    grid = matlab_array(data, "Position3DGrid", where)
    need_shape(grid, GRID, str(where))
    return np.asarray(grid, np.float32)
