"""The triple: arrays, and the record that says how they came to be."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated, ClassVar, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from idfd.errors import InputError
from idfd.model.camera import CameraSettings, Intrinsics
from idfd.model.capture import Identifier
from idfd.model.defocus import DefocusModel, SimulatedDefocus
from idfd.model.degradation import Degradation
from idfd.model.provenance import FileReference, Provenance
from idfd.model.schema import Document, Record

MAX_DEPTH_MM = 65535
DepthKind = Literal["raw", "inpainted"]
Modality = Literal["all_in_focus", "defocused", "depth"]


class DepthSource(IntEnum):
    """What a pixel of a source map says about the depth at that pixel."""

    NONE = 0
    """No depth."""
    MEASURED = 1
    """One measurement of the sensor."""
    FUSED = 2
    """Several measurements, fused."""
    IN_PAINTED = 3
    """Filled in, not measured."""
    UNKNOWN = 4
    """Depth from a source that filled holes without recording where."""


def measured_pixels(source: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Pixels of a source map whose depth was measured, fused or not; bool of its shape."""
    return (source == DepthSource.MEASURED) | (source == DepthSource.FUSED)


class PairTransform(Record, frozen=True, kw_only=True):
    """Maps a pixel of the all-in-focus photo to the defocused photo.

    With the pixel ``x``, ``u = (x - centre) / scale``, the radial term
    ``u' = u * (1 + radial * |u|^2)`` and the homography ``H`` (row-major, h33 = 1):
    ``x' = centre + scale * dehomogenise(H @ (u', 1))``. Pixel centres are integers.
    """

    homography: tuple[float, float, float, float, float, float, float, float, float]
    radial: float
    centre: tuple[float, float]
    scale: Annotated[float, msgspec.Meta(gt=0)]


class PhotometricGain(Record, frozen=True, kw_only=True):
    """Gain that brings the defocused photo to the all-in-focus one, in linear light.

    ``log gain = channel + Σ field_k·B_k(x, y) + Σ tone_k·t^(k+1)`` with the polynomial basis
    ``B`` of :mod:`idfd.processing.photos.photometry` over [-1, 1]² and the encoded value ``t`` in
    [0, 1].
    """

    channels: tuple[float, float, float]
    field: tuple[float, ...]
    tone: tuple[float, ...]


class Crop(Record, frozen=True, kw_only=True):
    """The pixels of a triple: a window of the source photo, resampled where ``scale`` is not 1.

    Pixel (i, j) of the triple (column, row) is centred on the source photo's pixel
    ``(x + (i + 0.5)·scale − 0.5, y + (j + 0.5)·scale − 0.5)``. One scale for both axes: the
    aspect is never distorted.

    Attributes:
        x: Left edge of the window in the source photo, pixels.
        y: Its upper edge.
        width: Of the triple, pixels.
        height: Of the triple.
        scale: Source pixels to a pixel of the triple.
    """

    x: Annotated[float, msgspec.Meta(ge=0)]
    y: Annotated[float, msgspec.Meta(ge=0)]
    width: Annotated[int, msgspec.Meta(gt=0)]
    height: Annotated[int, msgspec.Meta(gt=0)]
    scale: Annotated[float, msgspec.Meta(gt=0)] = 1.0

    @property
    def native(self) -> bool:
        """The triple's pixels are pixels of the source photo; then :attr:`window` holds them."""
        return self.scale == 1 and float(self.x).is_integer() and float(self.y).is_integer()

    @property
    def window(self) -> tuple[slice, slice]:
        """Row and column slices of a native crop."""
        assert self.native
        x, y = int(self.x), int(self.y)
        return slice(y, y + self.height), slice(x, x + self.width)

    def part(self, x: int, y: int, width: int, height: int) -> Crop:
        """The crop of a window of this crop's own pixels."""
        return Crop(
            x=self.x + x * self.scale,
            y=self.y + y * self.scale,
            width=width,
            height=height,
            scale=self.scale,
        )


class Check(Record, frozen=True, kw_only=True):
    """One measured value against its limit."""

    name: str
    value: float
    warn: float
    fail: float
    unit: str
    verdict: Literal["pass", "warn", "fail"]
    higher_is_better: bool = False


class GivenDefocus(Record, frozen=True, kw_only=True):
    """A map of defocus that came with the data, instead of being computed from ``blur``.

    Attributes:
        origin: Where the data's authors have it from, in a few words.
        unit: ``px`` for the diameter of the circle of confusion as in :class:`Triple`;
            ``normalised`` for numbers in [0, 1] that say more or less, such as a mask of blur.
        full_scale_px: The diameter that the data's authors normalise by, where they do.
    """

    origin: str
    unit: Literal["px", "normalised"]
    full_scale_px: Annotated[float, msgspec.Meta(gt=0)] | None = None


class TripleRecord(Document, frozen=True, kw_only=True):
    """Everything about a triple that is not an array.

    ``blur`` says how the lens blurs ``defocused``; it holds on the pixels of the whole photo, of
    which ``crop`` is a window. ``intrinsics`` are those of the triple's own pixels. ``sources``
    are the files it was made from, and ``stages`` the keys of the steps that made it. Settings of
    a photo are None where the source does not say.

    ``absent`` names what the source data lacks; the array is there and holds zeros. Nothing may be
    learned from it or scored on it. ``given_defocus`` says that the map of defocus came with the
    data, ``simulated`` that the defocused photo was computed, and ``degradations`` what was done
    to it afterwards.
    """

    SCHEMA: ClassVar[str] = "idfd/triple"
    VERSION: ClassVar[str] = "1.3.0"

    id: Identifier
    scene: Identifier
    group: Identifier
    environment: str
    taken_at: str | None
    all_in_focus: CameraSettings | None
    defocused: CameraSettings | None
    intrinsics: Intrinsics | None
    blur: DefocusModel | None = None
    absent: tuple[Modality, ...] = ()
    given_defocus: GivenDefocus | None = None
    simulated: SimulatedDefocus | None = None
    degradations: tuple[Degradation, ...] = ()
    sources: dict[str, FileReference]
    stages: dict[str, str] = msgspec.field(default_factory=dict)
    transform: PairTransform
    gain: PhotometricGain
    crop: Crop
    checks: tuple[Check, ...]
    measures: dict[str, float]
    verdict: Literal["pass", "warn", "fail"]
    provenance: Provenance

    def __post_init__(self) -> None:
        if self.blur is not None and self.intrinsics is None:
            raise ValueError("a blur model needs the intrinsics of the photo")


@dataclass(frozen=True)
class Triple:
    """One item of a release.

    Attributes:
        all_in_focus: RGB photo at the small aperture, (H, W, 3) uint8.
        defocused: RGB photo at the large aperture on the same pixels, (H, W, 3) uint8.
        depth: Depth along the optical axis, (H, W) uint16 millimetres, 0 = no depth.
        source: :class:`DepthSource` of each pixel of ``depth``, (H, W) uint8.
        uncertainty: Standard deviation of ``depth``, (H, W) float16 millimetres, NaN where there
            is none, or None.
        record: Metadata.
        defocus: Diameter of the circle of confusion in ``defocused``, (H, W) float16 pixels,
            negative before the plane in focus, NaN where no depth was measured; or None where
            the blur of the lens is not known.
        defocus_uncertainty: Standard deviation of ``defocus``, (H, W) float16 pixels, or None.
    """

    all_in_focus: NDArray[np.uint8]
    defocused: NDArray[np.uint8]
    depth: NDArray[np.uint16]
    source: NDArray[np.uint8]
    uncertainty: NDArray[np.float16] | None
    record: TripleRecord
    defocus: NDArray[np.float16] | None = None
    defocus_uncertainty: NDArray[np.float16] | None = None

    def __post_init__(self) -> None:
        shape = self.depth.shape
        for name, array, dtype, expected in (
            ("all_in_focus", self.all_in_focus, np.uint8, (*shape, 3)),
            ("defocused", self.defocused, np.uint8, (*shape, 3)),
            ("depth", self.depth, np.uint16, shape),
            ("source", self.source, np.uint8, shape),
            ("uncertainty", self.uncertainty, np.float16, shape),
            ("defocus", self.defocus, np.float16, shape),
            ("defocus_uncertainty", self.defocus_uncertainty, np.float16, shape),
        ):
            if array is not None and (array.dtype != dtype or array.shape != expected):
                raise InputError(
                    f"{name} is {array.dtype} of shape {array.shape}",
                    where=self.record.id,
                    limit=f"{np.dtype(dtype)} of shape {expected}",
                )

    @property
    def measured(self) -> NDArray[np.bool_]:
        """Pixels whose depth was measured (fused or not), (H, W) bool."""
        return measured_pixels(self.source)
