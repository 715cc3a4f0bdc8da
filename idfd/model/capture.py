"""Scenes, takes and the collection that an import or a session hands to processing."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import msgspec

from idfd.model.camera import CameraSettings, Intrinsics
from idfd.model.defocus import DefocusModel
from idfd.model.provenance import FileReference, Provenance
from idfd.model.schema import Document, Record

Identifier = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=120)]
Role = Literal[
    "all_in_focus", "defocused", "depth", "depth_inpainted", "burst", "calibration",
    "white_all_in_focus", "white_defocused",
]  # fmt: skip


class Scene(Record, frozen=True, kw_only=True):
    """A place that was photographed. Takes of one ``group`` never cross a split."""

    name: Identifier
    group: Identifier
    environment: str = "unknown"


class Take(Record, frozen=True, kw_only=True):
    """One shot of a scene: two photos and depth, as files, and the rig's calibration if known.

    The depth is a ``burst`` of the depth camera's frames, which needs the ``calibration`` to be
    moved to the photo, or a map that is on the photo's pixels already. ``white_…`` are photos of
    an evenly lit white surface at both apertures. ``clock`` gives UNIX times in seconds of the
    exposures, by role. ``depth_frame`` is the photo that the depth map is registered to.
    ``depth_filled`` says that the source filled holes without recording where, ``depth_frames``
    how many frames of the sensor the map was fused from. ``blur`` is the blur of the defocused
    photo over depth.
    """

    id: Identifier
    scene: Identifier
    files: dict[Role, FileReference]
    all_in_focus: CameraSettings
    defocused: CameraSettings
    intrinsics: Intrinsics | None = None
    taken_at: str | None = None
    depth_frame: Literal["all_in_focus", "defocused"] = "all_in_focus"
    depth_filled: bool = False
    depth_frames: Annotated[int, msgspec.Meta(ge=1)] = 1
    blur: DefocusModel | None = None
    clock: dict[str, float] = msgspec.field(default_factory=dict)

    def __post_init__(self) -> None:
        missing = {"all_in_focus", "defocused"} - self.files.keys()
        if missing or not self.files.keys() & {"depth", "depth_inpainted", "burst"}:
            raise ValueError(
                f"take {self.id}: a take needs an all-in-focus photo, a defocused photo and a "
                f"depth map, got {sorted(self.files)}"
            )
        if self.blur is not None and self.intrinsics is None:
            raise ValueError(f"take {self.id}: a blur model needs the intrinsics of the photo")


class Split(Record, frozen=True, kw_only=True):
    """A named part of the takes."""

    name: Identifier
    takes: tuple[Identifier, ...]


class SplitTable(Document, frozen=True, kw_only=True):
    """Splits and how they were drawn. ``published`` splits came with the data."""

    SCHEMA: ClassVar[str] = "idfd/splits"
    VERSION: ClassVar[str] = "1.0.0"

    origin: Literal["published", "drawn"]
    grouping: str
    seed: int | None = None
    splits: tuple[Split, ...]

    def __post_init__(self) -> None:
        names = [split.name for split in self.splits]
        if len(set(names)) != len(names):
            raise ValueError(f"split names repeat: {names}")
        takes = [take for split in self.splits for take in split.takes]
        if len(set(takes)) != len(takes):
            twice = sorted({take for take in takes if takes.count(take) > 1})
            raise ValueError(f"takes stand in more than one split: {twice[:5]}")


class AuditEntry(Record, frozen=True, kw_only=True):
    """One file or group of files that an importer could not use, and why."""

    kind: Literal["orphan", "size_mismatch", "unreadable", "not_metric", "unexpected"]
    path: str
    reason: str


class Collection(Document, frozen=True, kw_only=True):
    """Takes that lie on disk under ``root``, ready to be processed."""

    SCHEMA: ClassVar[str] = "idfd/collection"
    VERSION: ClassVar[str] = "1.2.0"

    name: str
    title: str
    licence: str
    citation: str
    root: str
    scenes: tuple[Scene, ...]
    takes: tuple[Take, ...]
    splits: SplitTable | None = None
    audit: tuple[AuditEntry, ...] = ()
    provenance: Provenance

    def __post_init__(self) -> None:
        names = {scene.name for scene in self.scenes}
        for take in self.takes:
            if take.scene not in names:
                raise ValueError(f"take {take.id} names scene {take.scene}, which is not listed")
        ids = [take.id for take in self.takes]
        if len(set(ids)) != len(ids):
            raise ValueError("take ids repeat")

    def scene_of(self, take: Take) -> Scene:
        """The scene of a take."""
        return next(scene for scene in self.scenes if scene.name == take.scene)
