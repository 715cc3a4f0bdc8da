"""Recordings of an Azure Kinect played by the SDK itself, through pyk4a."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from idfd.capture.kinect.frames import Captured, Source
from idfd.capture.kinect.recorded import RecordedCamera
from idfd.capture.kinect.sdk import load_sdk
from idfd.errors import InputError

_FRAMES_PER_S = {"FPS_5": 5.0, "FPS_15": 15.0, "FPS_30": 30.0}


class PlaybackCamera(RecordedCamera):
    """Plays a recording through the SDK.

    pyk4a gives no tags, so serial number, firmware and the host's time are unknown here; frames
    and device times are those of :class:`idfd.capture.kinect.recording.RecordingCamera`.
    """

    def _open(self) -> tuple[Source, Iterator[Captured]]:
        sdk, _ = load_sdk()
        playback = sdk.PyK4APlayback(self.path, thread_safe=False)
        try:
            playback.open()
            configuration = playback.configuration
            source = Source(
                mode=configuration["depth_mode"].name,
                frames_per_s=_FRAMES_PER_S[configuration["camera_fps"].name],
                calibration=playback.calibration_raw.encode(),
                device={},
            )
        except sdk.K4AException:
            raise InputError(
                "the SDK cannot play the recording",
                where=self.path,
                limit="an MKV file of an Azure Kinect with its calibration",
                remedy="Set K4A_ENABLE_LOG_TO_STDOUT=1 to see why, or use driver = recording",
            ) from None
        return source, _captures(playback, sdk)


def _captures(playback: Any, sdk: Any) -> Iterator[Captured]:
    configuration = playback.configuration
    colour = (
        configuration["color_track_enabled"]
        and configuration["color_format"] == sdk.ImageFormat.COLOR_MJPG
    )
    while True:
        try:
            capture = playback.get_next_capture()
        except EOFError:
            playback.close()
            return
        depth, infrared = capture.depth, capture.ir
        jpeg = capture.color if colour else None
        if depth is None or infrared is None or (colour and jpeg is None):
            continue
        yield Captured(
            depth=np.array(depth),
            infrared=np.array(infrared),
            colour=None if jpeg is None else jpeg.tobytes(),
            timestamp_us=capture.depth_timestamp_usec,
            system_ns=0,
        )
