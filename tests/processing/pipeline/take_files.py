"""Takes by the hundred from one shot, with files that a test may change."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from fake_rig import fake_rig
from published_set.scenes import write_published_layout
from test_process_session import GEOMETRY

from idfd.capture.operator.shooting import Shooter
from idfd.capture.session.store import Session
from idfd.model.curation import TRIPLES
from idfd.processing.pipeline.workspace import STAGE_FOLDER
from idfd.release.importers import import_dataset
from idfd.storage.hashing import sha256_bytes, sha256_file

Json = dict[str, Any]
FILES = {"all_in_focus": "all_in_focus.jpg", "defocused": "defocused.jpg", "depth": "depth.h5"}
# The photos of the fake rig are exposed far apart, and their blur is that of no lens.
SETTINGS = """\
limits:
  exposure: {warn: 3, fail: 4, unit: stops}
  blur_ratio: {warn: 99, fail: 99, unit: times}
  blur_correlation: {warn: -1, fail: -1, unit: "", higher_is_better: true}
"""


@dataclass(frozen=True)
class TakeFiles:
    """A take whose files and record can be changed.

    Attributes:
        id: Of the take.
        folder: Where its files lie.
        document: Its ``take.json``, or the collection's document.
        names: Names of its files by role.
    """

    id: str
    folder: Path
    document: Path
    names: dict[str, str]

    def path(self, role: str) -> Path:
        """Where a file lies."""
        return self.folder / self.names[role]

    def data(self, role: str) -> bytes:
        """Content of a file."""
        return self.path(role).read_bytes()

    def put(self, role: str, data: bytes) -> None:
        """Change a file, as if it had been recorded like this."""
        path = self.path(role)
        path.unlink()  # other takes may have a link to it
        path.write_bytes(data)

        def change(record: Json) -> None:
            for reference in references(record, path.name):
                reference |= {"sha256": sha256_bytes(data), "bytes": len(data)}

        self.edit(change)

    def edit(self, change: Callable[[Json], None]) -> None:
        """Change the record of the take."""
        document = json.loads(self.document.read_bytes())
        takes = document.get("takes", [document])
        change(next(take for take in takes if take["id"] == self.id))
        self.document.unlink()
        self.document.write_text(json.dumps(document, indent=2))


def references(record: Json, name: str) -> Iterator[Json]:
    """What the record of a take says about a file, in a session or in a collection."""
    files = record["files"]
    for item in files.values() if isinstance(files, dict) else files:
        reference = item.get("file", item)
        if reference["path"].rpartition("/")[2] == name:
            yield reference


def make_session(folder: Path, width: int = 240) -> Path:
    """A session with one take, whose photos are of a width (a multiple of 240)."""
    scale = width // 240
    photo = GEOMETRY.photo
    camera = msgspec.structs.replace(
        photo, width=scale * photo.width, height=scale * photo.height, fx=scale * photo.fx,
        fy=scale * photo.fy, cx=scale * (photo.cx + 0.5) - 0.5, cy=scale * (photo.cy + 0.5) - 0.5,
    )  # fmt: skip
    rig = fake_rig(frames=5, photo_size=(camera.width, camera.height))
    calibration = msgspec.structs.replace(GEOMETRY, photo=camera)
    with rig, Session.create(folder, "outing", rig.profile, calibration) as session:
        shooter = Shooter(session, rig)
        shooter.set_exposure(0.125)
        shooter.shoot(session.add_scene("desk-0", "office-0", "office"))
    return folder


def make_collection(folder: Path) -> Path:
    """A collection with a few takes."""
    write_published_layout(folder / "photos", scenes=2, size=(240, 160))
    import_dataset("dfd_indoor", folder / "photos", folder)
    return folder


def many_takes(one: Path, folder: Path, ids: list[str]) -> list[TakeFiles]:
    """A session of many takes in scenes of their own, from the first take of another session.

    Args:
        one: A session with a take ``desk-0_1``.
        folder: Of the session to make.
        ids: Of its takes; a scene has the name of its take.
    """
    shutil.copytree(one, folder, ignore=shutil.ignore_patterns("scenes", ".lock"))
    shot = one / "scenes/desk-0"
    scene, record = ((shot / name).read_text() for name in ("scene.json", "desk-0_1/take.json"))
    takes = []
    for take in ids:
        target = folder / "scenes" / take / take
        target.mkdir(parents=True)
        for name in FILES.values():
            os.link(shot / "desk-0_1" / name, target / name)
        (target.parent / "scene.json").write_text(scene.replace('"desk-0"', f'"{take}"'))
        named = record.replace('"desk-0_1"', f'"{take}"').replace('"desk-0"', f'"{take}"')
        (target / "take.json").write_text(named)
        takes.append(TakeFiles(take, target, target / "take.json", FILES))
    return takes


def many_imported(one: Path, folder: Path, ids: list[str]) -> list[TakeFiles]:
    """A collection of many takes from the first take of another collection."""
    document = json.loads((one / "collection.json").read_bytes())
    take, root = document["takes"][0], Path(document["root"])
    names = {
        "all_in_focus": "sharp.jpg", "defocused": "soft.jpg", "depth": "depth.png",
    }  # fmt: skip
    roles = {"depth": "depth_inpainted"}
    made, takes = [], []
    for name in ids:
        files = {}
        (folder / name).mkdir(parents=True)
        for role, file in names.items():
            reference = take["files"][roles.get(role, role)]
            os.link(root / reference["path"], folder / name / file)
            files[roles.get(role, role)] = reference | {"path": f"{name}/{file}"}
        made.append(take | {"id": name, "files": files})
        takes.append(TakeFiles(name, folder / name, folder / "collection.json", names))
    document |= {"takes": made, "root": str(folder), "splits": None}
    (folder / "collection.json").write_text(json.dumps(document))
    return takes


def hashes(output: Path, takes: list[str]) -> dict[str, str]:
    """Hash of each file of some takes."""
    return {
        path.relative_to(output).as_posix(): sha256_file(path)
        for take in takes
        for folder in (TRIPLES, STAGE_FOLDER)
        for path in sorted((output / folder / take).rglob("*"))
    }


def process_command(session: Path, output: Path, *options: str) -> list[str]:
    """The command that processes a session of the fake rig, on two workers."""
    settings = session.with_name("settings.yaml")
    settings.write_text(SETTINGS)
    command = [sys.executable, "-m", "idfd", "process", str(session), "-o", str(output)]
    return [*command, "--workers", "2", "--config", str(settings), *options]
