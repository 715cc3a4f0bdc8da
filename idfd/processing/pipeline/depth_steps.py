"""The steps ``denoise``, ``register`` and ``inpaint``."""

from __future__ import annotations

import io
from pathlib import PurePosixPath
from typing import Any

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from idfd.model.stage import StageRecord
from idfd.model.triple import DepthSource
from idfd.processing.depth.denoise import denoise as denoise_burst
from idfd.processing.depth.freespace import least_depth
from idfd.processing.depth.inpaint import inpaint as fill_holes
from idfd.processing.depth.maps import DepthMap
from idfd.processing.depth.register import register as move_to_photo
from idfd.processing.pipeline.inputs import (
    denoised,
    geometry_hash,
    given_depth,
    on_crop,
    rig_of,
    source_of,
)
from idfd.processing.pipeline.photo_steps import sharp_photo
from idfd.processing.pipeline.window import placed, size_inputs
from idfd.processing.pipeline.workspace import Workspace, pack, png, unpack
from idfd.storage.hashing import sha256_bytes


def denoise_inputs(work: Workspace) -> dict[str, str]:
    """What the fused depth rests on."""
    return work.hashes("burst")


def denoise(work: Workspace, record: StageRecord) -> None:
    """Fuse the burst, on the depth camera's pixels."""
    found = denoise_burst(work.depth_frames(), work.task.config.denoise)
    arrays: dict[str, NDArray[Any] | None] = {
        "depth": found.depth,
        "source": found.source,
        "uncertainty": found.uncertainty,
        "count": found.count,
    }
    kept = {name: array for name, array in arrays.items() if array is not None}
    record = msgspec.structs.replace(record, measures=found.measures)
    work.finish(record, {f"{work.stages}/denoise.npz": pack(kept)})


def register_inputs(work: Workspace) -> dict[str, str]:
    """What the depth on the triple's pixels rests on."""
    parts = work.keys("denoise", "crop") | size_inputs(work)
    if work.has_burst:
        return parts | geometry_hash(work)
    take = work.task.take
    described = [take.depth_frame, take.depth_filled, take.depth_frames]
    parts |= work.keys("align") | work.hashes("depth", "depth_inpainted")
    return parts | {"described": sha256_bytes(msgspec.json.encode(described))}


def register(work: Workspace, record: StageRecord) -> None:
    """Move depth to the triple's pixels, as ``depth.png`` and what is known of it."""
    crop, take = placed(work), work.task.take
    if work.has_burst:
        found = move_to_photo(denoised(work), rig_of(work), crop, work.task.config.register)
    else:
        found = DepthMap.of_image(on_crop(given_depth(work)[0], crop), source_of(work))
    depth = found.depth.astype(np.uint16)
    about: dict[str, NDArray[Any]] = {"source": found.source}
    if found.uncertainty is not None:
        # Half precision, as in a release.
        about["uncertainty"] = found.uncertainty.astype(np.float16)
    files = {}
    if work.has_burst or "depth" in take.files:
        files[f"{work.triple}/depth.png"] = png(depth)
    else:  # nothing was measured: it is not to be taken for raw depth
        about["depth"] = depth
    files[f"{work.stages}/register.npz"] = pack(about)
    record = msgspec.structs.replace(record, crop=crop, measures=found.measures)
    work.finish(record, files, instead_of=(f"{work.triple}/depth.png",))
    work.memory["registered"] = _as_map(about | {"depth": depth})


def registered(work: Workspace) -> DepthMap:
    """The depth that the step ``register`` left, on the triple's pixels."""
    if "registered" not in work.memory:
        work.memory["registered"] = _read_registered(work)
    found = work.memory["registered"]
    assert isinstance(found, DepthMap)
    return found


def _read_registered(work: Workspace) -> DepthMap:
    about = unpack(work.stored("register", "register.npz"))
    if "depth" not in about:
        about["depth"] = _gray(work.stored("register", "depth.png"))
    return _as_map(about)


def _as_map(about: dict[str, NDArray[Any]]) -> DepthMap:
    """What a later run would read: the next step sees the same in every run."""
    uncertainty = about.get("uncertainty")
    return DepthMap(
        about["depth"].astype(np.float32),
        about["source"],
        None if uncertainty is None else uncertainty.astype(np.float32),
    )


def inpaint_inputs(work: Workspace) -> dict[str, str]:
    """What the filled depth rests on."""
    return work.keys("register") | work.hashes("all_in_focus", "depth_inpainted")


def inpaint(work: Workspace, record: StageRecord) -> None:
    """Fill holes, as ``depth_inpainted.png``; and write where each depth comes from."""
    take, crop = work.task.take, work.records["register"].crop
    assert crop is not None
    known = registered(work)
    filled: DepthMap | None = None
    if "depth_inpainted" in take.files:
        filled = _given_filled(work, known)
    elif work.task.config.inpaint.method != "none" and not take.depth_filled:
        bound = None
        if work.has_burst and work.task.config.inpaint.free_space:
            bound = least_depth(denoised(work), rig_of(work), crop, known.depth == 0)
        filled = fill_holes(known, sharp_photo(work, crop), work.task.config.inpaint, bound)
    if filled is not None:
        work.memory["inpainted"] = filled
    result = filled if filled is not None else known
    files = {f"{work.triple}/source.png": png(result.source)}
    if filled is not None:
        files[f"{work.triple}/depth_inpainted.png"] = png(filled.depth.astype(np.uint16))
    if known.uncertainty is not None and result.uncertainty is not None:
        buffer = io.BytesIO()
        np.save(buffer, result.uncertainty.astype(np.float16), allow_pickle=False)
        files[f"{work.triple}/uncertainty.npy"] = buffer.getvalue()
    work.finish(
        msgspec.structs.replace(record, measures=result.measures),
        files,
        instead_of=(f"{work.triple}/depth_inpainted.png", f"{work.triple}/uncertainty.npy"),
    )


def inpainted(work: Workspace) -> DepthMap | None:
    """The depth that the step ``inpaint`` left; None where holes stay."""
    if "inpainted" in work.memory:
        found = work.memory["inpainted"]
        assert isinstance(found, DepthMap)
        return found
    names = [PurePosixPath(file.path).name for file in work.records["inpaint"].outputs]
    if "depth_inpainted.png" not in names:
        return None
    return DepthMap(
        _gray(work.stored("inpaint", "depth_inpainted.png")).astype(np.float32),
        np.asarray(_gray(work.stored("inpaint", "source.png")), np.uint8),
    )


def _gray(data: bytes) -> NDArray[Any]:
    """A PNG of one channel that this program wrote, and whose hash was checked."""
    return np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED))


def _given_filled(work: Workspace, known: DepthMap) -> DepthMap:
    """Depth that was filled where the take comes from."""
    crop, given = work.records["register"].crop, given_depth(work)[1]
    assert crop is not None
    assert given is not None
    whole = on_crop(given, crop)
    source = np.where(known.source != DepthSource.NONE, known.source, DepthSource.IN_PAINTED)
    return DepthMap(
        whole.astype(np.float32),
        np.where(whole > 0, source, DepthSource.NONE).astype(np.uint8),
        known.uncertainty,
    )
