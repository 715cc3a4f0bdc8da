"""A picture of what the network predicts, drawn every so often while it learns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfd.benchmark.dataset import TripleDataset
from idfd.benchmark.evaluate import model_input
from idfd.benchmark.models import Model
from idfd.model.triple import Triple
from idfd.processing.pictures import Picture, colors, depth_scale, shrink
from idfd.storage.durable import write_bytes
from idfd.storage.images import encode_jpeg

IMAGES = 4
WIDTH = 300


def draw_preview(dataset: TripleDataset, model: Model, path: Path) -> None:
    """Draw up to four triples, one in a row, with the model's prediction beside the truth.

    The columns are the defocused photo, the predicted and the true all-in-focus photo, the
    predicted and the true depth, both coloured on the scale of the truth, and likewise defocus.
    What is not predicted is left out, and so is the truth where there is none.

    Args:
        dataset: Triples to draw from, evenly chosen.
        model: The model.
        path: JPEG file to write.

    Raises:
        StorageError: It cannot be written.
    """
    count = min(IMAGES, len(dataset))
    places = np.linspace(0, len(dataset) - 1, count).round().astype(int)
    rows = [_row(dataset[int(place)], model) for place in places]
    width = max(row.shape[1] for row in rows)
    wide = [np.pad(row, ((0, 4), (0, width - row.shape[1]), (0, 0))) for row in rows]
    write_bytes(path, encode_jpeg(np.concatenate(wide)))


def _row(triple: Triple, model: Model) -> Picture:
    prediction = model.predict(model_input(triple))
    known = triple.depth > 0
    truth = triple.depth.astype(np.float32) / 1000
    low, high = depth_scale(truth, known)
    views = [triple.defocused]
    if prediction.all_in_focus is not None:
        views += [prediction.all_in_focus, triple.all_in_focus]
    if prediction.defocus_px is not None:
        views += _defocus_views(prediction.defocus_px, triple)
    if prediction.depth_m is not None:
        views += [colors(prediction.depth_m, low, high), colors(truth, low, high, known)]
    return np.concatenate([shrink(view, WIDTH) for view in views], axis=1)


def _defocus_views(predicted: NDArray[np.floating[Any]], triple: Triple) -> list[Picture]:
    """The predicted map, and the true one where it is known, without the side of the focus."""
    if triple.defocus is None:
        return [colors(predicted, 0, float(predicted.max()))]
    truth = np.abs(triple.defocus.astype(np.float32))
    high = float(truth[np.isfinite(truth)].max(initial=1))
    return [colors(predicted, 0, high), colors(truth, 0, high)]
