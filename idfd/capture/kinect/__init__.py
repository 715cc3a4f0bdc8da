"""The Azure Kinect: live through the SDK, and from recordings with or without it."""

from __future__ import annotations

from pathlib import Path

from idfd.capture.cameras import DepthCamera
from idfd.capture.kinect.config import KinectConfig
from idfd.errors import InputError


def open_depth_camera(config: KinectConfig) -> DepthCamera:
    """A depth camera for a configuration, not connected yet.

    Raises:
        InputError: A recording is to be played and none is named.
    """
    if config.driver == "pyk4a":
        from idfd.capture.kinect.driver import PyK4ACamera

        return PyK4ACamera(config)
    if config.recording is None:
        raise InputError(
            f"the driver '{config.driver}' plays a recording, and none is named",
            where="depth.recording",
            limit="the path of an MKV file",
        )
    if config.driver == "recording":
        from idfd.capture.kinect.recording import RecordingCamera

        return RecordingCamera(Path(config.recording))
    from idfd.capture.kinect.playback import PlaybackCamera

    return PlaybackCamera(Path(config.recording))
