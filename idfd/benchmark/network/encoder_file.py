"""Files of DenseNet-121 weights, as torchvision publishes them."""

from __future__ import annotations

import pickle
import re
import struct
from pathlib import Path

import torch
from torch import Tensor

from idfd.benchmark.tensor_file import read_tensors
from idfd.errors import InputError
from idfd.storage.hashing import sha256_file

EXPECTED = "a state dict of torchvision's densenet121 (.pth or .safetensors)"
REMEDY = "Take torchvision's densenet121-a639ec97.pth, or leave 'encoder' out to start at random"
_HASH_IN_NAME = re.compile(r"-([0-9a-f]{8,64})$")
_OLD_NAME = re.compile(r"^(.*denselayer\d+\.(?:norm|conv))\.([12]\..*)$")
# All that torch's readers of its two formats were seen to raise on damaged files.
_UNREADABLE = (
    pickle.UnpicklingError,
    RuntimeError,
    AssertionError,
    EOFError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    OverflowError,
    struct.error,
)


def check_hash(path: Path) -> str:
    """SHA-256 of a file, checked against the digits at the end of its name where it has some.

    The name ``densenet121-a639ec97.pth`` holds the first digits; so torchvision names its files.

    Raises:
        InputError: No such file, or another hash.
    """
    if not path.is_file():
        raise InputError("no such file", where=path, limit=EXPECTED, remedy=REMEDY)
    digest = sha256_file(path)
    named = _HASH_IN_NAME.search(path.stem)
    if named and not digest.startswith(named[1]):
        raise InputError(
            f"the SHA-256 begins with {digest[: len(named[1])]}",
            where=path,
            limit=f"{named[1]}, as its name says",
            remedy="Download it again; if the end of the name is no hash, rename the file",
        )
    return digest


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a .safetensors file, or of one that torch.save wrote.

    Of a pickle only tensors and plain containers are read; one that holds anything else is refused
    before it runs. Names of old files (``denselayer1.norm.1``) become today's
    (``denselayer1.norm1``).

    Raises:
        InputError: Neither of the two, or not a plain dictionary of tensors.
        MissingDependencyError: A .safetensors file, and safetensors is not installed.
    """
    if path.suffix == ".safetensors":
        found: object = read_tensors(path, EXPECTED)
    else:
        try:
            found = torch.load(path, map_location="cpu", weights_only=True)
        except _UNREADABLE as error:
            # torch's text says how to load the file all the same; here it only tells the cause.
            program = re.search(r"GLOBAL ([\w.]+)", str(error))
            raise InputError(
                f"a pickle that holds {program[1]}, which is no tensor and could run a program"
                if program
                else "cannot be read: damaged, or not a file of torch.save",
                where=path,
                limit=EXPECTED,
                remedy=REMEDY,
            ) from error
    if not isinstance(found, dict) or not all(
        isinstance(name, str) and isinstance(tensor, Tensor) for name, tensor in found.items()
    ):
        what = f"a dictionary of {_first(found)}" if isinstance(found, dict) else "no dictionary"
        raise InputError(
            f"the file holds {what}",
            where=path,
            limit=EXPECTED,
            remedy="Save the state dict alone, with torch.save(model.state_dict(), PATH)",
        )
    return {_OLD_NAME.sub(r"\1\2", name): tensor for name, tensor in found.items()}


def describe(tensors: dict[str, Tensor]) -> str:
    """What network the tensors seem to be of, for messages.

    Example:
        ``a DenseNet with blocks of 6, 12, 32, 32 layers (features.conv0.weight, ...)``.
    """
    layers: dict[str, set[str]] = {}
    for name in tensors:
        if place := re.match(r"(.*denseblock\d+)\.(denselayer\d+)\.", name):
            layers.setdefault(place[1], set()).add(place[2])
    blocks = ", ".join(str(len(block)) for block in layers.values())
    kind = f"a DenseNet with blocks of {blocks} layers" if layers else f"{len(tensors)} tensors"
    return f"{kind} ({_first(tensors)})"


def _first(found: dict[str, Tensor]) -> str:
    return ", ".join(str(name) for name in list(found)[:3]) + (", ..." if len(found) > 3 else "")
