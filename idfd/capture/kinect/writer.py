"""Write bursts as recordings, by the library that k4arecorder writes with."""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from idfd.capture.kinect import libk4a
from idfd.capture.kinect.recording import DEVICE_TAGS, START_TAG
from idfd.capture.kinect.sdk import prepare_log
from idfd.errors import InputError, StorageError
from idfd.model.burst import Burst
from idfd.storage.durable import atomic_file

# Says that the file was not recorded from a device, for whoever finds it later.
SYNTHETIC_TAG = "IDFD_SYNTHETIC"


def write_recording(path: Path, burst: Burst) -> None:
    """Write a burst as a Matroska recording that the SDK, pyk4a and k4aviewer play.

    Depth, infrared, JPEG colour, device times, the factory calibration and the device's serial
    number and firmware are kept. The format has no place for temperatures and warm-up time. The SDK
    itself reads device times beyond 2³² us (71 minutes) wrongly; this toolkit reads them right.

    Args:
        path: The file, ``.mkv``; it is written whole or not at all.
        burst: The frames.

    Raises:
        MissingDependencyError: The SDK's libraries are missing.
        InputError: The format cannot hold the burst.
        StorageError: The file cannot be written.
    """
    libraries = libk4a.load_libraries()
    configuration, colour_size = _configuration(burst)
    with atomic_file(path) as temporary:
        with _recording(libraries, temporary, configuration, burst) as handle:
            for number in range(len(burst)):
                _write_frame(libraries, handle, burst, number, colour_size)
            _check(libraries.record.k4a_record_flush(handle), path)
        # The library writes in a thread of its own, which only logs what it cannot write.
        least = burst.depth.nbytes + burst.infrared.nbytes + sum(map(len, burst.colour))
        _check(temporary.stat().st_size < least, path)


def _configuration(burst: Burst) -> tuple[libk4a.Configuration, tuple[int, int]]:
    for what, value, known in (
        ("depth mode", burst.mode, libk4a.DEPTH_MODES),
        ("frame rate", burst.frames_per_s, libk4a.FRAME_RATES),
    ):
        if value not in known:
            raise InputError(f"{what} {value}", limit=f"one of {', '.join(map(str, known))}")
    size, colour = (0, 0), libk4a.COLOUR_OFF
    if burst.colour:
        size = _jpeg_size(burst.colour[0])
        if size not in libk4a.COLOUR_RESOLUTIONS:
            raise InputError(
                f"colour images of {size[0]}x{size[1]}",
                limit=f"one of {', '.join(f'{w}x{h}' for w, h in libk4a.COLOUR_RESOLUTIONS)}",
            )
        colour = libk4a.COLOUR_RESOLUTIONS[size]
    configuration = libk4a.Configuration(
        color_format=libk4a.IMAGE_MJPG,
        color_resolution=colour,
        depth_mode=libk4a.DEPTH_MODES[burst.mode],
        camera_fps=libk4a.FRAME_RATES[burst.frames_per_s],
    )
    return configuration, size


def _jpeg_size(data: bytes) -> tuple[int, int]:
    """Width and height from the frame header (SOF0 to SOF3; ITU T.81, B.2.2)."""
    place = 2
    while data[:2] == b"\xff\xd8" and place + 9 <= len(data) and data[place] == 0xFF:
        if 0xC0 <= data[place + 1] <= 0xC3:
            height, width = struct.unpack_from(">HH", data, place + 5)
            return width, height
        place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    raise InputError("colour image 0 is not a JPEG file", limit="JPEG, as the camera makes it")


@contextmanager
def _recording(
    libraries: libk4a.Libraries, path: Path, configuration: libk4a.Configuration, burst: Burst
) -> Iterator[ctypes.c_void_p]:
    """Open a recording with its header written; it is closed in any case."""
    record, handle = libraries.record, ctypes.c_void_p()
    name = str(path).encode()
    _check(record.k4a_record_create(name, None, configuration, ctypes.byref(handle)), path)
    try:
        calibration = burst.calibration
        _check(
            record.k4a_record_add_attachment(
                handle, b"calibration.json", calibration, len(calibration)
            ),
            path,
        )
        tags = {SYNTHETIC_TAG: "1", START_TAG: str(burst.system_ns[0])}
        tags |= {
            tag: burst.device[name] for tag, name in DEVICE_TAGS.items() if name in burst.device
        }
        for tag, value in tags.items():
            _check(record.k4a_record_add_tag(handle, tag.encode(), value.encode()), path)
        _check(record.k4a_record_write_header(handle), path)
        yield handle
    finally:
        record.k4a_record_close(handle)


def _write_frame(
    libraries: libk4a.Libraries,
    handle: ctypes.c_void_p,
    burst: Burst,
    number: int,
    colour_size: tuple[int, int],
) -> None:
    k4a, capture = libraries.k4a, ctypes.c_void_p()
    where = f"frame {number}"
    _check(k4a.k4a_capture_create(ctypes.byref(capture)), where)
    try:
        height, width = burst.depth.shape[1:]
        images = [
            ("depth", libk4a.IMAGE_DEPTH16, (width, height), burst.depth[number]),
            ("ir", libk4a.IMAGE_IR16, (width, height), burst.infrared[number]),
        ]
        if burst.colour:
            jpeg = np.frombuffer(burst.colour[number], np.uint8)
            images.append(("color", libk4a.IMAGE_MJPG, colour_size, jpeg))
        # The buffers stay alive here until the library has copied them.
        buffers = [np.ascontiguousarray(array) for *_, array in images]
        for (name, kind, size, _), buffer in zip(images, buffers, strict=True):
            image = _image(k4a, kind, size, buffer, where)
            k4a.k4a_image_set_device_timestamp_usec(image, int(burst.timestamps_us[number]))
            getattr(k4a, f"k4a_capture_set_{name}_image")(capture, image)
            k4a.k4a_image_release(image)
        _check(libraries.record.k4a_record_write_capture(handle, capture), where)
    finally:
        k4a.k4a_capture_release(capture)


def _image(
    k4a: ctypes.CDLL, kind: int, size: tuple[int, int], buffer: NDArray[np.generic], where: str
) -> ctypes.c_void_p:
    image = ctypes.c_void_p()
    stride = 0 if kind == libk4a.IMAGE_MJPG else 2 * size[0]
    _check(
        k4a.k4a_image_create_from_buffer(
            kind, *size, stride, buffer.ctypes.data, buffer.nbytes, None, None, ctypes.byref(image)
        ),
        where,
    )
    return image


def _check(failed: int, where: str | Path) -> None:
    if failed:
        raise StorageError(
            f"the recording cannot be written (the SDK's log is {prepare_log().path})",
            where=where,
            remedy="Free some space on the disk, or choose another folder",
        )
