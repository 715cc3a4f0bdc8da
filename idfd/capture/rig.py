"""The rig: its profile, and its cameras opened together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import msgspec

from idfd.capture.cameras import DepthCamera, PhotoCamera
from idfd.capture.checks import CheckLimits
from idfd.capture.exposure import PairRequest
from idfd.capture.kinect.config import KinectConfig
from idfd.capture.nikon.config import NikonConfig
from idfd.model.board import Board
from idfd.model.rig import RigCalibration
from idfd.model.schema import Document, Record, load


class BurstRequest(Record, frozen=True, kw_only=True):
    """How depth is taken.

    Attributes:
        frames: Frames that are kept.
        drop: Frames thrown away before them.
        order: What comes first in a take.
        pause_infrared: Stop the depth camera while the photos are taken.
    """

    frames: Annotated[int, msgspec.Meta(ge=1, le=300)] = 30
    drop: Annotated[int, msgspec.Meta(ge=0, le=300)] = 10
    order: Literal["photos_first", "depth_first"] = "photos_first"
    pause_infrared: bool = True


class SimulatedConfig(Record, frozen=True, kw_only=True):
    """A rendered rig in place of hardware.

    Attributes:
        quality: A preset of :mod:`idfd.capture.simulated.world`.
        seed: Seed of the rooms and of the noise.
        focus_distance_m: Where the lens is focused.
        rig: Number of the rig; all but 0 differ from the drawing.
        board: What is held before it in the environment ``board``.
    """

    quality: str = "tiny"
    seed: int = 0
    focus_distance_m: Annotated[float, msgspec.Meta(gt=0.1)] = 0.8
    rig: Annotated[int, msgspec.Meta(ge=0)] = 0
    board: Board | None = None


class RigProfile(Document, frozen=True, kw_only=True):
    """Everything about a rig that does not change from scene to scene.

    ``second_copy`` is a folder on another disk that each take is copied to; ``margin_gb`` is the
    free space below which no take is started.
    """

    SCHEMA: ClassVar[str] = "idfd/rig-profile"
    VERSION: ClassVar[str] = "1.0.0"

    name: str = "rig"
    photo: NikonConfig = NikonConfig()
    depth: KinectConfig = KinectConfig()
    pair: PairRequest = PairRequest()
    burst: BurstRequest = BurstRequest()
    limits: CheckLimits = CheckLimits()
    simulated: SimulatedConfig | None = None
    second_copy: str | None = None
    margin_gb: Annotated[float, msgspec.Meta(ge=0)] = 1.0


@dataclass(frozen=True)
class Place:
    """Where the tripod stands: what the session says about the scene being shot."""

    scene: str
    group: str
    environment: str
    number: int


class Rig:
    """A photo camera and a depth camera on one tripod.

    Attributes:
        profile: The settings.
        photo: The photo camera.
        depth: The depth camera.
    """

    def __init__(self, profile: RigProfile, photo: PhotoCamera, depth: DepthCamera) -> None:
        self.profile = profile
        self.photo = photo
        self.depth = depth

    def connect(self) -> None:
        """Connect both cameras; what was opened is closed again if one fails."""
        try:
            self.photo.connect()
            self.depth.connect()
        except BaseException:
            self.close()
            raise

    def place(self, place: Place) -> None:
        """Tell the rig which scene stands before it; only a simulated rig needs to know."""

    def truth(self, folder: Path) -> list[Path]:  # noqa: ARG002
        """Write what is truly there into ``folder``; a real rig cannot, and writes nothing."""
        return []

    def calibration(self) -> RigCalibration | None:
        """The calibration that the rig itself knows; only a simulated one does."""
        return None

    def close(self) -> None:
        """Give both devices back; never raises."""
        self.photo.close()
        self.depth.close()

    def __enter__(self) -> Rig:
        self.connect()
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def load_profile(rig: str) -> RigProfile:
    """The profile that a command line names.

    Args:
        rig: A JSON file, or ``simulated``, or ``simulated:QUALITY`` such as ``simulated:small``.

    Raises:
        InputError: There is no such file or quality.
        SchemaError: The file is not a rig profile.
    """
    name, _, quality = rig.partition(":")
    if name == "simulated":
        from idfd.capture.simulated.rig import simulated_profile

        return simulated_profile(quality or SimulatedConfig().quality)
    return load(
        RigProfile,
        Path(rig),
        "Write one with 'idfd capture profile', or try the rendered rig: --rig simulated",
    )


def open_rig(profile: RigProfile) -> Rig:
    """A rig for a profile, not connected yet.

    Raises:
        InputError: The profile cannot be used.
    """
    if profile.simulated is not None:
        from idfd.capture.simulated.rig import SimulatedRig

        return SimulatedRig(profile)
    from idfd.capture.kinect import open_depth_camera
    from idfd.capture.nikon.driver import NikonCamera

    return Rig(profile, NikonCamera(profile.photo), open_depth_camera(profile.depth))
