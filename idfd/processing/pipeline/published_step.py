"""The authors' processing of a take as one step, after the fusion of its burst."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from idfd.errors import InputError
from idfd.model.stage import StageRecord
from idfd.processing.pipeline.inputs import denoised
from idfd.processing.pipeline.workspace import Workspace, png
from idfd.processing.published.colour import kinect_colour
from idfd.processing.published.steps import make_published


def published_inputs(work: Workspace) -> dict[str, str]:
    """What it rests on; the rig's calibration is not used."""
    if not work.has_burst:
        raise InputError(
            "there is no burst of depth frames, with which the published processing begins",
            where=work.task.take.id,
            remedy="Process the take without --preset published",
        )
    return work.keys("denoise") | work.hashes("burst", "all_in_focus", "defocused")


def published(work: Workspace, record: StageRecord) -> None:
    """Make all arrays of the take; there is no record of a triple, and so no release of it.

    The square that was cut, and squeezed to another aspect, is in the manifest's measures.
    """
    config = work.task.config.published
    assert config is not None
    colour, rig = kinect_colour(work.burst, work.where("burst"))
    photos = work.photo("all_in_focus"), work.photo("defocused")
    made = make_published(denoised(work), colour, rig, *photos, config)
    crop = made.crop
    arrays: dict[str, NDArray[Any]] = {
        "all_in_focus": made.all_in_focus,
        "defocused": made.defocused,
        "depth": made.depth.depth.astype(np.uint16),
        "depth_inpainted": made.depth_inpainted.depth.astype(np.uint16),
        "source": made.depth_inpainted.source,
    }
    measures = {
        "x": float(crop.x),
        "y": float(crop.y),
        "side": float(crop.side),
        "inliers": float(made.homography.inliers),
        "matches": float(made.homography.matches),
    }
    work.finish(
        msgspec.structs.replace(record, measures=measures),
        {f"{work.triple}/{name}.png": png(array) for name, array in arrays.items()},
        instead_of=(f"{work.triple}/uncertainty.npy",),
    )
