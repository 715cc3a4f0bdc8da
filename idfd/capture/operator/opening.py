"""Open a session and its rig together, in the order that leaves nothing behind if one fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec

from idfd.capture import rig as rigs
from idfd.capture.operator.shooting import Shooter
from idfd.capture.rig import Place, Rig, RigProfile, load_profile
from idfd.capture.session.boards import adopt_board, stored_board
from idfd.capture.session.layout import slug
from idfd.capture.session.reader import SessionReader
from idfd.capture.session.store import Session
from idfd.errors import InputError
from idfd.model import schema
from idfd.model.board import Board
from idfd.model.rig import RigCalibration
from idfd.model.session import CALIBRATION, SESSION
from idfd.storage.durable import write_bytes


@contextmanager
def opened(
    folder: Path,
    rig: str | None,
    *,
    board: Board | None = None,
    calibration: Path | None = None,
    operator: str = "",
    note: str = "",
    confirm_aperture: Callable[[float], bool] | None = None,
) -> Iterator[Shooter]:
    """Take up the session in a folder, or start one, with its cameras connected.

    Args:
        folder: The session's folder.
        rig: A profile as :func:`idfd.capture.rig.load_profile` reads it; None takes the session's
            own, or the default one for a new session.
        board: What all takes look at, for a board session.
        calibration: The rig's calibration, of which the session keeps a copy.
        operator: Who shoots, for a new session.
        note: About a new session.
        confirm_aperture: Asks the operator to set the ring of a manual lens.

    Raises:
        InputError: The profile or the calibration cannot be used, or the profile, the board or the
            calibration is not that of the session.
        SchemaError: The file of the calibration is none.
        CameraError: A camera cannot be opened; a new session is not started then.
        StorageError: The folder cannot be written.
    """
    known = None if calibration is None else schema.load(RigCalibration, calibration)
    with ExitStack() as stack:
        if (folder / SESSION).exists():
            if rig is not None:
                _check_profile(folder, _profile(rig, board or stored_board(folder)))
            session = stack.enter_context(Session.open(folder))
            device = stack.enter_context(rigs.open_rig(session.profile))
        else:
            profile = _profile(rig, board) if rig else RigProfile()
            device = stack.enter_context(rigs.open_rig(profile))
            name = slug(folder.resolve().name)
            session = stack.enter_context(
                Session.create(
                    folder,
                    name,
                    profile,
                    known or device.calibration(),
                    operator=operator,
                    note=note,
                )
            )
        adopt_board(session, board)
        _adopt_calibration(session, known)
        _ask_for_the_ring(device, confirm_aperture)
        yield Shooter(session, device)


@contextmanager
def opened_rig(rig: str | None) -> Iterator[Rig]:
    """The cameras of a profile without a session, connected; see :func:`opened`."""
    with rigs.open_rig(load_profile(rig) if rig else RigProfile()) as device:
        # A rendered rig must stand somewhere; a real one does not listen.
        device.place(Place("preview", "preview", "lab", 1))
        yield device


def _adopt_calibration(session: Session, known: RigCalibration | None) -> None:
    stored = session.calibration
    if known is None or known == stored:
        return
    if stored is not None:
        raise InputError(
            "the session has another calibration",
            where=session.path / CALIBRATION,
            limit="one calibration for all takes of a session",
            remedy="Go on without --calibration, and give the other one to 'idfd process'",
        )
    write_bytes(session.path / CALIBRATION, schema.encode(known))


def _profile(rig: str, board: Board | None) -> RigProfile:
    """The profile that a command line names; a rendered rig has to know what is held before it."""
    profile = load_profile(rig)
    if profile.simulated is None:
        return profile
    simulated = msgspec.structs.replace(profile.simulated, board=board)
    return msgspec.structs.replace(profile, simulated=simulated)


def _check_profile(folder: Path, profile: RigProfile) -> None:
    if profile != SessionReader(folder).profile:
        raise InputError(
            f"the session was started with another rig than {profile.name}",
            where=folder,
            limit="one rig profile for all takes of a session",
            remedy="Leave out --rig to go on with the session's own, or start a new session",
        )


def _ask_for_the_ring(device: Rig, confirm: Callable[[float], bool] | None) -> None:
    from idfd.capture.nikon.driver import NikonCamera

    if isinstance(device.photo, NikonCamera):
        device.photo.confirm_aperture = confirm
