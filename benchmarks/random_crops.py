"""Random 256 by 256 training crops: from files, from a release, from the training cache.

The peer decodes the JPEG photos and the PNG depth map of an item and cuts the crop, as a training
set of files does. ``IDFD`` yields whole triples: the same arrays, the source map and the record.
All read random crops of the same items in the same order, in one process;
the operating system's cache is warm for all; no HDF5 chunk cache is used.

Usage: python benchmarks/random_crops.py [--photos FOLDER] [--size 1920x1280] [--scenes N]

Without --photos a rendered set is used; FOLDER is one in the published layout of DFD_Indoor.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from rounds import compare, print_ratios

from idfd.model.capture import Collection
from idfd.processing.pipeline.run import process
from idfd.processing.pipeline.sources import collection_source
from idfd.release.build import build_release
from idfd.release.importers import import_dataset
from idfd.release.reader import IDFD

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))
from published_set.scenes import write_published_layout

CROP = 256
CROPS = 192
ARRAYS = ("all_in_focus", "defocused", "depth_inpainted")


def from_files(collection: Collection, items: list[tuple[str, int, int]]) -> None:
    root, takes = Path(collection.root), {take.id: take for take in collection.takes}
    for take, y, x in items:
        for array in ARRAYS:
            flags = cv2.IMREAD_UNCHANGED if array == "depth_inpainted" else cv2.IMREAD_COLOR
            image = cv2.imread(str(root / takes[take].files[array].path), flags)  # type: ignore[index]
            assert image is not None
            crop = np.ascontiguousarray(image[y : y + CROP, x : x + CROP])
            assert crop.shape[:2] == (CROP, CROP)


def from_dataset(dataset: IDFD, items: list[tuple[str, int, int]]) -> None:
    place = {take: index for index, take in enumerate(dataset.ids)}
    for take, _, _ in items:
        triple = dataset[place[take]]
        assert triple.depth.shape == (CROP, CROP)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--size", default="645x432")
    parser.add_argument("--scenes", type=int, default=24)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photos = arguments.photos
        if photos is None:
            width, height = (int(part) for part in arguments.size.split("x"))
            photos = folder / "photos"
            write_published_layout(photos, scenes=arguments.scenes, size=(width, height))
        collection = import_dataset("dfd_indoor", photos, folder / "collection")
        curation = process(collection_source(collection), folder / "triples").curation
        build_release(folder / "triples", folder / "set.h5", version="1.0.0")
        release = IDFD(folder / "set.h5", crop=CROP)
        cached = IDFD(folder / "set.h5", crop=CROP, cache=folder / "cache")
        assert curation is not None
        assert curation.size is not None
        generator = np.random.default_rng(0)
        items = [
            (
                release.ids[int(generator.integers(len(release.ids)))],
                int(generator.integers(curation.size[1] - CROP + 1)),
                int(generator.integers(curation.size[0] - CROP + 1)),
            )
            for _ in range(CROPS)
        ]
        contenders: dict[str, Callable[[], object]] = {
            "JPEG and PNG files (peer)": lambda: from_files(collection, items),
            "IDFD, release": lambda: from_dataset(release, items),
            "IDFD, training cache": lambda: from_dataset(cached, items),
        }
        source = "real photographs" if arguments.photos else "rendered set"
        size = "x".join(map(str, curation.size))
        print(f"{len(release.ids)} triples of {size}, {source}", file=sys.stderr)
        print_ratios(compare(contenders), CROPS, "triples")


if __name__ == "__main__":
    main()
