"""Configuration of the depth camera."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from idfd.model.schema import Record

Seconds = Annotated[float, msgspec.Meta(gt=0)]
DepthMode = Literal["NFOV_UNBINNED", "NFOV_2X2BINNED"]


class KinectConfig(Record, frozen=True, kw_only=True):
    """How to run the depth camera.

    Attributes:
        driver: ``pyk4a`` for the device, ``recording`` for an MKV file read without the SDK,
            ``playback`` for an MKV file through the SDK.
        recording: The file of the last two.
        serial: Serial number, where several devices are connected.
        mode: Depth mode.
        frames_per_s: Frame rate of depth, infrared and colour.
        colour: Resolution of the colour camera, or ``off``.
        first_capture_s: Longest time for the first frame after a start.
        capture_s: Longest time for any other frame.
        max_age_s: A frame older than this is stale.
        warm_up_s: Time that the sensor needs until its depth is stable.
    """

    driver: Literal["pyk4a", "recording", "playback"] = "pyk4a"
    recording: str | None = None
    serial: str | None = None
    mode: DepthMode = "NFOV_UNBINNED"
    frames_per_s: Literal[5, 15, 30] = 30
    colour: Literal["720p", "1080p", "1440p", "1536p", "2160p", "3072p", "off"] = "1536p"
    first_capture_s: Seconds = 5.0
    capture_s: Seconds = 1.5
    max_age_s: Seconds = 0.5
    warm_up_s: Seconds = 2400.0
