"""A network applied to photos of any size."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from idfd.benchmark.checkpoint import load_network
from idfd.benchmark.models import Prediction
from idfd.benchmark.network.config import Head
from idfd.benchmark.network.twohead import CHANNELS, STRIDE, Output
from idfd.benchmark.predict.tiles import Span, Tiling
from idfd.benchmark.trained import SMALLEST_DEPTH_M, to_input
from idfd.benchmark.training.device import choose_device, choose_precision
from idfd.errors import InputError
from idfd.progress import track

Network = Callable[[torch.Tensor], Output]
_AUTOCAST = {"bf16": torch.bfloat16, "fp16": torch.float16}


class Predictor:
    """Depth and the deblurred photo of photos of any size, in bounded memory.

    A photo of no more pixels than a tile goes through the network whole, a larger one in tiles
    that overlap.

    Args:
        network: Gives an :class:`~idfd.benchmark.network.twohead.Output` for (1, 3, H, W) float32
            in [-1, 1].
        heads: What it predicts.
        device: ``cpu`` or ``cuda``; the network is on it.
        precision: ``fp32``, ``bf16`` or ``fp16``. The last layer of each head is float32 in all.
        tiling: How large photos are cut.
    """

    def __init__(
        self,
        network: Network,
        heads: tuple[Head, ...] = ("depth", "aif"),
        device: str = "cpu",
        precision: str = "fp32",
        tiling: Tiling = Tiling(),
    ) -> None:
        self.network = network
        self.heads = heads
        self.device = torch.device(device)
        self.precision = precision
        self.tiling = tiling

    def predict(self, photo: NDArray[np.uint8], progress: str | None = None) -> Prediction:
        """Predict from one photo, at its size.

        Args:
            photo: RGB, (H, W, 3) uint8, at least 32 pixels high and wide.
            progress: Label under which the progress over tiles is reported; None is silent.

        Returns:
            Depth, (H, W) float32 metres, at least 1 mm; deblurred photo, (H, W, 3) uint8; map of
            defocus, (H, W) float32 pixels.

        Raises:
            InputError: The photo is not RGB, or too small; the network gives NaN; or the GPU has
                too little memory for a tile.
        """
        height, width = _checked(photo)
        rows, columns = self.tiling.spans(height, width)
        tiles: Iterable[tuple[Span, Span]] = product(rows, columns)
        if progress is not None:
            tiles = track(tiles, len(rows) * len(columns), progress)
        maps = (self._maps(photo[y.start : y.stop, x.start : x.stop]) for y, x in tiles)
        depth = np.empty((height, width), np.float32) if "depth" in self.heads else None
        aif = np.empty((height, width, 3), np.uint8) if "aif" in self.heads else None
        defocus = np.empty((height, width), np.float32) if "defocus" in self.heads else None
        for top, band in self.tiling.blend(rows, columns, maps):
            place = slice(top, top + band.shape[1])
            if depth is not None:
                np.maximum(band[0], SMALLEST_DEPTH_M, out=depth[place])
            if aif is not None:
                # A map of depth may come before, one of defocus after.
                first = 0 if depth is None else CHANNELS["depth"]
                photo_band = band[first : first + CHANNELS["aif"]]
                levels = np.clip(np.rint((photo_band + 1) * 127.5), 0, 255)
                aif[place] = levels.astype(np.uint8).transpose(1, 2, 0)
            if defocus is not None:
                defocus[place] = band[-1]
        return Prediction(depth_m=depth, all_in_focus=aif, defocus_px=defocus)

    @torch.inference_mode()
    def _maps(self, photo: NDArray[np.uint8]) -> NDArray[np.float32]:
        """All maps of a tile, (C, H, W) float32, in the order of ``CHANNELS``."""
        kind = _AUTOCAST.get(self.precision)
        # Without the flag, cuDNN computes float32 convolutions with ten bits of fraction.
        with (
            torch.autocast(self.device.type, kind, enabled=kind is not None),
            torch.backends.cudnn.flags(enabled=True, allow_tf32=False),
        ):
            try:
                output = self.network(to_input(photo).to(self.device))
            except torch.cuda.OutOfMemoryError:
                raise InputError(
                    f"the GPU has too little memory for {photo.shape[1]}×{photo.shape[0]} pixels",
                    remedy=f"Use a --tile of less than {self.tiling.side}, or --device cpu",
                ) from None
        made = [getattr(output, head)[0].float() for head in CHANNELS if head in self.heads]
        maps: NDArray[np.float32] = torch.cat(made).cpu().numpy()
        if not np.isfinite(maps).all():
            raise InputError(
                f"the network gives values that are no numbers, in {self.precision}",
                limit="finite depth and colours",
                remedy="Use --precision fp32, or a checkpoint of an earlier step",
            )
        return maps


def open_predictor(
    checkpoint: str | Path,
    heads: tuple[Head, ...] | None = None,
    *,
    device: str = "auto",
    precision: str = "fp32",
    tiling: Tiling = Tiling(),
) -> Predictor:
    """Open a checkpoint of ``idfd benchmark train`` to predict with.

    Args:
        checkpoint: The file.
        heads: What to predict; all that the checkpoint can where None.
        device: ``auto``, ``cpu`` or ``cuda``; ``auto`` is a GPU where there is one.
        precision: ``fp32``, ``bf16``, ``fp16``, or ``auto``: half precision where it is fast.
        tiling: How large photos are cut.

    Raises:
        InputError: As for :func:`idfd.benchmark.checkpoint.load_network`; no such device; or a
            precision that the device lacks.
        SchemaError: The checkpoint's header does not follow its schema.

    Example:
        >>> predictor = open_predictor("run/best.safetensors")  # doctest: +SKIP
        >>> depth_m = predictor.predict(photo).depth_m  # doctest: +SKIP
    """
    kind = choose_device(device)
    chosen = choose_precision(precision, kind)
    network, record = load_network(Path(checkpoint), heads)
    placed: Any = network.eval().to(kind, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Predictor(placed, heads or record.network.heads, kind, chosen, tiling)


def _checked(photo: NDArray[Any]) -> tuple[int, int]:
    if photo.ndim != 3 or photo.shape[2] != 3 or photo.dtype != np.uint8:
        raise InputError(
            f"a photo of shape {photo.shape} and {photo.dtype}", limit="(H, W, 3) uint8"
        )
    height, width = photo.shape[:2]
    if min(height, width) < STRIDE:
        raise InputError(
            f"the photo has {width}×{height} pixels",
            limit=f"at least {STRIDE}×{STRIDE}",
            remedy="The network sees nothing in less than a square of this size",
        )
    return height, width
