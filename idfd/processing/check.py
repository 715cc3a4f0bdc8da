"""The verdict on a scene: measured values against limits.

Every check has a name, a value, a limit and an advice. A check whose facts are missing (no clock,
no blur model, no texture) is absent from the result: it never passes by default.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfd.model.camera import CameraSettings
from idfd.model.curation import PairFit
from idfd.model.defocus import DefocusModel
from idfd.model.limits import Limit
from idfd.model.triple import Check, Crop, DepthSource
from idfd.processing.blur import PatchBlur, expected_blur, measure_blur
from idfd.processing.depth.maps import DepthMap
from idfd.processing.photos.transform import map_points

_RANGE_MM = (200, 12_000)
_LEAST_PATCHES = 8
_LEAST_SPREAD = 1.5
"""Ratio of the largest to the smallest blur expected, from which on their order can be judged."""
_SAMPLES = 4096
"""Pixels of a depth map that the blur to be expected is computed at."""


@dataclass(frozen=True)
class SceneLimits:
    """What a scene is held against.

    Attributes:
        aperture: How much smaller the aperture of the all-in-focus photo is, by EXIF, in stops
            (f/10 to f/2.8 are 3.7). Photos that were swapped are below 0.
        aperture_error: EXIF f-number against the one expected, either photo.
        displacement: Largest movement of a corner between the photos.
        residual_shift: Median shift left between patches after alignment.
        correlation: Of the aligned, blur-matched photos.
        kept: Share of the frame, along its worse side, that both photos show.
        crop: Share of the photo's area that the triple holds.
        exposure: Difference of exposure between the photos.
        sharpness: Detail of the all-in-focus photo over that of the defocused one, where they
            differ most. A scene that lies at the plane in focus warns. Noise in dark places takes
            it down to 0.4 on sound pairs, so that it only warns; ``softer`` fails.
        softer: How much softer the defocused photo is, in pixels of a Gaussian's standard
            deviation, over patches that the depth says to be flat; negative where the photos were
            swapped.
        blur_ratio: Blur measured between the photos against that of the lens at the measured
            depth, whichever is larger over the other; median over patches.
        blur_correlation: Rank correlation of the two over patches: is it blurred where the depth
            says so?
        depth_coverage: Share of pixels with depth before in-painting.
        depth_range: Share of the measured depth between 0.2 and 12 m: what lies beyond is no
            depth camera's, and of an indoor scene a wrong unit.
        in_painted: Share of pixels whose depth was filled in.
        time_span: From the first to the last of the three exposures.
        clock_order: How many of these do not hold: the all-in-focus photo comes before the
            defocused one; the depth does not come between them.
        expected_all_in_focus: f-number that the all-in-focus photos should have; None: any.
        expected_defocused: f-number that the defocused photos should have; None: any.
    """

    aperture: Limit = Limit(warn=2, fail=1, unit="stops", higher_is_better=True)
    aperture_error: Limit = Limit(warn=0.05, fail=0.1, unit="stops")
    displacement: Limit = Limit(warn=12, fail=64, unit="px")
    residual_shift: Limit = Limit(warn=0.5, fail=2, unit="px")
    correlation: Limit = Limit(warn=0.9, fail=0.5, unit="", higher_is_better=True)
    kept: Limit = Limit(warn=0.95, fail=0.7, unit="of the frame", higher_is_better=True)
    crop: Limit = Limit(warn=0.1, fail=0.02, unit="of the photo", higher_is_better=True)
    exposure: Limit = Limit(warn=0.5, fail=2, unit="stops")
    sharpness: Limit = Limit(warn=1.04, fail=0.0, unit="times", higher_is_better=True)
    softer: Limit = Limit(warn=0.2, fail=-0.2, unit="px", higher_is_better=True)
    blur_ratio: Limit = Limit(warn=1.4, fail=2.5, unit="times")
    blur_correlation: Limit = Limit(warn=0.5, fail=0.0, unit="", higher_is_better=True)
    depth_coverage: Limit = Limit(warn=0.5, fail=0.05, unit="of pixels", higher_is_better=True)
    depth_range: Limit = Limit(warn=0.5, fail=0.02, unit="of depth", higher_is_better=True)
    in_painted: Limit = Limit(warn=0.4, fail=0.8, unit="of pixels")
    time_span: Limit = Limit(warn=90, fail=300, unit="s")
    clock_order: Limit = Limit(warn=0, fail=1, unit="out of order")
    expected_all_in_focus: float | None = None
    expected_defocused: float | None = None


ADVICE = {
    "aperture": "The all-in-focus photo was not taken at a clearly smaller aperture: the photos "
    "may be swapped; look at both and name them right, or shoot again",
    "aperture_error": "The photos were not taken at the apertures asked for; shoot again, or set "
    "the expected f-numbers to what was used",
    "displacement": "The camera moved between the photos; tighten the tripod for the next session, "
    "and look at the blink of the pair",
    "residual_shift": "The photos do not lie on each other everywhere: something in the scene "
    "moved, or the photos are of different takes; look at the blink of the pair",
    "correlation": "The photos do not show the same; check that they belong together",
    "kept": "The photos share little of the frame: the camera moved or the lens breathes; look at "
    "the blink of the pair",
    "crop": "The photos and the depth camera share little of the view; check the calibration and "
    "how the rig is mounted, or allow less with the setting limits.crop",
    "exposure": "The photos differ in exposure; check shutter, ISO and that the light did not "
    "change",
    "sharpness": "The all-in-focus photo is not sharper than the defocused one: check focus and "
    "apertures, and that the photos are not swapped",
    "softer": "The defocused photo is not softer than the all-in-focus one: the photos may be "
    "swapped, or all of the scene lies at the plane in focus",
    "blur_ratio": "The defocused photo is not blurred as much as the calibrated lens would: the "
    "focus ring was turned or the depth is wrong; calibrate the blur again",
    "blur_correlation": "The defocused photo is not blurred where the depth says so: the depth may "
    "belong to another scene, or the focus was changed since the calibration",
    "depth_coverage": "Little depth was measured; shoot within 0.5 to 3.9 m, away from sunlight, "
    "glass and black surfaces",
    "depth_range": "Most of the depth is nearer than 0.2 m or farther than 12 m; check that it is "
    "in millimetres",
    "in_painted": "Most of the depth was filled in, not measured; use the measured depth only",
    "time_span": "The photos and the depth were taken far apart in time; look whether something "
    "moved between them",
    "clock_order": "The files were not shot in the order of a take; check that they belong to one "
    "take and are not swapped",
}
"""What can be done when a check warns or fails, by its name."""


def advice(check: Check) -> str:
    """What to do about a check; empty where it passed, or is of another version."""
    return "" if check.verdict == "pass" else ADVICE.get(check.name, "")


@dataclass(frozen=True)
class SceneFacts:
    """What is known of a scene; what is not known is None or absent.

    Attributes:
        fit: Of the two photos.
        crop: The triple's pixels, of the photo that ``fit`` speaks of.
        all_in_focus: The photo on the triple's pixels, (H, W, 3) uint8 RGB.
        defocused: The other photo on the same pixels.
        depth: Depth on the same pixels, before in-painting.
        inpainted: The same with holes filled.
        all_in_focus_settings: What the photo was taken with, by EXIF.
        defocused_settings: The same for the other photo.
        clock: UNIX times in seconds of ``all_in_focus``, ``defocused`` and ``depth``.
        blur: How the lens blurs, where calibrated for the aperture of the defocused photo.
    """

    fit: PairFit | None = None
    crop: Crop | None = None
    all_in_focus: NDArray[np.uint8] | None = None
    defocused: NDArray[np.uint8] | None = None
    depth: DepthMap | None = None
    inpainted: DepthMap | None = None
    all_in_focus_settings: CameraSettings | None = None
    defocused_settings: CameraSettings | None = None
    clock: dict[str, float] = field(default_factory=dict)
    blur: DefocusModel | None = None


def check_scene(facts: SceneFacts, limits: SceneLimits = SceneLimits()) -> tuple[Check, ...]:
    """Hold a scene against its limits.

    Returns:
        The checks that could be made, in the order of :class:`SceneLimits`.
    """
    values = measure_scene(facts, limits)
    return tuple(
        getattr(limits, item.name).judge(item.name, values[item.name])
        for item in fields(limits)
        if item.name in values
    )


def measure_scene(facts: SceneFacts, limits: SceneLimits = SceneLimits()) -> dict[str, float]:
    """The values of the checks that can be made, by name."""
    values = _of_settings(facts, limits) | _of_depth(facts) | _of_clock(facts.clock)
    if facts.fit is not None:
        values |= _of_fit(facts.fit, facts.crop)
    return values | _of_blur(facts)


def stops_between(first: CameraSettings, second: CameraSettings) -> float:
    """How many stops smaller the first aperture is: ``2 log2(N1 / N2)``."""
    return 2 * math.log2(first.f_number / second.f_number)


def _of_settings(facts: SceneFacts, limits: SceneLimits) -> dict[str, float]:
    sharp, soft = facts.all_in_focus_settings, facts.defocused_settings
    values = {}
    if sharp is not None and soft is not None:
        values["aperture"] = stops_between(sharp, soft)
    errors = [
        abs(2 * math.log2(found.f_number / expected))
        for found, expected in (
            (sharp, limits.expected_all_in_focus),
            (soft, limits.expected_defocused),
        )
        if found is not None and expected is not None
    ]
    if errors:
        values["aperture_error"] = max(errors)
    return values


def _of_fit(fit: PairFit, crop: Crop | None) -> dict[str, float]:
    names = {
        "displacement": "displacement_px",
        "residual_shift": "residual_px",
        "correlation": "correlation",
        "exposure": "exposure_stops",
        "sharpness": "sharpness",
    }
    values = {name: fit.measures[at] for name, at in names.items() if at in fit.measures}
    values["kept"] = kept_share(fit)
    if crop is not None:
        values["crop"] = crop.width * crop.height * crop.scale**2 / (fit.width * fit.height)
    return values


def kept_share(fit: PairFit) -> float:
    """Share of the frame that both photos show, along the side that loses more.

    What a point of the border lies outside of the defocused photo is what has to be cut there;
    between photos of a tripod, scale and turn are too small to matter to that.
    """
    along = np.linspace(0, 1, 33)
    far = np.array((fit.width - 1, fit.height - 1), np.float64)
    shares = []
    for axis in (0, 1):
        lost = 0.0
        for end in (0.0, 1.0):
            border = np.empty((33, 2))
            border[:, axis], border[:, 1 - axis] = end, along
            at = map_points(fit.transform, border * far)[:, axis]
            lost += max(0.0, float((at - far[axis] if end else -at).max()))
        shares.append(1 - lost / (far[axis] + 1))
    return max(0.0, min(shares))


def _of_depth(facts: SceneFacts) -> dict[str, float]:
    values = {}
    if facts.depth is not None:
        values["depth_coverage"] = _share(facts.depth.depth > 0)
        known = facts.depth.depth[facts.depth.depth > 0]
        if known.size:
            near, far = _RANGE_MM
            values["depth_range"] = _share((known >= near) & (known <= far))
    if facts.inpainted is not None:
        values["in_painted"] = _share(facts.inpainted.source == DepthSource.IN_PAINTED)
    return values


def _share(mask: NDArray[np.bool_]) -> float:
    return np.count_nonzero(mask) / mask.size


def _of_clock(clock: dict[str, float]) -> dict[str, float]:
    known = [clock[role] for role in ("all_in_focus", "defocused", "depth") if role in clock]
    values = {}
    if len(known) > 1:
        values["time_span"] = max(known) - min(known)
    if "all_in_focus" in clock and "defocused" in clock:
        sharp, soft = clock["all_in_focus"], clock["defocused"]
        between = "depth" in clock and min(sharp, soft) < clock["depth"] < max(sharp, soft)
        values["clock_order"] = float((sharp > soft) + between)
    return values


def _blur_due(facts: SceneFacts) -> float | None:
    """Blur by the lens of the more blurred places, pixels; None where it is not known."""
    if facts.blur is None or facts.crop is None or facts.depth is None:
        return None
    stride = math.ceil(math.sqrt(facts.depth.depth.size / _SAMPLES))
    depth = facts.depth.depth[::stride, ::stride]
    y, x = np.nonzero(depth > 0)
    if not len(y):
        return None
    due = _lens_blur(facts, depth[y, x] / 1000, np.stack([x, y], -1) * float(stride))
    return float(np.quantile(due, 0.95))


def _of_blur(facts: SceneFacts) -> dict[str, float]:
    sharp, soft = facts.all_in_focus, facts.defocused
    if facts.depth is None or sharp is None or soft is None:
        return {}
    due = _blur_due(facts)
    reach = due or 0.0
    found = measure_blur(sharp, soft, facts.depth.depth, reach)
    values = {}
    gained = softer(found, measure_blur(soft, sharp, facts.depth.depth, reach))
    if gained is not None:
        values["softer"] = gained
    if due is not None:
        values |= compare_blur(found, _lens_blur(facts, found.depth_m, found.centre))
    return values


def softer(found: PatchBlur, back: PatchBlur) -> float | None:
    """By how much the defocused photo is the softer one, pixels; None where nothing can be told.

    The upper quartile of the blur over patches, less that of the photos the other way round: at
    the plane in focus both are equally sharp, so that it is the blurred quarter that tells.

    Args:
        found: From the all-in-focus to the defocused photo.
        back: The other way round.
    """
    if max(len(found), len(back)) < _LEAST_PATCHES:
        return None
    # A photo cannot be made sharper by blur: patches that would need it are not found at all.
    forth, other = (
        float(np.quantile(one.sigma, 0.75)) if len(one) >= _LEAST_PATCHES else 0.0
        for one in (found, back)
    )
    return forth - other


def _lens_blur(
    facts: SceneFacts, depth_m: NDArray[np.floating[Any]], pixels: NDArray[np.floating[Any]]
) -> NDArray[np.float64]:
    assert facts.blur is not None
    assert facts.crop is not None
    return expected_blur(facts.blur, facts.crop, depth_m, pixels, _sharp_scale(facts))


def _sharp_scale(facts: SceneFacts) -> float | None:
    """Spot of the all-in-focus photo where the model does not know it: apertures are alike."""
    blur, settings = facts.blur, facts.all_in_focus_settings
    if blur is None or blur.sharp_scale_px_m is not None or settings is None:
        return None
    return blur.scale_px_m * min(1.0, blur.f_number / settings.f_number)


def compare_blur(found: PatchBlur, expected: NDArray[np.floating[Any]]) -> dict[str, float]:
    """Compare the blur of patches with what a lens would do.

    Args:
        found: As measured.
        expected: Standard deviations by the lens, (N,) pixels.

    Returns:
        ``blur_ratio``: median over the patches where blur can be seen, turned to be at least 1;
        ``blur_correlation``: Spearman's, where the blur expected differs between patches. Either
        is absent where fewer than eight patches can tell.
    """
    inside = expected < found.most
    sigma, due = found.sigma[inside], expected[inside]
    visible = due > found.least
    if np.count_nonzero(visible) < _LEAST_PATCHES:
        return {}
    # Where no blur at all is found, it is at most a tenth of what could have been.
    ratio = float(np.median(np.maximum(sigma[visible], found.least / 10) / due[visible]))
    values = {"blur_ratio": max(ratio, 1 / ratio)}
    low, high = np.quantile(due, [0.1, 0.9])
    if high > _LEAST_SPREAD * max(low, found.least) and np.ptp(sigma) > 0:
        from scipy.stats import spearmanr

        values["blur_correlation"] = float(spearmanr(sigma, due).statistic)
    return values
