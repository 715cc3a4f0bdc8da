"""The likelihood of a patch: exact derivatives, and blind to what is not blur."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from blurred_views import TrueLens, board_view, pose_at

from idfd.calibration.defocus.likelihood import (
    EXTRA,
    RATIO,
    SHARE,
    SQUARE,
    Blur,
    Prepared,
    fit_patch,
)
from idfd.calibration.defocus.patches import Patch

LENS = TrueLens()
NAMES = {SQUARE: "square", RATIO: "ratio", EXTRA: "extra", SHARE: "share"}


@lru_cache
def patches() -> tuple[Patch, Patch, Patch]:
    """Small aperture against the print, large against the print, large against small."""
    view = board_view(LENS, pose_at(0.5), 1)
    pair = next(patch for patch in view if not patch.ideal)
    print_ = next(patch for patch in view if patch.ideal)
    return print_, replace(print_, large=True), pair


def settled(patch: Patch, blur: Blur) -> Prepared:
    prepared = Prepared.of(patch)
    for _ in range(5):
        prepared = prepared.moved(fit_patch(prepared, blur).move)
    return prepared


@pytest.mark.parametrize(
    ("index", "parameter"),
    # The large aperture against the print knows no ratio.
    [(index, name) for index in range(3) for name in NAMES if (index, name) != (1, RATIO)],
)
def test_score_is_the_slope_of_the_likelihood(index: int, parameter: int) -> None:
    blur = Blur(square=7.0, ratio=0.1, extra=0.2, share=0.6)
    patch = patches()[index]
    prepared = settled(patch, blur)
    score = fit_patch(prepared, blur, (parameter,)).score[0]
    value = getattr(blur, NAMES[parameter])
    step = 1e-2 * value
    ends = [
        fit_patch(prepared, replace(blur, **{NAMES[parameter]: value + sign * step})).value
        for sign in (-1, 1)
    ]
    assert score == pytest.approx((ends[1] - ends[0]) / (2 * step), rel=0.03)


def test_likelihood_is_highest_at_the_true_blur() -> None:
    _, _, pair = patches()
    true = abs(LENS.circle(0.5, np.array([0.0, 0.0])))
    floors = LENS.floor**2 - LENS.small_floor**2
    prepared = settled(pair, Blur(true**2, LENS.ratio**2, floors, 1.0))
    circles = true + np.linspace(-0.5, 0.5, 21)
    values = [
        fit_patch(prepared, Blur(circle**2, LENS.ratio**2, floors, 1.0)).value for circle in circles
    ]
    assert circles[int(np.argmax(values))] == pytest.approx(true, abs=0.15)


def test_light_and_tone_change_nothing() -> None:
    pair = patches()[2]
    ramp = np.linspace(0.8, 1.1, len(pair.image), dtype=np.float32)
    other = replace(pair, image=0.05 + 0.8 * pair.image * ramp)
    found = []
    for patch in (pair, other):
        blur = Blur(7.0, LENS.ratio**2, LENS.floor**2 - LENS.small_floor**2, 1.0)
        prepared = settled(patch, blur)
        for _ in range(8):
            fit = fit_patch(prepared, blur, (SQUARE,))
            blur = replace(blur, square=blur.square + fit.score[0] / fit.information[0, 0])
        found.append(np.sqrt(blur.square))
    assert found[0] == pytest.approx(3.3, abs=0.15)
    assert found[1] == pytest.approx(found[0], abs=0.06)


@pytest.mark.parametrize("move", [(0, 0), (2, -1)])
def test_shift_is_found(move: tuple[int, int]) -> None:
    pair = patches()[2]
    moved = replace(pair, reference=np.roll(pair.reference, (-move[1], -move[0]), (0, 1)))
    blur = Blur(LENS.circle(0.5, np.zeros(2)) ** 2, LENS.ratio**2, 0.0, 1.0)
    assert settled(moved, blur).shift == pytest.approx(move, abs=0.05)
