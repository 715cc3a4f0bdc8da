"""One degradation of one triple."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from functools import reduce

import msgspec
import numpy as np
from numpy.typing import NDArray

from idfd.errors import InputError
from idfd.model.camera import Intrinsics
from idfd.model.degradation import Degradation
from idfd.model.schema import Record
from idfd.model.triple import Triple
from idfd.processing.degrade.motion import move
from idfd.processing.degrade.noise import add_noise
from idfd.processing.degrade.settings import CameraShake, HighIsoNoise, settings_of
from idfd.processing.degrade.shake import shake
from idfd.storage.color import encode_srgb, linear_from_uint8


class Degradations(Record, frozen=True, kw_only=True):
    """Several degradations, one after the other."""

    steps: tuple[Degradation, ...]


def degrade_all(triple: Triple, steps: Sequence[Degradation]) -> Triple:
    """Do one degradation after the other; see :func:`degrade`."""
    return reduce(degrade, steps, triple)


def degrade(triple: Triple, degradation: Degradation) -> Triple:
    """Degrade the defocused photo of a triple; all else stays.

    Degradations add up: that of a triple that was degraded before comes on top, and the record
    names both. Blur belongs before noise.

    Args:
        triple: Not changed.
        degradation: What to do; the draws depend on its kind and seed and the triple's name, not
            on its strength, so that a stronger one is the same one, only stronger.

    Returns:
        The triple with another ``defocused`` and a longer ``record.degradations``.

    Raises:
        InputError: Unknown settings, or blur in a triple that lacks the camera or depth.

    Example:
        >>> noisy = degrade(
        ...     triple, Degradation(kind="high-iso-noise", settings={"iso": 6400})
        ... )  # doctest: +SKIP
    """
    settings = settings_of(degradation)
    generator = _generator(degradation, triple.record.id)
    light = linear_from_uint8(triple.defocused)
    if isinstance(settings, HighIsoNoise):
        light = add_noise(light, settings, generator)
    elif isinstance(settings, CameraShake):
        light = shake(light, _camera(triple, degradation), settings, generator)
    else:
        light = move(light, triple.depth, _camera(triple, degradation), settings, generator)
    record = msgspec.structs.replace(
        triple.record, degradations=(*triple.record.degradations, degradation)
    )
    return replace(triple, defocused=_eight_bit(light), record=record)


def _camera(triple: Triple, degradation: Degradation) -> Intrinsics:
    if triple.record.intrinsics is None:
        raise InputError(
            f"{degradation.kind} needs a focal length in pixels, and the triple has no intrinsics",
            where=triple.record.id,
            limit="a triple with intrinsics",
            remedy="Choose high-iso-noise, which needs none, or give the set its intrinsics",
        )
    return triple.record.intrinsics


def _generator(degradation: Degradation, name: str) -> np.random.Generator:
    key = hashlib.sha256(f"{degradation.kind}/{name}".encode()).digest()
    return np.random.default_rng([degradation.seed, *np.frombuffer(key, np.uint32)])


def _eight_bit(light: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Linear light to 8-bit sRGB, rounded, as the photos of a release are."""
    return np.rint(encode_srgb(np.clip(light, 0, 1)) * 255).astype(np.uint8)
