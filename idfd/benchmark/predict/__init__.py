"""Depth and the deblurred photo of any photo, from a checkpoint.

Example:
    >>> from idfd.benchmark.predict import open_predictor  # doctest: +SKIP
    >>> predictor = open_predictor("run/best.safetensors")  # doctest: +SKIP
    >>> depth_m = predictor.predict(photo).depth_m  # doctest: +SKIP
"""

from __future__ import annotations

from idfd.benchmark.optional import require

require("torch", "safetensors")

from idfd.benchmark.predict.files import Outcome, predict_files  # noqa: E402
from idfd.benchmark.predict.predictor import Predictor, open_predictor  # noqa: E402
from idfd.benchmark.predict.tiles import Tiling  # noqa: E402

__all__ = ["Outcome", "Predictor", "Tiling", "open_predictor", "predict_files"]
