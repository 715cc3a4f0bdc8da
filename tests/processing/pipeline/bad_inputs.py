"""Takes by the hundred from one shot, and all that can be wrong with one of them.

A damage changes a take's files after it was shot. Content hashes are written anew, since a file
that has merely changed is told by its hash: the damage is what a camera, a converter or a person
could have recorded as it is.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import h5py
import numpy as np
from numpy.typing import NDArray
from published_set.scenes import write_published_layout
from test_process_session import CONFIG, shoot

from idfd.model import schema
from idfd.model.curation import RECORD, TRIPLES
from idfd.model.stage import StageRecord
from idfd.processing.config import ProcessConfig
from idfd.processing.pipeline.run import Outcome, process
from idfd.processing.pipeline.schedule import Scheduler
from idfd.processing.pipeline.sources import open_source
from idfd.processing.pipeline.workspace import STAGE_FOLDER
from idfd.release.importers import import_dataset
from idfd.storage.bursts import read_burst, write_burst
from idfd.storage.hashing import sha256_bytes, sha256_file

Json = dict[str, Any]
Do = Callable[["TakeFiles", np.random.Generator], None]
FILES = {"all_in_focus": "all_in_focus.jpg", "defocused": "defocused.jpg", "depth": "depth.h5"}


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


@dataclass(frozen=True)
class Damage:
    """Something that can be wrong with a take.

    Attributes:
        name: Of it.
        do: Does it.
        says: A regular expression that the reason holds.
        fails: The take is processed and its verdict is ``fail``; otherwise it ends in an error.
    """

    name: str
    do: Do
    says: str
    fails: bool = False


def photo_role(rng: np.random.Generator) -> str:
    return str(rng.choice(["all_in_focus", "defocused"]))


def cut(role: str | None) -> Do:
    def do(take: TakeFiles, rng: np.random.Generator) -> None:
        chosen = role or photo_role(rng)
        data = take.data(chosen)
        take.put(chosen, data[: int(rng.uniform(0.01, 0.95) * len(data))])

    return do


def content(role: str | None, data: bytes) -> Do:
    def do(take: TakeFiles, rng: np.random.Generator) -> None:
        take.put(role or photo_role(rng), data)

    return do


def without_file(take: TakeFiles, rng: np.random.Generator) -> None:
    take.path(str(rng.choice(list(take.names)))).unlink()


def changed(take: TakeFiles, rng: np.random.Generator) -> None:
    """Some bytes flip on the disk: the one damage that leaves the recorded hash alone."""
    path = take.path(str(rng.choice(list(take.names))))
    data = bytearray(path.read_bytes())
    data[int(rng.integers(len(data)))] ^= int(rng.integers(1, 256))
    path.unlink()
    path.write_bytes(data)


def folder_instead(take: TakeFiles, rng: np.random.Generator) -> None:
    path = take.path(str(rng.choice(list(take.names))))
    path.unlink()
    path.mkdir()


def link_loop(take: TakeFiles, rng: np.random.Generator) -> None:
    path = take.path(str(rng.choice(list(take.names))))
    path.unlink()
    path.symlink_to(path.name)


def encoded(image: NDArray[Any], suffix: str) -> bytes:
    return cv2.imencode(suffix, image)[1].tobytes()


def photo(take: TakeFiles, role: str) -> NDArray[Any]:
    return np.asarray(cv2.imdecode(np.frombuffer(take.data(role), np.uint8), cv2.IMREAD_COLOR))


def one_pixel_photos(take: TakeFiles, rng: np.random.Generator) -> None:
    for role in ("all_in_focus", "defocused"):
        take.put(role, encoded(rng.integers(0, 256, (1, 1, 3), dtype=np.uint8), ".png"))


def photo_of_other_size(take: TakeFiles, rng: np.random.Generator) -> None:
    role = photo_role(rng)
    size = int(rng.integers(40, 230)), int(rng.integers(40, 150))
    take.put(role, encoded(cv2.resize(photo(take, role), size), ".jpg"))


def photos_of_other_size(take: TakeFiles, rng: np.random.Generator) -> None:
    size = int(rng.integers(250, 400)), int(rng.integers(170, 300))
    for role in ("all_in_focus", "defocused"):
        take.put(role, encoded(cv2.resize(photo(take, role), size), ".jpg"))


def turned_photo(take: TakeFiles, rng: np.random.Generator) -> None:
    role = photo_role(rng)
    take.put(role, encoded(np.rot90(photo(take, role)).copy(), ".jpg"))


def float_photo(take: TakeFiles, rng: np.random.Generator) -> None:
    role = photo_role(rng)
    take.put(role, encoded(photo(take, role).astype(np.float32) / 255, ".tiff"))


def huge_photo(take: TakeFiles, rng: np.random.Generator) -> None:
    role = photo_role(rng)
    data = bytearray(encoded(photo(take, role), ".png"))
    data[16:24] = bytes.fromhex("0001000000010000")  # 65536 x 65536 in the header
    take.put(role, bytes(data))


def flat_photo(take: TakeFiles, rng: np.random.Generator) -> None:
    role = photo_role(rng)
    take.put(role, encoded(np.full_like(photo(take, role), rng.choice([0, 128, 255])), ".png"))


def photo_of_other_scene(take: TakeFiles, rng: np.random.Generator) -> None:
    role = photo_role(rng)
    shape = photo(take, role).shape
    noise = rng.uniform(0, 255, (shape[0] // 8, shape[1] // 8, 3)).astype(np.uint8)
    take.put(role, encoded(cv2.resize(noise, shape[1::-1]), ".png"))


def swapped_apertures(take: TakeFiles, rng: np.random.Generator) -> None:
    def change(record: Json) -> None:
        a, b = record["all_in_focus"]["f_number"], record["defocused"]["f_number"]
        record["all_in_focus"]["f_number"], record["defocused"]["f_number"] = b, a

    take.edit(change)


def swapped_photos(take: TakeFiles, rng: np.random.Generator) -> None:
    first, second = take.data("all_in_focus"), take.data("defocused")
    take.put("all_in_focus", second)
    take.put("defocused", first)


PHOTO_DAMAGES = (
    Damage("photo truncated", cut(None), "truncated|not an image"),
    Damage("photo empty", content(None, b""), "empty"),
    Damage("text in place of a photo", content(None, b"<html>404</html>\n"), "not an image"),
    Damage("photos of 1 pixel", one_pixel_photos, "1x1.*at least"),
    Damage("one photo of another size", photo_of_other_size, r"\d+x\d+ and \d+x\d+.*one size"),
    Damage("one photo turned", turned_photo, r"\d+x\d+ and \d+x\d+.*one size"),
    Damage("both photos of another size", photos_of_other_size, r"\d+x\d+"),
    Damage("photo of 32-bit floats", float_photo, "float32.*8 or 16 bits"),
    Damage("photo that claims 65536x65536", huge_photo, "not an image"),
    Damage("photo of one grey", flat_photo, "blank"),
    Damage("photo of another scene", photo_of_other_scene, "same|lie on each other|move", True),
    Damage("apertures swapped", swapped_apertures, "swapped", True),
    Damage("photos swapped", swapped_photos, "swapped|blur|detail|sharp", True),
    Damage("file missing", without_file, "No such file"),
    Damage("file changed on disk", changed, "SHA-256"),
    Damage("folder in place of a file", folder_instead, "Is a directory"),
    Damage("link to itself", link_loop, "[Ss]ymbolic links"),
)


def burst_of(change: Callable[[NDArray[Any], np.random.Generator], NDArray[Any]]) -> Do:
    """Change the depth of a burst; the other arrays follow its shape."""

    def do(take: TakeFiles, rng: np.random.Generator) -> None:
        path = take.path("depth")
        burst = read_burst(path)
        depth = np.ascontiguousarray(change(burst.depth, rng))
        frames = len(depth)
        infrared = np.full_like(depth, 500)
        path.unlink()
        write_burst(path, dataclasses.replace(
            burst, depth=depth, infrared=infrared, timestamps_us=burst.timestamps_us[:frames],
            system_ns=burst.system_ns[:frames], temperature_c=burst.temperature_c[:frames],
        ))  # fmt: skip
        take.put("depth", path.read_bytes())

    return do


def hdf5(change: Callable[[h5py.File, np.random.Generator], None]) -> Do:
    """Change the HDF5 file of a burst behind the back of its writer."""

    def do(take: TakeFiles, rng: np.random.Generator) -> None:
        buffer = io.BytesIO(take.data("depth"))
        with h5py.File(buffer, "r+") as file:
            change(file, rng)
        take.put("depth", buffer.getvalue())

    return do


def other_dtype(file: h5py.File, rng: np.random.Generator) -> None:
    depth = file["depth"][()]
    del file["depth"]
    file["depth"] = depth.astype(str(rng.choice(["uint8", "float32", "int32", "float64"])))


def dataset_missing(file: h5py.File, rng: np.random.Generator) -> None:
    del file[str(rng.choice(["depth", "infrared", "timestamps", "calibration", "device"]))]


def other_schema(file: h5py.File, rng: np.random.Generator) -> None:
    del file.attrs["schema"]


def no_frames(file: h5py.File, rng: np.random.Generator) -> None:
    for name in ("depth", "infrared", "timestamps", "system_time", "temperature"):
        array = file[name][:0]
        del file[name]
        file[name] = array


def other_mode(depth: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
    height, width = [(24, 32), (96, 128), (64, 64), (48, 63)][int(rng.integers(4))]
    return np.full((len(depth), height, width), 1200, np.uint16)


def noise(depth: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
    return rng.integers(0, 65536, depth.shape).astype(np.uint16)


BURST_DAMAGES = (
    Damage("burst truncated", cut("depth"), "HDF5|damaged"),
    Damage("burst empty", content("depth", b""), "empty"),
    Damage("text in place of a burst", content("depth", b"no depth today\n"), "HDF5"),
    Damage("burst all zero", burst_of(lambda d, _: np.zeros_like(d)), "no pixel has depth"),
    Damage("burst of one pixel", burst_of(lambda d, _: d[:, 24:25, 32:33]), "1x1.*64x48"),
    Damage("burst of another mode", burst_of(other_mode), r"\d+x\d+.*64x48"),
    Damage("burst of random depth", burst_of(noise), ".", True),
    Damage("burst of 65535 mm", burst_of(lambda d, _: np.full_like(d, 65535)), "."),
    Damage("burst of another dtype", hdf5(other_dtype), "uint16"),
    Damage("burst without a dataset", hdf5(dataset_missing), "damaged|HDF5"),
    Damage("burst without frames", hdf5(no_frames), "at least one frame"),
    Damage("HDF5 that is no burst", hdf5(other_schema), "not a depth burst"),
)


def document(change: Callable[[bytes, np.random.Generator], bytes]) -> Do:
    def do(take: TakeFiles, rng: np.random.Generator) -> None:
        data = take.document.read_bytes()
        take.document.unlink()
        take.document.write_bytes(change(data, rng))

    return do


def field(value: Any, *choices: tuple[str | int, ...]) -> Do:
    """Set one of some fields of the record."""

    def do(take: TakeFiles, rng: np.random.Generator) -> None:
        *path, last = choices[int(rng.integers(len(choices)))]

        def change(record: Any) -> None:
            for key in path:
                record = record[key]
            record[last] = value

        take.edit(change)

    return do


def outside(take: TakeFiles, rng: np.random.Generator) -> None:
    def change(record: Json) -> None:
        for reference in references(record, FILES["depth"]):
            reference["path"] = "../../../../nothing/depth.h5"

    take.edit(change)


def without_burst(take: TakeFiles, rng: np.random.Generator) -> None:
    def change(record: Json) -> None:
        record["files"] = [item for item in record["files"] if item["kind"] != "burst"]

    take.edit(change)


def clock_reversed(take: TakeFiles, rng: np.random.Generator) -> None:
    def change(record: Json) -> None:
        clock = record["clock"]
        clock["all_in_focus"], clock["defocused"] = clock["defocused"], clock["all_in_focus"]
        clock["defocused"] -= 1

    take.edit(change)


TAKE_DAMAGES = (
    Damage("take.json truncated", document(
        lambda d, r: d[: int(r.uniform(0.01, 0.95) * len(d))]), "take.json.*not valid JSON"),
    Damage("take.json empty", document(lambda d, r: b""), "take.json.*empty"),
    Damage("take.json of another kind", document(
        lambda d, r: d.replace(b"idfd/take", b"idfd/scene")), "schema is 'idfd/scene'"),
    Damage("take.json of bytes", document(lambda d, r: r.bytes(200)), "take.json.*not valid JSON"),
    Damage("take.json of a newer version", document(
        lambda d, r: d.replace(b'"schema_version": "1', b'"schema_version": "7')), "upgrade"),
    Damage("f-number of 0 or text", field(0, ("all_in_focus", "f_number")), "f_number"),
    Damage("a field of another type", field(
        [1], ("taken_at",), ("clock",), ("id",), ("files", 0, "file"), ("depth", "frames")),
        "invalid field"),
    Damage("id that leaves the folder", field("../../x", ("id",)), "invalid field"),
    Damage("hash of another file", field("0" * 64, *(("files", n, "file", "sha256")
                                                     for n in (0, 2, 4))), "SHA-256"),
    Damage("path of nothing", outside, "No such file"),
    Damage("no burst", without_burst, "no file for burst"),
    Damage("scene that is not there", field("attic", ("scene",)), "attic"),
    Damage("clock reversed", clock_reversed, "order", True),
)  # fmt: skip


def depth_map(change: Callable[[NDArray[Any], np.random.Generator], bytes]) -> Do:
    def do(take: TakeFiles, rng: np.random.Generator) -> None:
        data = np.frombuffer(take.data("depth"), np.uint8)
        take.put("depth", change(np.asarray(cv2.imdecode(data, cv2.IMREAD_UNCHANGED)), rng))

    return do


def with_nan(depth: NDArray[Any], rng: np.random.Generator) -> bytes:
    metres = depth.astype(np.float32) / 1000
    metres.flat[int(rng.integers(metres.size))] = rng.choice([np.nan, np.inf])
    return encoded(metres, ".tiff")


MAP_DAMAGES = (
    Damage("depth map truncated", cut("depth"), "truncated|not an image"),
    Damage("depth map empty", content("depth", b""), "empty"),
    Damage("text in place of a depth map", content("depth", b"1,2,3\n"), "not an image"),
    Damage("depth map of 8 bits", depth_map(
        lambda d, _: encoded((d / 40).astype(np.uint8), ".png")), "8-bit.*16-bit"),
    Damage("depth map in colour", depth_map(
        lambda d, _: encoded(np.dstack([d, d, d]), ".png")), "one channel"),
    Damage("depth map of another size", depth_map(
        lambda d, r: encoded(d[int(r.integers(1, 99)):], ".png")), r"240x160.*240x\d+.*one size"),
    Damage("depth map of 1 pixel", depth_map(
        lambda d, _: encoded(d[:1, :1], ".png")), "240x160.*1x1"),
    Damage("depth map all zero", depth_map(
        lambda d, _: encoded(np.zeros_like(d), ".png")), "depth"),
    Damage("depth map with NaN", depth_map(with_nan), "NaN or infinite"),
    Damage("depth map in millimetres as floats", depth_map(
        lambda d, _: encoded(d.astype(np.float32), ".tiff")), "metres; check the unit"),
    Damage("depth map below 0", depth_map(
        lambda d, _: encoded(d.astype(np.float32) / -1000, ".tiff")), "0 to"),
)  # fmt: skip
SESSION_DAMAGES = PHOTO_DAMAGES + BURST_DAMAGES + TAKE_DAMAGES
COLLECTION_DAMAGES = PHOTO_DAMAGES + MAP_DAMAGES


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


def mess(output: Path, failed: set[str]) -> list[str]:
    """What a run should not have left behind."""
    found = [f"left over: {path}" for path in output.rglob("*") if path.suffix == ".part"]
    for folder in sorted((output / TRIPLES).iterdir()):
        if not (folder / RECORD).exists():
            continue
        if folder.name in failed:
            found.append(f"a triple of a take that failed: {folder.name}")
        named: dict[str, str] = {}
        for path in (output / STAGE_FOLDER / folder.name).glob("*.json"):
            record = schema.load(StageRecord, path)
            named |= {file.path: file.sha256 for file in record.outputs}
        for name, sha256 in named.items():
            path = output / name
            if not path.exists() or hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
                found.append(f"missing or not what its manifest says: {name}")
        there = {path.relative_to(output).as_posix() for path in folder.iterdir()}
        found += [f"named by no manifest: {name}" for name in there - named.keys()]
    return found


def make_session(folder: Path) -> Path:
    """A session with one take."""
    shoot(folder, 1)
    return folder


def make_collection(folder: Path) -> Path:
    """A collection with a few takes."""
    write_published_layout(folder / "photos", scenes=2, size=(240, 160))
    import_dataset("dfd_indoor", folder / "photos", folder)
    return folder


@dataclass(frozen=True)
class Found:
    """What a run over damaged and good takes gave.

    Attributes:
        cases: For each damaged take, what is wrong with how it ended (or None), and its reason.
        faults: What is wrong with the rest of the run.
    """

    cases: list[tuple[str | None, str]]
    faults: list[str]


def damaged_run(
    kind: str,
    one: Path,
    folder: Path,
    damages: Sequence[Damage],
    good: int,
    rng: np.random.Generator,
    scheduler: Scheduler,
) -> Found:
    """Process damaged takes beside good ones, and the good ones alone."""
    many = many_takes if kind == "session" else many_imported
    config = CONFIG if kind == "session" else ProcessConfig()
    bad = [f"bad-{index:04}" for index in range(len(damages))]
    fine = [f"good-{index:04}" for index in range(good)]
    takes = many(one, folder / "mixed", bad + fine)
    many(one, folder / "fine", fine)
    for damage, take in zip(damages, takes, strict=False):
        damage.do(take, rng)
    outcomes = {
        name: process(open_source(folder / name), folder / f"{name}-out", config, scheduler)
        for name in ("mixed", "fine")
    }
    outcome, output = outcomes["mixed"], folder / "mixed-out"
    cases = [verdict_on(*case, outcome) for case in zip(damages, bad, strict=True)]
    faults = mess(output, set(outcome.failed))
    alone = outcomes["fine"].curation
    mixed = outcome.curation
    assert alone is not None
    assert mixed is not None
    assert len(alone.triples) == good, "good takes are good"
    entries = {entry.id: entry for entry in mixed.triples}
    faults += [f"{e.id} has another entry" for e in alone.triples if entries.get(e.id) != e]
    before, after = hashes(folder / "fine-out", fine), hashes(output, fine)
    faults += [f"{name} differs" for name in before if after.get(name) != before[name]]
    return Found(cases, faults)


def verdict_on(damage: Damage, take: str, outcome: Outcome) -> tuple[str | None, str]:
    """What is wrong with how a damaged take ended, or None; and the reason it was given."""
    assert outcome.curation is not None
    entry = next((entry for entry in outcome.curation.triples if entry.id == take), None)
    reason = outcome.failed.get(take)
    if (entry is None) == (reason is None):
        return "processed and failed" if entry else "not in the index", ""
    text = reason if reason is not None else "; ".join(entry.reasons) if entry else ""
    if entry is not None and entry.verdict != "fail":
        return f"verdict {entry.verdict} {text}", text
    if not re.search(damage.says, text, re.DOTALL):
        return f"does not say '{damage.says}': {text}", text
    if damage.fails == (entry is None):
        return f"{'an error' if entry is None else 'a verdict'}: {text}", text
    return None, text
