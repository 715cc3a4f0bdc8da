"""What the steps take from a take besides its photos: the rig, and depth in one form or another."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from idfd.errors import InputError
from idfd.model.rig import RigCalibration
from idfd.model.triple import Crop, DepthSource, PairTransform
from idfd.processing.depth.maps import DepthMap
from idfd.processing.photos.transform import sampling_maps
from idfd.processing.pipeline.workspace import Workspace, unpack
from idfd.storage.hashing import sha256_bytes


def rig_of(work: Workspace) -> RigCalibration:
    """The calibration of the rig that a take was shot with.

    Raises:
        InputError: There is none, or it contradicts itself.
    """
    if work.rig is None:
        raise InputError(
            "there is no calibration of the rig that it was shot with",
            where=work.task.take.id,
            remedy="Calibrate the rig with 'idfd calibrate solve' and give the file as "
            "--calibration",
        )
    return work.rig


def geometry_hash(work: Workspace) -> dict[str, str]:
    """What depth takes from a calibration: a new model of the blur does not ask for new depth."""
    rig = rig_of(work)
    parts = (rig.photo, rig.depth, rig.depth_to_photo, rig.covariance)
    return {"geometry": sha256_bytes(msgspec.json.encode(parts))}


def denoised(work: Workspace) -> DepthMap:
    """The fused depth, on the depth camera's pixels."""
    arrays = unpack(work.stored("denoise", "denoise.npz"))
    return DepthMap(
        arrays["depth"], arrays["source"], arrays.get("uncertainty"), arrays.get("count")
    )


def given_depth(work: Workspace) -> tuple[NDArray[np.uint16], NDArray[np.uint16] | None]:
    """Depth that came on the photo's pixels: measured (or, where none is, filled), and filled.

    Raises:
        InputError: It has another size than the photo.
    """
    take, fit = work.task.take, work.fit
    maps = [work.given_map(role) for role in ("depth", "depth_inpainted")]
    for found in maps:
        if found is not None and found.shape != (fit.height, fit.width):
            raise InputError(
                f"sizes differ: photos {fit.width}x{fit.height}, depth map "
                f"{found.shape[1]}x{found.shape[0]}",
                where=take.id,
                limit="one size",
                remedy="Register the depth map to the photo first; nothing is resized here",
            )
    if take.depth_frame == "defocused":
        maps = [None if m is None else move_depth(m, fit.transform) for m in maps]
    first = maps[0] if maps[0] is not None else maps[1]
    assert first is not None  # the schema of a take demands one
    return first, maps[1]


def move_depth(depth: NDArray[np.uint16], transform: PairTransform) -> NDArray[np.uint16]:
    """Depth registered to the defocused photo, moved to the all-in-focus photo.

    Nearest neighbour only: an average of two depths is a place where nothing is, and an average
    with 0 (no depth) is a wrong measurement. Pixels that would come from outside become 0.

    Args:
        depth: (H, W) uint16 mm on the defocused photo's pixels.
        transform: From the all-in-focus photo's pixels to the defocused photo's.
    """
    height, width = depth.shape
    x, y = sampling_maps(transform, width, height)
    column, row = np.rint(x).astype(np.int64), np.rint(y).astype(np.int64)
    inside = (column >= 0) & (row >= 0) & (column < width) & (row < height)
    moved = np.zeros_like(depth)
    moved[inside] = depth[row[inside], column[inside]]
    return moved


def on_crop(depth: NDArray[np.uint16], crop: Crop) -> NDArray[np.uint16]:
    """Depth of a whole photo on the pixels of a crop; nearest values, never means."""
    if crop.native:
        return depth[crop.window]
    columns = np.rint(crop.x + (np.arange(crop.width) + 0.5) * crop.scale - 0.5).astype(np.intp)
    rows = np.rint(crop.y + (np.arange(crop.height) + 0.5) * crop.scale - 0.5).astype(np.intp)
    return depth[np.ix_(rows, columns)]


def source_of(work: Workspace) -> DepthSource:
    """Where depth that came with the take as a map comes from."""
    take = work.task.take
    if take.depth_filled:
        return DepthSource.UNKNOWN
    if "depth" not in take.files:
        return DepthSource.IN_PAINTED
    return DepthSource.FUSED if take.depth_frames > 1 else DepthSource.MEASURED
