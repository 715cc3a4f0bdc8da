"""Write Matroska files as k4arecorder lays them out, with any irregularity a test asks for."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from kinect_bursts import CALIBRATION

from idfd.model.burst import Burst

TRACKS = {"COLOR": 1, "DEPTH": 2, "IR": 3}
_FOURCC = {"COLOR": b"MJPG", "DEPTH": b"b16g", "IR": b"b16g"}


@dataclass
class Recording:
    """What goes into the file.

    ``images`` holds (track, time in microseconds from the start, data).
    """

    images: list[tuple[str, int, bytes]]
    rate: int = 30
    mode: str = "NFOV_2X2BINNED"
    tracks: tuple[str, ...] = ("COLOR", "DEPTH", "IR")
    tags: dict[str, str] = field(default_factory=dict)
    calibration: bytes | None = CALIBRATION
    colour_code: bytes = b"MJPG"


def images_of(burst: Burst) -> list[tuple[str, int, bytes]]:
    """The images of a burst, all tracks at the same time."""
    found = []
    for number, time_us in enumerate((burst.timestamps_us - burst.timestamps_us[0]).tolist()):
        if burst.colour:
            found.append(("COLOR", time_us, burst.colour[number]))
        found.append(("DEPTH", time_us, burst.depth[number].astype(">u2").tobytes()))
        found.append(("IR", time_us, burst.infrared[number].astype(">u2").tobytes()))
    return found


def depth_image(value: int) -> bytes:
    """An image of one value and a little noise, as in the file."""
    noise = np.random.default_rng(value).integers(0, 50, (288, 320))
    return (noise + value).astype(">u2").tobytes()


def write(path: Path, recording: Recording) -> Path:
    """Write the file."""
    head = _element(
        "1A45DFA3",
        _number("4286", 1), _number("42F7", 1), _number("42F2", 4), _number("42F3", 8),
        _text("4282", "matroska"), _number("4287", 2), _number("4285", 2),
    )  # fmt: skip
    seconds_since_2001 = 800_000_000
    info = _element(
        "1549A966",
        _number("2AD7B1", 1000), _text("7BA9", "Azure Kinect"),
        _text("4D80", "test"), _text("5741", "test"),
        _element("4461", struct.pack(">q", seconds_since_2001 * 10**9)),
    )  # fmt: skip
    tracks = _element("1654AE6B", *(_track(name, recording) for name in recording.tracks))
    attached = b""
    if recording.calibration is not None:
        attached = _element(
            "61A7",
            _text("466E", "calibration.json"), _text("4660", "application/octet-stream"),
            _element("465C", recording.calibration), _number("46AE", 99),
        )  # fmt: skip
    tags = [_tag("K4A_DEPTH_MODE", recording.mode, TRACKS["DEPTH"])]
    tags += [_tag(name, value) for name, value in recording.tags.items()]
    clusters = [
        _element(
            "1F43B675",
            _number("E7", time_us),
            _element("A3", bytes([0x80 | TRACKS[name], 0, 0, 0x80]), data),
        )
        for name, time_us, data in recording.images
    ]
    # The SDK does not find an Info element that comes first.
    room = _element("EC", bytes(16))
    segment = _element(
        "18538067",
        room, info, tracks, _element("1941A469", attached), _element("1254C367", *tags), *clusters,
    )  # fmt: skip
    path.write_bytes(head + segment)
    return path


def _track(name: str, recording: Recording) -> bytes:
    width, height = (1280, 720) if name == "COLOR" else (320, 288)
    code = recording.colour_code if name == "COLOR" else _FOURCC[name]
    bits = struct.pack("<IiiHH4sIiiII", 40, width, height, 1, 16, code, 0, 0, 0, 0, 0)
    number = TRACKS[name]
    return _element(
        "AE",
        _number("D7", number), _number("73C5", number), _number("83", 1), _number("9C", 0),
        _text("536E", name), _text("86", "V_MS/VFW/FOURCC"), _element("63A2", bits),
        _number("23E383", 10**9 // recording.rate),
        _element("E0", _number("B0", width), _number("BA", height)),
    )  # fmt: skip


def _tag(name: str, value: str, track: int | None = None) -> bytes:
    targets = () if track is None else (_text("63CA", "TRACK"), _number("63C5", track))
    return _element(
        "7373",
        _element("63C0", *targets),
        _element("67C8", _text("45A3", name), _text("4487", value)),
    )


def _text(identifier: str, value: str) -> bytes:
    return _element(identifier, value.encode())


def _number(identifier: str, value: int) -> bytes:
    return _element(identifier, value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big"))


def _element(identifier: str, *content: bytes) -> bytes:
    data = b"".join(content)
    return bytes.fromhex(identifier) + (len(data) | 1 << 56).to_bytes(8, "big") + data


def shifted(
    images: Iterable[tuple[str, int, bytes]], shift_us: dict[str, int]
) -> list[tuple[str, int, bytes]]:
    """The same images, each track later by so many microseconds, in the order of time."""
    return sorted(
        ((name, time_us + shift_us.get(name, 0), data) for name, time_us, data in images),
        key=lambda image: image[1],
    )
