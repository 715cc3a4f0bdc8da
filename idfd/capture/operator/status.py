"""How far a session is; nothing is changed, also while another process shoots."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from idfd.capture.session.mirror import Mirror
from idfd.capture.session.plan import progress, read_plan
from idfd.capture.session.reader import SessionReader
from idfd.capture.session.verify import verify_session
from idfd.model.schema import Record

Verdict = Literal["pass", "warn", "fail"]


class SceneStatus(Record, frozen=True, kw_only=True):
    """One scene; ``verdict`` is that of its last take."""

    name: str
    group: str
    environment: str
    takes: int
    rejected: int
    verdict: Verdict | None
    skipped: str | None


class SessionStatus(Record, frozen=True, kw_only=True):
    """A session.

    Attributes:
        path: Its folder.
        name: Its name.
        scenes: Its scenes in order.
        takes: Takes that count.
        verdicts: How many of them by verdict.
        bytes: Size of their files.
        remaining: Scenes of the plan that are neither shot nor skipped; None without a plan.
        copy_pending: Takes that are not in the second copy; None where there is none.
        damage: What is missing or changed, where the files were verified; else None.
    """

    path: str
    name: str
    scenes: tuple[SceneStatus, ...]
    takes: int
    verdicts: dict[Verdict, int]
    bytes: int
    remaining: tuple[str, ...] | None = None
    copy_pending: tuple[str, ...] | None = None
    damage: tuple[str, ...] | None = None


def session_status(path: Path, plan: Path | None = None, *, verify: bool = False) -> SessionStatus:
    """Look at a session.

    Args:
        path: Its folder.
        plan: A shot plan (CSV) to hold it against.
        verify: Hash every file again and compare.

    Raises:
        InputError: There is no session, or the plan cannot be read.
        SchemaError: ``session.json`` or ``rig.json`` is damaged.
    """
    session = SessionReader(path)
    scenes = []
    takes = []
    for scene in session.scenes():
        good = session.takes(scene.name)
        takes += good
        scenes.append(
            SceneStatus(
                name=scene.name,
                group=scene.group,
                environment=scene.environment,
                takes=len(good),
                rejected=len(session.takes(scene.name, rejected=True)),
                verdict=good[-1].verdict if good else None,
                skipped=scene.skipped,
            )
        )
    rows = progress(read_plan(plan), session).remaining if plan else None
    second = session.profile.second_copy
    damage = verify_session(path).damage if verify else None
    return SessionStatus(
        path=str(path),
        name=session.document.name,
        scenes=tuple(scenes),
        takes=len(takes),
        verdicts={v: sum(t.verdict == v for t in takes) for v in ("pass", "warn", "fail")},
        bytes=sum(item.file.bytes for take in takes for item in take.files),
        remaining=None if rows is None else tuple(row.scene for row in rows),
        copy_pending=Mirror(path, Path(second), session.journal).status().pending
        if second
        else None,
        damage=None if damage is None else tuple(f"{d.path}: {d.reason}" for d in damage),
    )
