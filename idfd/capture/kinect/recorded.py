"""A depth camera that plays a recording, whichever library reads the file."""

from __future__ import annotations

import itertools
from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path

from idfd.capture.cameras import DepthCamera, DepthFrame, DepthStatus
from idfd.capture.kinect.frames import Captured, Source, assemble
from idfd.errors import CameraError, InputError
from idfd.model.burst import Burst


class RecordedCamera(DepthCamera):
    """Plays the complete frames of a recording once, from the first to the last.

    A frame is complete with depth and infrared, and with colour where the file has JPEG colour.
    ``connect`` starts over. A burst that goes beyond the end fails and uses no frames up.

    Args:
        path: An MKV file of k4arecorder, of the SDK, or of
            :func:`idfd.capture.kinect.writer.write_recording`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._source: Source | None = None
        self._frames: Iterator[Captured] = iter(())
        self._played = 0
        self._last: Captured | None = None

    @abstractmethod
    def _open(self) -> tuple[Source, Iterator[Captured]]:
        """Open the file and give its complete frames."""

    def connect(self) -> DepthStatus:
        """Open the file at its first frame."""
        if not self.path.is_file():
            raise InputError("no such recording", where=self.path, limit="an MKV file")
        self.close()
        self._source, self._frames = self._open()
        self._played, self._last = 0, None
        return self.status()

    def status(self) -> DepthStatus:
        """What the recording says of the device."""
        source = self._opened()
        return DepthStatus(
            model="Azure Kinect (recording)",
            serial=source.device.get("serial"),
            firmware=source.device.get("depth_firmware"),
            mode=source.mode,
        )

    def calibration(self) -> bytes:
        """The factory calibration attached to the recording."""
        return self._opened().calibration

    def burst(self, frames: int, drop: int) -> Burst:
        """The next ``frames`` frames after ``drop`` others.

        Raises:
            CameraError: ``end`` where the recording holds fewer, ``stale``.
        """
        source = self._opened()
        wanted = frames + drop
        found = list(itertools.islice(self._frames, wanted))
        if len(found) < wanted:
            played = self._played
            self._frames = itertools.chain(found, self._frames)
            raise CameraError(
                f"the recording holds {played + len(found)} complete frames, {played} of them are "
                f"used up, and {drop} + {frames} were asked for",
                cause="end",
                where=self.path,
                limit=f"at most {len(found)} frames",
                remedy="Ask for fewer frames, drop fewer, or record for longer",
            )
        before = found[drop - 1] if drop else self._last
        self._played += wanted
        self._last = found[-1]
        return assemble(
            found[drop:], source, previous_us=None if before is None else before.timestamp_us
        )

    def preview(self) -> DepthFrame:
        """The frame that a burst would begin with; at the end, the last one.

        Raises:
            CameraError: ``end`` where the recording holds no complete frame.
        """
        self._opened()
        frame = next(self._frames, None)
        if frame is not None:
            self._frames = itertools.chain([frame], self._frames)
        frame = frame or self._last
        if frame is None:
            raise CameraError(
                "the recording holds no complete frame",
                cause="end",
                where=self.path,
                remedy="Record again with depth and infrared",
            )
        return DepthFrame(frame.depth, frame.infrared, frame.timestamp_us)

    def pause(self) -> None:
        """Nothing shines."""

    def resume(self) -> None:
        """Nothing shines."""

    def close(self) -> None:
        """Close the file."""
        self._source, self._frames = None, iter(())

    def _opened(self) -> Source:
        if self._source is None:
            self.connect()
        assert self._source is not None
        return self._source
