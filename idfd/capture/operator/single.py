"""One take from a script: no questions, one record."""

from __future__ import annotations

from pathlib import Path

from idfd.capture.operator.contact import write_contact_sheet
from idfd.capture.operator.guard import concerns, take_bytes
from idfd.capture.operator.guide import Target
from idfd.capture.operator.opening import opened
from idfd.capture.operator.words import read_shutter
from idfd.errors import InputError
from idfd.model.session import TakeRecord


def shoot_scene(
    folder: Path,
    rig: str | None,
    target: Target,
    *,
    exposure: str | None = None,
    retake: bool = False,
) -> TakeRecord:
    """Shoot one take into a session; the session is started where there is none.

    Args:
        folder: The session's folder.
        rig: A profile, see :func:`idfd.capture.operator.opening.opened`.
        target: The scene; it is added where it is new.
        exposure: Shutter of the all-in-focus photo, such as ``1/8``, or ``auto`` to meter.
        retake: Move the scene's last take to ``rejected/`` once the new one is saved.

    Raises:
        InputError: A name or the exposure cannot be used, there is no take to retake, or the
            battery, the card or the disk is too short for a take.
        CameraError: A camera failed; nothing is saved.
        StorageError: The disk refuses; nothing is saved.
    """
    seconds = read_shutter(exposure) if exposure not in (None, "auto") else None
    with opened(folder, rig) as shooter:
        session = shooter.session
        scene = session.add_scene(target.scene, target.group, target.environment)
        old = session.takes(scene.name)[-1:]
        if retake and not old:
            raise InputError(f"scene {scene.name} has no take", remedy="Leave out --retake")
        for concern in concerns(
            shooter.rig.photo.status(), session.profile, session.path, take_bytes(session.takes())
        ):
            if concern.stop:
                raise InputError(concern.what, remedy=concern.remedy)
        if seconds is not None:
            shooter.set_exposure(seconds)
        elif exposure == "auto":
            shooter.meter(scene)
        record = shooter.shoot(scene)
        if retake:
            session.reject(old[0].id, f"retaken; see {record.id}")
        write_contact_sheet(session)
        return record
