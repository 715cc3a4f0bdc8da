"""An outing with the simulated rig: the session that the demo and the tests start from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from idfd.capture.operator.contact import write_contact_sheet
from idfd.capture.operator.shooting import Shooter
from idfd.capture.rig import open_rig
from idfd.capture.session.store import Session
from idfd.capture.simulated.rig import simulated_profile
from idfd.capture.simulated.scene.rooms import ENVIRONMENTS
from idfd.model.session import SESSION
from idfd.progress import track


def shoot_rooms(folder: Path, scenes: int, seed: int = 0, quality: str = "draft") -> Session:
    """Shoot one take of each of some rooms through the true drivers.

    Scenes that have a take already are not shot again, so a stopped outing goes on.

    Args:
        folder: The session's folder.
        scenes: How many rooms; the environments take turns.
        seed: Seed of the rooms and the noise.
        quality: Preset of the renderer.

    Returns:
        The session, closed.

    Raises:
        IdfdError: A device failed, or the disk refuses. What was shot is kept.
    """
    with open_rig(simulated_profile(quality, seed)) as rig:
        session = (
            Session.open(folder)
            if (folder / SESSION).exists()
            else Session.create(folder, folder.name, rig.profile, rig.calibration())
        )
        with session:
            shooter = Shooter(session, rig)
            for name, environment in track(rooms(scenes), scenes, "shoot"):
                scene = session.add_scene(name, name, environment)
                if session.takes(name):
                    continue
                shooter.meter(scene)
                shooter.shoot(scene)
            write_contact_sheet(session)
    return session


def rooms(count: int) -> Iterator[tuple[str, str]]:
    """Names and environments of some rooms, such as ``kitchen-2`` and ``kitchen``."""
    for index in range(count):
        turn, kind = divmod(index, len(ENVIRONMENTS))
        yield f"{ENVIRONMENTS[kind].replace('_', '-')}-{turn + 1}", ENVIRONMENTS[kind]
