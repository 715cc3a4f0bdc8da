"""Whether photos can tell the blur of a lens, and what to add where they cannot."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from idfd.calibration.defocus.estimate import Sample
from idfd.calibration.defocus.lens import FOCUS, LOG_SCALE, circle
from idfd.calibration.defocus.likelihood import REACH
from idfd.calibration.defocus.patches import Patch
from idfd.errors import InputError

Array = NDArray[np.float64]
_VIEWS = 3
_SPREAD_PER_M = 0.3
_SMALLEST_PX = 1.0
_LARGEST_DEVIATION = 0.05
_NEAREST_TO_INFINITY = 0.02


def apertures_of(patches: Sequence[Patch]) -> tuple[float, float | None]:
    """The large and the small f-number of photos.

    Raises:
        InputError: There is none, or there are several.
    """
    large = {patch.f_number for patch in patches if patch.large}
    small = {patch.f_number for patch in patches if not patch.large}
    small |= {patch.reference_f_number for patch in patches if patch.reference_f_number is not None}
    for name, numbers in (("large", large), ("small", small)):
        if len(numbers) > 1:
            raise InputError(
                f"photos at {', '.join(f'f/{number:g}' for number in sorted(numbers))} are mixed",
                limit=f"one {name} aperture",
                remedy="Calibrate each pair of apertures by itself",
            )
    if not large:
        raise InputError(
            "no photo at the large aperture shows anything that its blur can be measured on",
            remedy="Take photos of the board, well lit and in full view, at both apertures",
        )
    return large.pop(), small.pop() if small else None


def check_patches(patches: Sequence[Patch]) -> None:
    """Refuse patches that cannot tell the lens.

    Raises:
        InputError: Too few views, or all at one depth.
    """
    views = {patch.view for patch in patches if patch.large}
    if len(views) < _VIEWS:
        raise InputError(
            f"blur could be measured in {len(views)} views ({', '.join(sorted(views)) or 'none'})",
            limit=f"at least {_VIEWS} views at different distances",
            remedy="Add pairs of photos at other distances, before and behind the plane in focus",
        )
    depths = np.array([patch.depth_m for patch in patches])
    spread = 1 / depths.min() - 1 / depths.max()
    if spread < _SPREAD_PER_M:
        raise InputError(
            f"all patches lie between {depths.min():.2f} and {depths.max():.2f} m, which is "
            f"{spread:.2f} dioptres",
            limit=f"at least {_SPREAD_PER_M} dioptres, such as 0.8 to 1.1 m",
            remedy=f"Add views from {0.6 * depths.min():.1f} m to {2 * depths.max():.1f} m",
        )


def settled_views(samples: Sequence[Sample]) -> tuple[tuple[Sample, ...], tuple[str, ...]]:
    """Samples of the views that stood still, and a sentence on each that moved."""
    kept: list[Sample] = []
    notes = []
    for view in dict.fromkeys(sample.prepared.patch.view for sample in samples):
        inside = [sample for sample in samples if sample.prepared.patch.view == view]
        far = 0.0
        for large in (True, False):
            moves = [
                np.abs(sample.prepared.shift).max() / len(sample.prepared.patch.image)
                for sample in inside
                if sample.prepared.patch.large is large
            ]
            far = max(far, float(np.median(moves)) if moves else 0.0)
        if far > 0.8 / REACH:
            notes.append(
                f"{view}: left out, the board or the camera moved between the photos: what they "
                "show does not lie where it should"
            )
        else:
            kept += inside
    return tuple(kept), tuple(notes)


def check_blur(lens: Array, samples: Sequence[Sample]) -> None:
    """Refuse a lens that blurs none of the patches enough.

    Raises:
        InputError: Too little blur, or focused at infinity.
    """
    if not lens[FOCUS] > _NEAREST_TO_INFINITY:
        raise InputError(
            "by the photos, the lens was focused at infinity",
            limit=f"a plane in focus nearer than {1 / _NEAREST_TO_INFINITY:g} m",
            remedy="Focus the lens as for the scenes, and take the photos again",
        )
    focus, largest = 1 / lens[FOCUS], np.abs(_circles(lens, samples)).max()
    if largest < _SMALLEST_PX:
        raise InputError(
            f"the strongest blur is a spot of {largest:.1f} pixels, too little to measure",
            limit=f"spots of at least {_SMALLEST_PX:g} pixels",
            remedy=f"Add views far from the plane in focus, which is near {focus:.2f} m: at "
            f"{focus / 2:.1f} m or nearer, and at {2 * focus:.1f} m or farther",
        )


def check_result(lens: Array, covariance: Array, samples: Sequence[Sample]) -> tuple[str, ...]:
    """Refuse a fit that tells too little, and warn of one that leans on one side of the focus.

    Raises:
        InputError: The intervals are too wide.
    """
    circles = _circles(lens, samples)
    depths = np.array([s.prepared.patch.depth_m for s in samples if s.prepared.patch.large])
    focus = 1 / lens[FOCUS]
    side = "behind" if circles.min() > -_SMALLEST_PX / 2 else "before"
    one_sided = side == "behind" or circles.max() < _SMALLEST_PX / 2
    add = (
        f"Add views nearer than {0.75 * min(depths.min(), focus):.2f} m"
        if side == "behind"
        else f"Add views farther than {1.5 * max(depths.max(), focus):.2f} m"
    )
    deviations = np.sqrt(np.diag(covariance))
    loose = max(deviations[FOCUS] * focus, deviations[LOG_SCALE])
    if not loose < _LARGEST_DEVIATION:
        raise InputError(
            f"the photos leave focus distance ({focus:.2f} m) and aperture uncertain by "
            f"{100 * loose:.0f} %",
            limit=f"at most {100 * _LARGEST_DEVIATION:g} %",
            remedy=add if one_sided else "Add views at other distances on both sides of the focus",
        )
    if one_sided:
        return (
            f"all views lie {side} the plane in focus or close to it: the focus distance of "
            f"{focus:.2f} m is extrapolated. {add} to see it from both sides",
        )
    return ()


def _circles(lens: Array, samples: Sequence[Sample]) -> Array:
    return np.array([circle(lens, s.place) for s in samples if s.prepared.patch.large])
