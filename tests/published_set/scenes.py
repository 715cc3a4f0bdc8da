"""Write rendered scenes in the published layout of DFD_Indoor, for demos and tests."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from idfd.capture.simulated import SCHEMA
from idfd.capture.simulated.render import Lens, View, render_view
from idfd.errors import InputError
from idfd.storage.durable import make_folder, storage_error, write_bytes
from idfd.storage.images import encode_jpeg, encode_png

VIEWS_PER_ROOM = 3
START = datetime(2024, 3, 5, 10, 0, 0)


def write_published_layout(
    folder: Path, scenes: int = 12, seed: int = 0, size: tuple[int, int] = (480, 320)
) -> Path:
    """Render a set and write it as DFD_Indoor was published, with the truth beside it.

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

    A set that an earlier run wrote there is replaced.

    Returns:
        The path of ``truth.json``: optics, and per view the pair transform (all-in-focus to
        defocused), gain and vignetting.

    Raises:
        InputError: Fewer than two views, images too small, or photos in the folder that are
            not a rendered set.
        StorageError: The folder cannot be written.
    """
    if scenes < 2:
        raise InputError(f"{scenes} scenes asked for", limit="at least 2, one for each split")
    _remove_old_set(folder)
    lens = Lens()
    per_room = min(VIEWS_PER_ROOM, scenes // 2)
    rooms = -(-scenes // per_room)
    test_from = rooms - max(1, round(rooms / 4))
    clock = np.random.default_rng([seed, 2])
    time = START
    truth: list[dict[str, Any]] = []
    for index in range(scenes):
        room, number = divmod(index, per_room)
        pause = 0.0 if index == 0 else clock.uniform(200, 400) if number == 0 else 0.0
        time += timedelta(seconds=round(pause + clock.uniform(15, 40), 6))
        depth_time = time - timedelta(seconds=round(clock.uniform(0.03, 0.24), 6))
        split = "test" if room >= test_from else "train"
        view = render_view(seed, room, number, size, lens)
        _write_view(folder, view, split, _stamp(time), _stamp(depth_time))
        truth.append(
            {
                "photo": _stamp(time),
                "depth": _stamp(depth_time),
                "split": split,
                "room": room,
                "transform": msgspec.to_builtins(view.transform),
                "gain": view.gain,
                "vignetting": view.vignetting,
            }
        )
    for split in ("train", "test"):
        make_folder(folder / "dfd_dataset_indoor_N8" / "rgb" / split)
    document = {
        "schema": SCHEMA,
        "seed": seed,
        "focal_length_mm": lens.focal_length_mm,
        "focus_distance_m": lens.focus_distance_m,
        "views": truth,
    }
    path = folder / "truth.json"
    write_bytes(path, (json.dumps(document, indent=2) + "\n").encode())
    return path


def _remove_old_set(folder: Path) -> None:
    """Make room; rendered views must never mix with real ones or with those of another seed."""
    try:
        truth = json.loads((folder / "truth.json").read_bytes())
        views = truth["views"] if truth["schema"] == SCHEMA else []
        for view in views:
            for path in _paths(folder, view["split"], view["photo"], view["depth"]):
                path.unlink(missing_ok=True)
    except (FileNotFoundError, NotADirectoryError):
        pass
    except OSError as error:
        raise storage_error(error, folder) from error
    except (ValueError, KeyError, TypeError):
        # Not a truth file of ours: whatever lies here is not ours to remove.
        pass
    left = next((path for path in folder.glob("dfd_dataset_indoor_*/**/*") if path.is_file()), None)
    if left is not None:
        raise InputError(
            "the folder holds photos that are not of a rendered set",
            where=left,
            remedy="Choose another folder",
        )


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
