"""The checks behind ``idfd doctor``."""

from __future__ import annotations

import importlib
import os
import platform
import shutil
import sys
import tempfile
from pathlib import Path

from idfd.capture.operator.health import Result, optional, rig_checks, version_of

_NEEDED = {"numpy": "numpy", "cv2": "opencv-python", "h5py": "h5py", "matplotlib": "matplotlib"}
_OPTIONAL = {
    "torch": "needed to train; 'pip install idfd[torch]'",
    "OpenEXR": "needed to read EXR depth; 'pip install idfd[exr]'",
}
_DISK_GB = 2.0


def run_checks() -> list[Result]:
    """Check Python, packages, disk, the temporary folder, and the rig's drivers and devices."""
    results = [_python()]
    for module, package in _NEEDED.items():
        results.append(_package(module, package))
    results += [optional(package, remedy) for package, remedy in _OPTIONAL.items()]
    results += [_disk(), _writable(Path(tempfile.gettempdir())), _cores()]
    # The drivers need the packages above.
    if all(result.state != "missing" for result in results):
        results += rig_checks()
    return results


def _python() -> Result:
    good = (3, 10) <= sys.version_info[:2] <= (3, 13)
    return Result(
        "Python", "ok" if good else "missing", platform.python_version(),
        "" if good else "Install Python 3.10 to 3.13",
    )  # fmt: skip


def _package(module: str, package: str) -> Result:
    remedy = f"pip install {package}"
    try:
        importlib.import_module(module)
    except ImportError as error:
        if module == "cv2" and ".so" in str(error):
            remedy = (
                "apt install libgl1 libglib2.0-0, or pip uninstall opencv-python && "
                "pip install opencv-python-headless"
            )
        return Result(package, "missing", str(error), remedy)
    found = version_of(package, f"{package}-headless")
    return Result(package, "ok", found or "version unknown")


def _disk() -> Result:
    free = shutil.disk_usage(Path.cwd()).free / 1e9
    good = free >= _DISK_GB
    return Result(
        "disk", "ok" if good else "low", f"{free:.1f} GB free here",
        "" if good else f"Free {_DISK_GB:g} GB before curating or building a release",
    )  # fmt: skip


def _writable(folder: Path) -> Result:
    good = os.access(folder, os.W_OK)
    return Result(
        "temporary folder", "ok" if good else "missing", str(folder),
        "" if good else "Set TMPDIR to a folder you can write to",
    )  # fmt: skip


def _cores() -> Result:
    from idfd.processing.pipeline.local import default_workers

    return Result("cores", "ok", str(default_workers()))
