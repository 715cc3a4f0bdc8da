"""Tiny sets of photos with depth on disk, in the layouts and encodings of the published ones."""

from __future__ import annotations

from pathlib import Path

import cv2
import h5py
import numpy as np
from numpy.typing import NDArray
from scipy.io import savemat

from idfd.release.importers import ddff12, make3d, nyu_depth_v2

FRAMES = ("kitchen_0004", "study_0001a", "study_0001b")


def photo(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    coarse = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), np.uint8)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC))


def write_nyu(root: Path) -> Path:
    """As MATLAB 7.3 does: axes turned around, text as 16-bit codes behind references."""
    root.mkdir()
    depth = np.full((480, 640), 2.5, np.float32)
    depth[:, :320] = 1.25
    raw = depth + np.float32(0.01)
    raw[:40] = 0
    with h5py.File(root / nyu_depth_v2.LABELED, "w") as file:
        photos = np.stack([photo(480, 640, k) for k in range(3)])
        file["images"] = photos.transpose(0, 3, 2, 1)
        file["depths"] = np.stack([depth.T] * 3)
        file["rawDepths"] = np.stack([raw.T] * 3)
        references = []
        for k, name in enumerate(FRAMES):
            text = np.array([[ord(letter)] for letter in name], np.uint16)
            file[f"#refs#/{k}"] = text
            references.append(file[f"#refs#/{k}"].ref)
        file.create_dataset("scenes", data=np.array([references], h5py.ref_dtype))
    savemat(root / nyu_depth_v2.SPLITS, {"trainNdxs": [[1], [3]], "testNdxs": [[2]]})
    return root


def write_make3d(root: Path) -> Path:
    for split, (photos, grids) in make3d.FOLDERS.items():
        (root / photos).mkdir(parents=True)
        (root / grids).mkdir()
        for k in range(2):
            name = f"{split}place{k}-p-0{k}t000"
            cv2.imwrite(str(root / photos / f"img-{name}.jpg"), photo(284, 213, k))
            grid = np.zeros(make3d.GRID)
            grid[..., 3] = np.linspace(2, 80, 55)[:, None]
            target = root / grids / f"depth_sph_corr-{name}.mat"
            if k == 0:
                savemat(target, {"Position3DGrid": grid})
                continue
            with h5py.File(target, "w", userblock_size=512) as file:
                file["Position3DGrid"] = grid.T
            with target.open("r+b") as file:
                file.write(b"MATLAB 7.3 MAT-file")
    return root


def write_diode(root: Path) -> Path:
    places = (("train", "outdoor", 1), ("val", "indoors", 2), ("val", "indoors", 3))
    for k, (split, place, scene) in enumerate(places):
        folder = root / split / place / f"scene_{scene:05d}" / "scan_00001"
        folder.mkdir(parents=True)
        stem = f"{scene:05d}_00001_{place}_000_010"
        cv2.imwrite(str(folder / f"{stem}.png"), photo(768, 1024, k))
        metres = np.full((768, 1024, 1), 3.5, np.float32)
        metres[0] = 120
        mask = np.ones((768, 1024))
        mask[:, :10] = 0
        np.save(folder / f"{stem}_depth.npy", metres)
        np.save(folder / f"{stem}_depth_mask.npy", mask)
    return root


def write_ddff(root: Path) -> Path:
    root.mkdir()
    with h5py.File(root / ddff12.LAYOUT, "w") as file:
        for split, count in (("train", 101), ("val", 2)):
            file[f"stack_{split}"] = np.stack([stack()] * count)
            disparity = np.full((count, 24, 32), 0.14124, np.float32)
            disparity[:, 0] = 0
            file[f"disp_{split}"] = disparity if split == "train" else disparity[:, None]
    return root


def stack() -> NDArray[np.uint8]:
    """Left half sharp in slice 2, right half in slice 7."""
    sharp = np.random.default_rng(3).integers(0, 256, (24, 32, 3), np.uint8)
    found = np.stack([cv2.GaussianBlur(sharp, (0, 0), 4).astype(np.uint8)] * 10)
    found[2, :, :16], found[7, :, 16:] = sharp[:, :16], sharp[:, 16:]
    return found
