"""Taking a session up again after its process was killed at any moment."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import msgspec

from idfd.capture.session.journal import Journal, now
from idfd.capture.session.layout import FoundTake, find_scenes, find_takes, read_scene
from idfd.model import schema
from idfd.model.session import DRAFTS, REJECTED, SCENE, JournalEvent, SceneDocument
from idfd.storage.durable import move_folder, remove_leftovers, write_bytes


@dataclass(frozen=True)
class Recovery:
    """What was found when a session was opened.

    Attributes:
        done: What was mended, as sentences.
        damaged: What cannot be mended from this disk, as sentences.
    """

    done: tuple[str, ...] = ()
    damaged: tuple[str, ...] = ()


def recover(session: Path, journal: Journal) -> Recovery:
    """Mend what a killed process left. Saved takes are never changed.

    Raises:
        StorageError: The disk refuses.
    """
    done: list[str] = []
    torn = journal.repair()
    if torn is not None:
        done.append(f"cut a torn line off the journal: {torn[:80]!r}")
    events = journal.read()
    done += _remove_drafts(session)
    done += _complete_rejection(session, events)
    done += _rebuild_scenes(session, events)
    takes = find_takes(session)
    written = {event.take for event in events if event.event == "take_saved"}
    for take in takes:
        if take.id not in written and (record := take.read()) is not None:
            journal.append(
                "take_saved", scene=take.scene, take=take.id, verdict=record.verdict, recovered=True
            )
            done.append(f"take {take.id} was saved, and the journal lacked it")
    if done:
        journal.append("recovered", done=done)
    damaged = [
        f"take {take.id} has no readable record; verify the session"
        for take in takes
        if take.read() is None
    ]
    there = {take.id for take in takes}
    damaged += [
        f"take {name} was saved and is gone; look for it in the second copy"
        for name in sorted(name for name in written if name and name not in there)
    ]
    damaged += [
        f"scene {folder.name} has no readable {SCENE}; add it again"
        for folder in find_scenes(session)
        if read_scene(folder) is None
    ]
    return Recovery(tuple(done), tuple(damaged))


def move_to_rejected(take: FoundTake) -> None:
    """Move a take's folder to ``rejected/`` beside it, in one step.

    Raises:
        StorageError: The disk refuses; the take is where it was.
    """
    move_folder(take.folder, take.folder.parent / REJECTED / take.id)


def _remove_drafts(session: Path) -> list[str]:
    done = []
    for folder in sorted((session / DRAFTS).glob("*")):
        shutil.rmtree(folder, ignore_errors=True)
        done.append(f"removed what there was of take {folder.name.rpartition('.')[0]}")
    for folder in (session, *find_scenes(session)):
        remove_leftovers(folder)
    return done


def _complete_rejection(session: Path, events: list[JournalEvent]) -> list[str]:
    """A kill between a rejection's line in the journal and the move leaves it as the last line.

    Any later line, but for those of the second copy's thread, means that the take was put back
    by hand, and stays.
    """
    own = [event for event in events if event.event not in ("copied", "copy_failed")]
    if not own or own[-1].event != "take_rejected":
        return []
    for take in find_takes(session, own[-1].scene):
        if take.id == own[-1].take and not take.rejected:
            move_to_rejected(take)
            return [f"completed the rejection of take {take.id}"]
    return []


def _rebuild_scenes(session: Path, events: list[JournalEvent]) -> list[str]:
    """Write a scene's document again from its takes, or from the journal."""
    told = {event.scene: event.details for event in events if event.event == "scene"}
    done = []
    for folder in find_scenes(session):
        if read_scene(folder) is not None:
            continue
        records = [take.read() for take in find_takes(session, folder.name)]
        known = [record for record in records if record is not None]
        about = told.get(folder.name, {})
        if known:
            about = {"group": known[0].group, "environment": known[0].environment}
        try:
            scene = msgspec.convert(
                {"name": folder.name, "created_at": now(), **about}, SceneDocument
            )
        except msgspec.ValidationError:
            continue
        write_bytes(folder / SCENE, schema.encode(scene))
        done.append(f"wrote {SCENE} of scene {folder.name} again")
    return done
