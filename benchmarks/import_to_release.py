"""Time from a folder of photographs to a release: import, process, build, on all cores.

There is no peer that does this; the time is reported with the load of other processes, and each
stage as a share of decoding the same files once (the floor that no toolkit can beat).

Usage: python benchmarks/import_to_release.py FOLDER   (in the published layout of DFD_Indoor)
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from rounds import foreign_share

from idfd.model.capture import Collection
from idfd.processing.pipeline.run import process
from idfd.processing.pipeline.sources import collection_source
from idfd.release.build import build_release
from idfd.release.importers import import_dataset
from idfd.storage.images import read_depth, read_photo


def decode_all(collection: Collection) -> None:
    root = Path(collection.root)
    for take in collection.takes:
        for role, file in take.files.items():
            (read_depth if role.startswith("depth") else read_photo)(root / file.path)


def time_stages(photos: Path, folder: Path) -> list[tuple[float, float]]:
    """Wall time in s and load of other processes of import, processing, build and decoding."""
    found: list[Collection] = []
    return [
        foreign_share(stage)
        for stage in (
            lambda: found.append(import_dataset("dfd_indoor", photos, folder / "collection")),
            lambda: process(collection_source(found[0]), folder / "triples"),
            lambda: build_release(folder / "triples", folder / "set.h5", version="1.0.0"),
            lambda: decode_all(found[0]),
        )
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    print(f"{'round':5} {'import':>8} {'process':>8} {'build':>8} {'sum':>8} {'decode':>8}  load")
    for number in range(1, arguments.rounds + 1):
        with tempfile.TemporaryDirectory() as name:
            timed = time_stages(arguments.photos, Path(name))
        seconds = [wall for wall, _ in timed]
        # A pool's workers are children that have ended, so their time counts as our own.
        load = max(foreign for _, foreign in timed)
        columns = [*seconds[:3], sum(seconds[:3]), seconds[3]]
        print(f"{number:5} " + " ".join(f"{s:8.2f}" for s in columns) + f"  {100 * load:.1f} %")


if __name__ == "__main__":
    main()
