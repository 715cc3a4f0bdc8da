"""DDFF 12-Scene (Hazirbas et al., ACCV 2018): focal stacks of a light-field camera with depth.

``ddff-dataset-trainval.h5`` holds ``stack_train``, ``stack_val`` (N, 10, H, W, 3), values 0 to 255,
and ``disp_train``, ``disp_val`` (N, H, W) or (N, 1, H, W), disparity in pixels, 0 = none. The ten
slices are focused at disparities evenly from that of 0.5 m to that of 7 m, nearest first. With the
published calibration (sub-aperture focal length 521.4052 px, baseline 1982.025 / 7317.021 mm)::

    depth = focal length · baseline / disparity = 0.14124 px·m / disparity

which gives the published range of disparities, 0.0202 to 0.2821 px. The public test stacks come
without disparity and are not read.

One slice is the defocused photo. All slices were computed from one light-field photo, so none is
sharp everywhere: the all-in-focus photo is absent, or with ``sharp="composite"`` put together, each
pixel from the slice that is sharpest around it. Scenes are not named in the file; 100 stacks in
a row are one, as the authors' packing does. That order could not be checked against the true file.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.errors import InputError
from idfd.model.provenance import FileReference
from idfd.model.triple import Triple
from idfd.release.download import dataset_source
from idfd.release.importers.audit import Audit
from idfd.release.importers.rgbd_sets import (
    Frame,
    make_triple,
    measured_where,
    millimetres,
    need_shape,
    opened_hdf5,
    published_splits,
    scenes_of,
)
from idfd.release.triple_folder import SetFacts, TripleTask, task_key
from idfd.storage.hashing import sha256_file

LAYOUT = "ddff-dataset-trainval.h5"
SPLITS = ("train", "val")
SLICES = 10
FOCAL_BASELINE_PX_M = 521.4052 * 1982.0250823695178 / 7317.020641763665 * 1e-3
NEAREST_M, FARTHEST_M = 0.5, 7.0
STACKS_OF_A_SCENE = 100
_SHARPNESS_SIGMA_PX = 4.0
_HOLDS = "stack_train, disp_train, stack_val and disp_val"


def verify(source: Path) -> None:
    """Check that the file is there.

    Raises:
        InputError: It is not; the error says where it looked and how to get it.
    """
    if not (source / LAYOUT).is_file():
        raise InputError(
            f"{LAYOUT} not found", where=source, limit=f"a folder with {LAYOUT}",
            remedy=dataset_source("ddff12").instructions,
        )  # fmt: skip


def triples(
    source: Path, focus_slice: int = 4, sharp: str = "absent"
) -> tuple[SetFacts, Sequence[TripleTask]]:
    """The stacks with depth, as triples.

    Args:
        source: The folder that holds the file.
        focus_slice: The slice that is the defocused photo, 0 (focused at 0.5 m) to 9 (at 7 m).
        sharp: The all-in-focus photo: ``absent`` or ``composite``.

    Raises:
        InputError: An unknown option, or the file cannot be read.
    """
    if not 0 <= focus_slice < SLICES or sharp not in ("absent", "composite"):
        raise InputError(
            f"focus_slice={focus_slice}, sharp={sharp}",
            limit="focus_slice 0 to 9, sharp absent or composite",
        )
    path = source / LAYOUT
    frames: list[tuple[Frame, int]] = []
    with opened_hdf5(path, _HOLDS) as file:
        for split in SPLITS:
            stacks = file[f"stack_{split}"]
            need_shape(stacks, (None, SLICES, None, None, 3), f"{path}:/stack_{split}")
            count, _, height, width, _ = stacks.shape
            truth = file[f"disp_{split}"]
            flat = (count, height, width) if truth.ndim == 3 else (count, 1, height, width)
            need_shape(truth, flat, f"{path}:/disp_{split}")
            for index in range(count):
                scene = f"{split}-scene-{index // STACKS_OF_A_SCENE + 1}"
                frames.append((Frame(f"{split}-{index:04d}", scene, split, "indoor"), index))
    packed = FileReference(path=LAYOUT, sha256=sha256_file(path), bytes=path.stat().st_size)
    audit = Audit(source)
    audit.use([path])
    known = [frame for frame, _ in frames]
    facts = SetFacts(
        name="ddff12",
        title="DDFF 12-Scene",
        licence="see the authors' page (published for research)",
        citation="C. Hazirbas, S. G. Soyer, M. C. Staab, L. Leal-Taixé, D. Cremers: Deep Depth "
        "From Focus. ACCV, 2018",
        scenes=scenes_of(known),
        splits=published_splits(known, "published splits; by scene"),
        audit=audit.close("not read; the test stacks have no published truth"),
    )
    return facts, [
        TripleTask(
            frame.id,
            task_key("ddff12", packed.sha256, repr(frame), index, focus_slice, sharp),
            partial(_make, path, frame, index, packed, focus_slice, sharp == "composite"),
        )
        for frame, index in frames
    ]


def focus_distance_m(number: int) -> float:
    """Depth that a slice is focused at: slices are even in disparity."""
    near, far = FOCAL_BASELINE_PX_M / NEAREST_M, FOCAL_BASELINE_PX_M / FARTHEST_M
    return float(FOCAL_BASELINE_PX_M / np.linspace(near, far, SLICES)[number])


def composite(stack: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Each pixel from the slice whose Laplacian has most energy around it.

    Args:
        stack: (S, H, W, 3) uint8.

    Returns:
        (H, W, 3) uint8.
    """
    energy = []
    for photo in stack:
        grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY).astype(np.float32)
        energy.append(cv2.GaussianBlur(cv2.Laplacian(grey, -1) ** 2, (0, 0), _SHARPNESS_SIGMA_PX))
    best = np.argmax(energy, axis=0)
    return np.take_along_axis(stack, best[None, ..., None], axis=0)[0]


def _make(
    path: Path, frame: Frame, index: int, packed: FileReference, number: int, sharp: bool
) -> Triple:
    with opened_hdf5(path, _HOLDS) as file:
        stack = file[f"stack_{frame.split}"][index]
        disparity = np.squeeze(file[f"disp_{frame.split}"][index]).astype(np.float64)
    photos = np.clip(np.rint(stack), 0, 255).astype(np.uint8)
    known = np.isfinite(disparity) & (disparity > 0)
    metres = np.divide(FOCAL_BASELINE_PX_M, disparity, out=np.zeros_like(disparity), where=known)
    depth, far = millimetres(metres)
    return make_triple(
        "ddff12",
        frame,
        depth,
        measured_where(depth),
        {"stack": packed},
        all_in_focus=composite(photos) if sharp else None,
        defocused=np.ascontiguousarray(photos[number]),
        measures={"depth_beyond_range": far, "focus_distance_m": focus_distance_m(number)},
        options={"focus_slice": number, "sharp": "composite" if sharp else "absent"},
    )
