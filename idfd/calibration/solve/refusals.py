"""Sets of views that do not determine a camera: refused, with what to add."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from idfd.calibration.coverage import ADVISED, REQUIRED, coverage
from idfd.calibration.solve.config import SolveConfig
from idfd.calibration.solve.problem import Image, Problem
from idfd.calibration.solve.variance import FEWEST, interval_factor
from idfd.calibration.views import CameraName, View
from idfd.errors import InputError
from idfd.model.board import Board
from idfd.model.camera import Intrinsics
from idfd.model.covariance import Covariance

_FEWEST_VIEWS = 3
_LARGEST_CHANGE = 0.006
"""Three times what a factory's focal lengths are off."""
_NAMES: dict[CameraName, str] = {
    "photo": "photos at the small aperture",
    "defocused": "photos at the large aperture",
    "depth": "infrared images",
}


def check_set(
    views: Sequence[View], camera: CameraName, images: Sequence[Image]
) -> tuple[int, int]:
    """Size of the images of a camera.

    Raises:
        InputError: Too few images, or images of more than one size.
    """
    if len(images) < _FEWEST_VIEWS:
        raise InputError(
            f"the board was found in {len(images)} of the {_NAMES[camera]}",
            where=camera,
            limit=f"{REQUIRED.views} or more",
            remedy=f"Take {ADVISED.views} views of the board, at different distances and tilts, "
            "all over the picture",
        )
    return _one_size(views, camera)


def check_given(views: Sequence[View], camera: CameraName, intrinsics: Intrinsics) -> None:
    """Refuse images that are not of the size of the intrinsics given.

    Raises:
        InputError: They differ.
    """
    width, height = _one_size(views, camera)
    if (width, height) != (intrinsics.width, intrinsics.height):
        raise InputError(
            f"the {_NAMES[camera]} are {width}x{height}",
            where=camera,
            limit=f"{intrinsics.width}x{intrinsics.height}, as the intrinsics given say",
            remedy="Give the intrinsics of the mode or resolution that the images were taken in",
        )


def _one_size(views: Sequence[View], camera: CameraName) -> tuple[int, int]:
    sizes: dict[tuple[int, int], list[str]] = {}
    for view in views:
        if camera in view.seen:
            sizes.setdefault(view.seen[camera].size, []).append(view.name)
    if len(sizes) > 1:
        common = max(sizes, key=lambda size: len(sizes[size]))
        others = [name for size, names in sizes.items() if size != common for name in names]
        other = next(size for size in sizes if size != common)
        raise InputError(
            f"the {_NAMES[camera]} are not all of one size: {', '.join(others[:5])} "
            f"{'is' if len(others) == 1 else 'are'} {other[0]}x{other[1]}",
            where=camera,
            limit=f"{common[0]}x{common[1]}, as most are",
            remedy="Take out the images of another camera, or those that were resized",
        )
    return next(iter(sizes))


def check_coverage(
    views: Sequence[View],
    camera: CameraName,
    board: Board,
    guess: Intrinsics,
    dropped: Collection[str],
) -> None:
    """Refuse sets that cannot determine a camera, whatever their residuals.

    Raises:
        InputError: All frontal, all at one distance, too few, or in one part of the picture.
    """
    missing = _missing(views, camera, board, guess, dropped, required=True)
    if missing:
        raise _refused(camera, "do not determine the lens", missing)


def undetermined(camera: CameraName) -> InputError:
    """The error where no image gives a pose."""
    return _refused(camera, "show too little of the board", ("views of the whole board",))


def check_left(camera: CameraName, left: int, dropped: Mapping[str, str]) -> None:
    """Refuse sets most of whose views contradict each other.

    Raises:
        InputError: More views were rejected than are left, or too few are left.
    """
    if left >= max(_FEWEST_VIEWS, len(dropped)):
        return
    listed = "; ".join(f"{view}: {reason}" for view, reason in list(dropped.items())[:4])
    raise InputError(
        f"{len(dropped)} of {left + len(dropped)} {_NAMES[camera]} contradict the others "
        f"({listed})",
        where=camera,
        limit="views of one board by one camera whose focus and zoom did not move",
        remedy="Check that the board is the one described, that it is flat, and that the focus is "
        "locked; then take the views again",
    )


def check_result(
    views: Sequence[View],
    camera: CameraName,
    board: Board,
    intrinsics: Intrinsics,
    covariance: Covariance,
    dropped: Collection[str],
    config: SolveConfig,
) -> tuple[str, ...]:
    """Refuse a focal length that is not determined; warn about a weak one.

    Raises:
        InputError: Its interval is wider than the limit.
    """
    factor = interval_factor(sum(camera in view.seen for view in views) - len(dropped))
    halves = {
        name: factor * covariance.deviation(f"{camera}.{name}") / value
        for name, value in (("fx", intrinsics.fx), ("fy", intrinsics.fy))
    }
    name = max(halves, key=lambda key: halves[key])
    if halves[name] <= config.warn_focal:
        return ()
    missing = _missing(views, camera, board, intrinsics, dropped, required=False)
    what = f"leave {name} uncertain by {halves[name]:.2%} (95 %)"
    if halves[name] > config.refuse_focal:
        raise _refused(camera, what, missing, limit=f"{config.refuse_focal:.0%} or less")
    advice = f"; add {', '.join(missing)}" if missing else ""
    return (f"the {_NAMES[camera]} {what}{advice}",)


def moved_focal(camera: CameraName, given: Intrinsics, found: Intrinsics) -> tuple[str, ...]:
    """A warning where a focal length that was given does not suit the views."""
    change = found.fx / given.fx - 1
    if abs(change) < _LARGEST_CHANGE:
        return ()
    return (
        f"the {_NAMES[camera]} ask for a focal length {abs(change):.1%} "
        f"{'longer' if change > 0 else 'shorter'} than the one given; check that it is that of "
        "this camera and mode",
    )


def few_views(problem: Problem) -> tuple[str, ...]:
    """A warning where depth and photo are tied together by so few views that errors hide."""
    seen: dict[str, set[CameraName]] = {}
    for image in problem.images:
        seen.setdefault(image.view, set()).add(image.camera)
    common = sum("depth" in cameras and len(cameras) > 1 for cameras in seen.values())
    if not 0 < common < FEWEST:
        return ()
    return (
        f"only {common} view{'s' * (common > 1)} tie{'s' * (common == 1)} the depth camera to the "
        "photo camera: errors that the corners of a view share are not in the intervals; "
        f"{FEWEST} or more would show them",
    )


def _missing(
    views: Sequence[View],
    camera: CameraName,
    board: Board,
    guess: Intrinsics,
    dropped: Collection[str],
    *,
    required: bool,
) -> tuple[str, ...]:
    seen = [view.seen[camera] for view in views if camera in view.seen and view.name not in dropped]
    return coverage(seen, board, guess.fx, REQUIRED if required else ADVISED).missing


def _refused(
    camera: CameraName, what: str, missing: Sequence[str], limit: str | None = None
) -> InputError:
    advice = "; ".join(missing) or "more views, tilted 20 to 45 degrees, near and far"
    return InputError(
        f"the {_NAMES[camera]} {what}", where=camera, limit=limit, remedy=f"Add {advice}"
    )
