"""Small pictures of the worst, median and best image of an evaluation, for reports."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from idfd.benchmark.dataset import TripleDataset
from idfd.benchmark.evaluate import model_input
from idfd.benchmark.metrics.registry import main_metric
from idfd.benchmark.models import Model
from idfd.benchmark.protocol import LoadedProtocol
from idfd.benchmark.results import ImageRow, Results
from idfd.benchmark.score import scored_pixels
from idfd.model.schema import Document, Record, encode
from idfd.processing.pictures import (
    Picture,
    colors,
    depth_error,
    depth_scale,
    photo_error,
    shrink,
)
from idfd.storage.durable import atomic_folder
from idfd.storage.images import encode_jpeg, encode_png

INDEX = "pictures.json"
PHOTO_ERROR_LEVELS = 64.0
Rank = Literal["worst", "median", "best"]
View = Literal[
    "defocused", "all_in_focus", "truth", "depth", "depth_error", "restored", "restored_error"
]
_PHOTOS: frozenset[View] = frozenset({"defocused", "all_in_focus", "restored"})


class PictureSet(Record, frozen=True, kw_only=True):
    """The pictures of one image and the scales they are coloured on.

    Both scales follow from the truth alone, so that pictures of two models compare.
    """

    id: str
    scene: str
    rank: Rank
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
    VERSION: ClassVar[str] = "1.0.0"

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


def store_pictures(
    dataset: TripleDataset,
    model: Model,
    results: Results,
    loaded: LoadedProtocol,
    folder: Path,
    width: int = 360,
) -> None:
    """Predict the chosen images once more and store their pictures in ``folder``.

    Args:
        dataset: The split that was scored.
        model: The model that was scored.
        results: Its results.
        loaded: The protocol it was scored under.
        folder: Folder to write; an older one is replaced whole.
        width: Width of the pictures in pixels.

    Raises:
        StorageError: The folder cannot be written.
    """
    metric = main_metric(set(results.metrics))
    sets = []
    with atomic_folder(folder) as temporary:
        for rank, row in chosen_images(results):
            views, low, high, error_high = _draw(dataset, model, results, loaded, row)
            files: dict[View, str] = {}
            for view, picture in views.items():
                photo = view in _PHOTOS
                small = shrink(picture, width, exact=not photo)
                files[view] = f"{rank}.{view}.{'jpg' if photo else 'png'}"
                data = encode_jpeg(small) if photo else encode_png(small, 9)
                (temporary / files[view]).write_bytes(data)
            sets.append(
                PictureSet(
                    id=row.id,
                    scene=row.scene,
                    rank=rank,
                    metric=metric.name,
                    value=row.metrics[metric.name],
                    files=files,
                    depth_low_m=low,
                    depth_high_m=high,
                    error_high_m=error_high,
                )
            )
        index = Pictures(created=results.created, sets=tuple(sets))
        (temporary / INDEX).write_bytes(encode(index))


def _draw(
    dataset: TripleDataset, model: Model, results: Results, loaded: LoadedProtocol, row: ImageRow
) -> tuple[dict[View, Picture], float, float, float]:
    triple = dataset[dataset.ids.index(row.id)]
    prediction = model.predict(model_input(triple))
    truth = triple.depth.astype(np.float32) / 1000
    low, high = depth_scale(truth, triple.depth > 0)
    error_high = high / 4
    views: dict[View, Picture] = {
        "defocused": triple.defocused,
        "all_in_focus": triple.all_in_focus,
        "truth": colors(truth, low, high, triple.depth > 0),
    }
    if prediction.depth_m is not None and "depth" in model.predicts:
        rules = loaded.protocol.depth
        valid = scored_pixels(triple, rules, results.protocol.mask)
        clipped = np.clip(prediction.depth_m, rules.minimum_m, rules.maximum_m)
        views["depth"] = colors(clipped, low, high)
        views["depth_error"] = depth_error(clipped, truth, valid, error_high)
    if prediction.all_in_focus is not None and "aif" in model.predicts:
        views["restored"] = prediction.all_in_focus
        views["restored_error"] = photo_error(
            prediction.all_in_focus, triple.all_in_focus, PHOTO_ERROR_LEVELS
        )
    return views, low, high, error_high
