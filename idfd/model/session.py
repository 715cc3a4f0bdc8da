"""A capture session on disk: its documents.

::

    SESSION/
      session.json                  SessionDocument
      rig.json                      the rig profile (idfd.capture.rig.RigProfile)
      calibration.json              RigCalibration, where known
      board.json                    Board, where the takes look at one, to calibrate by
      journal.jsonl                 one line per event, for people and for recovery
      index.html                    contact sheet
      .drafts/                      takes that are being shot; nothing in it is ever read
      scenes/<scene>/scene.json     SceneDocument
      scenes/<scene>/<take>/        one take, whole or not there: take.json and its files
      scenes/<scene>/rejected/<take>/   takes that were retaken or rejected, kept as they were
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import msgspec

from idfd.model.camera import CameraSettings
from idfd.model.capture import Identifier
from idfd.model.provenance import FileReference
from idfd.model.schema import Document, Record
from idfd.model.triple import Check

TAKE = "take.json"
SCENE = "scene.json"
SESSION = "session.json"
CALIBRATION = "calibration.json"
RIG = "rig.json"
BOARD = "board.json"
JOURNAL = "journal.jsonl"
SCENES = "scenes"
REJECTED = "rejected"
DRAFTS = ".drafts"

FileRole = Literal["all_in_focus", "defocused", "depth", "truth"]
FileKind = Literal["jpeg", "raw", "burst", "recording", "truth"]


class SessionDocument(Document, frozen=True, kw_only=True):
    """One outing with the rig."""

    SCHEMA: ClassVar[str] = "idfd/session"
    VERSION: ClassVar[str] = "1.0.0"

    name: Identifier
    created_at: str
    operator: str = ""
    note: str = ""
    simulated: bool = False
    tool: str


class SceneDocument(Document, frozen=True, kw_only=True):
    """A place in front of the rig. ``group`` names the room: groups never cross a split."""

    SCHEMA: ClassVar[str] = "idfd/scene"
    VERSION: ClassVar[str] = "1.0.0"

    name: Identifier
    group: Identifier
    environment: str = "unknown"
    created_at: str = ""
    skipped: str | None = None
    notes: tuple[str, ...] = ()


class TakeFile(Record, frozen=True, kw_only=True):
    """A file of a take; ``file.path`` is relative to the take's folder."""

    role: FileRole
    kind: FileKind
    file: FileReference
    camera_name: str | None = None


class DepthSummary(Record, frozen=True, kw_only=True):
    """What the depth camera was doing while it took the burst."""

    frames: Annotated[int, msgspec.Meta(ge=1)]
    mode: str
    valid_share: float
    temperature_c: float | None
    warm_up_s: float | None


class TakeRecord(Document, frozen=True, kw_only=True):
    """One shot of the triple and what is known about it.

    ``number`` counts the takes of a scene from 1, retakes included, so ids never repeat.
    ``clock`` gives UNIX times in seconds by event, such as ``all_in_focus`` and ``depth``.
    """

    SCHEMA: ClassVar[str] = "idfd/take"
    VERSION: ClassVar[str] = "1.0.0"

    id: Identifier
    scene: Identifier
    group: Identifier
    environment: str
    number: Annotated[int, msgspec.Meta(ge=1)]
    taken_at: str
    files: tuple[TakeFile, ...]
    all_in_focus: CameraSettings
    defocused: CameraSettings
    exposure_residual_stops: float | None
    depth: DepthSummary
    clock: dict[str, float]
    checks: tuple[Check, ...]
    verdict: Literal["pass", "warn", "fail"]
    note: str = ""
    declared_aperture: bool = False
    simulated: bool = False

    def file(self, role: FileRole, kind: FileKind | None = None) -> TakeFile | None:
        """The file of a role (and kind), or None."""
        for item in self.files:
            if item.role == role and kind in (None, item.kind):
                return item
        return None


EventName = Literal[
    "session_opened", "scene", "take_started", "take_saved", "take_failed", "take_rejected",
    "scene_skipped", "note", "recovered", "copied", "copy_failed", "session_closed",
]  # fmt: skip


class JournalEvent(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A line of ``journal.jsonl``. ``details`` depends on ``event``."""

    at: str
    event: EventName
    scene: str | None = None
    take: str | None = None
    details: dict[str, Any] = msgspec.field(default_factory=dict)
