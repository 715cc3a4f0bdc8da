"""The simulated rig: rendered rooms, seen through the true drivers."""

from __future__ import annotations

import re
import zlib
from pathlib import Path

import msgspec

from idfd.capture.exposure import PairRequest
from idfd.capture.kinect.config import KinectConfig
from idfd.capture.nikon.config import NikonConfig
from idfd.capture.nikon.driver import NikonCamera
from idfd.capture.rig import Place, Rig, RigProfile, SimulatedConfig
from idfd.capture.session.boards import BOARD_SCENES
from idfd.capture.simulated.kinect import SimulatedKinect
from idfd.capture.simulated.nikon.process import ResponderProcess
from idfd.capture.simulated.stand import Placement
from idfd.capture.simulated.world import QUALITIES, World
from idfd.errors import InputError
from idfd.model.board import Board
from idfd.model.rig import RigCalibration

TRUTH = "truth.h5"
_VIEWS = 1000


def simulated_profile(
    quality: str = "tiny", seed: int = 0, *, rig: int = 0, board: Board | None = None
) -> RigProfile:
    """A profile of the rendered rig.

    Args:
        quality: A preset of :data:`idfd.capture.simulated.world.QUALITIES`.
        seed: Seed of rooms and noise.
        rig: Number of the rig, see :func:`~.mount.mount_of`.
        board: What is held before it in the environment ``board``.

    Raises:
        InputError: There is no such preset.
    """
    if quality not in QUALITIES:
        raise InputError(f"there is no quality '{quality}'", limit=f"one of {', '.join(QUALITIES)}")
    size = QUALITIES[quality]
    return RigProfile(
        name=f"simulated-{quality}",
        photo=NikonConfig(
            # Nothing shakes, and no lens is there to be switched to manual focus.
            settle_s=0.0,
            focus="as_set",
            # The first release of a scene renders it: 24 megapixels take minutes.
            release_s=20.0 + 60.0 * size.width * size.height / 1e6,
        ),
        depth=KinectConfig(colour="720p", warm_up_s=0.001),
        pair=PairRequest(format="jpeg"),
        simulated=SimulatedConfig(quality=quality, seed=seed, rig=rig, board=board),
    )


class SimulatedRig(Rig):
    """A Nikon that answers libgphoto2 over PTP/IP from its own process, and a rendered Kinect."""

    def __init__(self, profile: RigProfile) -> None:
        config = profile.simulated or SimulatedConfig()
        if config.quality not in QUALITIES:
            raise InputError(
                f"there is no quality '{config.quality}'", limit=f"one of {', '.join(QUALITIES)}"
            )
        self.world = World(**msgspec.structs.asdict(config))
        self.responder = ResponderProcess(
            "world", world=msgspec.to_builtins(config), real_time=False
        )
        photo = msgspec.structs.replace(profile.photo, port=self.responder.port)
        super().__init__(profile, NikonCamera(photo), SimulatedKinect(self.world, profile.depth))

    def place(self, place: Place) -> None:
        """Put the tripod into the scene's room; scenes of one group share the room.

        In the environment ``board`` the number at the end of the scene's name says how the board is
        held.
        """
        view = zlib.crc32(place.scene.encode()) % _VIEWS
        if place.environment == BOARD_SCENES:
            view = _board_view(place)
        self.responder.place(place.environment, place.group, view)
        self.world.place(Placement(place.environment, place.group, view))

    def truth(self, folder: Path) -> list[Path]:
        """Write geometry, blur and poses of the scene being shot."""
        path = folder / TRUTH
        self.world.truth().write(path)
        return [path]

    def calibration(self) -> RigCalibration:
        """The exact geometry."""
        return self.world.calibration()

    def close(self) -> None:
        """Close both cameras and end the responder."""
        super().close()
        self.responder.stop()


def _board_view(place: Place) -> int:
    """Which pose a scene such as ``board_007`` stands for; a retake is held in another way."""
    digits = re.search(r"\d{1,6}$", place.scene)
    number = int(digits[0]) if digits else 1
    return max(number - 1, 0) + _VIEWS * max(place.number - 1, 0)
