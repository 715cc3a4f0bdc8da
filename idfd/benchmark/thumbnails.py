"""Small pictures of the images of an evaluation, for reports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.benchmark.dataset import TripleDataset
from idfd.benchmark.evaluate import model_input
from idfd.benchmark.metrics.registry import main_metric
from idfd.benchmark.models import Model, Prediction
from idfd.benchmark.protocol import LoadedProtocol, MaskKind
from idfd.benchmark.results import ImageRow, Results
from idfd.benchmark.score import scored_pixels
from idfd.errors import StorageError
from idfd.model.schema import Document, Record, encode
from idfd.model.triple import Triple
from idfd.processing.pictures import (
    Picture,
    colors,
    depth_error,
    depth_scale,
    photo_error,
    shrink,
)
from idfd.storage.durable import atomic_folder
from idfd.storage.images import encode_jpeg

INDEX = "pictures.json"
PHOTO_ERROR_LEVELS = 64.0
LIMIT = 40
"""Images that get pictures besides a model's worst, median and best; the same for all models."""
PHOTO_WIDTH, MAP_WIDTH = 480, 320
"""Largest widths in pixels; a blur is judged closer than a map."""
Rank = Literal["worst", "median", "best"]
View = Literal[
    "defocused", "all_in_focus", "truth", "depth", "depth_error", "restored", "restored_error"
]
_PHOTOS: frozenset[View] = frozenset({"defocused", "all_in_focus", "restored"})


class PictureSet(Record, frozen=True, kw_only=True):
    """The pictures of one image and the scales they are coloured on.

    Both scales follow from the truth alone, so that pictures of two models compare. ``rank`` is
    None for images that are neither the model's worst nor median nor best.
    """

    id: str
    scene: str
    rank: Rank | None
    metric: str
    value: float
    files: dict[View, str]
    depth_low_m: float
    depth_high_m: float
    error_high_m: float
    photo_error_levels: float = PHOTO_ERROR_LEVELS


class Pictures(Document, frozen=True, kw_only=True):
    """Index of a folder of pictures; ``created`` is that of the results they belong to."""

    SCHEMA: ClassVar[str] = "idfd/pictures"
    VERSION: ClassVar[str] = "1.1.0"

    created: str
    sets: tuple[PictureSet, ...]


def pictures_folder(results: Path) -> Path:
    """The folder beside a results file that holds its pictures."""
    return results.with_name(f"{results.stem}.pictures")


def chosen_images(results: Results) -> list[tuple[Rank, ImageRow]]:
    """The worst, median and best image by the main metric; fewer where there are fewer."""
    metric = main_metric(set(results.metrics))
    rows = [row for row in results.images if metric.name in row.metrics]
    rows.sort(key=lambda row: (row.metrics[metric.name], row.id))
    if not metric.higher_is_better:
        rows.reverse()
    picks: dict[int, Rank] = {len(rows) // 2: "median", 0: "worst", len(rows) - 1: "best"}
    return [(picks[index], rows[index]) for index in sorted(picks)]


def common_images(ids: Sequence[str]) -> frozenset[str]:
    """Up to :data:`LIMIT` images at even steps through a split, the same for every model."""
    steps = np.linspace(0, len(ids) - 1, min(LIMIT, len(ids)))
    return frozenset(ids[round(step)] for step in steps)


def drawn_images(results: Results) -> list[tuple[Rank | None, ImageRow]]:
    """Images that get pictures, in the split's order.

    The worst, median and best one, and :func:`common_images`, so that reports can show models
    side by side.
    """
    metric = main_metric(set(results.metrics))
    ranks: dict[str, Rank] = {row.id: rank for rank, row in chosen_images(results)}
    common = common_images([row.id for row in results.images])
    return [
        (ranks.get(row.id), row)
        for row in results.images
        if metric.name in row.metrics and (row.id in common or row.id in ranks)
    ]


@dataclass(frozen=True)
class _Sketch:
    """Encoded pictures of one image with the ends of their scales in metres."""

    files: dict[View, bytes]
    low: float
    high: float
    error_high: float


class Sketcher:
    """Draws images of an evaluation while it goes on, so that each is predicted once.

    Which image is the worst, the median or the best is known at the end only. To draw all images
    for that would take as long as to score them, so in splits of more than :data:`LIMIT` images
    these three are predicted again.

    Args:
        dataset: The split that is scored.
        model: The model that is scored.
        loaded: The protocol it is scored under.
        mask: Replaces the protocol's mask.
    """

    def __init__(
        self,
        dataset: TripleDataset,
        model: Model,
        loaded: LoadedProtocol,
        mask: MaskKind | None = None,
    ) -> None:
        self._dataset = dataset
        self._model = model
        self._rules = loaded.protocol.depth
        self._mask = mask or self._rules.mask
        self._common = common_images(dataset.ids)
        self._sketches: dict[str, _Sketch] = {}

    def add(self, triple: Triple, prediction: Prediction) -> None:
        """Draw an image if every model's pictures of it are wanted."""
        if triple.record.id in self._common:
            self._sketches[triple.record.id] = self._draw(triple, prediction)

    def store(self, results: Results, folder: Path) -> None:
        """Store the pictures.

        Args:
            results: What came of the evaluation.
            folder: Folder to write; an older one is replaced whole.

        Raises:
            StorageError: The folder cannot be written.
        """
        metric = main_metric(set(results.metrics))
        drawn = [(rank, row, self._sketch(row.id)) for rank, row in drawn_images(results)]
        sets = []
        with atomic_folder(folder) as temporary:
            for number, (rank, row, sketch) in enumerate(drawn):
                files: dict[View, str] = {}
                for view, data in sketch.files.items():
                    files[view] = f"{number:04d}.{view}.{'jpg' if view in _PHOTOS else 'webp'}"
                    (temporary / files[view]).write_bytes(data)
                sets.append(
                    PictureSet(
                        id=row.id,
                        scene=row.scene,
                        rank=rank,
                        metric=metric.name,
                        value=row.metrics[metric.name],
                        files=files,
                        depth_low_m=sketch.low,
                        depth_high_m=sketch.high,
                        error_high_m=sketch.error_high,
                    )
                )
            index = Pictures(created=results.created, sets=tuple(sets))
            (temporary / INDEX).write_bytes(encode(index))

    def _sketch(self, name: str) -> _Sketch:
        if name in self._sketches:
            return self._sketches[name]
        triple = self._dataset[self._dataset.ids.index(name)]
        return self._draw(triple, self._model.predict(model_input(triple)))

    def _draw(self, triple: Triple, prediction: Prediction) -> _Sketch:
        truth = triple.depth.astype(np.float32) / 1000
        low, high = depth_scale(truth, triple.depth > 0)
        error_high = high / 4
        views: dict[View, Picture] = {
            "defocused": triple.defocused,
            "all_in_focus": triple.all_in_focus,
            "truth": colors(truth, low, high, triple.depth > 0),
        }
        if prediction.depth_m is not None and "depth" in self._model.predicts:
            valid = scored_pixels(triple, self._rules, self._mask)
            depth = np.clip(prediction.depth_m, self._rules.minimum_m, self._rules.maximum_m)
            if self._rules.normalisation == "image min-max" and valid.any():
                depth = _rescaled(prediction.depth_m, truth, valid)
            views["depth"] = colors(depth, low, high)
            views["depth_error"] = depth_error(depth, truth, valid, error_high)
        if prediction.all_in_focus is not None and "aif" in self._model.predicts:
            views["restored"] = prediction.all_in_focus
            views["restored_error"] = photo_error(
                prediction.all_in_focus, triple.all_in_focus, PHOTO_ERROR_LEVELS
            )
        files = {view: _encoded(view, picture) for view, picture in views.items()}
        return _Sketch(files, low, high, error_high)


def _encoded(view: View, picture: Picture) -> bytes:
    if view in _PHOTOS:
        return encode_jpeg(shrink(picture, PHOTO_WIDTH))
    return _lossless(shrink(picture, MAP_WIDTH, exact=True))


def _lossless(picture: Picture) -> bytes:
    # A third of the size of a PNG, and every browser since 2020 shows it.
    done, data = cv2.imencode(
        ".webp", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_WEBP_QUALITY, 101]
    )
    if not done:
        raise StorageError("OpenCV cannot encode WebP", remedy="Install opencv-python again")
    return data.tobytes()


def _rescaled(
    depth: NDArray[np.floating[Any]], truth: NDArray[np.floating[Any]], valid: NDArray[np.bool_]
) -> NDArray[np.floating[Any]]:
    """Map a prediction linearly onto the range of the truth, as rules blind to scale see it."""
    low, high = float(depth[valid].min()), float(depth[valid].max())
    least, most = float(truth[valid].min()), float(truth[valid].max())
    return least + (depth - low) * ((most - least) / max(high - low, 1e-12))
