from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from release_data import (
    MAPS,
    SIZE,
    TAKES,
    TEST,
    TRAIN,
    all_triples,
    blurred,
    blurred_records,
    make_arrays,
    make_record,
    make_release,
    table,
    write_curated,
    write_triple,
)

from idfd.errors import InputError, StorageError
from idfd.release.build import build_release
from idfd.release.chunks import compress, write_chunked
from idfd.release.layout import ARRAYS, CHUNK, GZIP_LEVEL
from idfd.release.manifest import read_manifest
from idfd.release.reader import IDFD
from idfd.release.verify import verify_release
from idfd.storage.durable import storage_error
from idfd.storage.hashing import sha256_array
from idfd.storage.images import encode_png


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_release(
        tmp_path_factory.mktemp("set"), excluded=["attic-9"], failed=["cellar-9"],
        records=blurred_records(),
    )  # fmt: skip


def test_plain_h5py_reads_every_array_that_the_layout_documents(release: Path) -> None:
    expected = all_triples()
    with h5py.File(release) as file:
        assert sorted(file) == ["splits", "triples"]
        assert sorted(file["triples"]) == sorted(TAKES)
        for take in TAKES:
            group = file[f"triples/{take}"]
            assert sorted(group) == sorted(ARRAYS)
            for name, spec in ARRAYS.items():
                item = group[name]
                if name not in MAPS:
                    np.testing.assert_array_equal(item[()], expected[take][name], strict=True)
                assert (item.dtype, item.shape[:2]) == (spec.dtype, SIZE)
                assert item.attrs["units"] == spec.units
                assert item.attrs["aligned_to"] == "all_in_focus"
                assert item.attrs["description"] == spec.description
                colour = spec.channels == 3
                assert item.attrs["interpretation"] == ("RGB" if colour else "scalar")


def test_only_filters_of_every_hdf5_are_used(release: Path) -> None:
    with h5py.File(release) as file:
        for take in TAKES:
            for name in ARRAYS:
                item = file[f"triples/{take}/{name}"]
                settings = item.id.get_create_plist()
                filters = {settings.get_filter(i)[0] for i in range(settings.get_nfilters())}
                wide = item.dtype.itemsize > 1
                shuffle = {h5py.h5z.FILTER_SHUFFLE} if wide else set()
                assert filters == {h5py.h5z.FILTER_DEFLATE} | shuffle
                assert item.chunks[:2] == (CHUNK, CHUNK)


def test_root_and_triples_carry_plain_attributes(release: Path) -> None:
    with h5py.File(release) as file:
        assert file.attrs["format"] == "idfd-release"
        assert file.attrs["name"] == "toy set"
        assert file.attrs["version"] == "1.2.3"
        assert file.attrs["licence"] == "CC-BY-4.0"
        assert file.attrs["depth_unit"] == "mm"
        garden = file["triples/garden-1"].attrs
        assert (garden["split"], garden["group"], garden["environment"]) == (
            "test", "garden", "outdoor",
        )  # fmt: skip
        assert (garden["f_number_all_in_focus"], garden["f_number_defocused"]) == (10, 1.8)
        assert json.loads(garden["record"])["id"] == "garden-1"
        stored = {k: [take.decode() for take in v[()]] for k, v in file["splits"].items()}
        assert stored == {"train": list(TRAIN), "test": list(TEST)}
        assert file["splits/train"].attrs["origin"] == "drawn"


def test_the_same_triples_give_the_same_bytes(release: Path, tmp_path: Path) -> None:
    again = make_release(
        tmp_path, excluded=["attic-9"], failed=["cellar-9"], records=blurred_records()
    )
    assert again.read_bytes() == release.read_bytes()


def test_the_digest_is_of_the_content(release: Path, tmp_path: Path) -> None:
    triples = all_triples()
    triples["attic-1"]["depth"][0, 0] ^= 1
    other = make_release(
        tmp_path, triples, excluded=["attic-9"], failed=["cellar-9"], records=blurred_records()
    )
    assert read_manifest(other)[0].digest != read_manifest(release)[0].digest


def test_the_manifest_holds_hash_and_place_of_every_array(release: Path) -> None:
    manifest, block = read_manifest(release)
    size = release.stat().st_size
    assert block + manifest.body_bytes == size
    with h5py.File(release) as file:
        for take in TAKES:
            for name in ARRAYS:
                entry = manifest.arrays[f"triples/{take}/{name}"]
                item = file[f"triples/{take}/{name}"]
                assert entry.sha256 == sha256_array(item[()])
                stored = item.id.read_direct_chunk((0,) * item.ndim)[1]
                # Places must count from the start of the file, user block included.
                assert stored in release.read_bytes()[entry.start : entry.end]
                assert block <= entry.start < entry.end <= size


def test_long_names_fit_the_user_block(tmp_path: Path) -> None:
    takes = [("a" * 116) + f"-{i:03}" for i in range(30)]
    small = (4, 5)
    triples = {
        take: make_arrays(take, size=small, inpainted=True, uncertainty=True) for take in takes
    }
    records = {take: blurred(make_record(take, small)) for take in takes}
    path = make_release(tmp_path, triples, table({"train": takes}), records=records)
    assert verify_release(path).ok


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_chunks_written_directly_read_back_as_they_were(data: st.DataObject) -> None:
    shape = data.draw(st.tuples(*[st.sampled_from([1, 2, 127, 128, 129, 200, 257])] * 2))
    shape += data.draw(st.sampled_from([(), (3,)]))
    dtype = data.draw(st.sampled_from(["u1", "<u2", ">u2", "<f2", ">f2"]))
    seed = data.draw(st.integers(0, 1000))
    # All bit patterns: float16 gets NaN and infinity too, so bytes are what is compared.
    array = np.frombuffer(
        np.random.default_rng(seed).bytes(int(np.prod(shape)) * np.dtype(dtype).itemsize), dtype
    ).reshape(shape)
    with h5py.File("x", "w", driver="core", backing_store=False) as file:
        found = write_chunked(file, "x", compress(array))[()]
    assert found.dtype == array.dtype.newbyteorder("<")
    assert found.tobytes() == array.astype(found.dtype).tobytes()


@settings(max_examples=20, deadline=None)
@given(array=hnp.arrays(np.uint16, hnp.array_shapes(min_dims=2, max_dims=2, max_side=40)))
def test_direct_chunks_are_what_hdf5_itself_would_store(array: NDArray[np.uint16]) -> None:
    with h5py.File("x", "w", driver="core", backing_store=False) as file:
        ours = write_chunked(file, "ours", compress(array))
        theirs = file.create_dataset(
            "theirs", data=array, chunks=array.shape, compression="gzip", shuffle=True,
            compression_opts=GZIP_LEVEL,
        )  # fmt: skip
        # Another zlib may compress to other bytes, but the filters and their order must agree.
        assert ours.id.get_create_plist().equal(theirs.id.get_create_plist())
        np.testing.assert_array_equal(ours[()], theirs[()], strict=True)


def test_what_was_left_out_is_listed(release: Path) -> None:
    info = IDFD(release).info
    assert [(e.id, e.verdict) for e in info.excluded] == [("attic-9", "fail")]
    assert info.excluded[0].reasons == ("alignment 3 px (limit 1)",)
    assert [(e.id, e.reason) for e in info.failed] == [("cellar-9", "photo is truncated")]
    assert [e.path for e in info.audit] == ["stray.png"]
    assert info.triples == len(TAKES)


def test_splits_may_name_what_was_left_out(tmp_path: Path) -> None:
    parts = {"train": [*TRAIN, "attic-9"], "test": [*TEST, "cellar-9"], "none": ["attic-8"]}
    path = make_release(
        tmp_path, splits=table(parts), excluded=["attic-9", "attic-8"], failed=["cellar-9"]
    )
    assert IDFD(path, "train").ids == TRAIN
    assert IDFD(path, "none").ids == ()
    assert verify_release(path).ok


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"train": TRAIN, "test": TEST[1:]}, "1 triples are in no split: garden-1"),
        ({"train": TRAIN, "test": [*TEST, "moon-1"]}, "name 1 triples that are not here: moon-1"),
    ],
)
def test_splits_that_do_not_match_are_refused(
    parts: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message):
        make_release(tmp_path, splits=table(parts))
    assert os.listdir(tmp_path) == ["curated"]


def test_a_set_without_splits_needs_some(tmp_path: Path) -> None:
    curated = write_curated(tmp_path / "curated", all_triples(), None)
    with pytest.raises(InputError, match="no splits.*idfd release split"):
        build_release(curated, tmp_path / "x.h5", version="1.0.0")
    splits = table({"all": TAKES})
    build_release(curated, tmp_path / "x.h5", version="1.0.0", splits=splits, name="other")
    assert IDFD(tmp_path / "x.h5").info.name == "other"


@pytest.mark.parametrize("version", ["1.0", "v1.0.0", "1.0.0-rc1", "", "1.0.0\n", "1.0.0.0"])
def test_versions_that_are_not_semantic_are_refused(version: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="MAJOR.MINOR.PATCH"):
        build_release(tmp_path, tmp_path / "x.h5", version=version)


def test_a_folder_that_is_not_curated_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="curation.json: no such file"):
        build_release(tmp_path, tmp_path / "x.h5", version="1.0.0")


def test_nothing_but_bad_triples_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no triples to release"):
        make_release(tmp_path, {}, excluded=["attic-1"])


@pytest.mark.parametrize("lost", ["all_in_focus.png", "source.png", "triple.json"])
def test_a_triple_that_lacks_a_file_is_refused(lost: str, tmp_path: Path) -> None:
    curated = write_curated(tmp_path / "curated", all_triples(), table({"all": TAKES}))
    (curated / "triples" / "attic-1" / lost).unlink()
    with pytest.raises(InputError, match="attic-1") as caught:
        build_release(curated, tmp_path / "x.h5", version="1.0.0")
    assert Path(lost).stem in str(caught.value)
    assert os.listdir(tmp_path) == ["curated"]


def test_a_listed_triple_whose_folder_is_gone_is_not_dropped_silently(tmp_path: Path) -> None:
    curated = write_curated(tmp_path / "curated", all_triples(), table({"all": TAKES}))
    (curated / "triples" / "attic-1").rename(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="attic-1"):
        build_release(curated, tmp_path / "x.h5", version="1.0.0")


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("source.png", np.zeros((3, 4), np.uint8), r"shape \(3, 4\)"),
        ("defocused.png", np.zeros((150, 141), np.uint8), r"\(150, 141\).*\(150, 141, 3\)"),
        ("depth.png", np.zeros((150, 141), np.uint8), "8-bit"),
        ("uncertainty.npy", np.zeros((150, 141), np.float32), "float32.*float16"),
    ],
)
def test_arrays_of_another_type_or_size_are_refused(
    name: str, array: NDArray[Any], message: str, tmp_path: Path
) -> None:
    curated = write_curated(tmp_path / "curated", all_triples(), table({"all": TAKES}))
    path = curated / "triples" / "cellar-1" / name
    if path.suffix == ".npy":
        np.save(path, array)
    else:
        path.write_bytes(encode_png(array))
    with pytest.raises(InputError, match=message) as caught:
        build_release(curated, tmp_path / "x.h5", version="1.0.0")
    assert caught.value.where == str(path)
    assert os.listdir(tmp_path) == ["curated"]


@pytest.mark.parametrize("name", ["uncertainty.npy", "depth.png"])
def test_a_damaged_file_is_named(name: str, tmp_path: Path) -> None:
    curated = write_curated(tmp_path / "curated", all_triples(), table({"all": TAKES}))
    path = curated / "triples" / "cellar-1" / name
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(InputError, match="truncated|not a NumPy array") as caught:
        build_release(curated, tmp_path / "x.h5", version="1.0.0")
    assert caught.value.where == str(path)


def test_big_endian_uncertainty_keeps_its_values(tmp_path: Path) -> None:
    triples = all_triples()
    expected = triples["attic-1"]["uncertainty"]
    curated = write_curated(tmp_path / "curated", triples, table({"all": TAKES}))
    np.save(curated / "triples" / "attic-1" / "uncertainty.npy", expected.astype(">f2"))
    build_release(curated, tmp_path / "x.h5", version="1.0.0")
    np.testing.assert_array_equal(IDFD(tmp_path / "x.h5")[0].uncertainty, expected)
    assert verify_release(tmp_path / "x.h5").ok


def test_a_kind_of_depth_counts_only_where_every_triple_has_it(tmp_path: Path) -> None:
    triples = {take: make_arrays(take, raw=take != "attic-1", inpainted=True) for take in TAKES}
    path = make_release(tmp_path, triples)
    dataset = IDFD(path)
    assert dataset.info.depth_kinds == ("inpainted",)
    assert all(triple.depth.all() for triple in map(dataset.__getitem__, range(len(dataset))))


def test_triples_without_a_common_kind_of_depth_are_refused(tmp_path: Path) -> None:
    triples = {
        take: make_arrays(take, raw=i % 2 == 0, inpainted=i % 2 == 1)
        for i, take in enumerate(TAKES)
    }
    with pytest.raises(InputError, match="no kind of depth.*depth or depth_inpainted in each"):
        make_release(tmp_path, triples)


def test_verdicts_choose_what_is_released(tmp_path: Path) -> None:
    curated = write_curated(
        tmp_path / "curated", all_triples(), table({"all": [*TAKES, "attic-9"]}),
        excluded=["attic-9"],
    )  # fmt: skip
    write_triple(curated / "triples/attic-9", make_record("attic-9"), make_arrays("attic-9"))
    output = tmp_path / "x.h5"
    build_release(
        curated, output, version="1.0.0", include=frozenset({"pass", "warn", "fail"})
    )  # fmt: skip
    assert "attic-9" in IDFD(output).ids


# Each step has less room: the failures hit the closing, the chunks, the creation of the file.
_FULL_DISK = """
import os, resource, signal, subprocess, sys
from pathlib import Path
from idfd.errors import StorageError
from idfd.release.build import build_release
curated, output, how = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
output.write_bytes(b"old")
for room in map(int, sys.argv[4:]):
    if how == "limit":
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
    else:
        option = f"remount,size={room}"
        subprocess.run(["mount", "-o", option, str(output.parent)], check=True)
    try:
        build_release(curated, output, version="1.0.0")
    except StorageError as error:
        print(error)
    assert output.read_bytes() == b"old"
    assert os.listdir(output.parent) == [output.name], os.listdir(output.parent)
"""


def _rooms(release: Path) -> list[str]:
    # Without the user block: it is a hole in the file until the manifest is written into it.
    size = read_manifest(release)[0].body_bytes
    return [str(int(room) // 4096 * 4096) for room in (size - 4096, size * 0.6, size * 0.3, 16384)]


def _build_in_rooms(how: str, release: Path, output: Path) -> list[str]:
    curated = release.parent / "curated"
    rooms = _rooms(release)
    command = [sys.executable, "-c", _FULL_DISK, str(curated), str(output), how, *rooms]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    # HDF5 must not stumble over the lost file when the process ends either.
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == len(rooms)
    return lines


def test_a_limit_on_file_sizes_leaves_the_old_release(release: Path, tmp_path: Path) -> None:
    for line in _build_in_rooms("limit", release, tmp_path / "x.h5"):
        assert line.startswith(f"{tmp_path / 'x.h5'}: cannot be written (File too large).")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_full_disk_leaves_the_old_release(release: Path, tmp_path: Path) -> None:
    mounted = tmp_path / "disk"
    mounted.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", mounted], capture_output=True)
    if made.returncode:
        pytest.skip("mounting is not allowed here")
    try:
        for line in _build_in_rooms("disk", release, mounted / "x.h5"):
            assert "The disk is full; free some space" in line
            assert "(No space left on device)" in line
    finally:
        subprocess.run(["umount", mounted], check=True)


def test_the_error_number_that_hdf5_hides_is_found() -> None:
    # h5py sets no errno where a chunk, and not the file, cannot be written.
    hidden = OSError("Can't write chunk (file write failed: errno = 28, error message = 'No ...')")
    assert hidden.errno is None
    error = storage_error(hidden, Path("x.h5"))
    assert "(No space left on device)" in str(error)
    assert "The disk is full" in str(error)


def test_an_output_in_a_missing_place_is_made(tmp_path: Path) -> None:
    curated = write_curated(tmp_path / "curated", all_triples(), table({"all": TAKES}))
    build_release(curated, tmp_path / "new" / "deep" / "x.h5", version="1.0.0")
    assert os.listdir(tmp_path / "new" / "deep") == ["x.h5"]
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="file: cannot be written"):
        build_release(curated, tmp_path / "file" / "x.h5", version="1.0.0")
