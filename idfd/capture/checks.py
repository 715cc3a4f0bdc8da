"""Instant checks of a take: measured values against the limits of the rig profile.

Every check has a name, a value, a limit and an advice. A check that cannot be measured (no
texture, no colour image, one frame only) is absent from the result: it never passes by default.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from idfd.capture.exposure import PairPlan
from idfd.model.burst import Burst
from idfd.model.camera import CameraSettings
from idfd.model.limits import Limit
from idfd.model.rig import ReferenceFrame, RigCalibration
from idfd.model.schema import Record
from idfd.model.triple import Check


class CheckLimits(Record, frozen=True, kw_only=True):
    """What a take is held against; ``docs/operator.md`` says how the values were chosen.

    Attributes:
        aperture: EXIF f-number against the one asked for, either photo.
        level: Mean linear level of the darker photo, 1 = white.
        clipped: Share of pixels with a clipped channel in the photo that has more.
        exposure_difference: Between the photos, at the centre of the frame.
        texture: Share of the frame that has texture; without it nothing else can be told.
        sharpness: Fine detail of the all-in-focus photo over that of the defocused one, where
            they differ most.
        shift: Movement between the photos at the corner that moved most, full-size pixels.
        rig_drift: How far the photo moved against the depth camera since the calibration, or
            since the session's first take where the calibration does not say how they stood; as
            seen by points 1 to 2.5 m away.
        depth_valid: Share of pixels with depth in most frames.
        depth_range: Share of valid pixels within the range the mode is specified for.
        depth_noise: Median over pixels of the standard deviation over frames.
        stale_frames: Frames that repeat an earlier one or came before it.
        dropped_frames: Frames missing between the first and the last.
        time_span: From the first to the last of the three exposures.
        photo_times: Time between the photos by the camera's clock against the host's; a large
            value means that a file of another shot was downloaded.
    """

    aperture: Limit = Limit(0.05, 0.1, "stops")
    level: Limit = Limit(0.03, 0.005, "of white", higher_is_better=True)
    clipped: Limit = Limit(0.03, 0.2, "of pixels")
    exposure_difference: Limit = Limit(0.25, 0.7, "stops")
    texture: Limit = Limit(0.1, 0.0, "of the frame", higher_is_better=True)
    sharpness: Limit = Limit(1.04, 1.0, "times", higher_is_better=True)
    shift: Limit = Limit(2.0, 8.0, "px")
    rig_drift: Limit = Limit(0.8, 2.0, "degrees")
    depth_valid: Limit = Limit(0.4, 0.1, "of pixels", higher_is_better=True)
    depth_range: Limit = Limit(0.6, 0.2, "of valid", higher_is_better=True)
    depth_noise: Limit = Limit(8.0, 17.0, "mm")
    stale_frames: Limit = Limit(0, 0, "frames")
    dropped_frames: Limit = Limit(2, 15, "frames")
    time_span: Limit = Limit(90, 300, "s")
    photo_times: Limit = Limit(5, 60, "s")


ADVICE = {
    "aperture": "Check the aperture ring and the lens contacts, then retake",
    "level": "Choose a longer shutter for the f/10 photo or add light, then retake",
    "clipped": "Choose a shorter shutter for the f/10 photo or dim the light, then retake",
    "exposure_difference": "Check that the mode dial is on M, auto ISO is off and the light did "
    "not change between the photos, then retake",
    "texture": "Most of the frame is plain; turn the rig to something with texture",
    "sharpness": "The f/10 photo is not sharper than the f/2.8 photo: check the focus ring, the "
    "aperture of both photos and that nothing shook, then retake",
    "shift": "The camera moved between the photos: tighten the tripod, keep hands off, then retake",
    "rig_drift": "The cameras moved against each other: tighten the bracket and calibrate again, "
    "or start a new session",
    "depth_valid": "Little depth: move to within 0.5 to 3.9 m, away from sunlight, glass and black "
    "surfaces, then retake",
    "depth_range": "Most of the depth is out of the specified range: move nearer or farther, then "
    "retake",
    "depth_noise": "The depth is noisy: keep sunlight out and other depth cameras off, let the "
    "sensor warm up, then retake",
    "stale_frames": "The depth camera repeated frames: retake; if it happens again, connect it to "
    "another USB port",
    "dropped_frames": "The depth camera lost frames: close other programs, use a USB 3 port of its "
    "own, then retake",
    "time_span": "The photos and the depth were taken far apart in time: retake if anything in the "
    "scene could have moved",
    "photo_times": "The camera's clock does not agree with when the photos were taken: a file may "
    "be of another shot; look at both photos and retake",
}
"""What the operator can do when a check warns or fails, by its name."""


def advice(check: Check) -> str:
    """What to do about a check; empty where it passed."""
    return "" if check.verdict == "pass" else ADVICE[check.name]


@dataclass(frozen=True)
class TakeInputs:
    """Everything the checks look at.

    Attributes:
        all_in_focus: The photo at the small aperture (JPEG where there is one, else raw).
        defocused: The photo at the large aperture.
        all_in_focus_settings: What it was taken with, by EXIF.
        defocused_settings: The same for the defocused photo.
        plan: What was asked for.
        burst: The depth frames.
        clock: UNIX times in seconds of ``all_in_focus``, ``defocused``, ``depth``.
        reference: Reference frame of the calibration, or of the session's first take (see
            :func:`reference_frame`), or None.
        previous_timestamp_us: Last time stamp of the burst before this one (it tells a stale
            burst), or None.
        calibration: Geometry of the rig, where known; it sharpens the check of the rig's drift.
    """

    all_in_focus: Path
    defocused: Path
    all_in_focus_settings: CameraSettings
    defocused_settings: CameraSettings
    plan: PairPlan
    burst: Burst
    clock: dict[str, float]
    reference: ReferenceFrame | None = None
    previous_timestamp_us: int | None = None
    calibration: RigCalibration | None = None


def check_take(inputs: TakeInputs, limits: CheckLimits) -> tuple[Check, ...]:
    """Hold a take against its limits.

    Raises:
        InputError: A photo cannot be decoded.
        MissingDependencyError: The photos are raw files only and rawpy is not installed.
    """
    from idfd.capture.checking import depth, photos, timing
    from idfd.capture.checking.pictures import read_pair

    # OpenCV and NumPy leave the interpreter while they work, so threads share the cores.
    with ThreadPoolExecutor(2) as pool:
        of_depth = pool.submit(depth.measure, inputs.burst, inputs.previous_timestamp_us)
        pair = read_pair(inputs.all_in_focus, inputs.defocused, pool)
        of_rig = pool.submit(_drift, inputs)
        values = photos.measure_settings(
            inputs.plan, inputs.all_in_focus_settings, inputs.defocused_settings
        )
        values |= photos.measure(pair)
        values |= of_depth.result() | of_rig.result()
    values |= timing.measure(inputs.clock, inputs.all_in_focus, inputs.defocused)
    return tuple(
        getattr(limits, name).judge(name, values[name])
        for name in limits.__struct_fields__
        if name in values
    )


def reference_frame(
    all_in_focus: Path,
    burst: Burst,
    focal_length_mm: float | None,
    calibration: RigCalibration | None = None,
) -> ReferenceFrame | None:
    """Measure how the photo camera stands against the depth camera.

    Args:
        all_in_focus: The photo at the small aperture.
        burst: The depth frames of the same take, with colour.
        focal_length_mm: Of the photo, by EXIF; used where there is no calibration.
        calibration: Geometry of the rig, where known.

    Returns:
        None where it cannot be told: no colour image, or too little that both cameras see.

    Raises:
        InputError: The photo cannot be decoded.
    """
    from idfd.calibration.check.matching import match_cameras
    from idfd.calibration.check.pose import fit_pose
    from idfd.capture.checking.pictures import read_reduced

    camera = calibration.photo if calibration is not None else None
    photo = read_reduced(all_in_focus)
    matches = match_cameras(photo.grey, photo.factor, burst, camera, focal_length_mm)
    found = fit_pose([matches]) if matches is not None else None
    return found.frame if found is not None else None


def _drift(inputs: TakeInputs) -> dict[str, float]:
    if inputs.reference is None:
        return {}
    from idfd.calibration.check.pose import angle_between

    now = reference_frame(
        inputs.all_in_focus,
        inputs.burst,
        inputs.all_in_focus_settings.focal_length_mm,
        inputs.calibration,
    )
    if now is None:
        return {}
    return {"rig_drift": angle_between(inputs.reference, now)}
