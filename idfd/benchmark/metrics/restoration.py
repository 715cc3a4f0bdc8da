"""Deblurring metrics: a restored photo against the all-in-focus photo of the same view."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.errors import InputError

Photo = NDArray[np.uint8]


def _check(prediction: Photo, truth: Photo) -> None:
    for name, photo in (("prediction", prediction), ("truth", truth)):
        if photo.dtype != np.uint8 or photo.ndim not in (2, 3) or photo.size == 0:
            raise InputError(
                f"{name} is {photo.dtype} of shape {photo.shape}",
                limit="uint8 of shape (H, W) or (H, W, C)",
            )
    if prediction.shape != truth.shape:
        raise InputError(
            f"the photos have shapes {prediction.shape} and {truth.shape}", limit="one shape"
        )


def psnr(prediction: Photo, truth: Photo, data_range: float = 255.0) -> float:
    """Peak signal-to-noise ratio, ``10·log10(L² / MSE)``, in decibels.

    The mean squared error runs over all pixels and channels; identical photos give infinity.

    Args:
        prediction: Restored photo, (H, W, 3) or (H, W) uint8.
        truth: All-in-focus photo of the same shape, uint8.
        data_range: Largest possible value ``L``.

    Raises:
        InputError: Another dtype, or the shapes differ.

    Source: ITU-T J.340; Huynh-Thu and Ghanbari, Electronics Letters 44(13), 2008.

    Example:
        >>> black = np.zeros((2, 2), np.uint8)
        >>> psnr(black, black + 255)
        0.0
    """
    _check(prediction, truth)
    error = prediction.astype(np.float64) - truth
    mse = float(np.mean(error * error))
    return float("inf") if mse == 0 else float(10 * np.log10(data_range**2 / mse))


def ssim(
    prediction: Photo,
    truth: Photo,
    *,
    data_range: float = 255.0,
    window: int = 11,
    sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
) -> float:
    """Mean structural similarity with a Gaussian window, at most 1.

    ``((2·μx·μy + C1)·(2·σxy + C2)) / ((μx² + μy² + C1)·(σx² + σy² + C2))`` with
    ``C1 = (k1·L)²`` and ``C2 = (k2·L)²``; weighted (population) variances; the mean runs over
    the channels and over the pixels whose window lies inside the photo. It equals
    ``structural_similarity(gaussian_weights=True, sigma=1.5, use_sample_covariance=False)``
    of scikit-image.

    Args:
        prediction: Restored photo, (H, W, 3) or (H, W) uint8.
        truth: All-in-focus photo of the same shape, uint8.
        data_range: Largest possible value ``L``.
        window: Side of the window in pixels, odd.
        sigma: Standard deviation of the window in pixels.
        k1: Stabiliser of the luminance term.
        k2: Stabiliser of the contrast term.

    Raises:
        InputError: Another dtype, differing shapes, or a photo smaller than the window.

    Source: Wang, Bovik, Sheikh and Simoncelli, "Image Quality Assessment: From Error
    Visibility to Structural Similarity", IEEE TIP 13(4), 2004, equations 13 to 16.

    Example:
        >>> photo = np.arange(256, dtype=np.uint8).reshape(16, 16)
        >>> round(ssim(photo, photo), 6)
        1.0
    """
    _check(prediction, truth)
    if min(truth.shape[:2]) < window:
        raise InputError(
            f"the photo is {truth.shape[1]}x{truth.shape[0]} pixels",
            limit=f"at least the {window}x{window} window of SSIM",
        )
    offsets = np.arange(window) - window // 2
    kernel = np.exp(-0.5 * (offsets / sigma) ** 2)
    kernel /= kernel.sum()
    inside = slice(window // 2, -(window // 2))

    def local_mean(image: NDArray[np.float64]) -> NDArray[np.float64]:
        smooth = cv2.sepFilter2D(image, cv2.CV_64F, kernel, kernel)
        # The border needs pixels from outside the photo and is not scored.
        return np.asarray(smooth, np.float64)[inside, inside]

    x, y = prediction.astype(np.float64), truth.astype(np.float64)
    mean_x, mean_y = local_mean(x), local_mean(y)
    variances = local_mean(x * x + y * y) - mean_x**2 - mean_y**2
    covariance = local_mean(x * y) - mean_x * mean_y
    c1, c2 = (k1 * data_range) ** 2, (k2 * data_range) ** 2
    luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    structure = (2 * covariance + c2) / (variances + c2)
    return float(np.mean(luminance * structure))
