"""Scores of one prediction on one triple, under a protocol."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfd.benchmark.metrics import defocus
from idfd.benchmark.metrics.depth import all_depth_metrics
from idfd.benchmark.metrics.edges import edge_divergence, logarithm
from idfd.benchmark.metrics.legacy import minmax_metrics
from idfd.benchmark.metrics.restoration import psnr, ssim
from idfd.benchmark.models import Model, Prediction
from idfd.benchmark.protocol import DefocusRules, DepthRules, EdgeRules, MaskKind, RestorationRules
from idfd.errors import InputError
from idfd.model.triple import Triple


@dataclass(frozen=True)
class DepthScore:
    """Depth scores of one image.

    Attributes:
        metrics: Value of each metric; empty where no pixel is valid.
        valid_pixels: Number of scored pixels.
        squared_error: Sum of squared errors over them, for pooling; in square metres where the
            metrics are metric.
    """

    metrics: dict[str, float]
    valid_pixels: int
    squared_error: float


def check_prediction(prediction: Prediction, model: Model, triple: Triple) -> None:
    """Refuse a prediction that lacks a target or has the wrong shape or dtype.

    Raises:
        InputError: The message names the model, the image and the array.
    """
    where = f"{model.name}, image {triple.record.id}"
    shape = triple.depth.shape
    maps = {"depth": ("depth_m", "metres"), "defocus": ("defocus_px", "pixels")}
    for target in sorted(maps.keys() & model.predicts):
        name, unit = maps[target]
        array = getattr(prediction, name)
        if array is None:
            raise InputError(f"the model gave no {target}", where=where, limit=name)
        if array.shape != shape or not np.issubdtype(array.dtype, np.floating):
            raise InputError(
                f"{name} is {array.dtype} of shape {array.shape}",
                where=where,
                limit=f"floating-point {unit} of shape {shape}",
            )
    if "aif" in model.predicts:
        photo = prediction.all_in_focus
        if photo is None:
            raise InputError("the model gave no photo", where=where, limit="all_in_focus")
        if photo.shape != (*shape, 3) or photo.dtype != np.uint8:
            raise InputError(
                f"all_in_focus is {photo.dtype} of shape {photo.shape}",
                where=where,
                limit=f"uint8 of shape {(*shape, 3)}",
            )


def scored_pixels(triple: Triple, rules: DepthRules, mask: MaskKind) -> NDArray[np.bool_]:
    """Pixels that depth is scored on, (H, W) bool; see :class:`DepthRules`."""
    # 0 means no depth, and the lower limit is above 0, so the range test covers it.
    millimetres = triple.depth
    valid = (millimetres >= rules.minimum_m * 1000) & (millimetres <= rules.maximum_m * 1000)
    return np.asarray(valid & triple.measured if mask == "measured" else valid, np.bool_)


def score_depth(
    depth_m: NDArray[np.floating[Any]],
    triple: Triple,
    rules: DepthRules,
    mask: MaskKind,
    border: int = 0,
    edges: EdgeRules | None = None,
) -> DepthScore:
    """Score a depth map.

    Args:
        depth_m: Predicted depth, (H, W) floating-point metres.
        triple: The triple with the truth.
        rules: Range, clipping and rounding.
        mask: Whether in-painted truth counts.
        border: Pixels dropped at each side.
        edges: Settings of the edge metric, where it is wanted. It is missing where too little
            of the image is known.

    Raises:
        InputError: The prediction is not a finite depth above 0 on a scored pixel; the
            message names the image.
    """
    inside = cropped(triple.depth.shape[:2], border, triple)
    valid = scored_pixels(triple, rules, mask)[inside]
    predicted = depth_m[inside][valid].astype(np.float64)
    if predicted.size == 0:
        return DepthScore({}, 0, 0.0)
    bad = int(np.count_nonzero(~(np.isfinite(predicted) & (predicted > 0))))
    if bad:
        raise InputError(
            f"the predicted depth is NaN, infinite, zero or negative at {bad} of "
            f"{predicted.size} scored pixels",
            where=f"image {triple.record.id}",
            limit="finite metres above 0 wherever the truth is known",
            remedy="Fill these pixels in the prediction",
        )
    step = rules.resolution_mm / 1000
    truth = triple.depth[inside][valid].astype(np.float64) / 1000
    if rules.predictions_out_of_range == "clip":
        predicted = np.clip(predicted, rules.minimum_m, rules.maximum_m)
    # Rounding makes a map from memory score as the same map read from a 16-bit file.
    # What would round to 0, which is no depth, becomes the smallest depth there is.
    predicted = np.maximum(np.rint(predicted / step), 1) * step
    if rules.normalisation == "image min-max":
        metrics = minmax_metrics(predicted, truth)
    else:
        metrics = all_depth_metrics(predicted, truth)
    if edges is not None:
        metrics |= _score_edges(predicted, truth, valid, edges)
    return DepthScore(metrics, predicted.size, metrics[rmse_name(rules)] ** 2 * predicted.size)


def _score_edges(
    predicted: NDArray[np.float64],
    truth: NDArray[np.float64],
    valid: NDArray[np.bool_],
    rules: EdgeRules,
) -> dict[str, float]:
    maps = np.zeros((2, *valid.shape))
    maps[:, valid] = predicted, truth
    divergence = edge_divergence(maps[0], maps[1], valid, rules)
    if divergence is None:
        return {}
    return {"kld": logarithm(divergence, rules.d0), "kld_sum": divergence}


def rmse_name(rules: DepthRules) -> str:
    """Name of the RMSE that the rules give: in metres, or of normalised images."""
    return "rmse" if rules.normalisation == "none" else "rmse_minmax"


def score_photo(
    photo: NDArray[np.uint8], triple: Triple, rules: RestorationRules, border: int = 0
) -> dict[str, float]:
    """Score a deblurred photo, beside the defocused photo as the floor.

    Args:
        photo: Deblurred photo, (H, W, 3) uint8.
        triple: The triple with the all-in-focus truth.
        rules: Settings of PSNR and SSIM.
        border: Pixels dropped at each side.

    Returns:
        ``psnr`` and ``ssim`` of the photo, ``*_floor`` of the defocused photo, and
        ``*_gain``, the difference; PSNR in decibels.
    """
    inside = cropped(triple.depth.shape[:2], border, triple)
    truth = triple.all_in_focus[inside]
    scores: dict[str, float] = {}
    for suffix, candidate in (("", photo[inside]), ("_floor", triple.defocused[inside])):
        decibels = psnr(candidate, truth, rules.data_range)
        scores[f"psnr{suffix}"] = min(decibels, rules.psnr_cap_db)
        scores[f"ssim{suffix}"] = ssim(
            candidate,
            truth,
            data_range=rules.data_range,
            window=rules.ssim_window,
            sigma=rules.ssim_sigma,
            k1=rules.ssim_k1,
            k2=rules.ssim_k2,
        )
    for name in ("psnr", "ssim"):
        scores[f"{name}_gain"] = scores[name] - scores[f"{name}_floor"]
    return scores


def score_defocus(
    defocus_px: NDArray[np.floating[Any]],
    triple: Triple,
    rules: DefocusRules,
    border: int = 0,
) -> dict[str, float]:
    """Score a map of defocus, on the pixels where the truth is known.

    Args:
        defocus_px: Predicted diameter of the circle of confusion, (H, W) floating-point pixels.
        triple: The triple; its signed truth is taken without the sign.
        rules: Full scale and rounding.
        border: Pixels dropped at each side.

    Returns:
        ``defocus_mae`` and ``defocus_mse`` of maps in [0, 1], and ``defocus_mae_px`` where the
        truth is in pixels; nothing where no pixel is known.

    Raises:
        InputError: The prediction is not a finite diameter of at least 0 on a scored pixel.
    """
    if triple.defocus is None:
        return {}
    inside = cropped(triple.depth.shape[:2], border, triple)
    truth = triple.defocus[inside].astype(np.float64)
    valid = np.isfinite(truth)
    predicted, truth = defocus_px[inside][valid].astype(np.float64), np.abs(truth[valid])
    if truth.size == 0:
        return {}
    bad = int(np.count_nonzero(~(np.isfinite(predicted) & (predicted >= 0))))
    if bad:
        raise InputError(
            f"the predicted defocus is NaN, infinite or negative at {bad} of {truth.size} scored "
            "pixels",
            where=f"image {triple.record.id}",
            limit="finite diameters in pixels, at least 0, wherever the truth is known",
            remedy="Give the diameter without its sign",
        )
    predicted = np.rint(predicted / rules.resolution_px) * rules.resolution_px
    given = triple.record.given_defocus
    in_pixels = given is None or given.unit == "px"
    full_scale = (given.full_scale_px if given else None) or rules.full_scale_px
    share = defocus.normalised(predicted, full_scale)
    true_share = defocus.normalised(truth, full_scale if in_pixels else 1.0)
    scores = {
        "defocus_mae": defocus.mae(share, true_share),
        "defocus_mse": defocus.mse(share, true_share),
    }
    if in_pixels:
        scores["defocus_mae_px"] = defocus.mae(predicted, truth)
    return scores


def measured_share(triple: Triple) -> float | None:
    """Share of the true depth that was measured rather than in-painted; None without depth."""
    known = triple.depth > 0
    count = int(np.count_nonzero(known))
    return float(np.count_nonzero(known & triple.measured) / count) if count else None


def cropped(shape: tuple[int, ...], border: int, triple: Triple) -> tuple[slice, slice]:
    """Row and column slices of an image of ``shape`` without its border.

    Raises:
        InputError: Nothing is left inside the border.
    """
    height, width = shape
    if min(height, width) <= 2 * border:
        raise InputError(
            f"a border of {border} pixels leaves nothing of a {width}x{height} image",
            where=f"image {triple.record.id}",
            limit=f"at most {(min(height, width) - 1) // 2} pixels",
        )
    return slice(border, height - border), slice(border, width - border)
