"""Keys of results: the same key, the same bytes."""

from __future__ import annotations

from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import msgspec

from idfd.model.stage import StageName
from idfd.storage.hashing import sha256_bytes

_PACKAGES = (
    "deflate", "numpy", "numba", "opencv-python", "opencv-python-headless", "rawpy", "scipy",
)  # fmt: skip
_EVERY_STEP = ("model/triple.py", "processing/pipeline/workspace.py", "storage/png.py")
_GEOMETRY = (
    "calibration/projection.py",
    "calibration/distortion.py",
    "calibration/tiles.py",
    "model/rig.py",
)
_DEPTH = ("processing/depth", "processing/published")
_PHOTOS = ("processing/photos", "processing/published", "storage/color.py", "storage/images.py")
_CODE: dict[StageName, tuple[str, ...]] = {
    "denoise": _DEPTH,
    "align": _PHOTOS,
    "crop": ("processing/crop.py", "processing/photos/transform.py", *_DEPTH, *_GEOMETRY),
    "register": (*_DEPTH, *_GEOMETRY),
    "inpaint": _DEPTH,
    "normalise": _PHOTOS,
    "check": ("processing/check.py", "processing/photos", "calibration/defocus/model.py"),
}
"""Files and folders of the package whose code decides about the result of a step."""


def key_of(stage: StageName, inputs: dict[str, str], config: dict[str, Any]) -> str:
    """Hash of everything that the result of a step depends on."""
    return sha256_bytes(
        msgspec.json.encode([stage, inputs, config, code_of(stage)], order="sorted")
    )


@cache
def code_of(stage: StageName) -> dict[str, str]:
    """Hash of the source code of a step, and versions of the packages that it stands on."""
    root = Path(__file__).resolve().parents[2]
    files: set[Path] = set()
    for name in (*_EVERY_STEP, *_CODE[stage]):
        path = root / name
        files |= set(path.rglob("*.py")) if path.is_dir() else {path}
    content = [[path.relative_to(root).as_posix(), path.read_text()] for path in sorted(files)]
    return {"source": sha256_bytes(msgspec.json.encode(content)), **_versions()}


@cache
def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found
