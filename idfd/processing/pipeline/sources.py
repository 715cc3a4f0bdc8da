"""What is processed: capture sessions and imported collections, wherever they lie."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Literal

import msgspec

from idfd.errors import IdfdError, InputError
from idfd.model import schema
from idfd.model.capture import AuditEntry, Collection, Role, Scene, SplitTable, Take
from idfd.model.curation import FailedEntry
from idfd.model.provenance import FileReference
from idfd.model.session import (
    CALIBRATION,
    REJECTED,
    SCENE,
    SCENES,
    SESSION,
    TAKE,
    SceneDocument,
    SessionDocument,
    TakeRecord,
)
from idfd.storage.hashing import sha256_bytes
from idfd.storage.places import Place, open_place
from idfd.storage.raw import is_raw

COLLECTION = "collection.json"
WHITE_FIELD = "white-field"
"""Folder of a session with two photos of an evenly lit white surface, named by their role."""


@dataclass
class Source:
    """Takes to be processed, and what was left out.

    Attributes:
        name: Of the session or collection.
        title: For people.
        licence: Of the pictures.
        citation: How to cite them.
        roots: Place that the files of a take lie in, by its id.
        scenes: Where they were shot.
        takes: The takes.
        splits: That came with them.
        audit: What was left out on purpose, and why.
        failed: What could not be read.
    """

    name: str
    title: str
    licence: str
    citation: str
    scenes: list[Scene] = field(default_factory=list)
    takes: list[Take] = field(default_factory=list)
    roots: dict[str, str] = field(default_factory=dict)
    splits: SplitTable | None = None
    audit: list[AuditEntry] = field(default_factory=list)
    failed: list[FailedEntry] = field(default_factory=list)


def open_source(
    url: str | Path,
    *,
    calibration: str | Path | None = None,
    photos: Literal["jpeg", "raw"] = "jpeg",
) -> Source:
    """Read what a session or a collection holds; no photo is opened.

    Takes that failed their checks when they were shot are left out, as is what was rejected.

    Args:
        url: Folder of a session or of a collection, or its ``collection.json``.
        calibration: The rig's calibration; by default the session's own.
        photos: Which files are the photos of takes that have both.

    Raises:
        InputError: Neither a session nor a collection.
        SchemaError: Its first document cannot be read.
    """
    url = str(url)
    if url.endswith(f"/{COLLECTION}") or url == COLLECTION:
        url = url[: -len(COLLECTION)].rstrip("/") or "."
    place = open_place(url)
    names = place.sizes("")
    if COLLECTION in names:
        return collection_source(
            schema.decode(Collection, place.read(COLLECTION), f"{url}/{COLLECTION}")
        )
    if SESSION in names:
        return _session(place, names, None if calibration is None else str(calibration), photos)
    raise InputError(
        f"no {SESSION} and no {COLLECTION} in it" if names else "there are no files",
        where=url,
        limit="a session of 'idfd capture session', or what 'idfd release import' wrote",
    )


def collection_source(found: Collection) -> Source:
    """The takes of a collection."""
    return Source(
        name=found.name,
        title=found.title,
        licence=found.licence,
        citation=found.citation,
        scenes=list(found.scenes),
        takes=list(found.takes),
        roots=dict.fromkeys((take.id for take in found.takes), found.root),
        splits=found.splits,
        audit=list(found.audit),
    )


def _session(
    place: Place, names: dict[str, int], calibration: str | None, photos: Literal["jpeg", "raw"]
) -> Source:
    about = schema.decode(SessionDocument, place.read(SESSION), f"{place.url}/{SESSION}")
    source = Source(
        name=about.name,
        title=about.name,
        licence="Apache-2.0" if about.simulated else "not stated",
        citation="rendered by idfd's simulated rig" if about.simulated else "",
    )
    shared: dict[Role, FileReference] = {}
    broken: IdfdError | None = None
    if calibration is not None:
        shared["calibration"] = _outside(calibration, place.url)
    try:
        shared |= _white_field(place, names)
        if calibration is None and CALIBRATION in names:
            shared["calibration"] = _reference(place, CALIBRATION)
    except IdfdError as error:
        broken = error
    for name in sorted(names):
        parts = PurePosixPath(name).parts
        if parts[0] != SCENES or len(parts) < 3:
            continue
        try:
            if len(parts) == 3 and parts[2] == SCENE:
                scene = schema.decode(SceneDocument, place.read(name), f"{place.url}/{name}")
                if _is_copy(name, f"{SCENES}/{scene.name}/{SCENE}", names):
                    _leave_out(source, name, f"a copy of the scene {scene.name}")
                    continue
                source.scenes.append(
                    Scene(name=scene.name, group=scene.group, environment=scene.environment)
                )
            elif len(parts) == 4 and parts[3] == TAKE:
                if broken is not None:
                    raise broken
                _add_take(source, place, names, name, shared, photos)
            elif len(parts) == 5 and parts[2] == REJECTED and parts[4] == TAKE:
                _leave_out(source, name, "rejected by the operator")
        except IdfdError as error:
            source.failed.append(FailedEntry(id=_identifier(parts[-2]), reason=str(error)))
    known = {scene.name for scene in source.scenes}
    for take in [take for take in source.takes if take.scene not in known]:
        source.takes.remove(take)
        lost = InputError(
            f"there is no scene '{take.scene}' that can be read",
            where=f"{place.url}/{take.files['all_in_focus'].path.rsplit('/', 1)[0]}/{TAKE}",
            limit=f"a {SCENE} for each scene that a take names",
            remedy="Restore the file from the session's second copy",
        )
        source.failed.append(FailedEntry(id=take.id, reason=str(lost)))
    return source


def _add_take(
    source: Source,
    place: Place,
    names: dict[str, int],
    name: str,
    shared: dict[Role, FileReference],
    photos: Literal["jpeg", "raw"],
) -> None:
    take = schema.decode(TakeRecord, place.read(name), f"{place.url}/{name}")
    folder = name.rsplit("/", 1)[0]
    if take.verdict == "fail":
        failed = ", ".join(check.name for check in take.checks if check.verdict == "fail")
        _leave_out(source, name, f"failed its checks when it was shot ({failed})")
        return
    if _is_copy(name, f"{SCENES}/{take.scene}/{take.id}/{TAKE}", names):
        _leave_out(source, name, f"a copy of the take {take.id}")
        return
    files = dict(shared)
    wanted: tuple[tuple[Role, Role], ...] = (
        ("all_in_focus", "all_in_focus"), ("defocused", "defocused"), ("depth", "burst"),
    )  # fmt: skip
    for kept_as, role in wanted:
        kinds = ("burst",) if role == "burst" else (photos, "jpeg", "raw")
        found = next(
            (file for kind in kinds if (file := take.file(kept_as, kind)) is not None),  # type: ignore[arg-type]
            None,
        )
        if found is None:
            raise InputError(
                f"the take has no file for {role}",
                where=f"{place.url}/{folder}",
                remedy="Shoot the take again",
            )
        files[role] = msgspec.structs.replace(found.file, path=f"{folder}/{found.file.path}")
    source.takes.append(
        Take(
            id=take.id,
            scene=take.scene,
            files=files,
            all_in_focus=take.all_in_focus,
            defocused=take.defocused,
            taken_at=take.taken_at,
            depth_frames=take.depth.frames,
            clock=take.clock,
        )
    )
    source.roots[take.id] = place.url


def _is_copy(name: str, proper: str, names: dict[str, int]) -> bool:
    """Whether a document names another that is in its place: somebody copied a folder."""
    return name != proper and proper in names


def _leave_out(source: Source, name: str, reason: str) -> None:
    folder = name.rsplit("/", 1)[0]
    source.audit.append(AuditEntry(kind="unexpected", path=folder, reason=reason))


def _identifier(name: str) -> str:
    return "".join(c if c.isascii() and (c.isalnum() or c in "_.-") else "-" for c in name)


def _white_field(place: Place, names: dict[str, int]) -> dict[Role, FileReference]:
    found: dict[Role, FileReference] = {}
    pairs: tuple[tuple[str, Role], ...] = (
        ("all_in_focus", "white_all_in_focus"), ("defocused", "white_defocused"),
    )  # fmt: skip
    for stem, role in pairs:
        wanted = f"{WHITE_FIELD}/{stem}"
        files = sorted(n for n in names if str(PurePosixPath(n).with_suffix("")) == wanted)
        # A RAW file beside its JPEG is the better measurement of light.
        files.sort(key=lambda name: not is_raw(name))
        if files:
            found[role] = _reference(place, files[0])
    return found if len(found) == len(pairs) else {}


def _reference(place: Place, name: str) -> FileReference:
    data = place.read(name)
    return FileReference(path=name, sha256=sha256_bytes(data), bytes=len(data))


def _outside(url: str, root: str) -> FileReference:
    """A file that does not lie in the session: its path from there, or its whole URL."""
    local = "://" not in url
    path = str(Path(url).resolve()) if local else url
    folder, _, name = path.rpartition("/")
    reference = _reference(open_place(folder or "/"), name)
    if local and "://" not in root:
        path = Path(os.path.relpath(path, Path(root).resolve())).as_posix()
    return msgspec.structs.replace(reference, path=path)


def merge(sources: Sequence[Source], *, prefix: bool) -> Source:
    """Takes of several sources as those of one.

    Args:
        sources: At least one.
        prefix: Put the name of its source before every take and scene. Groups keep their names:
            a room that was visited twice is one room.

    Raises:
        InputError: Two takes or scenes have one name, or several sources came with splits.
    """
    parts = [_prefixed(source) for source in sources] if prefix else list(sources)
    first = parts[0]
    if len(parts) == 1:
        return first
    if any(part.splits for part in parts):
        raise InputError(
            "a collection with splits of its own cannot be mixed with others",
            where=next(part.name for part in parts if part.splits),
            remedy="Process it alone",
        )
    for what in ("takes", "scenes"):
        seen: dict[str, str] = {}
        for part in parts:
            for item in getattr(part, what):
                name = item.id if isinstance(item, Take) else item.name
                if name in seen:
                    raise InputError(
                        f"'{name}' is one of the {what} of both {seen[name]} and {part.name}",
                        remedy="Tell them apart with --prefix, which puts the name of the session "
                        "before each",
                    )
                seen[name] = part.name
    return Source(
        name="-".join(part.name for part in parts),
        title=", ".join(part.title for part in parts),
        licence=_all_of(part.licence for part in parts),
        citation=_all_of(part.citation for part in parts),
        scenes=[scene for part in parts for scene in part.scenes],
        takes=[take for part in parts for take in part.takes],
        roots={take: root for part in parts for take, root in part.roots.items()},
        audit=[entry for part in parts for entry in part.audit],
        failed=[entry for part in parts for entry in part.failed],
    )


def _all_of(texts: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(text for text in texts if text))


def _prefixed(source: Source) -> Source:
    def named(name: str) -> str:
        return f"{_identifier(source.name)}-{name}"

    replace = msgspec.structs.replace
    return dataclasses.replace(
        source,
        scenes=[replace(scene, name=named(scene.name)) for scene in source.scenes],
        takes=[replace(take, id=named(take.id), scene=named(take.scene)) for take in source.takes],
        roots={named(take): root for take, root in source.roots.items()},
        failed=[replace(entry, id=named(entry.id)) for entry in source.failed],
    )
