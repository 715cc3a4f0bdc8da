"""Deconvolution with a denoiser as its idea of what photos look like, after IRCNN.

Half-quadratic splitting of ``min ‖h*x - y‖²/2 + λσ²·Φ(x)`` (Zhang, Zuo, Gu and Zhang, "Learning
deep CNN denoiser prior for image restoration", CVPR 2017) alternates ::

    X = (H*·Y + α·Z) / (|H|² + α),  α = λσ²/σ_k²       deconvolution, in linear light
    z = denoise(x, σ_k)                                the prior, on encoded values

with σ_k falling from step to step. The paper has a denoiser for each level. One for a single level
does for all of them by scaling what it sees (Xu, Liu, Sun, Brifman, Wohlberg and Kamilov, "Boosting
the performance of plug-and-play priors via denoiser scaling", Asilomar 2020): a photo stretched by
t/s has noise of level t where it had noise of level s.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from idfd.benchmark.baselines.choice import choose, training_windows
from idfd.benchmark.baselines.deconvolution import Deconvolution, Wiener
from idfd.benchmark.baselines.dncnn import load_dncnn
from idfd.benchmark.baselines.light import Plane
from idfd.benchmark.dataset import TripleDataset
from idfd.benchmark.training.device import choose_device
from idfd.errors import InputError
from idfd.storage.color import decode_srgb, encode_srgb
from idfd.storage.hashing import sha256_file

STEPS = 8
FIRST, LAST = 49 / 255, 15 / 255
"""Noise levels of the first step, the paper's, and of the last."""
_WINDOWS, _SIDE = 3, 64


class IRCNN(Deconvolution):
    """Deconvolution with a DnCNN as prior; the strength is ``σ·√λ``, as a share of full scale.

    The spot is the one that the Wiener filter does best with on the training split: to run the
    network for each spot would take hours.

    Args:
        weights: Weight file of a grey DnCNN that removes noise of one level.
        sigma: That level, on a scale of 255.
        device: ``auto``, ``cpu`` or ``cuda``.

    Raises:
        InputError: The file is not one of a grey DnCNN, or a value is out of range.
    """

    name = "ircnn"
    STRENGTHS = (0.01, 0.03, 0.1)

    def __init__(self, weights: str, sigma: str = "25", device: str = "auto") -> None:
        super().__init__()
        try:
            self._level = float(sigma) / 255
        except ValueError:
            self._level = 0.0
        if not 0 < self._level <= 1:
            raise InputError(f"sigma is '{sigma}'", limit="a number above 0, at most 255")
        self._device = choose_device(device)
        self._network = load_dncnn(Path(weights))
        if self._network.channels != 1:
            raise InputError(
                "the network is one for colour photos", where=weights, limit="a grey DnCNN"
            )
        self._network.to(self._device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._settings = {"weights": sha256_file(Path(weights)), "sigma": sigma}

    def fit(self, train: TripleDataset) -> None:
        """Choose the spot with the Wiener filter, then the strength; both on the training split.

        Raises:
            ReleaseError: The split has no pair of photos.
        """
        linear = Wiener()
        linear.fit(train)
        assert linear.chosen is not None
        windows = training_windows(train, _WINDOWS, _SIDE)
        self._factor = windows[0].factor
        spot = linear.chosen[0]
        self.chosen = choose(
            windows,
            [(spot, strength) for strength in self.STRENGTHS],
            lambda window, one: self._restored(window.item, *one),
            f"choose settings of {self.name}",
        )

    def describe(self) -> dict[str, str]:
        """The weights, and what was chosen."""
        return self._settings | super().describe()

    def restore(self, plane: Plane, kernel: Plane, strength: float) -> Plane:
        """See the module."""
        transfer = transfer_function(kernel, plane.shape)
        blurred = np.conj(transfer) * np.fft.rfft2(plane)
        power = np.abs(transfer) ** 2
        clean = plane
        for level in np.geomspace(FIRST, LAST, STEPS):
            alpha = (strength / level) ** 2
            spectrum = (blurred + alpha * np.fft.rfft2(clean)) / (power + alpha)
            clean = self._denoised(np.fft.irfft2(spectrum, plane.shape), float(level))
        return clean

    @torch.inference_mode()
    def _denoised(self, light: Plane, level: float) -> Plane:
        stretch = self._level / level
        # About mid-grey, so that a stretched photo stays as near as can be to what was trained on.
        values = (encode_srgb(np.clip(light, 0, 1)) - 0.5) * stretch + 0.5
        tensor = torch.from_numpy(values.astype(np.float32))[None, None].to(self._device)
        cleaned = (self._network.clean(tensor)[0, 0].cpu().numpy() - 0.5) / stretch + 0.5
        return decode_srgb(np.clip(cleaned, 0, 1)).astype(np.float64)


def transfer_function(kernel: Plane, shape: tuple[int, ...]) -> np.ndarray:
    """Half-plane Fourier transform of a centred kernel on a grid of ``shape``."""
    padded = np.zeros(shape)
    padded[: kernel.shape[0], : kernel.shape[1]] = kernel
    shift = tuple(-(side // 2) for side in kernel.shape)
    return np.fft.rfft2(np.roll(padded, shift, (0, 1)))
