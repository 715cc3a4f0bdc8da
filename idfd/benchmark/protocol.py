"""Protocols: frozen JSON documents that fix every choice a score depends on."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import msgspec

from idfd.errors import InputError, SchemaError
from idfd.model.schema import Document, Record, decode
from idfd.storage.hashing import sha256_bytes

DEFAULT = "idfd-metric-2"
FIRST = "idfd-metric-1"
LEGACY = "legacy-minmax-1"
PINNED = {
    DEFAULT: "57ab3b0e543af070846ab4843dd05142cf35fd13062c4c4ec7b4bd49ed6809f5",
    FIRST: "6eb22e9637fd61c2e5d09ca21d540007e61a930822dfb07960e6ae6dbc5db55c",
    LEGACY: "504ba72d3f9a3e2b390bd68e7e6726245519f8ae442ac3654c29c213e94303d7",
}
"""SHA-256 of each published protocol file; a score under a name always means these bytes."""

Positive = Annotated[float, msgspec.Meta(gt=0)]
MaskKind = Literal["any", "measured"]
ProtocolKind = Literal["metric", "legacy"]


class DepthRules(Record, frozen=True, kw_only=True):
    """How depth is scored.

    Scored pixels have a finite true depth in [``minimum_m``, ``maximum_m``] metres. With
    ``mask`` 'measured' they must also have been measured rather than in-painted. A prediction
    that is not a finite depth above 0 on a scored pixel is an error; others are clipped to
    the range, or kept, and rounded to ``resolution_mm`` millimetres, the resolution of the truth.
    With ``normalisation`` 'image min-max', truth and prediction of each image are then mapped to
    [0, 1] by their own smallest and largest scored value, and the metrics have no unit.
    """

    minimum_m: Positive
    maximum_m: Positive
    mask: MaskKind
    invalid_predictions: Literal["error"]
    predictions_out_of_range: Literal["clip", "keep"]
    resolution_mm: Positive
    normalisation: Literal["none", "image min-max"] = "none"

    def __post_init__(self) -> None:
        if self.minimum_m >= self.maximum_m:
            raise ValueError(
                f"minimum_m {self.minimum_m:g} is not below maximum_m {self.maximum_m:g}"
            )


class RestorationRules(Record, frozen=True, kw_only=True):
    """Settings of PSNR and SSIM; PSNR of identical photos counts as ``psnr_cap_db``."""

    data_range: Positive
    psnr_cap_db: Positive
    ssim_window: Annotated[int, msgspec.Meta(ge=3)]
    ssim_sigma: Positive
    ssim_k1: Positive
    ssim_k2: Positive

    def __post_init__(self) -> None:
        if self.ssim_window % 2 == 0:
            raise ValueError(f"ssim_window {self.ssim_window} is not odd")


class EdgeRules(Record, frozen=True, kw_only=True):
    """Settings of the edge metric; docs/edge-metric.md says why.

    Attributes:
        orientations: Bands of each scale of the steerable pyramid.
        bin_edges_m: For each scale, finest first, the rising edges of its histogram's bins above
            0, metres. They are mirrored below 0, the middle bin holds what is near 0, and the
            outer ones all that is beyond.
        floor: Added to every bin before a histogram is normalised, as a share of its count.
        window_px: Side of the windows of the image that have a histogram each; None for one
            histogram of the whole image, which is blind to where edges are.
        margin_px: Coefficients of the finest scale nearer than this to an unknown pixel or to
            the border are left out; twice as far on the next scale, and so on.
        minimum_share: Windows with a smaller share of their coefficients left are not scored.
        d0: Constant of the logarithm in :func:`idfd.benchmark.metrics.edges.logarithm`.
    """

    orientations: Annotated[int, msgspec.Meta(ge=1)]
    bin_edges_m: Annotated[tuple[tuple[Positive, ...], ...], msgspec.Meta(min_length=1)]
    floor: Positive
    window_px: Annotated[int, msgspec.Meta(gt=0)] | None
    margin_px: Annotated[int, msgspec.Meta(ge=0)]
    minimum_share: Annotated[float, msgspec.Meta(gt=0, le=1)]
    d0: Positive

    def __post_init__(self) -> None:
        if any(not edges or list(edges) != sorted(set(edges)) for edges in self.bin_edges_m):
            raise ValueError("bin_edges_m must rise, with one edge or more for each scale")
        coarsest = 2 ** (len(self.bin_edges_m) - 1)
        if self.window_px is not None and self.window_px % coarsest:
            raise ValueError(f"window_px must be a multiple of {coarsest}, a coarsest coefficient")


class DefocusRules(Record, frozen=True, kw_only=True):
    """How maps of defocus are scored.

    Diameters without their sign are divided by the full scale and clipped to [0, 1]. The full
    scale is that of the data's authors where they give one
    (:class:`idfd.model.triple.GivenDefocus`), else ``full_scale_px``. Predictions are rounded to
    ``resolution_px`` first, that of a prediction's file.
    """

    full_scale_px: Positive
    resolution_px: Positive


class BootstrapRules(Record, frozen=True, kw_only=True):
    """Settings of the confidence intervals."""

    unit: Literal["image"]
    resamples: Annotated[int, msgspec.Meta(ge=100)]
    confidence: Annotated[float, msgspec.Meta(gt=0, lt=1)]
    seed: Annotated[int, msgspec.Meta(ge=0)]


class Protocol(Document, frozen=True, kw_only=True):
    """Everything that a score depends on besides the release and the model.

    ``border_px`` pixels are dropped at each side of the images before scoring. ``kind`` 'legacy'
    stands for rules that repeat somebody's evaluation and are good for nothing but a look at the
    numbers printed with it. With ``last_image``, the scores of the split's last image are given
    too, because some public code prints those as if they were means. Without ``edges`` the edge
    metric is not computed, and without ``defocus`` no map of defocus can be scored.
    """

    SCHEMA: ClassVar[str] = "idfd/protocol"
    VERSION: ClassVar[str] = "1.2.0"

    name: str
    kind: ProtocolKind = "metric"
    border_px: Annotated[int, msgspec.Meta(ge=0)]
    aggregation: Literal["mean over images"]
    pooled: tuple[Literal["rmse"], ...]
    depth: DepthRules
    restoration: RestorationRules
    bootstrap: BootstrapRules
    edges: EdgeRules | None = None
    defocus: DefocusRules | None = None
    last_image: bool = False

    def __post_init__(self) -> None:
        if self.kind == "metric" and self.depth.normalisation != "none":
            raise ValueError("normalised depth is not metric, so the kind must be 'legacy'")
        if self.edges is not None and self.depth.normalisation != "none":
            raise ValueError("the bins of the edge metric are metres, so depth must be metric")


@dataclass(frozen=True)
class LoadedProtocol:
    """A protocol with the SHA-256 of its file; ``custom`` ones are not published by idfd."""

    protocol: Protocol
    sha256: str
    custom: bool


def load_protocol(name: str = DEFAULT) -> LoadedProtocol:
    """Load a published protocol by name, or a custom one from a JSON file.

    Args:
        name: Name of a published protocol, or the path of a file ending in ``.json``.

    Raises:
        InputError: No protocol has the name, or there is no such file.
        SchemaError: The file is not a protocol, or a published protocol was edited.
    """
    if name.endswith(".json"):
        return _load_file(Path(name))
    if name not in PINNED:
        near = difflib.get_close_matches(name, PINNED, n=1)
        raise InputError(
            f"there is no protocol '{name}'",
            limit=f"one of {', '.join(PINNED)}, or the path of a .json file",
            remedy=f"Did you mean '{near[0]}'?" if near else None,
        )
    file = resources.files("idfd.benchmark") / "protocols" / f"{name}.json"
    data = file.read_bytes()
    found = sha256_bytes(data)
    if found != PINNED[name]:
        raise SchemaError(
            f"the published protocol was edited (SHA-256 {found[:12]}…)",
            where=str(file),
            limit=f"SHA-256 {PINNED[name][:12]}…",
            remedy="Install idfd again; to use other rules, copy the file and give its path",
        )
    return LoadedProtocol(decode(Protocol, data, str(file)), found, custom=False)


def _load_file(path: Path) -> LoadedProtocol:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"cannot be read ({error.strerror})", where=path, limit="a protocol file"
        ) from None
    digest = sha256_bytes(data)
    # An untouched copy of a published protocol is that protocol.
    return LoadedProtocol(decode(Protocol, data, path), digest, digest not in PINNED.values())
