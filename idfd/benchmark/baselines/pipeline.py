"""Depth first, then deblurring by it: a pipeline after Anwar, Hayder and Porikli.

Source: Anwar, Hayder and Porikli, "Depth estimation and blur removal from a single out-of-focus
image", BMVC 2017: a network estimates depth, depth gives the kernel of each pixel, and a non-blind
deconvolution removes it. Here any depth model stands first; the lens turns depth into spots, the
photo is deconvolved at a few widths of spot, and each pixel takes the mixture of the two nearest.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from idfd.benchmark.baselines.choice import Window, choose, training_windows
from idfd.benchmark.baselines.deconvolution import not_fitted, wiener
from idfd.benchmark.baselines.light import Plane, in_linear_light, periodic
from idfd.benchmark.baselines.spot import SMALLEST_PX, Lens, Spot, lens_of
from idfd.benchmark.dataset import TripleDataset
from idfd.benchmark.models import Model, ModelInput, Prediction, Target, TrainableModel, load_model
from idfd.benchmark.optional import require
from idfd.errors import InputError, ReleaseError
from idfd.storage.hashing import sha256_file

LEVELS = 9
"""Widths of spot that a photo is deconvolved at, from none to the widest in it."""
_FOCUS_M = (0.7, 1.0, 1.4, 1.7, 2.0, 2.8, 4.0)
_BALANCES = (3e-3, 1e-2, 3e-2, 1e-1, 1.0)
_WINDOWS, _SIDE = 6, 128
_WIDEST_PX = 60.0
"""A depth near 0 has no limit to its spot; what is wider than this cannot be undone."""


class Pipeline:
    """Depth from a model, then deconvolution of each pixel by the spot of its depth.

    Args:
        depth: The depth model: a name for ``--model``, a checkpoint (.safetensors) or an ONNX file.

    Raises:
        InputError: There is no such model, or it predicts no depth.
    """

    name = "pipeline"
    predicts: frozenset[Target] = frozenset({"depth", "aif"})

    def __init__(self, depth: str = "median-depth") -> None:
        require("skimage", extra="baselines")
        self._depth = _open(depth)
        if "depth" not in self._depth.predicts:
            raise InputError(f"the model '{depth}' predicts no depth", limit="a depth model")
        # What the depth network was trained on warns of leaks, as it does for the network itself.
        self.origin = getattr(self._depth, "origin", None)
        self._settings = {"depth": self._depth.name}
        if Path(depth).is_file():
            self._settings["depth_sha256"] = sha256_file(Path(depth))
        self.focus_distance_m: float | None = None
        self.balance: float | None = None
        self._factor = 1.0
        self._range_m = (0.0, 0.0)

    def fit(self, train: TripleDataset) -> None:
        """Fit the depth model where it needs it; choose the balance of the deconvolution.

        It is chosen with the true depth on windows of the split, and with it the focus distance
        where the release does not know it.

        Raises:
            ReleaseError: The split has no pair of photos with depth, or nothing is known of its
                lens.
        """
        if isinstance(self._depth, TrainableModel):
            self._depth.fit(train)
        windows = [one for one in training_windows(train, _WINDOWS, _SIDE) if one.depth_m.any()]
        focus: tuple[float | None, ...] = (None,)
        if not all(lens_of(one.item) for one in windows):
            focus = _FOCUS_M
        if not windows or not all(lens_of(one.item, focus[0]) for one in windows):
            raise ReleaseError(
                f"split '{train.split}' does not say how its lens blurs",
                where=train.info.name,
                limit="depth, and a blur model or focal length and intrinsics",
                remedy="Calibrate the lens, or score 'wiener', which guesses",
            )
        self._factor = windows[0].factor
        known = np.concatenate([one.depth_m[one.depth_m > 0] for one in windows])
        self._range_m = (float(known.min()), float(known.max()))
        self.focus_distance_m, self.balance = choose(
            windows, tuple(product(focus, _BALANCES)), self._of_truth, f"choose {self.name}"
        )

    def predict(self, item: ModelInput) -> Prediction:
        """Return depth, (H, W) float metres, and the deblurred photo, (H, W, 3) uint8.

        Raises:
            ReleaseError: :meth:`fit` was not called.
            InputError: Nothing is known of this photo's lens.
        """
        if self.balance is None:
            raise not_fitted(self.name)
        depth = self._depth.predict(item).depth_m
        lens = lens_of(item, self.focus_distance_m)
        if depth is None or lens is None:
            raise InputError(
                "there is no depth, or the lens is not known",
                where=f"{self._depth.name}, image {item.id}",
                limit="depth, and a blur model or focal length and intrinsics",
            )
        # A depth nearer than any of the training split means a spot wider than any of it.
        likely = np.clip(depth, *self._range_m)
        photo = deblur(item.defocused, lens, likely, self._factor, self.balance)
        return Prediction(depth_m=depth, all_in_focus=photo)

    def describe(self) -> dict[str, str]:
        """The depth model, and what was chosen."""
        found = dict(self._settings)
        if self.focus_distance_m is not None:
            found["focus_distance_m"] = f"{self.focus_distance_m:g}"
        if self.balance is not None:
            found["balance"] = f"{self.balance:g}"
        return found

    def _of_truth(self, window: Window, one: tuple[float | None, float]) -> NDArray[np.uint8]:
        focus, balance = one
        lens = lens_of(window.item, focus)
        assert lens is not None
        known = window.depth_m > 0
        depth = np.where(known, window.depth_m, np.median(window.depth_m[known]))
        return deblur(window.item.defocused, lens, depth, self._factor, balance)


def deblur(
    photo: NDArray[np.uint8],
    lens: Lens,
    depth_m: NDArray[np.floating],
    factor: float,
    balance: float,
) -> NDArray[np.uint8]:
    """Deconvolve each pixel by the spot of its depth.

    ``x = Σ_k w_k · W_k(y)`` with the Wiener filters ``W_k`` of spots of evenly spaced diameters
    ``c_k`` and the weights of linear interpolation between the two nearest.

    Args:
        photo: (H, W, 3) uint8.
        lens: Of the photo.
        depth_m: (H, W) floating point metres.
        factor: What the lens's diameters are multiplied by.
        balance: Of :func:`idfd.benchmark.baselines.deconvolution.wiener`.

    Returns:
        (H, W, 3) uint8.
    """
    diameters = np.minimum(factor * lens.diameters(depth_m), _WIDEST_PX)
    widest = float(diameters.max())
    if widest < SMALLEST_PX:
        return photo
    spots = [Spot(float(at), lens.model.disk_share) for at in np.linspace(0, widest, LEVELS)]
    margin = 2 * len(spots[-1].kernel())
    place = periodic(diameters.astype(np.float64), margin) * ((LEVELS - 1) / widest)
    used = [k for k in range(LEVELS) if (np.abs(place - k) < 1).any()]

    def restore(plane: Plane) -> Plane:
        restored = np.zeros_like(plane)
        for k in used:
            weight = np.maximum(1 - np.abs(place - k), 0)
            sharp = spots[k].diameter_px < SMALLEST_PX
            restored += weight * (plane if sharp else wiener(plane, spots[k].kernel(), balance))
        return restored

    return in_linear_light(photo, margin, restore)


def _open(depth: str) -> Model:
    suffix = Path(depth).suffix
    if suffix == ".safetensors":
        require("torch", "safetensors")
        from idfd.benchmark.trained import open_checkpoint

        return open_checkpoint(Path(depth), ("depth",))
    if suffix == ".onnx":
        from idfd.benchmark.onnx.model import OnnxModel

        return OnnxModel(Path(depth))
    return load_model(depth)
