"""The SDK's C libraries through ctypes: what writing a recording needs, whatever the NumPy.

Declared after ``k4a/k4a.h`` and ``k4arecord/record.h`` of the Azure Kinect Sensor SDK 1.4.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import functools
import importlib.util
from ctypes import POINTER, c_bool, c_char_p, c_int, c_int32, c_size_t, c_uint32, c_uint64, c_void_p
from dataclasses import dataclass
from pathlib import Path

from idfd.capture.kinect.sdk import prepare_log
from idfd.errors import MissingDependencyError

IMAGE_MJPG, IMAGE_DEPTH16, IMAGE_IR16 = 0, 4, 5
DEPTH_MODES = {"NFOV_2X2BINNED": 1, "NFOV_UNBINNED": 2, "WFOV_2X2BINNED": 3, "WFOV_UNBINNED": 4}
FRAME_RATES = {5.0: 0, 15.0: 1, 30.0: 2}
COLOUR_OFF = 0
COLOUR_RESOLUTIONS = {
    (1280, 720): 1,
    (1920, 1080): 2,
    (2560, 1440): 3,
    (2048, 1536): 4,
    (3840, 2160): 5,
    (4096, 3072): 6,
}


class Configuration(ctypes.Structure):
    """``k4a_device_configuration_t``."""

    _fields_ = (
        ("color_format", c_int),
        ("color_resolution", c_int),
        ("depth_mode", c_int),
        ("camera_fps", c_int),
        ("synchronized_images_only", c_bool),
        ("depth_delay_off_color_usec", c_int32),
        ("wired_sync_mode", c_int),
        ("subordinate_delay_off_master_usec", c_uint32),
        ("disable_streaming_indicator", c_bool),
    )


_SIGNATURES = {
    "k4a_image_create_from_buffer": (
        c_int, c_int, c_int, c_int, c_int, c_void_p, c_size_t, c_void_p, c_void_p,
        POINTER(c_void_p),
    ),
    "k4a_image_set_device_timestamp_usec": (None, c_void_p, c_uint64),
    "k4a_image_release": (None, c_void_p),
    "k4a_capture_create": (c_int, POINTER(c_void_p)),
    "k4a_capture_set_color_image": (None, c_void_p, c_void_p),
    "k4a_capture_set_depth_image": (None, c_void_p, c_void_p),
    "k4a_capture_set_ir_image": (None, c_void_p, c_void_p),
    "k4a_capture_release": (None, c_void_p),
    "k4a_record_create": (c_int, c_char_p, c_void_p, Configuration, POINTER(c_void_p)),
    "k4a_record_add_attachment": (c_int, c_void_p, c_char_p, c_char_p, c_size_t),
    "k4a_record_add_tag": (c_int, c_void_p, c_char_p, c_char_p),
    "k4a_record_write_header": (c_int, c_void_p),
    "k4a_record_write_capture": (c_int, c_void_p, c_void_p),
    "k4a_record_flush": (c_int, c_void_p),
    "k4a_record_close": (None, c_void_p),
}  # fmt: skip


@dataclass(frozen=True)
class Libraries:
    """libk4a and libk4arecord."""

    k4a: ctypes.CDLL
    record: ctypes.CDLL


@functools.lru_cache(maxsize=1)
def load_libraries() -> Libraries:
    """Load the SDK's libraries: those of pyk4a-bundle, else those of the system.

    Raises:
        MissingDependencyError: There are none.
    """
    prepare_log()
    paths = [_find("k4a"), _find("k4arecord")]
    if None in paths:
        raise _missing("cannot be found")
    try:
        # libk4arecord needs the symbols of libk4a.
        k4a, record = (ctypes.CDLL(path, mode=ctypes.RTLD_GLOBAL) for path in paths)
        for name, (result, *arguments) in _SIGNATURES.items():
            function = getattr(record if name.startswith("k4a_record") else k4a, name)
            function.restype, function.argtypes = result, arguments
    except (OSError, AttributeError) as error:
        raise _missing(f"cannot be loaded ({error})") from None
    return Libraries(k4a, record)


def _missing(why: str) -> MissingDependencyError:
    return MissingDependencyError(
        f"the Azure Kinect SDK's libraries {why}",
        remedy="Install them with 'pip install pyk4a-bundle' (Python 3.10 to 3.12) or as "
        "Microsoft's package libk4a1.4",
    )


def _find(name: str) -> str | None:
    # Looks where pyk4a lies without importing it, which fails with NumPy 2.
    spec = importlib.util.find_spec("pyk4a")
    if spec is not None and spec.origin is not None:
        folder = Path(spec.origin).parents[1] / "pyk4a_bundle.libs"
        for path in folder.glob(f"lib{name}-*.so*"):
            return str(path)
    return ctypes.util.find_library(name)
