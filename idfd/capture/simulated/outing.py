"""An outing with the simulated rig: the sessions that the demo and the tests start from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from idfd.capture.operator.contact import write_contact_sheet
from idfd.capture.operator.shooting import Shooter
from idfd.capture.rig import RigProfile, open_rig
from idfd.capture.session.boards import BOARD_SCENES, adopt_board, board_scene
from idfd.capture.session.store import Session
from idfd.capture.simulated.rig import simulated_profile
from idfd.capture.simulated.scene.rooms import ENVIRONMENTS
from idfd.model.board import Board
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
    found = [(name, name, environment) for name, environment in rooms(scenes)]
    return _shoot(folder, simulated_profile(quality, seed), found)


def shoot_boards(
    folder: Path,
    board: Board,
    views: int = 15,
    *,
    seed: int = 0,
    quality: str = "small",
    rig: int = 0,
) -> Session:
    """Shoot a board session with the simulated rig; see :mod:`~.scene.board_views`.

    Args:
        folder: The session's folder, which gets ``board.json``.
        board: What is held before the rig.
        views: How many poses.
        seed: Seed of the poses and the noise.
        quality: Preset of the renderer; markers must be resolved.
        rig: Number of the rig, see :func:`~.mount.mount_of`.

    Returns:
        The session, closed.

    Raises:
        IdfdError: A device failed, or the disk refuses. What was shot is kept.
    """
    profile = simulated_profile(quality, seed, rig=rig, board=board)
    scenes = [(board_scene(view + 1), BOARD_SCENES, BOARD_SCENES) for view in range(views)]
    return _shoot(folder, profile, scenes, board)


def _shoot(
    folder: Path,
    profile: RigProfile,
    scenes: Sequence[tuple[str, str, str]],
    board: Board | None = None,
) -> Session:
    """Shoot scenes, each a name, a group and an environment, that have no take yet."""
    with open_rig(profile) as rig:
        session = (
            Session.open(folder)
            if (folder / SESSION).exists()
            else Session.create(folder, folder.name, rig.profile, rig.calibration())
        )
        with session:
            if board is not None:
                adopt_board(session, board)
            shooter = Shooter(session, rig)
            for name, group, environment in track(scenes, len(scenes), "shoot"):
                scene = session.add_scene(name, group, environment)
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
