"""The Azure Kinect Sensor SDK as pyk4a loads it, with its log kept where it can be read."""

from __future__ import annotations

import atexit
import functools
import importlib
import os
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from idfd.capture.kinect.log import SdkLog
from idfd.errors import CameraError

_LOG_FILE = "K4A_ENABLE_LOG_TO_A_FILE"


@functools.lru_cache(maxsize=1)
def prepare_log() -> SdkLog:
    """Tell the SDK to log into a file; it reads these variables once, when it is loaded."""
    if not os.environ.get(_LOG_FILE, "").endswith(".log"):
        handle, name = tempfile.mkstemp(prefix="idfd-k4a-", suffix=".log")
        os.close(handle)
        atexit.register(Path(name).unlink, missing_ok=True)
        os.environ[_LOG_FILE] = name
    # Left on, the SDK writes its errors between the lines of --json output.
    os.environ.setdefault("K4A_ENABLE_LOG_TO_STDOUT", "0")
    os.environ.setdefault("K4A_LOG_LEVEL", "i")
    return SdkLog(Path(os.environ[_LOG_FILE]))


def load_sdk() -> tuple[Any, SdkLog]:
    """Import pyk4a.

    Returns:
        The module and the SDK's log.

    Raises:
        CameraError: ``driver`` where pyk4a is missing or cannot be loaded.
    """
    problem = sdk_problem()
    if problem is not None:
        raise CameraError(problem[0], cause="driver", remedy=problem[1])
    log = prepare_log()
    try:
        return importlib.import_module("pyk4a"), log
    except ImportError as error:
        reason = error.__cause__ or error
        raise CameraError(
            f"pyk4a cannot be loaded ({reason})",
            cause="driver",
            remedy="Install it again: 'pip install --force-reinstall idfd[kinect]'",
        ) from None


def sdk_problem() -> tuple[str, str] | None:
    """Why pyk4a cannot be loaded, and the remedy, as far as it shows without loading it."""
    if package_version("pyk4a") is None and package_version("pyk4a-bundle") is None:
        return (
            "the depth camera needs the package pyk4a-bundle",
            "Install it with 'pip install idfd[kinect]' in an environment of Python 3.10 to 3.12 "
            "with NumPy 1.26, or play recordings with driver = recording",
        )
    if package_version("pyk4a-bundle") is not None and int(np.__version__.split(".")[0]) >= 2:
        return (
            f"pyk4a-bundle was built for NumPy 1 and NumPy {np.__version__} is installed",
            "Run the rig from an environment of its own with NumPy 1.26 (docs/kinect.md), or play "
            "recordings with driver = recording",
        )
    return None


def package_version(name: str) -> str | None:
    """Version of an installed package, or None."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
