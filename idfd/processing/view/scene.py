"""What the processing left behind of one take, read back to be looked at."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.errors import InputError
from idfd.model import schema
from idfd.model.curation import RECORD, TRIPLES
from idfd.model.stage import STAGES, StageName, StageRecord
from idfd.model.triple import TripleRecord
from idfd.processing.check import ADVICE
from idfd.processing.depth.maps import DepthMap
from idfd.storage.images import decode_image
from idfd.storage.places import Place, open_place

T = TypeVar("T")
_AGAIN = "Process the take again with 'idfd process --force'"


@dataclass(frozen=True)
class Scene:
    """A triple with the steps that led to it; what a step did not leave is None or absent.

    Attributes:
        record: Of the triple.
        all_in_focus: RGB, (H, W, 3) uint8.
        defocused: RGB, (H, W, 3) uint8.
        depth: Registered depth before in-painting, (H, W) uint16 mm.
        inpainted: Depth with holes filled, (H, W) uint16 mm.
        source: :class:`~idfd.model.triple.DepthSource` of each pixel, (H, W) uint8.
        uncertainty: Standard deviation of the depth, (H, W) float32 mm.
        denoised: Fused depth on the depth camera's pixels.
        stages: Manifests of the steps.
    """

    record: TripleRecord
    all_in_focus: NDArray[np.uint8]
    defocused: NDArray[np.uint8]
    depth: NDArray[np.uint16] | None = None
    inpainted: NDArray[np.uint16] | None = None
    source: NDArray[np.uint8] | None = None
    uncertainty: NDArray[np.float32] | None = None
    denoised: DepthMap | None = None
    stages: dict[StageName, StageRecord] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shape = self.all_in_focus.shape[:2]
        for name in ("defocused", "depth", "inpainted", "source", "uncertainty"):
            array = getattr(self, name)
            if array is not None and array.shape[:2] != shape:
                raise InputError(
                    f"{name} has shape {array.shape}",
                    where=self.record.id,
                    limit=f"{shape}, as the all-in-focus photo",
                    remedy=_AGAIN,
                )

    @property
    def whole(self) -> NDArray[np.uint16] | None:
        """The depth with the fewest holes."""
        return self.inpainted if self.inpainted is not None else self.depth


@dataclass(frozen=True)
class SceneFiles:
    """Where the files of one take lie.

    Attributes:
        place: The folder that the names below are relative to.
        take: Id of the take.
        triple: Start of the names of the triple's files.
        stages: Start of the names of what the steps left, or None where there is none.
    """

    place: Place
    take: str
    triple: str
    stages: str | None


def find_scene(where: str | Path, take: str | None = None) -> SceneFiles:
    """The take that a user means.

    Args:
        where: An output folder of ``idfd process``, or the folder of one triple, in it or moved
            elsewhere; a path or a URL.
        take: Id of the take; only for an output folder, which may hold a single one.

    Raises:
        InputError: Neither, or it does not say which take, or the take failed its checks.
    """
    text = str(where).rstrip("/") if "://" in str(where) else str(Path(where).resolve())
    parent, _, name = text.rpartition("/")
    root, _, folder = parent.rpartition("/")
    if folder == TRIPLES and take in (None, name):
        return _found(open_place(root), name)
    place = open_place(text)
    if take in (None, name) and RECORD in place.sizes(""):
        return SceneFiles(place, name, "", None)
    return _found(place, take)


def _found(place: Place, take: str | None) -> SceneFiles:
    prefix = f"{TRIPLES}/" if take is None else f"{TRIPLES}/{take}"
    takes = [
        name.split("/")[1]
        for name in sorted(place.sizes(prefix.rstrip("/")))
        if name.endswith(f"/{RECORD}")
    ]
    if len(takes) == 1:
        return SceneFiles(place, takes[0], f"{TRIPLES}/{takes[0]}/", f"stages/{takes[0]}/")
    if takes:
        raise InputError(
            f"{len(takes)} takes are here",
            where=place.url,
            limit=f"one of {_few(takes)}",
            remedy="Name it with --take",
        )
    if take is None:
        raise InputError(
            "no processed triple is here",
            where=place.url,
            limit=f"a folder with {RECORD}, or one that holds {TRIPLES}/",
            remedy="Give the output folder of 'idfd process', or one of its triples",
        )
    judged = f"stages/{take}/check.json"
    if judged in place.sizes(f"stages/{take}"):
        checks = schema.decode(StageRecord, place.read(judged), judged).checks
        failed = [check.name for check in checks if check.verdict == "fail"]
        raise InputError(
            f"the take '{take}' has no triple, because it failed its checks "
            f"({', '.join(failed) or 'see its record'})",
            where=place.url,
            remedy=ADVICE[failed[0]] if failed else None,
        )
    known = sorted({name.split("/")[1] for name in place.sizes(TRIPLES) if name.endswith(RECORD)})
    raise InputError(
        f"there is no take '{take}'",
        where=place.url,
        limit=f"one of {_few(known)}" if known else None,
        remedy="Give the output folder of 'idfd process' and the id of a take in it",
    )


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (", …" if len(names) > 8 else "")


def read_scene(files: SceneFiles) -> Scene:
    """Read what the processing left of a take.

    Raises:
        InputError: A file is missing, damaged or of another size.
        SchemaError: A record cannot be read.
    """
    place, triple, stages = files.place, files.triple, files.stages
    there = place.sizes(triple.rstrip("/")) | (place.sizes(stages.rstrip("/")) if stages else {})

    def optional(name: str, read: Callable[[Place, str], T]) -> T | None:
        return read(place, name) if name in there else None

    def record(name: str) -> StageRecord | None:
        return optional(
            name, lambda place, name: schema.decode(StageRecord, place.read(name), name)
        )

    named = {} if stages is None else {stage: record(f"{stages}{stage}.json") for stage in STAGES}
    name = f"{triple}{RECORD}"
    return Scene(
        record=schema.decode(TripleRecord, place.read(name), f"{place.url}/{name}"),
        all_in_focus=_read_photo(place, f"{triple}all_in_focus.png"),
        defocused=_read_photo(place, f"{triple}defocused.png"),
        depth=optional(f"{triple}depth.png", _read_depth),
        inpainted=optional(f"{triple}depth_inpainted.png", _read_depth),
        source=optional(f"{triple}source.png", _read_source),
        uncertainty=optional(f"{triple}uncertainty.npy", _read_deviation),
        denoised=optional(f"{stages}denoise.npz", _read_map),
        stages={stage: found for stage, found in named.items() if found is not None},
    )


def _read_photo(place: Place, name: str) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(_read_image(place, name, np.uint8, 3), cv2.COLOR_BGR2RGB))


def _read_depth(place: Place, name: str) -> NDArray[np.uint16]:
    return _read_image(place, name, np.uint16, 2)


def _read_source(place: Place, name: str) -> NDArray[np.uint8]:
    return _read_image(place, name, np.uint8, 2)


def _read_image(place: Place, name: str, dtype: type, dimensions: int) -> NDArray[Any]:
    where = Path(place.url, name)
    image = decode_image(place.read(name), where, cv2.IMREAD_UNCHANGED)
    if image.dtype != dtype or image.ndim != dimensions:
        raise InputError(
            f"the image is {image.dtype} of shape {image.shape}",
            where=where,
            limit=f"{np.dtype(dtype)} with {dimensions} dimensions",
            remedy=_AGAIN,
        )
    return image


def _read_deviation(place: Place, name: str) -> NDArray[np.float32]:
    with _array_errors(place, name):
        array = np.load(io.BytesIO(place.read(name)), allow_pickle=False)
        return np.asarray(array).astype(np.float32)


def _read_map(place: Place, name: str) -> DepthMap:
    with _array_errors(place, name), np.load(io.BytesIO(place.read(name))) as arrays:
        known = {key: arrays[key] for key in arrays.files}
        return DepthMap(
            depth=known["depth"],
            source=known["source"],
            uncertainty=known.get("uncertainty"),
            count=known.get("count"),
        )


@contextmanager
def _array_errors(place: Place, name: str) -> Iterator[None]:
    try:
        yield
    except (ValueError, KeyError, EOFError, OSError, AttributeError, zipfile.BadZipFile) as error:
        raise InputError(
            f"not an array file of the processing ({error})",
            where=f"{place.url}/{name}",
            remedy=_AGAIN,
        ) from None
