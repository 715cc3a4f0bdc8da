"""The step ``crop``, and the crop that a take gets once the size of the set is known."""

from __future__ import annotations

import msgspec
import numpy as np

from idfd.errors import InputError
from idfd.model.stage import StageRecord
from idfd.model.triple import Crop, DepthSource
from idfd.processing.crop import (
    Field,
    common,
    depth_field,
    fit_crop,
    largest_crop,
    lone_removed,
    map_field,
    pair_field,
    place_crop,
)
from idfd.processing.depth.maps import DepthMap
from idfd.processing.depth.register import photo_points
from idfd.processing.pipeline.inputs import denoised, geometry_hash, given_depth, rig_of
from idfd.processing.pipeline.workspace import Workspace


def crop_inputs(work: Workspace) -> dict[str, str]:
    """What the largest crop of a take rests on."""
    parts = work.keys("denoise", "align") | work.hashes("depth", "depth_inpainted")
    if work.has_burst:
        parts |= geometry_hash(work)
    return parts


def crop(work: Workspace, record: StageRecord) -> None:
    """Find the largest window of the photo's own pixels."""
    fit, size = work.fit, work.task.config.crop.size
    aspect = size[0] / size[1] if size else fit.width / fit.height
    found = largest_crop(_field(work), aspect)
    work.finish(msgspec.structs.replace(record, crop=found), {})


def size_inputs(work: Workspace) -> dict[str, str]:
    """The size of the set, for keys."""
    size = work.task.size
    assert size is not None  # nothing is rendered before the set's size is known
    return {"size": f"{size[0]}x{size[1]}"}


def placed(work: Workspace) -> Crop:
    """The crop of a take with the size of the set.

    Raises:
        InputError: The take's own largest crop is smaller.
    """
    if "crop" not in work.memory:
        work.memory["crop"] = _place(work)
    found = work.memory["crop"]
    assert isinstance(found, Crop)
    return found


def _place(work: Workspace) -> Crop:
    largest, size = work.records["crop"].crop, work.task.size
    assert largest is not None
    assert size is not None
    if work.task.config.crop.size is not None:
        return fit_crop(largest, *size)
    if (largest.width, largest.height) == size:
        return largest
    found = place_crop(_field(work), *size)
    if found is None:
        raise InputError(
            f"the photos and the depth share {largest.width}x{largest.height} pixels",
            where=work.task.take.id,
            limit=f"{size[0]}x{size[1]}, the size of the set",
            remedy="Leave the take out",
        )
    return found


def _field(work: Workspace) -> Field:
    fields = [pair_field(work.fit)]
    if work.task.config.crop.to_depth:
        fields.append(_depth_field(work))
    return common(*fields)


def _depth_field(work: Workspace) -> Field:
    if not work.has_burst:
        return map_field(given_depth(work)[0])
    found, rig, width, height = denoised(work), rig_of(work), work.fit.width, work.fit.height
    if (width, height) != (rig.photo.width, rig.photo.height):
        raise InputError(
            f"the photo is {width}x{height}",
            where=work.where("all_in_focus"),
            limit=f"{rig.photo.width}x{rig.photo.height}, as in the calibration",
            remedy="Calibrate with the image size that the session was shot in",
        )
    if not (found.depth > 0).any():
        raise InputError(
            "no pixel has depth in enough frames of the burst",
            where=work.where("burst"),
            remedy="Shoot again within the depth camera's range (0.5 to 3.9 m)",
        )
    kept = lone_removed(found.depth > 0)
    solid = DepthMap(
        np.where(kept, found.depth, np.float32(0)),
        np.where(kept, found.source, DepthSource.NONE).astype(np.uint8),
    )
    return depth_field(photo_points(solid, rig), width, height)
