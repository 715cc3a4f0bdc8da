"""Open a session and its rig together, in the order that leaves nothing behind if one fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from idfd.capture import rig as rigs
from idfd.capture.operator.shooting import Shooter
from idfd.capture.rig import Place, Rig, RigProfile, load_profile
from idfd.capture.session.layout import slug
from idfd.capture.session.reader import SessionReader
from idfd.capture.session.store import Session
from idfd.errors import InputError
from idfd.model.session import SESSION


@contextmanager
def opened(
    folder: Path,
    rig: str | None,
    *,
    operator: str = "",
    note: str = "",
    confirm_aperture: Callable[[float], bool] | None = None,
) -> Iterator[Shooter]:
    """Take up the session in a folder, or start one, with its cameras connected.

    Args:
        folder: The session's folder.
        rig: A profile as :func:`idfd.capture.rig.load_profile` reads it; None takes the session's
            own, or the default one for a new session.
        operator: Who shoots, for a new session.
        note: About a new session.
        confirm_aperture: Asks the operator to set the ring of a manual lens.

    Raises:
        InputError: The profile cannot be used, or is not that of the session.
        CameraError: A camera cannot be opened; a new session is not started then.
        StorageError: The folder cannot be written.
    """
    with ExitStack() as stack:
        if (folder / SESSION).exists():
            _check_profile(folder, rig)
            session = stack.enter_context(Session.open(folder))
            device = stack.enter_context(rigs.open_rig(session.profile))
        else:
            profile = load_profile(rig) if rig else RigProfile()
            device = stack.enter_context(rigs.open_rig(profile))
            name = slug(folder.resolve().name)
            session = stack.enter_context(
                Session.create(
                    folder, name, profile, device.calibration(), operator=operator, note=note
                )
            )
        _ask_for_the_ring(device, confirm_aperture)
        yield Shooter(session, device)


@contextmanager
def opened_rig(rig: str | None) -> Iterator[Rig]:
    """The cameras of a profile without a session, connected; see :func:`opened`."""
    with rigs.open_rig(load_profile(rig) if rig else RigProfile()) as device:
        # A rendered rig must stand somewhere; a real one does not listen.
        device.place(Place("preview", "preview", "lab", 1))
        yield device


def _check_profile(folder: Path, rig: str | None) -> None:
    if rig is not None and load_profile(rig) != SessionReader(folder).profile:
        raise InputError(
            f"the session was started with another rig than {rig}",
            where=folder,
            limit="one rig profile for all takes of a session",
            remedy="Leave out --rig to go on with the session's own, or start a new session",
        )


def _ask_for_the_ring(device: Rig, confirm: Callable[[float], bool] | None) -> None:
    from idfd.capture.nikon.driver import NikonCamera

    if isinstance(device.photo, NikonCamera):
        device.photo.confirm_aperture = confirm
