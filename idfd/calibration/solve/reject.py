"""Views that disagree with the others, and how."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from idfd.calibration.derivatives import project_with_derivatives
from idfd.calibration.solve.config import SolveConfig
from idfd.calibration.solve.poses import Array, cross_matrix
from idfd.calibration.solve.problem import Image, Problem, State, residuals
from idfd.calibration.solve.robust import robust_fit

_MEDIAN = float(np.sqrt(2 * np.log(2)))
"""Median distance of Gaussian noise in the plane, in deviations per axis (Rayleigh)."""
_FIT_SHARE = 0.6
_LEAST_FOCAL = 0.001
_LEAST_RATIO = 2.0


def reject_views(
    problem: Problem, state: State, config: SolveConfig, *, focal: bool = True
) -> tuple[Problem, State, dict[str, str]]:
    """Leave out the view of the image that fits worst, one at a time, until all agree.

    Args:
        problem: With the deviations that a robust fit estimated.
        state: The solution of that fit.
        config: Limits.
        focal: Whether a view is judged by its own focal length as well.

    Returns:
        What is left, its robust solution, and the reasons by view.
    """
    dropped: dict[str, str] = {}
    while (worst := worst_image(problem, state, config, focal=focal)) is not None:
        place, reason = worst
        view = problem.images[place].view
        dropped[view] = reason
        left = tuple(image for image in problem.images if image.view != view)
        if len(left) < 3:
            break
        problem, state = robust_fit(replace(problem, images=left), state)
    return problem, state, dropped


def worst_image(
    problem: Problem, state: State, config: SolveConfig, *, focal: bool
) -> tuple[int, str] | None:
    """The image that disagrees most with the others of its camera, and why; None where all agree.

    The arguments are those of :func:`reject_views`.
    """
    gaps = residuals(problem, state)
    found: list[tuple[float, int, str]] = []
    for camera in dict.fromkeys(image.camera for image in problem.images):
        places = [i for i, image in enumerate(problem.images) if image.camera == camera]
        images, own = [problem.images[i] for i in places], [gaps[i] for i in places]
        judged = _unlike(images, own, config)
        if focal:
            judged += _other_focal(images, own, state, config)
        found += [(score, places[i], reason) for score, i, reason in judged]
    if not found:
        return None
    _, place, reason = max(found)
    return place, reason


def _unlike(
    images: list[Image], gaps: list[Array], config: SolveConfig
) -> list[tuple[float, int, str]]:
    """Images whose error is an outlier among those of the camera."""
    distance = [np.hypot(*gap.T) / image.deviation for image, gap in zip(images, gaps, strict=True)]
    sizes = np.array([np.median(d) for d in distance]) / _MEDIAN
    typical = float(np.median(sizes))
    scores = robust_scores(np.log(sizes / typical), floor=0.1)
    out = []
    for place, (far, size, score) in enumerate(zip(distance, sizes, scores, strict=True)):
        fit = float((far <= config.corner_limit).mean())
        pixels = float(np.sqrt(np.mean(gaps[place] ** 2) * 2))
        if score > config.view_limit and size > _LEAST_RATIO * typical:
            reason = (
                f"error of {pixels:.2f} px, {size / typical:.1f} times that of the other views, "
                f"{score:.0f} deviations"
            )
            out.append((float(score), place, reason))
        elif fit < _FIT_SHARE:
            bad = len(far) - round(fit * len(far))
            reason = f"{bad} of {len(far)} corners do not fit, error of {pixels:.2f} px"
            out.append((config.view_limit / max(fit, 0.1), place, reason))
    return out


def _other_focal(
    images: list[Image], gaps: list[Array], state: State, config: SolveConfig
) -> list[tuple[float, int, str]]:
    """Images that ask for a focal length of their own: the focus or the zoom was moved."""
    if len(images) < 4:
        return []
    changes, deviations = np.array(
        [_focal_change(image, gap, state, config) for image, gap in zip(images, gaps, strict=True)]
    ).T
    scores = (changes - np.median(changes)) / deviations
    scores = (scores - np.median(scores)) / max(
        1.0, 1.4826 * float(np.median(np.abs(scores - np.median(scores))))
    )
    out = []
    for place, score in enumerate(scores):
        change = float(changes[place] - np.median(changes))
        if abs(score) > config.view_limit and abs(change) > _LEAST_FOCAL:
            word = "longer" if change > 0 else "shorter"
            reason = (
                f"moved focus: the best focal length of this view is {abs(change):.1%} {word} "
                f"than that of the others, {abs(score):.0f} deviations"
            )
            out.append((abs(float(score)), place, reason))
    return out


def _focal_change(
    image: Image, gap: Array, state: State, config: SolveConfig
) -> tuple[float, float]:
    """Relative change of focal length that suits an image best, its pose free; its deviation."""
    camera = state.cameras[image.camera]
    pose = state.board_in(image.camera, image.view)
    points = pose.apply(image.board)
    pixels, by_point, _ = project_with_derivatives(camera, points)
    by_turn = -by_point @ cross_matrix(points - pose.translation)
    by_focal = (pixels - (camera.cx, camera.cy))[:, :, None]
    near = np.hypot(*gap.T) <= 2 * config.corner_limit * image.deviation
    keep = near if near.sum() >= 8 else np.ones_like(near)
    weight = 1 / image.deviation[keep, None, None]
    jacobian = (np.concatenate([by_turn, by_point, by_focal], axis=2)[keep] * weight).reshape(-1, 7)
    rest = (gap[keep] * weight[:, :, 0]).ravel()
    scale = np.linalg.norm(jacobian, axis=0)
    inverse = np.linalg.pinv((jacobian / scale).T @ (jacobian / scale))
    step = inverse @ ((jacobian / scale).T @ rest)
    left = rest - jacobian / scale @ step
    noise = max(1.0, float(left @ left) / max(len(rest) - 7, 1))
    return float(step[6] / scale[6]), float(np.sqrt(inverse[6, 6] * noise) / scale[6])


def robust_scores(values: Array, floor: float) -> Array:
    """Distances from the median in robust deviations, which are at least ``floor``."""
    away = values - np.median(values)
    scores: Array = away / max(1.4826 * float(np.median(np.abs(away))), floor)
    return scores
