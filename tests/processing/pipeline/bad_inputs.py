"""All that can be wrong with a take.

A damage changes a take's files after it was shot. Content hashes are written anew, since a file
that has merely changed is told by its hash: the damage is what a camera, a converter or a person
could have recorded as it is.
"""

from __future__ import annotations

import dataclasses
import io
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import h5py
import numpy as np
from numpy.typing import NDArray
from take_files import FILES, Json, TakeFiles, references

from idfd.storage.bursts import read_burst, write_burst

Do = Callable[[TakeFiles, np.random.Generator], None]
FAILS = ("fail",)


@dataclass(frozen=True)
class Damage:
    """Something that can be wrong with a take.

    Attributes:
        name: Of it.
        do: Does it.
        says: A regular expression that the reason holds.
        ends: In an error, or in one of some verdicts.
    """

    name: str
    do: Do
    says: str
    ends: tuple[str, ...] = ("error",)


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
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
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
    Damage("photo of another scene", photo_of_other_scene, "correlation", FAILS),
    Damage("apertures swapped", swapped_apertures, "aperture", FAILS),
    # A scene in one plane could look like this: it is left to who looks at the warnings.
    Damage("photos swapped", swapped_photos, "sharpness|correlation", ("warn", "fail")),
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


def depth_missing(file: h5py.File, rng: np.random.Generator) -> None:
    del file["depth"]


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
    Damage("burst of one pixel", burst_of(lambda d, _: d[:, 24:25, 32:33]), "depth"),
    Damage("burst of another mode", burst_of(other_mode), r"\d+x\d+.*64x48"),
    Damage("burst of random depth", burst_of(noise), "no pixel has depth"),
    Damage("burst of another dtype", hdf5(other_dtype), "uint16"),
    Damage("burst without depth", hdf5(depth_missing), "damaged|HDF5"),
    Damage("burst without frames", hdf5(no_frames), "shape .0, 48, 64..*at least"),
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
        first, *_, last = sorted(clock.values())
        clock |= {"defocused": first, "depth": (first + last) / 2, "all_in_focus": last}

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
    Damage("clock reversed", clock_reversed, "clock_order", FAILS),
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
        lambda d, _: encoded(np.zeros_like(d), ".png")), "depth_coverage", FAILS),
    Damage("depth map with NaN", depth_map(with_nan), "NaN or infinite"),
    Damage("depth map in millimetres as floats", depth_map(
        lambda d, _: encoded(d.astype(np.float32), ".tiff")), "metres; check the unit"),
    Damage("depth map below 0", depth_map(
        lambda d, _: encoded(d.astype(np.float32) / -1000, ".tiff")), "0 to"),
)  # fmt: skip
SESSION_DAMAGES = PHOTO_DAMAGES + BURST_DAMAGES + TAKE_DAMAGES
COLLECTION_DAMAGES = PHOTO_DAMAGES + MAP_DAMAGES
