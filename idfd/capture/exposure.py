"""The exposure pair: two apertures, equal exposure by the shutter.

Exposure is proportional to t / N² (shutter t, f-number N), so f/10 and f/2.8 are
2·log2(10 / 2.8) = 3.67 stops apart. Shutters come in series: the names (1/25, 1/30, …) are
rounded, the times are 2^(n/3) seconds, or 2^(n/2) on bodies set to half stops [ISO 516, and the
APEX time value of EXIF 2.32, annex C]. Equal exposure is computed with the times, not the names:
1/30 s is 1/32 s, 0.09 stops less than its name says.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from idfd.capture.cameras import Offers, PhotoSettings
from idfd.errors import CameraError, InputError
from idfd.model.schema import Record
from idfd.storage.color import CLIP_LEVEL, brightest, linear_from_uint8

Positive = Annotated[float, msgspec.Meta(gt=0)]
V = TypeVar("V", int, str)
N = TypeVar("N", int, float)

TOLERANCE_STOPS = 1 / 6
"""Largest residual that third-stop shutters can leave; beyond it the plan says so."""

HIGHLIGHT_SHARE = 0.005
"""Share of pixels that metering allows above its target: lamps and glints may clip."""

HIGHLIGHT_TARGET = 230
"""8-bit level that metering puts the highlights at, 0.27 stops below clipping."""


class PairRequest(Record, frozen=True, kw_only=True):
    """What the photos of a triple should be taken with.

    Attributes:
        all_in_focus_f: f-number of the all-in-focus photo.
        defocused_f: f-number of the defocused photo.
        exposure_s: Shutter of the all-in-focus photo; None takes what the body is set to.
        iso: Sensitivity of both photos; None leaves the body's.
        white_balance: White balance of both photos, as the body names it; None leaves the body's,
            which may be automatic and change between the photos.
        format: Files to keep.
        accept_nearest: Take the nearest aperture where the body lacks the one asked for.
    """

    all_in_focus_f: Positive = 10.0
    defocused_f: Positive = 2.8
    exposure_s: Positive | None = None
    iso: Annotated[int, msgspec.Meta(gt=0)] | None = 100
    white_balance: str | None = "Daylight"
    format: Literal["jpeg", "raw", "raw+jpeg"] = "raw+jpeg"
    accept_nearest: bool = False


@dataclass(frozen=True)
class PairPlan:
    """Settings of both photos, and what they cost.

    Attributes:
        all_in_focus: Settings of the small aperture (every field that will be set).
        defocused: Settings of the large aperture.
        residual_stops: Exposure of the defocused photo over the other, in stops; 0 is equal.
        notes: What was changed from the request and why.
    """

    all_in_focus: PhotoSettings
    defocused: PhotoSettings
    residual_stops: float
    notes: tuple[str, ...] = ()


def plan_pair(
    request: PairRequest, offers: Offers, current_exposure_s: float | None = None
) -> PairPlan:
    """Find the settings of both photos among what the body offers.

    The all-in-focus shutter is the one asked for, or the body's; the defocused shutter is the
    offered one that comes nearest to equal exposure, in stops. Where the body offers no ISO,
    white balance or format, it is left as it is and a note says so.

    Args:
        request: What is wanted.
        offers: What the body offers now.
        current_exposure_s: Shutter that the body is set to, for ``request.exposure_s`` None.

    Raises:
        CameraError: ``refused`` (an aperture, ISO, white balance or format is not offered, or no
            shutter gives equal exposure; the remedy names values that do), ``read_only``
            (aperture or shutter cannot be changed from here).
    """
    for field, name in (("f_number", "aperture"), ("exposure_s", "shutter")):
        if field in offers.fixed:
            raise CameraError(
                f"the {name} cannot be set: {offers.fixed[field]}",
                cause="read_only",
                remedy="Put the body in mode M, or declare the aperture of a manual lens",
            )
    notes: list[str] = []
    small = _aperture(request.all_in_focus_f, request, offers, notes)
    large = _aperture(request.defocused_f, request, offers, notes)
    if large >= small:
        raise CameraError(
            f"the defocused photo at f/{large:g} is not more open than f/{small:g}",
            cause="refused",
            limit="a smaller f-number for the defocused photo",
            remedy="Ask for other apertures, or use a faster lens",
        )
    first, second, residual = _shutters(request, offers, current_exposure_s, small, large, notes)
    iso = _offered("iso", request.iso, offers.isos, notes)
    balance = _offered("white balance", request.white_balance, offers.white_balances, notes)
    form = request.format if _offered("format", request.format, offers.formats, notes) else None
    return PairPlan(
        all_in_focus=PhotoSettings(small, first, iso, balance, form),
        defocused=PhotoSettings(large, second, iso, balance, form),
        residual_stops=residual,
        notes=tuple(notes),
    )


def nearest_in_stops(value: float, offered: Sequence[N]) -> N:
    """The offered value whose ratio to ``value`` is nearest to one."""
    return min(offered, key=lambda v: abs(math.log2(v / value)))


def aperture_stops(f_number: float, other: float) -> float:
    """Stops from one f-number to another; positive where ``other`` lets in less light."""
    return 2 * math.log2(other / f_number)


def true_exposures(offered: Sequence[float]) -> dict[float, float]:
    """Times that the rounded shutter names of a body stand for.

    The step of the series is the median step of the list: a third or a half stop. Values that
    are further than 0.2 stops from the series (half-stop bodies call 2^-4.5 s 1/20 s, 0.18 stops
    off), and lists that are no series, are taken at their word.

    Args:
        offered: Shutters by name, seconds, in any order.

    Returns:
        Time in seconds of each name.
    """
    names = sorted(set(offered))
    if len(names) < 4:
        return {name: name for name in names}
    per_stop = 1 / float(np.median(np.diff(np.log2(names))))
    series = next((n for n in (2, 3) if abs(per_stop - n) < 0.3), None)
    found = {}
    for name in names:
        exponent = round(math.log2(name) * series) / series if series else 0.0
        near = series is not None and abs(math.log2(name) - exponent) <= 0.2
        found[name] = 2.0**exponent if near else name
    return found


def metered_exposure(photo: NDArray[np.uint8], exposure_s: float, offers: Offers) -> float:
    """The shutter that puts the highlights just below clipping, from a test shot.

    The level that 0.5 % of the pixels exceed (largest channel, linear light) is moved to 230 of
    255; the longest offered shutter that does not pass it is the answer. A test shot that clips
    says only that it was too long, so the answer is then two stops shorter: shoot and meter
    again. The camera's tone curve is taken as sRGB's, which is near enough for a third of a stop.

    Args:
        photo: (H, W, 3) test shot at the small aperture.
        exposure_s: Shutter it was taken with, seconds.
        offers: What the body offers now.

    Returns:
        An offered shutter, seconds; the shortest or longest where none is enough.

    Raises:
        InputError: The body offers no shutters.
    """
    if not offers.exposures_s:
        raise InputError("the body offers no shutters", limit="a body in mode M")
    levels = np.bincount(brightest(photo[::4, ::4]).ravel(), minlength=256)
    above = np.cumsum(levels[::-1])[::-1] / levels.sum()
    level = int(np.flatnonzero(above > HIGHLIGHT_SHARE)[-1])
    if level >= CLIP_LEVEL:
        wanted = exposure_s / 4
    else:
        highlight, target = linear_from_uint8(np.array([max(level, 1), HIGHLIGHT_TARGET], np.uint8))
        wanted = exposure_s * float(target / highlight)
    true = true_exposures((*offers.exposures_s, exposure_s))
    wanted *= true[exposure_s] / exposure_s
    fitting = [t for t in offers.exposures_s if true[t] <= wanted * 1.001]
    return max(fitting, default=min(offers.exposures_s))


def _aperture(wanted: float, request: PairRequest, offers: Offers, notes: list[str]) -> float:
    if offers.declared_aperture:
        notes.append(f"set the ring to f/{wanted:g} by hand")
        return wanted
    if not offers.f_numbers:
        raise CameraError(
            f"f/{wanted:g} cannot be set: the body offers no aperture",
            cause="refused",
            remedy="Mount a lens with contacts, or declare the aperture of a manual lens",
        )
    nearest = nearest_in_stops(wanted, offers.f_numbers)
    off = aperture_stops(wanted, nearest)
    if abs(off) < 0.01:
        return nearest
    if request.accept_nearest:
        notes.append(f"f/{wanted:g} is not offered: f/{nearest:g} instead, {off:+.2f} stops")
        return nearest
    raise CameraError(
        f"the body does not offer f/{wanted:g}",
        cause="refused",
        limit=f"f/{offers.f_numbers[0]:g} to f/{offers.f_numbers[-1]:g}, such as f/{nearest:g}",
        remedy=f"Accept the nearest aperture (f/{nearest:g}, {abs(off):.2f} stops off) with "
        "accept_nearest, or change the lens",
    )


def _shutters(
    request: PairRequest,
    offers: Offers,
    current: float | None,
    small: float,
    large: float,
    notes: list[str],
) -> tuple[float, float, float]:
    """Shutters of both photos and the residual in stops."""
    wanted = request.exposure_s or current
    if wanted is None or not offers.exposures_s:
        raise CameraError(
            "the shutter of the all-in-focus photo is not known"
            if wanted is None
            else "the body offers no shutters",
            cause="refused",
            remedy="Put the body in mode M and give a shutter",
        )
    first = nearest_in_stops(wanted, offers.exposures_s)
    if abs(math.log2(first / wanted)) > 0.05:
        notes.append(f"{shutter_text(wanted)} is not offered: {shutter_text(first)} instead")
    true = true_exposures(offers.exposures_s)
    change = aperture_stops(small, large)

    def partner(shutter: float) -> tuple[float, float]:
        equal = math.log2(true[shutter]) + change
        best = min(offers.exposures_s, key=lambda t: abs(math.log2(true[t]) - equal))
        return best, math.log2(true[best]) - equal

    second, residual = partner(first)
    if abs(residual) <= TOLERANCE_STOPS:
        return first, second, residual
    better = [t for t in offers.exposures_s if abs(partner(t)[1]) <= TOLERANCE_STOPS]
    if second in (min(offers.exposures_s), max(offers.exposures_s)):
        raise CameraError(
            f"{shutter_text(first)} at f/{small:g} needs {shutter_text(true[first] * 2**change)} "
            f"at f/{large:g} for equal exposure",
            cause="refused",
            limit=f"{shutter_text(min(offers.exposures_s))} to "
            f"{shutter_text(max(offers.exposures_s))}",
            remedy=_remedy(first, better, request.iso, offers.isos),
        )
    note = f"the photos differ by {residual:+.2f} stops, as the shutters are coarse"
    if better:
        nearest = nearest_in_stops(first, better)
        note += f"; {shutter_text(nearest)} at f/{small:g} would give {partner(nearest)[1]:+.2f}"
    notes.append(note)
    return first, second, residual


def _remedy(first: float, better: list[float], iso: int | None, isos: Sequence[int]) -> str:
    if not better:
        return "No offered shutter gives equal exposure; use apertures that are closer"
    other = nearest_in_stops(first, better)
    text = f"Take {shutter_text(other)} for the all-in-focus photo"
    if iso and isos and other > first:
        equal = nearest_in_stops(iso * first / other, isos)
        return f"{text}, with ISO {equal} or less light to keep it as bright"
    return text


def _offered(name: str, wanted: V | None, offered: Sequence[V], notes: list[str]) -> V | None:
    if wanted is None or wanted in offered:
        return wanted
    if not offered:
        notes.append(f"the body offers no {name}: it stays as it is")
        return None
    raise CameraError(
        f"the body does not offer {name} {wanted}",
        cause="refused",
        limit=", ".join(map(str, offered)),
        remedy=f"Ask for another {name}",
    )


def shutter_text(seconds: float) -> str:
    """Seconds as photographers write them: ``1/25 s``, ``1.3 s``."""
    if seconds >= 0.3:
        return f"{seconds:.3g} s"
    return f"1/{1 / seconds:.0f} s" if seconds < 0.1 else f"1/{1 / seconds:.2g} s"
