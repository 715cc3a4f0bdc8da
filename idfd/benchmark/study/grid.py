"""A grid of pictures: one image in two rows, a model in each column, like figure 2.2."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np

from idfd.benchmark.thumbnails import INDEX, Pictures, PictureSet, View, pictures_folder
from idfd.model.schema import load
from idfd.processing.pictures import Picture, label_strip
from idfd.storage.images import decode_image, encode_jpeg, read_bytes

IMAGES = 4
WIDTH = 240
CAPTION = (
    "Photo, true depth, and the depth that each model gives, coloured on the scale of the truth; "
    "below it the absolute error from 0 to a quarter of the farthest depth. Grey is unknown."
)


def draw_grid(results: Mapping[str, Path]) -> bytes | None:
    """Draw up to four images, evenly chosen of those that all models have pictures of.

    Args:
        results: Results file of each model, with its pictures beside it, by the column's heading.

    Returns:
        A JPEG file; None where the models share no picture.

    Raises:
        InputError: A picture is missing or damaged.
        SchemaError: An index of pictures is.
    """
    found: dict[str, dict[str, tuple[Path, PictureSet]]] = {}
    for name, path in results.items():
        folder = pictures_folder(path)
        index = load(Pictures, folder / INDEX)
        found[name] = {one.id: (folder, one) for one in index.sets}
    if not found:
        return None
    first = next(iter(found.values()))
    shared = [image for image in first if all(image in sets for sets in found.values())]
    if not shared:
        return None
    places = np.linspace(0, len(shared) - 1, min(IMAGES, len(shared))).round().astype(int)
    rows = [
        _rows({name: sets[shared[place]] for name, sets in found.items()}, heading=turn == 0)
        for turn, place in enumerate(places)
    ]
    width = max(row.shape[1] for row in rows)
    return encode_jpeg(
        np.concatenate([np.pad(row, ((0, 6), (0, width - row.shape[1]), (0, 0))) for row in rows])
    )


def _rows(sets: Mapping[str, tuple[Path, PictureSet]], heading: bool) -> Picture:
    photo, truth = (_read(*next(iter(sets.values())), view) for view in ("defocused", "truth"))
    height = round(photo.shape[0] * WIDTH / photo.shape[1])
    upper = {"photo": _fitted(photo, height, cv2.INTER_AREA), "truth": _fitted(truth, height)}
    upper |= {name: _fitted(_read(*where, "depth"), height) for name, where in sets.items()}
    lower = [np.zeros((height, 2 * WIDTH, 3), np.uint8)]
    lower += [_fitted(_read(*where, "depth_error"), height) for where in sets.values()]
    headed = [label_strip(view, name) if heading else view for name, view in upper.items()]
    return np.concatenate([np.concatenate(headed, 1), np.concatenate(lower, 1)])


def _read(folder: Path, images: PictureSet, view: View) -> Picture:
    path = folder / images.files[view]
    stored = decode_image(read_bytes(path), path, cv2.IMREAD_COLOR)
    return np.asarray(cv2.cvtColor(stored, cv2.COLOR_BGR2RGB), np.uint8)


def _fitted(picture: Picture, height: int, how: int = cv2.INTER_NEAREST) -> Picture:
    """One size for all pictures of an image: photos and maps are stored reduced by themselves.

    Of a coloured map pixels are picked, not mixed.
    """
    return np.asarray(cv2.resize(picture, (WIDTH, height), interpolation=how), np.uint8)
