"""Depth bursts survive the round trip bit by bit, and damage is noticed."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from idfd.errors import IdfdError, InputError, SchemaError, StorageError
from idfd.model.burst import Burst
from idfd.storage.bursts import decode_depth_frames, read_burst, write_burst
from idfd.storage.hashing import sha256_file


def make_burst(frames: int = 3, height: int = 12, width: int = 16, colour: bool = True) -> Burst:
    rng = np.random.default_rng(7)
    return Burst(
        depth=rng.integers(0, 4000, (frames, height, width)).astype(np.uint16),
        infrared=rng.integers(0, 900, (frames, height, width)).astype(np.uint16),
        colour=tuple(rng.bytes(40 + k) for k in range(frames)) if colour else (),
        timestamps_us=np.arange(frames, dtype=np.int64) * 33333 + 1_000_000,
        system_ns=np.arange(frames, dtype=np.int64) * 33_333_000 + 1_700_000_000_000_000_000,
        temperature_c=np.full(frames, 31.5, np.float32),
        calibration=b'{"CalibrationInformation": {}}\x00',
        mode="NFOV_UNBINNED",
        frames_per_s=30.0,
        device={"serial": "000123", "firmware": "1.6.110"},
        warm_up_s=1800.25,
    )


def assert_same(left: Burst, right: Burst) -> None:
    for name in ("depth", "infrared", "timestamps_us", "system_ns", "temperature_c"):
        one, other = getattr(left, name), getattr(right, name)
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other, err_msg=name)
    for name in ("colour", "calibration", "mode", "frames_per_s", "device", "warm_up_s"):
        assert getattr(left, name) == getattr(right, name), name


def test_round_trip(tmp_path: Path) -> None:
    burst = make_burst()
    reference = write_burst(tmp_path / "depth.h5", burst)
    assert_same(read_burst(tmp_path / "depth.h5"), burst)
    assert reference.path == "depth.h5"
    assert reference.sha256 == sha256_file(tmp_path / "depth.h5")
    assert reference.bytes == (tmp_path / "depth.h5").stat().st_size
    assert [file.name for file in tmp_path.iterdir()] == ["depth.h5"]


def test_depth_alone_is_that_of_the_burst(tmp_path: Path) -> None:
    burst, path = make_burst(), tmp_path / "depth.h5"
    write_burst(path, burst)
    frames = decode_depth_frames(path.read_bytes(), path)
    assert frames.dtype == np.uint16
    np.testing.assert_array_equal(frames, burst.depth)


@pytest.mark.parametrize("damage", ["missing", "float", "flat", "empty", "schema"])
def test_depth_alone_of_a_bad_file_is_refused(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "depth.h5"
    write_burst(path, make_burst())
    with h5py.File(path, "r+") as file:
        if damage == "schema":
            del file.attrs["schema"]
        else:
            frames = file["depth"][()]
            del file["depth"]
            if damage == "float":
                file["depth"] = frames.astype(np.float32)
            elif damage != "missing":
                file["depth"] = frames[0] if damage == "flat" else frames[:0]
    with pytest.raises(SchemaError):
        decode_depth_frames(path.read_bytes(), path)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_round_trip_of_any_burst(data: st.DataObject) -> None:
    shape = data.draw(hnp.array_shapes(min_dims=3, max_dims=3, max_side=6))
    count = shape[0]
    with_colour = data.draw(st.booleans())
    burst = Burst(
        depth=data.draw(hnp.arrays(np.uint16, shape)),
        infrared=data.draw(hnp.arrays(np.uint16, shape)),
        colour=tuple(data.draw(st.lists(st.binary(), min_size=count, max_size=count)))
        if with_colour
        else (),
        timestamps_us=data.draw(hnp.arrays(np.int64, count)),
        system_ns=data.draw(hnp.arrays(np.int64, count)),
        temperature_c=data.draw(hnp.arrays(np.float32, count)),
        calibration=data.draw(st.binary(max_size=40)),
        mode=data.draw(st.sampled_from(["NFOV_UNBINNED", "NFOV_2X2BINNED"])),
        frames_per_s=data.draw(st.floats(1, 60)),
        device=data.draw(
            st.dictionaries(st.text("abcäß._ ", min_size=1), st.text("xyzµ 1."), max_size=3)
        ),
        warm_up_s=data.draw(st.none() | st.floats(0, 1e5)),
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "b.h5"
        write_burst(path, burst)
        assert_same(read_burst(path), burst)


def test_says_its_units_and_schema(tmp_path: Path) -> None:
    write_burst(tmp_path / "b.h5", make_burst())
    with h5py.File(tmp_path / "b.h5") as file:
        assert file.attrs["schema"] == b"idfd/burst"
        assert file.attrs["schema_version"] == b"1.0.0"
        units = {name: item.attrs.get("unit") for name, item in file.items()}
        assert file["depth"].compression == "gzip"
        assert file["depth"].chunks == (1, 12, 16)
    assert units["depth"] == "mm"
    assert units["timestamps"] == "us"
    assert units["system_time"] == "ns"
    assert units["temperature"] == "degC"


@pytest.mark.skipif(shutil.which("h5dump") is None, reason="h5dump is not installed")
def test_other_readers_understand_it(tmp_path: Path) -> None:
    burst = make_burst(frames=1, height=2, width=3)
    write_burst(tmp_path / "b.h5", burst)
    done = subprocess.run(
        ["h5dump", "-d", "/depth", tmp_path / "b.h5"], capture_output=True, text=True, check=True
    )
    for value in burst.depth.ravel():
        assert str(value) in done.stdout


def test_a_flipped_byte_is_noticed_or_harmless(tmp_path: Path) -> None:
    burst = make_burst()
    path = tmp_path / "b.h5"
    write_burst(path, burst)
    whole = path.read_bytes()
    noticed = 0
    for place in range(0, len(whole), 41):
        damaged = bytearray(whole)
        damaged[place] ^= 0x55
        path.write_bytes(damaged)
        try:
            found = read_burst(path)
        except IdfdError as error:
            noticed += str(path) in str(error)
        else:
            assert_same(found, burst)
    assert noticed > 20


@pytest.mark.parametrize("name", ["depth", "infrared", "timestamps", "calibration", "device"])
def test_a_missing_part_is_named(tmp_path: Path, name: str) -> None:
    write_burst(tmp_path / "b.h5", make_burst())
    with h5py.File(tmp_path / "b.h5", "a") as file:
        del file[name]
    with pytest.raises(SchemaError, match=name):
        read_burst(tmp_path / "b.h5")


def test_a_damaged_frame_is_named(tmp_path: Path) -> None:
    path = tmp_path / "b.h5"
    write_burst(path, make_burst())
    with h5py.File(path) as file:
        chunk = file["infrared"].id.get_chunk_info(1)
    data = bytearray(path.read_bytes())
    data[chunk.byte_offset + chunk.size // 2] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(SchemaError, match="dataset 'infrared' is damaged"):
        read_burst(path)


def test_refuses_what_is_not_a_burst(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_burst(tmp_path / "none.h5")
    (tmp_path / "text.h5").write_text("hello")
    with pytest.raises(SchemaError, match="HDF5 cannot read"):
        read_burst(tmp_path / "text.h5")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = 1
    with pytest.raises(SchemaError, match="not a depth burst"):
        read_burst(tmp_path / "other.h5")
    write_burst(tmp_path / "b.h5", make_burst())
    with h5py.File(tmp_path / "b.h5", "a") as file:
        file.attrs["schema_version"] = np.bytes_("2.0.0")
    with pytest.raises(SchemaError, match="newer idfd"):
        read_burst(tmp_path / "b.h5")


def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "b.h5"
    write_burst(path, make_burst(frames=2))
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError("unable to write (errno = 28, error message = 'No space left on device')")

    monkeypatch.setattr("idfd.storage.bursts._write_stack", full)
    with pytest.raises(StorageError, match="free some space"):
        write_burst(path, make_burst(frames=3))
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["b.h5"]
