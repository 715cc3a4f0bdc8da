"""Settings of synthetic defocus, and those of published lenses by name."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from idfd.calibration.thin_lens import RHO
from idfd.errors import InputError
from idfd.model.camera import Positive
from idfd.model.defocus import DefocusEngine, HiddenParts
from idfd.model.schema import Record
from idfd.model.settings import settings_from

STACK_LEVELS = 10
_HELP = "idfd process defocus --help"


class DefocusConfig(Record, frozen=True, kw_only=True):
    """What a defocused photo is computed with.

    Attributes:
        preset: Name of the parameters this began with.
        focal_length_mm: Focal length of the simulated lens.
        f_number: Its f-number.
        focus_distance_m: Depth in focus; None must be replaced before anything is computed.
        pixel_pitch_um: Distance of two pixel centres of the photo that the triples are windows of;
            a triple that was reduced from it by ``crop.scale`` has so many times that.
        photo_width: Width of the photos that ``pixel_pitch_um`` holds for, pixels; wider ones
            are refused, because their pixels are others. None takes any.
        camera_pitch: Take the pixel pitch from the triple's intrinsics or calibrated lens where
            one of them says it.
        engine: ``layered`` composites with occlusion, ``gaussian-stack`` is faster and has none.
        psf: Shape of the spot. The disk's diameter is the circle of confusion.
        rho: Standard deviation of a Gaussian spot over the circle of confusion.
        light: What is blurred: ``linear`` light, as a lens does, or ``encoded`` sRGB values.
        layers: Depth layers, or levels of the stack.
        reach_m: Layers are ``reach_m / layers`` of depth thick, and the last takes all that is
            farther; None spaces them evenly in blur, which is evenly in dioptres.
        kernel_px: Side of all Gaussian kernels; None is as wide as each needs.
        hidden: How layers go on behind nearer ones, see :mod:`idfd.processing.defocus.layered`.
        noise: Standard deviation of the sensor's noise at mid-grey (linear 0.18), of full scale.
        seed: Of the noise.
    """

    preset: str
    focal_length_mm: Positive
    f_number: Positive
    focus_distance_m: Positive | None
    pixel_pitch_um: Positive
    photo_width: Annotated[int, msgspec.Meta(gt=0)] | None = None
    camera_pitch: bool = False
    engine: DefocusEngine = "layered"
    psf: Literal["gaussian", "disk"] = "gaussian"
    rho: Positive = RHO
    light: Literal["linear", "encoded"] = "linear"
    layers: Annotated[int, msgspec.Meta(ge=2)] = 16
    reach_m: Positive | None = None
    kernel_px: Annotated[int, msgspec.Meta(ge=3)] | None = None
    hidden: HiddenParts = "filled"
    noise: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.0
    seed: Annotated[int, msgspec.Meta(ge=0)] = 0


# Carvalho et al. 2018, for NYU-Depth-V2 at its own 640x480; 4 and 8 m in focus too.
_NYU = DefocusConfig(
    preset="nyu-carvalho",
    focal_length_mm=15.0,
    f_number=2.8,
    focus_distance_m=2.0,
    pixel_pitch_um=5.6,
    photo_width=640,
    light="encoded",
    layers=255,
    reach_m=10.0,
    kernel_px=21,
    hidden="dilated",
)
PRESETS = {
    _NYU.preset: _NYU,
    # DFD_Indoor: a Nikon D200 whose pixels were binned 6x6. Lens, focus and pitch are published;
    # spot, layers and light are carried over from NYU-Depth-V2.
    "dfd-indoor": msgspec.structs.replace(
        _NYU,
        preset="dfd-indoor",
        focal_length_mm=35.0,
        f_number=2.5,
        focus_distance_m=1.7,
        pixel_pitch_um=36.0,
        photo_width=645,
    ),
    # The lens of iDFD: its focus distance is published nowhere. What else is not published is
    # as a lens does it.
    "idfd": DefocusConfig(
        preset="idfd",
        focal_length_mm=14.0,
        f_number=2.8,
        focus_distance_m=None,
        pixel_pitch_um=5.97,
        photo_width=6016,
        camera_pitch=True,
        psf="disk",
    ),
}
"""Lenses as published (``docs/synthetic-defocus.md`` says what is, and what was chosen here)."""


def focus_of(config: DefocusConfig) -> float:
    """Depth in focus, metres.

    Raises:
        InputError: The settings name none.
    """
    if config.focus_distance_m is None:
        raise InputError(
            f"'{config.preset}' has no focus distance: none is published",
            remedy="Give one in metres with --focus",
        )
    return config.focus_distance_m


def customised(preset: str, changes: dict[str, Any]) -> DefocusConfig:
    """A preset with some settings replaced, checked.

    A pixel pitch of one's own holds for photos of any width and goes before the camera's; a number
    of layers spaces them evenly in blur; the stack takes ten levels unless told otherwise.

    Args:
        preset: Name of one of :data:`PRESETS`.
        changes: Settings of :class:`DefocusConfig` by name.

    Raises:
        InputError: A value that cannot be used, or no focus distance.
    """
    implied: dict[str, Any] = {}
    if "pixel_pitch_um" in changes:
        implied |= {"photo_width": None, "camera_pitch": False}
    if changes.get("engine") == "gaussian-stack":
        implied |= {"layers": STACK_LEVELS, "reach_m": None}
    if "layers" in changes:
        implied["reach_m"] = None
    base = msgspec.to_builtins(PRESETS[preset])
    config = settings_from(DefocusConfig, base | implied | changes, "options", _HELP)
    focus_of(config)  # refused here, before any triple is read
    return config
