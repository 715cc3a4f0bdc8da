"""NYU-Depth-V2, the labeled frames (Silberman et al., ECCV 2012).

``nyu_depth_v2_labeled.mat`` is HDF5 as MATLAB 7.3 writes it, with the axes turned around:
``images`` (1449, 3, 640, 480) uint8, ``depths`` (filled by colorization) and ``rawDepths``
(1449, 640, 480) float32 metres, ``scenes`` references to names as 16-bit characters. The published
split is ``splits.mat`` (MATLAB 5): ``trainNdxs`` (795) and ``testNdxs`` (654), counted from 1.

The release gets both kinds of depth: ``depth`` is ``rawDepths`` and ``depth_inpainted`` is
``depths``. Colorization moves measured depth a little as well, so the two differ there. The photo
is the all-in-focus one, and there is no defocused one. Parts of one scene (``study_0004a``) are one
group. The intrinsics are those of the authors' toolbox without its distortion.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from idfd.errors import InputError
from idfd.model.camera import Intrinsics
from idfd.model.provenance import FileReference
from idfd.model.triple import DepthSource, Triple
from idfd.release.download import dataset_source
from idfd.release.importers.audit import Audit
from idfd.release.importers.blur_sets import identifier
from idfd.release.importers.rgbd_sets import (
    Frame,
    make_triple,
    millimetres,
    need_shape,
    opened_hdf5,
    published_splits,
    scenes_of,
)
from idfd.release.triple_folder import SetFacts, TripleTask, task_key
from idfd.storage.hashing import sha256_file
from idfd.storage.images import read_bytes
from idfd.storage.matlab import matlab_array

LAYOUT = "nyu_depth_v2_labeled.mat and splits.mat"
LABELED, SPLITS = "nyu_depth_v2_labeled.mat", "splits.mat"
_HOLDS = "images, depths, rawDepths and scenes"
MD5 = "520609c519fba3ba5ac58c8fefcc3530"
INTRINSICS = Intrinsics(
    width=640, height=480, fx=518.857901, fy=519.469611, cx=324.582449, cy=252.736166
)
"""Of the toolbox's ``camera_params.m``; MATLAB counts pixels from 1, so the centre is less by 1."""


def verify(source: Path) -> None:
    """Check that both files are there and that the frames are those that were published.

    Raises:
        InputError: They are not; the error says where it looked and what to do.
    """
    missing = [name for name in (LABELED, SPLITS) if not (source / name).is_file()]
    if missing:
        raise InputError(
            f"{' and '.join(missing)} not found",
            where=source,
            limit=f"a folder with {LAYOUT}",
            remedy=dataset_source("nyu_depth_v2").instructions,
        )
    with (source / LABELED).open("rb") as file:
        found = hashlib.md5(usedforsecurity=False)
        while block := file.read(1 << 22):
            found.update(block)
    if found.hexdigest() != MD5:
        raise InputError(
            f"the file is not the published one (MD5 {found.hexdigest()})",
            where=source / LABELED,
            limit=f"MD5 {MD5}",
            remedy="Download it again; a broken download has another sum",
        )


def triples(source: Path) -> tuple[SetFacts, Sequence[TripleTask]]:
    """All frames, as triples without a defocused photo.

    Args:
        source: The folder that holds both files.

    Raises:
        InputError: A file cannot be read, or has other content.
    """
    path = source / LABELED
    with opened_hdf5(path, _HOLDS) as file:
        count = len(file["images"])
        need_shape(file["images"], (count, 3, 640, 480), f"{path}:/images")
        for name in ("depths", "rawDepths"):
            need_shape(file[name], (count, 640, 480), f"{path}:/{name}")
        need_shape(file["scenes"], (1, count), f"{path}:/scenes")
        scenes = ["".join(map(chr, np.ravel(file[item]))) for item in file["scenes"][0]]
    split = _splits(source / SPLITS, count)
    frames = [
        Frame(f"frame-{index + 1:04d}", _place(scene), split[index], "indoor")
        for index, scene in enumerate(scenes)
    ]
    labeled = FileReference(path=LABELED, sha256=sha256_file(path), bytes=path.stat().st_size)
    audit = Audit(source)
    audit.use([path, source / SPLITS])
    facts = SetFacts(
        name="nyu_depth_v2",
        title="NYU-Depth-V2, labeled frames",
        licence="none stated by the authors (published for research; cite the paper)",
        citation="N. Silberman, D. Hoiem, P. Kohli, R. Fergus: Indoor Segmentation and Support "
        "Inference from RGBD Images. ECCV, 2012",
        scenes=scenes_of(frames),
        splits=published_splits(frames, "published splits; by scene"),
        audit=audit.close(f"not one of {LAYOUT}"),
        depth_kinds=("raw", "inpainted"),
    )
    return facts, [
        TripleTask(
            frame.id,
            task_key("nyu_depth_v2", labeled.sha256, index, repr(frame)),
            partial(_make, path, index, frame, labeled),
            partial(_raw, path, index),
        )
        for index, frame in enumerate(frames)
    ]


def _make(path: Path, index: int, frame: Frame, labeled: FileReference) -> Triple:
    with opened_hdf5(path, _HOLDS) as file:
        photo = np.ascontiguousarray(file["images"][index].transpose(2, 1, 0))
        depth, far = millimetres(file["depths"][index].T)
        raw, _ = millimetres(file["rawDepths"][index].T)
    source = np.where(raw > 0, DepthSource.MEASURED, DepthSource.IN_PAINTED)
    source = np.where(depth > 0, source, DepthSource.NONE).astype(np.uint8)
    return make_triple(
        "nyu_depth_v2",
        frame,
        depth,
        source,
        {"labeled": labeled},
        all_in_focus=photo,
        intrinsics=INTRINSICS,
        measures={"depth_beyond_range": far},
    )


def _place(scene: str) -> str:
    """The group of a scene: parts of one place differ in a letter at the end."""
    return identifier(re.sub(r"(\d)[a-z]$", r"\1", scene))


def _raw(path: Path, index: int) -> NDArray[np.uint16]:
    with opened_hdf5(path, _HOLDS) as file:
        return millimetres(file["rawDepths"][index].T)[0]


def _splits(path: Path, count: int) -> dict[int, str]:
    """Name of the split of each frame, by index from 0."""
    data = read_bytes(path)
    train, test = (matlab_array(data, name, path) for name in ("trainNdxs", "testNdxs"))
    numbered = [*((n, "train") for n in np.ravel(train)), *((n, "test") for n in np.ravel(test))]
    found = {int(number) - 1: name for number, name in numbered}
    if len(numbered) != count or sorted(found) != list(range(count)):
        raise InputError(
            f"the splits name {len(numbered)} frames",
            where=path,
            limit=f"each of the {count} frames of {LABELED} once",
        )
    return found
