"""Write rendered scenes in the published layout of DFD_Indoor."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from idfd.storage.durable import write_bytes
from idfd.storage.images import encode_jpeg, encode_png
from published_set.render import Lens, View, render_view

VIEWS_PER_ROOM = 3
START = datetime(2024, 3, 5, 10, 0, 0)


def write_published_layout(
    folder: Path, scenes: int = 12, seed: int = 0, size: tuple[int, int] = (480, 320)
) -> dict[str, View]:
    """Render a set and write it as DFD_Indoor was published.

    ``dfd_dataset_indoor_{N2_8,N8}/{rgb,depth}/{train,test}/<time stamp>``: both photos of a view
    have one stamp, the depth map another, 0.03 to 0.24 s earlier, and lies in both aperture
    folders. Views of a room follow each other within 40 s, rooms after more than three minutes;
    about a quarter of the rooms are the test split. Depth has no holes, as in the original, and is
    registered to the photo at f/8.

    Args:
        folder: The folder to write to; it is made where missing.
        scenes: Number of views, at least 2.
        seed: The same seed and size give the same files.
        size: Width and height, pixels.

    Returns:
        The views by the stamps of their photos, in order of time.
    """
    lens = Lens()
    per_room = min(VIEWS_PER_ROOM, scenes // 2)
    rooms = -(-scenes // per_room)
    test_from = rooms - max(1, round(rooms / 4))
    clock = np.random.default_rng([seed, 2])
    time = START
    views = {}
    for index in range(scenes):
        room, number = divmod(index, per_room)
        pause = 0.0 if index == 0 else clock.uniform(200, 400) if number == 0 else 0.0
        time += timedelta(seconds=round(pause + clock.uniform(15, 40), 6))
        depth_time = time - timedelta(seconds=round(clock.uniform(0.03, 0.24), 6))
        split = "test" if room >= test_from else "train"
        view = render_view(seed, room, number, size, lens)
        _write_view(folder, view, split, _stamp(time), _stamp(depth_time))
        views[_stamp(time)] = view
    return views


def _paths(folder: Path, split: str, photo: str, depth: str) -> tuple[Path, Path, Path, Path]:
    """Sharp photo, its depth, defocused photo, its depth."""
    sharp, wide = (folder / f"dfd_dataset_indoor_{aperture}" for aperture in ("N8", "N2_8"))
    return (
        sharp / "rgb" / split / f"{photo}.JPG",
        sharp / "depth" / split / f"{depth}.png",
        wide / "rgb" / split / f"{photo}.JPG",
        wide / "depth" / split / f"{depth}.png",
    )


def _write_view(folder: Path, view: View, split: str, photo: str, depth: str) -> None:
    png = encode_png(view.depth)
    sharp = encode_jpeg(view.all_in_focus, quality=95)
    wide = encode_jpeg(view.defocused, quality=95)
    for path, data in zip(
        _paths(folder, split, photo, depth), (sharp, png, wide, png), strict=True
    ):
        write_bytes(path, data)


def _stamp(time: datetime) -> str:
    return time.isoformat(timespec="microseconds")
