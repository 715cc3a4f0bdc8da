"""DnCNN as a model: trained for a short time on the release, or from a weight file as it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from idfd.benchmark.baselines.choice import Window, training_windows
from idfd.benchmark.baselines.deconvolution import not_fitted
from idfd.benchmark.baselines.dncnn import DnCNN, load_dncnn
from idfd.benchmark.dataset import TripleDataset
from idfd.benchmark.models import ModelInput, Prediction, Target
from idfd.benchmark.training.device import choose_device
from idfd.errors import InputError
from idfd.progress import track
from idfd.storage.hashing import sha256_file

_PHOTOS, _WINDOWS, _SIDE, _BATCH = 256, 16, 48, 8
_RATE = 1e-3
_STEPS = "300"


def dncnn(
    weights: str | None = None, steps: str | None = None, device: str = "auto"
) -> GivenDnCNN | TrainedDnCNN:
    """The model ``dncnn``: from a weight file, else trained.

    Args:
        weights: Weight file; see :func:`idfd.benchmark.baselines.dncnn.load_dncnn`.
        steps: Length of the training, where there is no weight file; 300 by default.
        device: ``auto``, ``cpu`` or ``cuda``.

    Raises:
        InputError: The file is not one of a DnCNN, there is no such device, or ``steps`` is no
            number or given with ``weights``.
    """
    if weights is None:
        return TrainedDnCNN(steps or _STEPS, device)
    if steps is not None:
        raise InputError(
            "nothing is trained with a weight file", limit="one of the options weights and steps"
        )
    return GivenDnCNN(weights, device)


class _DnCNN:
    """The photo less the residual that a DnCNN finds in it."""

    name = "dncnn"
    predicts: frozenset[Target] = frozenset({"aif"})

    def __init__(self, device: str) -> None:
        self._device = choose_device(device)
        self._network: DnCNN | None = None

    @torch.inference_mode()
    def predict(self, item: ModelInput) -> Prediction:
        """Return the restored photo, (H, W, 3) uint8.

        Raises:
            ReleaseError: There are no weights, and it was not trained.
        """
        if self._network is None:
            raise not_fitted(self.name)
        restored = self._network.clean(_values([item.defocused]).to(self._device))[0].cpu()
        levels = (restored * 255).round().clamp(0, 255).to(torch.uint8)
        return Prediction(all_in_focus=levels.permute(1, 2, 0).contiguous().numpy())


class GivenDnCNN(_DnCNN):
    """With the weights of a file, as they are: it needs no training split.

    Those of a denoiser remove noise, and are a control that is not expected to deblur.

    Args:
        weights: As for :func:`dncnn`.
        device: Likewise.
    """

    def __init__(self, weights: str, device: str = "auto") -> None:
        super().__init__(device)
        self._network = load_dncnn(Path(weights)).to(self._device)
        self._settings = {"weights": sha256_file(Path(weights))}

    def describe(self) -> dict[str, str]:
        """SHA-256 of the weight file."""
        return self._settings


class TrainedDnCNN(_DnCNN):
    """Learns the residual of defocus, ``defocused − sharp``, on the training split.

    Adam on the mean squared error, windows of 48x48, batches of 8, a rate that falls to zero, and
    nothing of the benchmark's own losses.

    Args:
        steps: As for :func:`dncnn`.
        device: Likewise.
    """

    def __init__(self, steps: str = _STEPS, device: str = "auto") -> None:
        super().__init__(device)
        if not steps.isdecimal() or int(steps) < 1:
            raise InputError(f"steps is '{steps}'", limit="a whole number from 1 on")
        self._steps = int(steps)

    def fit(self, train: TripleDataset) -> None:
        """Train on windows of the training split.

        Raises:
            ReleaseError: The split has no pair of photos.
        """
        self._network = self._trained(training_windows(train, _PHOTOS, _SIDE, _WINDOWS))

    def describe(self) -> dict[str, str]:
        """Length of the training."""
        return {"steps": str(self._steps)}

    def _trained(self, windows: list[Window]) -> DnCNN:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            network = DnCNN()
        # It starts as the identity: the floor is where learning begins.
        last = network.model[-1]
        assert isinstance(last, nn.Conv2d)
        assert last.bias is not None
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        network.to(self._device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        optimiser = torch.optim.Adam(network.parameters(), _RATE)
        draw = np.random.default_rng(0)
        for step in track(range(self._steps), self._steps, f"train {self.name}"):
            optimiser.param_groups[0]["lr"] = _RATE * (1 - step / self._steps)
            picked = [windows[at] for at in draw.integers(0, len(windows), _BATCH)]
            mirrored = slice(None, None, int(draw.choice((-1, 1))))
            blurred = _values([one.item.defocused[:, mirrored] for one in picked])
            sharp = _values([one.truth[:, mirrored] for one in picked])
            blurred, sharp = blurred.to(self._device), sharp.to(self._device)
            optimiser.zero_grad()
            torch.autograd.backward(nn.functional.mse_loss(network(blurred), blurred - sharp))
            optimiser.step()
        return network.eval().requires_grad_(False)


def _values(photos: list[NDArray[np.uint8]]) -> Tensor:
    """(H, W, 3) uint8 photos of one size to (N, 3, H, W) float32 in [0, 1]."""
    stacked = torch.from_numpy(np.stack(photos))
    return stacked.permute(0, 3, 1, 2).float() / 255
