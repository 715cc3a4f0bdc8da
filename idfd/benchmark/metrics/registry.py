"""What is known about each metric; tables and reports read it from here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MetricKind = Literal["depth", "restoration", "defocus"]
KINDS: dict[MetricKind, str] = {
    "depth": "Depth",
    "restoration": "Deblurring",
    "defocus": "Defocus",
}
"""Kinds of metrics, with their headings; each has a table of its own."""


@dataclass(frozen=True)
class Metric:
    """A metric's name and meaning.

    Attributes:
        name: Key in results files.
        title: Heading in tables.
        unit: Unit of the value, empty for shares and ratios.
        higher_is_better: Direction of improvement; None for values that describe the data.
        kind: What is compared.
        digits: Digits after the decimal point in tables.
        description: One sentence with the formula.
    """

    name: str
    title: str
    unit: str
    higher_is_better: bool | None
    kind: MetricKind
    digits: int
    description: str

    @property
    def heading(self) -> str:
        """Title with the unit and an arrow to the better side."""
        arrow = {True: " ↑", False: " ↓", None: ""}[self.higher_is_better]
        return f"{self.title} [{self.unit}]{arrow}" if self.unit else f"{self.title}{arrow}"

    def format(self, value: float) -> str:
        """Write a value with the metric's digits, without the unit."""
        return f"{value:.{self.digits}f}"


_DEPTH = (
    Metric("rmse", "RMSE", "m", False, "depth", 3, "Root mean squared error of depth"),
    Metric("abs_rel", "AbsRel", "", False, "depth", 4, "Mean of |d̂ - d| / d"),
    Metric("log10", "log10", "", False, "depth", 4, "Mean of |log10 d̂ - log10 d|"),
    Metric("delta1", "δ1", "", True, "depth", 3, "Share of pixels within a factor of 1.25"),
    Metric("delta2", "δ2", "", True, "depth", 3, "Share of pixels within a factor of 1.25²"),
    Metric("delta3", "δ3", "", True, "depth", 3, "Share of pixels within a factor of 1.25³"),
)
_EDGES = (
    Metric("kld", "Edge KLD", "", False, "depth", 3, "log2(1 + summed divergence of edges / 10)"),
    Metric("kld_sum", "Edge KLD sum", "nat", False, "depth", 3, "Summed divergence of edges"),
)
_DEFOCUS = (
    Metric("defocus_mae", "Defocus MAE", "", False, "defocus", 4, "Mean of |c - ĉ| in [0, 1]"),
    Metric("defocus_mse", "Defocus MSE", "", False, "defocus", 4, "Mean of (c - ĉ)² in [0, 1]"),
    Metric("defocus_mae_px", "Defocus MAE", "px", False, "defocus", 3, "Mean of |c - ĉ|"),
    Metric(
        "reblur_psnr",
        "Reblur PSNR",
        "dB",
        True,
        "defocus",
        2,
        "PSNR of the sharp photo, blurred by the map, against the defocused photo",
    ),
)
_RESTORATION = (
    Metric("psnr", "PSNR", "dB", True, "restoration", 2, "Peak signal-to-noise ratio"),
    Metric("ssim", "SSIM", "", True, "restoration", 4, "Mean structural similarity"),
    Metric("psnr_floor", "PSNR floor", "dB", None, "restoration", 2, "PSNR of the defocused photo"),
    Metric("ssim_floor", "SSIM floor", "", None, "restoration", 4, "SSIM of the defocused photo"),
    Metric("psnr_gain", "PSNR gain", "dB", True, "restoration", 2, "PSNR above that of the input"),
    Metric("ssim_gain", "SSIM gain", "", True, "restoration", 4, "SSIM above that of the input"),
)
# Names of their own keep scores without a unit out of the columns of metric ones.
_LEGACY = tuple(
    Metric(
        f"{metric.name}_minmax",
        f"{metric.title}, min-max",
        "",
        metric.higher_is_better,
        "depth",
        metric.digits,
        f"{metric.description}, truth and prediction of each image normalised to [0, 1]",
    )
    for metric in _DEPTH
    if metric.name != "log10"
)
METRICS: dict[str, Metric] = {
    metric.name: metric for metric in (*_DEPTH, *_EDGES, *_RESTORATION, *_DEFOCUS, *_LEGACY)
}
MAIN = ("rmse", "rmse_minmax", "psnr", "defocus_mae")
"""Metrics that can order images and models, the first that was scored does."""


def main_metric(names: set[str]) -> Metric:
    """The metric that orders images and models: RMSE, else PSNR, else defocus MAE.

    Raises:
        KeyError: None of :data:`MAIN` is among ``names``.
    """
    for name in MAIN:
        if name in names:
            return METRICS[name]
    raise KeyError(f"none of {', '.join(MAIN)}")
