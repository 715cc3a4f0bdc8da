"""How long the tiny preset renders a triple: two photos and thirty depth frames.

    python benchmarks/render_triple.py [quality]

The bar is 2 s on two cores, after imports and with compiled kernels, without placing the rig.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from rounds import compare

from idfd.capture.simulated.world import Placement, World

ENVIRONMENTS = ("bedroom", "living_room", "lab", "kitchen", "museum")
FRAMES = 30


def main() -> None:
    quality = sys.argv[1] if len(sys.argv) > 1 else "tiny"
    with tempfile.TemporaryDirectory() as folder:
        worlds = {name: World(quality, cache=Path(folder) / name) for name in ENVIRONMENTS}
        for name, world in worlds.items():
            world.place(Placement(name, "benchmark"))
        view = 0

        def place(world: World, name: str) -> None:
            nonlocal view
            view += 1  # never the same light again
            world.place(Placement(name, "benchmark", view))

        def triple(world: World, name: str) -> None:
            place(world, name)
            world.photo(10, 0.25, 100, 1)
            world.photo(2.8, 1 / 50, 100, 2)
            world.depth_frames(FRAMES, 0)

        contenders: dict[str, Callable[[], object]] = {
            f"{what.__name__} {name}": partial(what, world, name)
            for name, world in worlds.items()
            for what in (place, triple)
        }
        timings = compare(contenders, rounds=3)
    seconds = {timing.name: timing.median for timing in timings}
    print(f"{'environment':12} {'place':>8} {'triple':>8}  (s; {quality}, triple without placing)")
    for name in worlds:
        placing = seconds[f"place {name}"]
        print(f"{name:12} {placing:8.2f} {seconds[f'triple {name}'] - placing:8.2f}")


if __name__ == "__main__":
    main()
