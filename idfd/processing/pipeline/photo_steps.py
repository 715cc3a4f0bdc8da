"""The steps ``align`` and ``normalise``."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from idfd.errors import InputError
from idfd.model.capture import Role
from idfd.model.stage import StageRecord
from idfd.model.triple import Crop
from idfd.processing.photos.pair import fit_pair
from idfd.processing.photos.render import render_defocused, render_sharp
from idfd.processing.photos.white_field import fit_white_field
from idfd.processing.pipeline.window import placed, size_inputs
from idfd.processing.pipeline.workspace import Workspace, png

_WHITE: tuple[Role, Role] = ("white_all_in_focus", "white_defocused")


def align_inputs(work: Workspace) -> dict[str, str]:
    """What the fit of the pair rests on."""
    return work.hashes("all_in_focus", "defocused", *_WHITE)


def align(work: Workspace, record: StageRecord) -> None:
    """Fit the geometry between the photos, and their exposure and vignetting."""
    white = None
    if all(role in work.task.take.files for role in _WHITE):
        photos = [work.photo(role) for role in _WHITE]
        try:
            white = fit_white_field(*photos)
        except InputError as error:  # it knows no files, and those of the take are not at fault
            where = work.where("white_all_in_focus")
            raise InputError(
                error.what, where=where, limit=error.limit, remedy=error.remedy
            ) from None
    pair = work.photo("all_in_focus"), work.photo("defocused")
    fit = fit_pair(*pair, work.task.config.pair, white)
    work.finish(msgspec.structs.replace(record, fit=fit, measures=fit.measures), {})


def normalise_inputs(work: Workspace) -> dict[str, str]:
    """What the photos of the triple rest on."""
    return work.hashes("all_in_focus", "defocused") | work.keys("align", "crop") | size_inputs(work)


def normalise(work: Workspace, record: StageRecord) -> None:
    """Render both photos on the triple's pixels, with one exposure and vignetting."""
    crop = placed(work)
    sharp = sharp_photo(work, crop)
    defocused = render_defocused(work.photo("defocused"), work.fit, crop)
    work.memory["defocused"] = defocused
    files = {
        f"{work.triple}/all_in_focus.png": png(sharp),
        f"{work.triple}/defocused.png": png(defocused),
    }
    work.finish(msgspec.structs.replace(record, crop=crop), files)


def sharp_photo(work: Workspace, crop: Crop) -> NDArray[np.uint8]:
    """The all-in-focus photo on the triple's pixels."""
    if "all_in_focus" not in work.memory:
        work.memory["all_in_focus"] = render_sharp(work.photo("all_in_focus"), crop)
    return np.asarray(work.memory["all_in_focus"])
