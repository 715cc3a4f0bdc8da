"""The reference frame: how the cameras stood when they were calibrated."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from idfd.calibration.check.matching import match_cameras
from idfd.calibration.check.pose import fit_pose
from idfd.calibration.check.takes import SceneTake, read_scene
from idfd.errors import InputError, SchemaError
from idfd.model.camera import Intrinsics
from idfd.model.rig import ReferenceFrame

_MOST_TAKES = 12


def measure_reference(photo: Intrinsics, takes: Sequence[SceneTake]) -> ReferenceFrame | None:
    """Measure how the photo camera stands against the depth camera, from several takes at once.

    Points at many depths and all over the frame tell a turn from a step, as one take cannot.

    Args:
        photo: The photo camera.
        takes: Of the calibration's session, all shot with the rig as it is; a dozen are looked at.
            What cannot be read is passed over: the solver names it.

    Returns:
        None where it cannot be told: no colour images in the bursts, or too little that both
        cameras see.
    """
    chosen = np.unique(np.linspace(0, len(takes) - 1, min(len(takes), _MOST_TAKES)).round())
    found = []
    for index in chosen.astype(int):
        try:
            scene = read_scene(takes[index], photo)
        except (InputError, SchemaError):
            continue
        matches = match_cameras(scene.photo, scene.factor, scene.burst, photo, None)
        if matches is not None:
            found.append(matches)
    measured = fit_pose(found) if found else None
    return measured.frame if measured is not None else None
