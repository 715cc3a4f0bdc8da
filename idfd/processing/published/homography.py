"""The published registration: one homography from the Kinect's colour image to the photo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.errors import InputError


@dataclass(frozen=True)
class HomographyConfig:
    """Settings; threshold, ratio, distance and trials are MATLAB's defaults.

    Attributes:
        features: Most features of an image; OpenCV needs a number, MATLAB takes all.
        match_threshold: Largest Hamming distance of a match, percent of the 256 bits.
        largest_ratio: A match must be this much nearer than the second best.
        ransac_px: Matches that are farther off than this are outliers, photo pixels.
        trials: Most trials of RANSAC.
        least_inliers: Fewer matches that agree are no registration.
    """

    features: int = 8000
    match_threshold: float = 10.0
    largest_ratio: float = 0.6
    ransac_px: float = 1.5
    trials: int = 1000
    least_inliers: int = 8


@dataclass(frozen=True)
class Homography:
    """A projective transform between two images.

    Attributes:
        matrix: (3, 3) float64; takes (x, y, 1) of the first image to the second's, pixel centres
            at integers.
        inliers: Matches that agree with it.
        matches: All of them.
    """

    matrix: NDArray[np.float64]
    inliers: int
    matches: int


def find_homography(
    colour: NDArray[np.uint8],
    photo: NDArray[Any],
    config: HomographyConfig = HomographyConfig(),
) -> Homography:
    """Match ORB features of two images, and fit a homography by RANSAC.

    ORB: Rublee and others, "ORB: an efficient alternative to SIFT or SURF" (ICCV 2011). One
    homography holds for a plane only: whatever stands before or behind it lands beside its place.

    Args:
        colour: The Kinect's colour image, (h, w, 3) uint8 RGB.
        photo: The all-in-focus photo, (H, W, 3) RGB, uint8 or uint16.
        config: Settings.

    Raises:
        InputError: Too few matches agree.
    """
    orb = cv2.ORB_create(config.features)  # type: ignore[attr-defined,unused-ignore]
    (at, marks), (other_at, other_marks) = (
        _features(orb, cv2.cvtColor(_bytes(image), cv2.COLOR_RGB2GRAY)) for image in (colour, photo)
    )
    limit = config.match_threshold / 100 * 256
    matched = [
        best
        for best, second in _best_two(marks, other_marks)
        if best.distance <= limit and best.distance <= config.largest_ratio * second.distance
    ]
    inliers, matrix = 0, None
    if len(matched) >= 4:
        cv2.setRNGSeed(0)  # the same take gives the same result
        matrix, agree = cv2.findHomography(
            at[[match.queryIdx for match in matched]],
            other_at[[match.trainIdx for match in matched]],
            cv2.RANSAC, config.ransac_px, maxIters=config.trials, confidence=0.99,
        )  # fmt: skip
        inliers = 0 if matrix is None else int(np.count_nonzero(agree))
    if matrix is None or inliers < config.least_inliers:
        raise InputError(
            f"{inliers} of {len(matched)} feature matches between the Kinect's colour image and "
            "the photo agree on a homography",
            limit=f"at least {config.least_inliers}",
            remedy="The scene has too little texture for the published registration; process it "
            "with the rig's calibration instead",
        )
    return Homography(np.asarray(matrix, np.float64), inliers, len(matched))


def _bytes(image: NDArray[Any]) -> NDArray[np.uint8]:
    return np.asarray(image if image.dtype == np.uint8 else image >> 8, np.uint8)


def _features(orb: Any, grey: Any) -> tuple[NDArray[np.float32], Any]:
    keys, marks = orb.detectAndCompute(grey, None)
    return np.array([key.pt for key in keys], np.float32), marks


def _best_two(marks: Any, other_marks: Any) -> list[Any]:
    """The two nearest features of each; nothing where one of the images has too few."""
    if marks is None or other_marks is None or len(other_marks) < 2:
        return []
    return list(cv2.BFMatcher(cv2.NORM_HAMMING).knnMatch(marks, other_marks, k=2))
