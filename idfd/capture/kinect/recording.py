"""Recordings of an Azure Kinect read with PyAV: no SDK, any NumPy.

The file is Matroska. Depth and infrared are big-endian 16-bit images, colour is JPEG, the factory
calibration an attachment. How frames belong together follows the SDK's playback
(``src/record/internal/matroska_read.cpp``), so that both give the same bursts.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from idfd.capture.kinect.frames import Captured, Source
from idfd.capture.kinect.recorded import RecordedCamera
from idfd.errors import InputError, MissingDependencyError, SchemaError

if TYPE_CHECKING:
    from av.container import InputContainer

_TRACKS = ("COLOR", "DEPTH", "IR")
DEVICE_TAGS = {
    "K4A_DEVICE_SERIAL_NUMBER": "serial",
    "K4A_COLOR_FIRMWARE_VERSION": "colour_firmware",
    "K4A_DEPTH_FIRMWARE_VERSION": "depth_firmware",
}
# Written by write_recording, where the time of creation is not that of the first frame.
START_TAG = "IDFD_SYSTEM_START_NS"


class RecordingCamera(RecordedCamera):
    """Plays a recording without the SDK. Temperatures are NaN: recordings do not keep them."""

    def _open(self) -> tuple[Source, Iterator[Captured]]:
        container = open_container(self.path)
        return read_source(container, self.path), _captures(container)


def open_container(path: Path) -> InputContainer:
    """Open a Matroska file.

    Raises:
        MissingDependencyError: PyAV is not installed.
        InputError: Not a file that PyAV can open.
    """
    try:
        import av
    except ImportError:
        raise MissingDependencyError(
            "reading depth recordings needs the package av",
            where=path,
            remedy="Install it with 'pip install idfd[recordings]'",
        ) from None
    try:
        return av.open(str(path))
    except (av.error.FFmpegError, OSError) as error:
        raise InputError(
            f"cannot be opened as a recording ({error})", where=path, limit="an MKV file"
        ) from None


def read_source(container: InputContainer, path: Path) -> Source:
    """What a recording says about itself.

    Raises:
        SchemaError: Not a recording of an Azure Kinect with depth and infrared.
    """
    tracks = _tracks(container)
    for name in ("DEPTH", "IR"):
        if name not in tracks or tracks[name].codec_context.pix_fmt != "gray16be":
            raise SchemaError(
                f"there is no track {name} of 16-bit images",
                where=path,
                limit="an Azure Kinect recording with depth and infrared",
                remedy="Record again with a depth mode, for example 'k4arecorder -d NFOV_UNBINNED'",
            )
    attached: list[bytes] = [
        stream.data
        for stream in container.streams.attachments
        if stream.metadata.get("filename") == "calibration.json"
    ]
    if not attached:
        raise SchemaError("the factory calibration is not attached", where=path)
    depth = tracks["DEPTH"]
    device = {
        name: container.metadata[tag]
        for tag, name in DEVICE_TAGS.items()
        if tag in container.metadata
    }
    return Source(
        mode=depth.metadata.get("K4A_DEPTH_MODE", "unknown"),
        frames_per_s=float(round(depth.average_rate)),
        calibration=attached[0],
        device=device,
    )


def started_ns(container: InputContainer) -> int:
    """Host's UNIX time at the first frame, nanoseconds; k4arecorder keeps whole seconds."""
    if START_TAG in container.metadata:
        return int(container.metadata[START_TAG])
    created = container.metadata.get("creation_time")
    if created is None:
        return 0
    return int(datetime.fromisoformat(created.replace("Z", "+00:00")).timestamp()) * 10**9


def _tracks(container: InputContainer) -> dict[str, Any]:
    found = {stream.metadata.get("title", ""): stream for stream in container.streams.video}
    return {name: found[name] for name in _TRACKS if name in found}


def _captures(container: InputContainer) -> Iterator[Captured]:
    """The complete captures of a recording in their order; closes the file at its end.

    Like the SDK: the earliest waiting image opens a capture, and the next image of each other
    track joins it if it is less than half a period later, after the set delay between the cameras.
    """
    tracks = _tracks(container)
    kept = [name for name in tracks if name != "COLOR" or _is_jpeg(tracks[name])]
    half_period_us = 0.5e6 / round(tracks["DEPTH"].average_rate)
    delay_us = int(container.metadata.get("K4A_DEPTH_DELAY_NS", 0)) // 1000
    offset_us = int(container.metadata.get("K4A_START_OFFSET_NS", 0)) // 1000
    start_ns = started_ns(container)
    shift_us = {name: max(delay_us if name == "COLOR" else -delay_us, 0) for name in tracks}
    waiting: dict[str, deque[tuple[int, bytes]]] = {name: deque() for name in tracks}
    name_of = {stream.index: name for name, stream in tracks.items()}
    shape = (tracks["DEPTH"].height, tracks["DEPTH"].width)

    def capture() -> Captured | None:
        heads = {name: queue[0][0] + shift_us[name] for name, queue in waiting.items() if queue}
        first = min(heads.values())
        taken = {
            name: waiting[name].popleft()
            for name, time_us in heads.items()
            if time_us - first < half_period_us
        }
        if any(name not in taken for name in kept):
            return None
        time_us = taken["DEPTH"][0]
        return Captured(
            depth=_image(taken["DEPTH"][1], shape),
            infrared=_image(taken["IR"][1], shape),
            colour=taken["COLOR"][1] if "COLOR" in kept else None,
            timestamp_us=time_us + offset_us,
            system_ns=start_ns + time_us * 1000 if start_ns else 0,
        )

    with container:
        for packet in container.demux(*tracks.values()):
            if packet.pts is None:  # PyAV ends every track with an empty packet
                continue
            time_us = round(packet.pts * packet.time_base * 1_000_000)
            waiting[name_of[packet.stream.index]].append((time_us, bytes(packet)))
            while all(waiting.values()):
                if (found := capture()) is not None:
                    yield found
        while any(waiting.values()):
            if (found := capture()) is not None:
                yield found


def _is_jpeg(stream: Any) -> bool:
    return str(stream.codec_context.name) == "mjpeg"


def _image(data: bytes, shape: tuple[int, int]) -> NDArray[np.uint16]:
    return np.frombuffer(data, ">u2").reshape(shape).astype(np.uint16)
