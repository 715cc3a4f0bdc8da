"""What a step of the processing left behind: its manifest."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import msgspec

from idfd.model.capture import Identifier
from idfd.model.curation import PairFit
from idfd.model.provenance import FileReference, Sha256
from idfd.model.schema import Document
from idfd.model.triple import Check, Crop

StageName = Literal["denoise", "align", "crop", "register", "inpaint", "normalise", "check"]
STAGES: tuple[StageName, ...] = (
    "denoise", "align", "crop", "register", "inpaint", "normalise", "check",
)  # fmt: skip
"""The steps of a take, in the order in which they run."""


class StageRecord(Document, frozen=True, kw_only=True):
    """One step of one take: ``stages/<take>/<stage>.json``.

    There is no time stamp in it: the same inputs give the same bytes.

    Attributes:
        take: Id of the take.
        stage: The step.
        key: Hash of ``inputs``, ``config`` and ``code``; a step whose key is the same need not be
            run again.
        inputs: Content hash of each file, or key of each step, that this one rests on.
        config: Its settings.
        code: Hash of the source code of the step, and versions of the packages under it.
        outputs: Files that it wrote, relative to the output folder.
        fit: Of ``align``.
        crop: Of ``crop``: the largest window of the take; the set's size is agreed on later.
        checks: Of ``check``.
        measures: Numbers that the step found out.
        notes: What people should know of it.
    """

    SCHEMA: ClassVar[str] = "idfd/stage"
    VERSION: ClassVar[str] = "1.0.0"

    take: Identifier
    stage: StageName
    key: Sha256
    inputs: dict[str, str]
    config: dict[str, Any]
    code: dict[str, str]
    outputs: tuple[FileReference, ...] = ()
    fit: PairFit | None = None
    crop: Crop | None = None
    checks: tuple[Check, ...] = ()
    measures: dict[str, float] = msgspec.field(default_factory=dict)
    notes: tuple[str, ...] = ()
