"""A triple whose defocused photo is computed."""

from __future__ import annotations

import hashlib
import math
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from idfd.errors import InputError
from idfd.model.camera import CameraSettings
from idfd.model.defocus import SimulatedDefocus
from idfd.model.triple import PairTransform, PhotometricGain, Triple, TripleRecord
from idfd.processing.defocus.config import DefocusConfig, focus_of
from idfd.processing.defocus.layered import layered
from idfd.processing.defocus.layers import by_blur, by_depth
from idfd.processing.defocus.lens import blur_model, pixel_pitch_um, signed_circle_px
from idfd.processing.defocus.spot import Image, Spot
from idfd.processing.defocus.stack import gaussian_stack
from idfd.processing.degrade.noise import add_noise
from idfd.processing.degrade.settings import HighIsoNoise
from idfd.processing.nearest import fill_nearest
from idfd.storage.color import encode_srgb, linear_from_uint8

_MID_GREY = 0.18
_RARE = 0.001
"""Share of the nearest pixels, and of the farthest, whose blur is no stronger than that of the
next."""
_CHECKS_OF_DEPTH = ("crop", "depth_coverage", "depth_range", "in_painted")
_MEASURES_OF_DEPTH = ("depth_", "denoise_", "register_", "inpaint_")


def simulate(triple: Triple, config: DefocusConfig) -> Triple:
    """Replace the defocused photo by one computed from the all-in-focus photo and the depth.

    Pixels without depth take that of the nearest pixel that has one; in-painted depth counts as
    depth. The record says what was simulated, its blur model is the simulated lens where the
    intrinsics are known (so that a release gets true maps of defocus wherever there is depth),
    and the checks, measures and transform of the photographed pair are gone.

    Args:
        triple: Not changed.
        config: Settings, with a focus distance.

    Returns:
        The new triple; the same for the same triple and settings, to the bit.

    Raises:
        InputError: No all-in-focus photo or no depth in the triple, no focus distance, a photo
            that the preset's pixel pitch does not hold for, or a stack of disks.
    """
    record = triple.record
    missing = [part for part in ("all_in_focus", "depth") if part in record.absent]
    if missing or not triple.depth.any():
        raise InputError(
            f"there is no {' and no '.join(missing) or 'depth'} to compute defocus from",
            where=record.id,
            limit="an all-in-focus photo with its depth",
        )
    pitch = pixel_pitch_um(config, record)
    defocused = defocus_photo(triple.all_in_focus, triple.depth, config, pitch, record.id)
    return replace(
        triple,
        defocused=defocused,
        record=_record(record, config, pitch),
        defocus=None,
        defocus_uncertainty=None,
    )


def defocus_photo(
    photo: NDArray[np.uint8],
    depth_mm: NDArray[np.uint16],
    config: DefocusConfig,
    pitch_um: float,
    name: str = "",
) -> NDArray[np.uint8]:
    """Defocus a photo.

    Args:
        photo: All in focus, RGB, (H, W, 3) uint8 sRGB.
        depth_mm: Depth along the optical axis, (H, W) uint16 mm; 0 = none, filled from the
            nearest pixel that has one.
        config: Settings.
        pitch_um: Distance of the photo's pixel centres on the simulated sensor.
        name: Seeds the noise, together with ``config.seed``.

    Returns:
        (H, W, 3) uint8 sRGB.

    Raises:
        InputError: No focus distance, or a stack of disks.
    """
    linear = config.light == "linear"
    values = linear_from_uint8(photo) if linear else photo.astype(np.float32) / np.float32(255)
    blurred = defocus_image(values, fill_nearest(depth_mm) / 1000, config, pitch_um)
    if config.noise > 0:
        light = blurred if linear else linear_from_uint8(_bytes(blurred))
        sensor = sensor_of(config.noise)
        blurred = add_noise(np.clip(light, 0, 1), sensor, _generator(config.seed, name))
        linear = True
    return _bytes(encode_srgb(np.clip(blurred, 0, 1)) if linear else blurred)


def defocus_image(
    image: Image, depth_m: NDArray[Any], config: DefocusConfig, pitch_um: float
) -> Image:
    """Blur an image by the chosen engine, in whatever light it is in.

    Args:
        image: (H, W, 3) float32.
        depth_m: (H, W) metres, all above 0.
        config: Settings; noise is not added.
        pitch_um: Distance of the pixel centres.

    Returns:
        (H, W, 3) float32.
    """
    spot = Spot(config.psf, config.rho, config.kernel_px)
    circle = signed_circle_px(config, pitch_um, np.asarray(depth_m, np.float64))
    # One wrong depth of a few millimetres would have a spot as wide as the photo.
    low, high = np.quantile(circle, (_RARE, 1 - _RARE), method="nearest")
    circle = np.clip(circle, low, high)
    if config.engine == "gaussian-stack":
        if config.psf == "disk":
            raise InputError(
                "a stack of disks is no disk in between its levels",
                limit="--psf gaussian with the gaussian-stack engine",
                remedy="Choose --engine layered for disks",
            )
        return gaussian_stack(image, np.abs(circle).astype(np.float32), spot, config.layers)
    if config.reach_m is None:
        layer, middles = by_blur(circle, config.layers)
    else:
        layer, depths = by_depth(depth_m, config.layers, config.reach_m)
        middles = np.clip(signed_circle_px(config, pitch_um, depths), low, high)
    return layered(image, layer, np.abs(middles), spot, config.hidden)


def sensor_of(noise: float) -> HighIsoNoise:
    """The sensor whose noise at mid-grey has a standard deviation of ``noise`` of full scale.

    Solves ``noise² = 0.18/Q + r²/Q²`` for the electrons ``Q`` at which a pixel clips.
    """
    plain = HighIsoNoise(iso=100)
    read = plain.read_noise_e
    root = math.sqrt(_MID_GREY**2 + 4 * noise**2 * read**2)
    clipping = (_MID_GREY + root) / (2 * noise**2)
    return HighIsoNoise(iso=plain.full_well_e * 100 / clipping)


def _bytes(encoded: Image) -> NDArray[np.uint8]:
    return np.rint(np.clip(encoded, 0, 1) * 255).astype(np.uint8)


def _generator(seed: int, name: str) -> np.random.Generator:
    key = hashlib.sha256(name.encode()).digest()
    return np.random.default_rng([seed, *np.frombuffer(key, np.uint32)])


def _record(record: TripleRecord, config: DefocusConfig, pitch_um: float) -> TripleRecord:
    spot = Spot(config.psf, config.rho, config.kernel_px)
    checks = tuple(check for check in record.checks if check.name in _CHECKS_OF_DEPTH)
    verdicts = {check.verdict for check in checks}
    return msgspec.structs.replace(
        record,
        defocused=CameraSettings(
            f_number=config.f_number,
            focal_length_mm=config.focal_length_mm,
            focus_distance_m=config.focus_distance_m,
            lens="simulated thin lens",
        ),
        blur=blur_model(config, pitch_um, spot.sigma_share, record),
        absent=tuple(part for part in record.absent if part != "defocused"),
        given_defocus=None,
        simulated=SimulatedDefocus(
            preset=config.preset,
            engine=config.engine,
            psf=config.psf,
            focal_length_mm=config.focal_length_mm,
            f_number=config.f_number,
            focus_distance_m=focus_of(config),
            pixel_pitch_um=pitch_um,
            rho=spot.sigma_share,
            layers=config.layers,
            light=config.light,
            reach_m=config.reach_m,
            kernel_px=config.kernel_px,
            hidden=config.hidden,
            noise=config.noise,
            seed=config.seed,
        ),
        degradations=(),
        transform=PairTransform(
            homography=(1, 0, 0, 0, 1, 0, 0, 0, 1), radial=0.0, centre=(0.0, 0.0), scale=1.0
        ),
        gain=PhotometricGain(channels=(0.0, 0.0, 0.0), field=(), tone=()),
        checks=checks,
        measures={k: v for k, v in record.measures.items() if k.startswith(_MEASURES_OF_DEPTH)},
        verdict="fail" if "fail" in verdicts else "warn" if "warn" in verdicts else "pass",
    )
