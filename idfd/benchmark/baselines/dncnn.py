"""DnCNN: a chain of convolutions that gives what is wrong with a photo, and its weight files.

Source: Zhang, Zuo, Chen, Meng and Zhang, "Beyond a Gaussian denoiser: residual learning of deep CNN
for image denoising", IEEE TIP 26(7), 2017. Weight files are those of the authors' KAIR repository
with batch normalisation merged into the convolutions: ``model.0.weight``, ``model.0.bias``,
``model.2.weight`` and so on, the odd places being the rectifiers.
"""

from __future__ import annotations

import pickle
import struct
from pathlib import Path

import torch
from torch import Tensor, nn

from idfd.errors import InputError

_DAMAGED = (
    AttributeError,
    EOFError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
    pickle.UnpicklingError,
    struct.error,
)
_REMEDY = "Use a file of KAIR's model_zoo with merged batch normalisation, such as dncnn_25.pth"


class DnCNN(nn.Module):
    """``depth`` 3x3 convolutions with rectifiers between; the output is the residual.

    17 layers on one channel is the published grey network for one noise level, 20 layers that for
    any level, on one channel or three.

    Args:
        channels: Of input and output: 1 (grey) or 3 (RGB).
        depth: Number of convolutions, at least 2.
        width: Channels between them.
    """

    def __init__(self, channels: int = 3, depth: int = 17, width: int = 64) -> None:
        super().__init__()
        self.channels = channels
        layers: list[nn.Module] = [nn.Conv2d(channels, width, 3, padding=1)]
        for _ in range(depth - 2):
            layers += [nn.ReLU(inplace=True), nn.Conv2d(width, width, 3, padding=1)]
        layers += [nn.ReLU(inplace=True), nn.Conv2d(width, channels, 3, padding=1)]
        self.model = nn.Sequential(*layers)

    def forward(self, photo: Tensor) -> Tensor:
        """Residual of (N, channels, H, W) encoded values in [0, 1], of the same shape."""
        residual: Tensor = self.model(photo)
        return residual

    def clean(self, photo: Tensor) -> Tensor:
        """``photo − residual``; a grey network takes each channel for a photo of its own."""
        batch, channels, height, width = photo.shape
        one_by_one = photo.reshape(-1, self.channels, height, width)
        return (one_by_one - self(one_by_one)).reshape(batch, channels, height, width)


def load_dncnn(path: Path) -> DnCNN:
    """Open a weight file; the network's size is read off its shapes.

    Nothing but tensors is unpickled, so that a file cannot run a program.

    Raises:
        InputError: Unreadable file, not a file of tensors, missing or unknown names, or shapes and
            values that are not those of a DnCNN; the message names the file.
    """
    tensors = _tensors(path)
    depth = len(tensors) // 2
    expected = {f"model.{2 * i}.{part}" for i in range(depth) for part in ("weight", "bias")}
    odd = sorted(expected ^ tensors.keys())
    if odd or depth < 2:
        raise InputError(
            f"not the weights of a DnCNN ({_few(odd)} missing or unknown)"
            if odd
            else f"{depth} convolutions are no DnCNN",
            where=path,
            limit="model.0.weight, model.0.bias, model.2.weight, ... and nothing else",
            remedy=_REMEDY,
        )
    first = tensors["model.0.weight"]
    if first.ndim != 4 or first.shape[1] not in (1, 3) or not first.shape[0]:
        raise InputError(
            f"model.0.weight has shape {tuple(first.shape)}",
            where=path,
            limit="(width, 1 or 3, 3, 3)",
            remedy=_REMEDY,
        )
    # On 'meta' no memory is taken before the shapes are known to be those of the file.
    with torch.device("meta"):
        network = DnCNN(first.shape[1], depth, first.shape[0])
    for name, wanted in network.state_dict().items():
        found = tensors[name]
        if found.shape != wanted.shape or not found.is_floating_point():
            raise InputError(
                f"{name} is {found.dtype} of shape {tuple(found.shape)}",
                where=path,
                limit=f"floating point of shape {tuple(wanted.shape)}",
                remedy=_REMEDY,
            )
        if not torch.isfinite(found).all():
            raise InputError(f"{name} holds NaN or infinity", where=path, remedy=_REMEDY)
    network.load_state_dict({n: t.float().clone() for n, t in tensors.items()}, assign=True)
    return network.eval().requires_grad_(False)


def _tensors(path: Path) -> dict[str, Tensor]:
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror or error})", where=path) from None
    # torch.load hands out whatever the unpickler or the zip reader met in a damaged file.
    except _DAMAGED as error:
        first = str(error).partition("\n")[0]
        raise InputError(f"not a file of torch tensors ({first})", where=path) from None
    if not isinstance(found, dict) or not all(
        isinstance(key, str) and isinstance(value, Tensor) for key, value in found.items()
    ):
        raise InputError("not a dictionary of tensors", where=path, remedy=_REMEDY)
    return found


def _few(names: list[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
