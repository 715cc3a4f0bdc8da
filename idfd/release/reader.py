"""``IDFD``: a release as a dataset, with numpy alone or as a torch ``Dataset``.

Example:
    >>> from idfd import IDFD                                   # doctest: +SKIP
    >>> train = IDFD("release.h5", split="train")               # doctest: +SKIP
    >>> train[0].depth.dtype                                    # doctest: +SKIP
    dtype('uint16')
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from idfd.errors import InputError, MissingDependencyError, ReleaseError
from idfd.model.camera import Intrinsics
from idfd.model.triple import DepthKind, DepthSource, Triple, TripleRecord
from idfd.release.cache import TrainingCache
from idfd.release.defocus import has_metric_defocus
from idfd.release.layout import DEPTH_ARRAYS, ReleaseInfo
from idfd.release.store import ReleaseFile

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    _Base = object
elif importlib.util.find_spec("torch"):
    from torch.utils.data import Dataset as _Base
else:
    _Base = object


class IDFD(_Base):
    """The triples of a release, or of one of its splits.

    It can be pickled, survives forked and spawned workers, and opens the file once in each
    process. Where torch is installed it is a ``torch.utils.data.Dataset``.

    Args:
        path: The release file.
        split: Name of a split, or None for all triples.
        depth: ``raw`` (as measured) or ``inpainted`` (holes filled). By default raw depth where
            the release has it.
        crop: Height and width of a random window, the same for all arrays; an int is a square.
        flip: Mirror half of the items left to right, all arrays alike.
        seed: Seed of the augmentation; each further visit of an item draws anew. Data loader
            workers, whatever their number, also take torch's seed into it, which differs by
            epoch: with ``torch.manual_seed`` a run repeats. Workers that stay alive
            (``persistent_workers``) keep that seed, and count the visits each for itself.
        tensors: Yield dictionaries of float32 torch tensors instead of :class:`Triple`.
        cache: Folder for an uncompressed copy that makes random windows many times faster. It
            is built once for each release, and found again by the release's content.

    Attributes:
        has_defocus: Whether every triple of the split has a metric defocus map.

    Raises:
        InputError: Unknown split or depth kind, or a crop larger than a triple.
        ReleaseError: The release is damaged, or lacks the kind of depth that was asked for.
        SchemaError: The release was written in a schema that this version cannot read.
    """

    def __init__(
        self,
        path: str | Path,
        split: str | None = None,
        depth: Literal["raw", "inpainted"] | None = None,
        *,
        crop: int | tuple[int, int] | None = None,
        flip: bool = False,
        seed: int = 0,
        tensors: bool = False,
        cache: str | Path | None = None,
    ) -> None:
        self._file = ReleaseFile(path)
        self.path = self._file.path
        self.split = split
        self.depth_kind = self._choose_depth(depth)
        self.ids = self._choose_ids(split)
        self.crop = (crop, crop) if isinstance(crop, int) else crop
        self.flip = flip
        self.seed = seed
        self.tensors = tensors
        if tensors and not importlib.util.find_spec("torch"):
            raise MissingDependencyError(
                "tensors=True needs torch", remedy="Install it with 'pip install idfd[torch]'"
            )
        self.has_defocus = self.info.defocus_maps > 0 and all(
            has_metric_defocus(self._file.record(take)) for take in self.ids
        )
        self._check_crop()
        self._visits = np.zeros(len(self.ids), np.uint32)
        self._cache = None if cache is None else TrainingCache.open(self._file, Path(cache))

    @staticmethod
    def splits(path: str | Path) -> tuple[str, ...]:
        """Names of the splits of a release."""
        with ReleaseFile(path) as file:
            return tuple(file.splits)

    @property
    def info(self) -> ReleaseInfo:
        """What the release is: name, version, licence, citation and more."""
        return self._file.info

    @property
    def members(self) -> dict[str, tuple[str, ...]]:
        """Identifiers of the triples of each split of the release."""
        return dict(self._file.splits)

    def record(self, take: str) -> TripleRecord:
        """What is known about a triple of the release, without reading its arrays."""
        return self._file.record(take)

    def shape(self, take: str) -> tuple[int, int]:
        """Height and width of a triple of the release in pixels, without reading its arrays."""
        return self._file.shape(take)

    @property
    def digest(self) -> str:
        """SHA-256 that identifies the content of the release."""
        return self._file.manifest.digest

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[Any]:
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: int) -> Any:
        """Return triple ``index`` as :class:`Triple`, or as tensors where those were asked for.

        The dictionary of tensors holds ``all_in_focus`` and ``defocused`` (3, H, W) in [0, 1],
        ``depth`` (1, H, W) in metres, ``valid`` and ``measured`` (1, H, W) bool, and ``id``; and
        ``defocus`` and ``defocus_uncertainty`` (1, H, W) in pixels, NaN where nothing was
        measured, if :attr:`has_defocus`. What a record calls absent is zeros, as in the triple;
        ``valid`` is false where there is no depth.
        """
        if not -len(self) <= index < len(self):
            raise IndexError(f"index {index} of {len(self)} triples")
        index %= len(self)
        window, mirrored = self._augment(index)
        triple = self.read(self.ids[index], window)
        if mirrored:
            triple = _mirror(triple)
        # Items of one batch need the same keys.
        return _as_tensors(triple, self.has_defocus) if self.tensors else triple

    def close(self) -> None:
        """Close the file; it opens again when it is used again."""
        self._file.close()

    def __enter__(self) -> IDFD:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def plot(self, index: int) -> Figure:
        """Draw a triple: both photos, depth, and where the depth comes from."""
        from idfd.release.picture import plot_triple

        return plot_triple(self.read(self.ids[index], None))

    def _choose_depth(self, depth: str | None) -> DepthKind:
        kinds = self.info.depth_kinds
        if depth is not None and depth not in DEPTH_ARRAYS:
            raise InputError(f"depth={depth!r}", limit=f"one of {list(DEPTH_ARRAYS)}")
        if depth is not None and depth not in kinds:
            raise ReleaseError(
                f"the release has no {depth} depth",
                where=self.path,
                limit=f"depth in {list(kinds)}",
                remedy="Leave depth= out to take what the release has",
            )
        chosen = depth or ("raw" if "raw" in kinds else "inpainted")
        return "raw" if chosen == "raw" else "inpainted"

    def _choose_ids(self, split: str | None) -> tuple[str, ...]:
        if split is None:
            return self._file.ids
        if split not in self._file.splits:
            raise InputError(
                f"no split '{split}'", where=self.path, limit=f"one of {sorted(self._file.splits)}"
            )
        return self._file.splits[split]

    def _check_crop(self) -> None:
        if self.crop is None:
            return
        for take in self.ids:
            height, width = self._file.shape(take)
            if not (0 < self.crop[0] <= height and 0 < self.crop[1] <= width):
                raise InputError(
                    f"crop {self.crop[0]}x{self.crop[1]} (height x width)",
                    where=f"{self.path}:/triples/{take}",
                    limit=f"a window inside {height}x{width}",
                )

    def _augment(self, index: int) -> tuple[tuple[slice, slice] | None, bool]:
        if self.crop is None and not self.flip:
            return None, False
        visit = int(self._visits[index])
        self._visits[index] += 1
        generator = np.random.default_rng([self.seed, _epoch_seed(), visit, index])
        mirrored = self.flip and bool(generator.random() < 0.5)
        if self.crop is None:
            return None, mirrored
        height, width = self._file.shape(self.ids[index])
        y = int(generator.integers(0, height - self.crop[0] + 1))
        x = int(generator.integers(0, width - self.crop[1] + 1))
        return (slice(y, y + self.crop[0]), slice(x, x + self.crop[1])), mirrored

    def read(self, take: str, window: tuple[slice, slice] | None = None) -> Triple:
        """Read a triple, or a window of rows and columns of it, without augmentation."""
        where = window or (slice(None), slice(None))
        reader = self._file if self._cache is None else self._cache
        depth = reader.read(take, DEPTH_ARRAYS[self.depth_kind], where)
        source = reader.read(take, "source", where)
        if self.depth_kind == "raw":
            # The map describes the most complete depth; what raw depth lacks has no source.
            source = np.where(depth > 0, source, DepthSource.NONE).astype(np.uint8)

        def optional(array: str) -> NDArray[np.float16] | None:
            return reader.read(take, array, where) if self._file.has(take, array) else None

        record = self._file.record(take)
        if window is not None:
            record = _crop_record(record, window)
        return Triple(
            all_in_focus=reader.read(take, "all_in_focus", where),
            defocused=reader.read(take, "defocused", where),
            depth=depth,
            source=source,
            uncertainty=optional("uncertainty"),
            record=record,
            defocus=optional("defocus"),
            defocus_uncertainty=optional("defocus_uncertainty"),
        )


def _epoch_seed() -> int:
    """A number that all data loader workers of one epoch share, and 0 outside of workers."""
    torch = sys.modules.get("torch")
    info = torch.utils.data.get_worker_info() if torch is not None else None
    # torch seeds worker k with base + k; the base is drawn anew from torch's seed each epoch.
    return 0 if info is None else int(info.seed - info.id)


def _crop_record(record: TripleRecord, window: tuple[slice, slice]) -> TripleRecord:
    rows, columns = window
    x, y = columns.start, rows.start
    width, height = columns.stop - x, rows.stop - y
    camera = record.intrinsics
    return msgspec.structs.replace(
        record,
        intrinsics=None if camera is None else camera.cropped(x, y, width, height),
        crop=record.crop.part(x, y, width, height),
    )


def _mirror(triple: Triple) -> Triple:
    def turned(array: NDArray[Any]) -> NDArray[Any]:
        # Thirty times as fast as copying a reversed view; OpenCV has no float16 on every version.
        whole = array.view(np.uint16) if array.dtype == np.float16 else array
        return np.asarray(cv2.flip(whole, 1)).view(array.dtype)

    def maybe(array: NDArray[np.float16] | None) -> NDArray[np.float16] | None:
        return None if array is None else turned(array)

    record = triple.record
    camera: Intrinsics | None = record.intrinsics
    if camera is not None:
        distortion = list(camera.distortion)
        if len(distortion) > 3:
            # k1, k2, p1, p2, ...: only p2 is odd in x.
            distortion[3] = -distortion[3]
        camera = msgspec.structs.replace(
            camera, cx=camera.width - 1 - camera.cx, distortion=tuple(distortion)
        )
        blur = record.blur
        if blur is not None:
            centre = (blur.width - 1 - blur.centre[0], blur.centre[1])
            blur = msgspec.structs.replace(blur, centre=centre)
        record = msgspec.structs.replace(record, intrinsics=camera, blur=blur)
    return replace(
        triple,
        all_in_focus=turned(triple.all_in_focus),
        defocused=turned(triple.defocused),
        depth=turned(triple.depth),
        source=turned(triple.source),
        uncertainty=maybe(triple.uncertainty),
        record=record,
        defocus=maybe(triple.defocus),
        defocus_uncertainty=maybe(triple.defocus_uncertainty),
    )


def _as_tensors(triple: Triple, with_defocus: bool) -> dict[str, Any]:
    import torch

    def photo(image: NDArray[np.uint8]) -> torch.Tensor:
        return torch.from_numpy(image).permute(2, 0, 1).float().div_(255)

    depth = torch.from_numpy(triple.depth.astype(np.float32))[None]
    maps: dict[str, Any] = {}
    if with_defocus:
        for name in ("defocus", "defocus_uncertainty"):
            values = getattr(triple, name)
            if values is None:  # a map that came with the data has no deviation
                values = np.full(triple.depth.shape, np.nan)
            maps[name] = torch.from_numpy(values.astype(np.float32))[None]
    return {
        "all_in_focus": photo(triple.all_in_focus),
        "defocused": photo(triple.defocused),
        "depth": depth / 1000,
        "valid": depth > 0,
        "measured": torch.from_numpy(triple.measured)[None],
        "id": triple.record.id,
        **maps,
    }
