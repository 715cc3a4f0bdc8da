"""A picture of what the network predicts, drawn every so often while it learns."""

from __future__ import annotations

from pathlib import Path

import numpy as np

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

    The columns are the defocused photo, the predicted and the true all-in-focus photo, and the
    predicted and the true depth, both coloured on the scale of the truth.

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
    if prediction.depth_m is not None:
        views += [colors(prediction.depth_m, low, high), colors(truth, low, high, known)]
    return np.concatenate([shrink(view, WIDTH) for view in views], axis=1)
