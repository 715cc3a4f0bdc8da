"""Tiny deblurring and defocus sets on disk, in the layouts and encodings of the published ones."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import scipy.io
from numpy.typing import NDArray

from idfd.storage.images import encode_png

SIZE = (12, 16)


def photo(name: str, dtype: type = np.uint8) -> NDArray[Any]:
    """Noise that the name determines, (H, W, 3)."""
    generator = np.random.default_rng(zlib.crc32(name.encode()))
    return generator.integers(0, np.iinfo(dtype).max, (*SIZE, 3), dtype, endpoint=True)


def write(path: Path, array: NDArray[Any]) -> Path:
    """Write an image in the format that its suffix names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".png":
        path.write_bytes(encode_png(array))
    else:
        done, data = cv2.imencode(path.suffix, array[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])
        assert done
        path.write_bytes(data.tobytes())
    return path


def ramp(largest: int) -> NDArray[np.int64]:
    """Whole numbers from 0 to ``largest``, both reached, (H, W)."""
    return np.rint(np.linspace(0, largest, SIZE[0] * SIZE[1])).astype(np.int64).reshape(SIZE)


def dpdd(root: Path) -> None:
    pairs = {"train": (917, 916, 919, 918), "val": (1401, 1400), "test": (2002, 2000)}
    for split, numbers in pairs.items():
        for k, number in enumerate(numbers):
            part = "target" if k % 2 else "source"
            name = f"1P0A{number:04d}"
            write(root / f"{split}_c" / part / f"{name}.png", photo(name, np.uint16))
            for view in ("l", "r") if part == "source" else ():
                path = root / f"{split}_{view}" / part / f"{name}_{view.upper()}.png"
                write(path, photo(path.name, np.uint16))


SYNDOF_NAMES = (
    "MPI_market_2_frame_0001_f_50_fp_0_33_A_0_2",
    "MPI_market_2_frame_0002_f_70_fp_0_22_A_0_37",
    "MIDDLEBURRY_Adirondack-perfect_im0_f_70_fp_0_049_A_0_94",
)


def syndof(root: Path, largest: int = 150) -> None:
    """In the archive's layout; ``largest`` 70 is what the generator as published reaches."""
    for split, maps, names in (
        ("train", "blur_map", SYNDOF_NAMES[:2]),
        ("test", "gt", SYNDOF_NAMES[2:]),
    ):
        home = root / split / "SYNDOF"
        for name in names:
            write(home / "image" / f"{name}.png", photo(name))
            stored = np.repeat(ramp(largest)[..., None], 3, axis=2).astype(np.uint16)
            write(home / maps / f"{name}.png", stored)
            if split == "train":
                norm = write(home / "blur_map_norm" / f"{name}_norm.png", photo(name))
                write(norm.parents[1] / "blur_map_binary" / f"{name}_binary.png", photo(name))


def rtf(root: Path) -> None:
    for level in ("0", "1", "1.6"):
        for name in ("01", "02"):
            write(root / "test/RTF/image" / level / f"{name}.png", photo(name + level))
            truth = root / "test/RTF/gt" / level / f"{name}.mat"
            truth.parent.mkdir(parents=True, exist_ok=True)
            scipy.io.savemat(truth, {"blurMap": ramp(50) / 10}, do_compression=True)


def cuhk(root: Path) -> None:
    for split, names in (
        ("train", ("out_of_focus0001", "out_of_focus0002")),
        ("test", ("out_of_focus0003",)),
    ):
        for name in names:
            write(root / split / "CUHK/image" / f"{name}.jpg", photo(name))
            mask = np.where(ramp(3) > 1, np.uint8(255), np.uint8(0))
            write(root / split / "CUHK/gt" / f"{name}.png", mask)


def ded(root: Path) -> None:
    for number, prefix in ((0, "a"), (1, "b"), (12, "c")):
        write(root / "train/image" / f"image_{number}.jpg", photo(f"image{number}"))
        # 0 and 1 were refocused from one light field.
        write(root / "train/sharp" / f"{prefix}_{number}.jpg", photo(f"sharp{number // 2}"))
        filtered = root / "train/filtered" / f"defocus_filterd_{number}.png"
        write(filtered, ramp(255).astype(np.uint8))


WRITERS: dict[str, Callable[[Path], None]] = {
    "dpdd": dpdd,
    "syndof": syndof,
    "rtf": rtf,
    "cuhk": cuhk,
    "ded": ded,
}
