from __future__ import annotations

import multiprocessing
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal

import cv2
import h5py
import msgspec
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from release_data import (
    MAPS,
    SIZE,
    TAKES,
    TEST,
    TRAIN,
    Arrays,
    all_triples,
    blurred,
    blurred_records,
    make_arrays,
    make_record,
    make_release,
)
from torch.utils.data import DataLoader, default_collate

from idfd import IDFD
from idfd.errors import InputError, MissingDependencyError, ReleaseError
from idfd.model.camera import Intrinsics
from idfd.model.triple import DepthSource, Triple
from idfd.release.defocus import defocus_arrays
from idfd.release.manifest import read_manifest
from idfd.release.store import ReleaseFile

ARRAYS = ("all_in_focus", "defocused", "depth", "source", "uncertainty", *MAPS)
WINDOW = (40, 56)


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_release(tmp_path_factory.mktemp("set"), records=blurred_records())


@pytest.fixture(scope="module")
def full(release: Path) -> dict[str, Triple]:
    """Whole triples by id; the source map is already that of raw depth."""
    with IDFD(release) as dataset:
        return {triple.record.id: triple for triple in dataset}


@pytest.fixture(scope="module")
def sources() -> dict[str, Arrays]:
    return all_triples()


def test_three_lines_read_a_triple(release: Path, sources: dict[str, Arrays]) -> None:
    train = IDFD(release, split="train")
    triple = train[0]
    assert len(train) == len(TRAIN)
    assert isinstance(triple, Triple)
    assert triple.depth.dtype == np.uint16
    expected = sources[TRAIN[0]]
    np.testing.assert_array_equal(triple.all_in_focus, expected["all_in_focus"], strict=True)
    np.testing.assert_array_equal(triple.defocused, expected["defocused"], strict=True)
    np.testing.assert_array_equal(triple.depth, expected["depth"], strict=True)
    np.testing.assert_array_equal(triple.uncertainty, expected["uncertainty"], strict=True)
    assert triple.record == blurred(make_record(TRAIN[0]))


def test_splits_and_description_are_at_hand(release: Path) -> None:
    assert set(IDFD.splits(release)) == {"train", "test"}
    assert IDFD(release, "test").ids == TEST
    assert IDFD(release).ids == TAKES
    assert IDFD(release).info.licence == "CC-BY-4.0"
    assert IDFD(release).digest == read_manifest(release)[0].digest


def test_iteration_ends(release: Path) -> None:
    # Python's old protocol of iteration ends at an IndexError.
    assert [triple.record.id for triple in IDFD(release)] == list(TAKES)


def test_indices_count_from_the_end_too(release: Path) -> None:
    dataset = IDFD(release)
    assert dataset[-1].record.id == TAKES[-1]
    assert dataset[-len(TAKES)].record.id == TAKES[0]
    assert dataset[int(np.int64(2))].record.id == TAKES[2]
    for index in (len(TAKES), -len(TAKES) - 1):
        with pytest.raises(IndexError, match=f"index {index} of 6 triples"):
            dataset[index]


def test_raw_depth_has_holes_and_no_in_painted_source(
    release: Path, sources: dict[str, Arrays]
) -> None:
    triple = IDFD(release, depth="raw")[0]
    holes = sources[TAKES[0]]["depth"] == 0
    assert holes.any()
    np.testing.assert_array_equal(triple.depth == 0, holes)
    # The stored map describes the in-painted depth.
    assert (sources[TAKES[0]]["source"][holes] == DepthSource.IN_PAINTED).all()
    assert (triple.source[holes] == DepthSource.NONE).all()
    assert (triple.source[~holes] == DepthSource.MEASURED).all()


def test_inpainted_depth_is_whole_and_says_where_it_was_filled(
    release: Path, sources: dict[str, Arrays]
) -> None:
    triple = IDFD(release, depth="inpainted")[0]
    np.testing.assert_array_equal(triple.depth, sources[TAKES[0]]["depth_inpainted"])
    np.testing.assert_array_equal(triple.source, sources[TAKES[0]]["source"])
    np.testing.assert_array_equal(triple.measured, sources[TAKES[0]]["depth"] > 0)


@pytest.mark.parametrize("kind", ["raw", "inpainted"])
def test_a_release_with_one_kind_of_depth_gives_it(
    kind: Literal["raw", "inpainted"], tmp_path: Path
) -> None:
    raw = kind == "raw"
    triples = {take: make_arrays(take, size=(9, 8), raw=raw, inpainted=not raw) for take in TAKES}
    path = make_release(tmp_path, triples)
    assert IDFD(path).depth_kind == IDFD(path, depth=kind).depth_kind == kind
    triple = IDFD(path)[0]
    assert bool(triple.depth.all()) != raw
    assert triple.uncertainty is None
    other: Literal["raw", "inpainted"] = "inpainted" if raw else "raw"
    with pytest.raises(ReleaseError, match=f"no {other} depth.*Leave depth= out"):
        IDFD(path, depth=other)


def test_bad_arguments_are_refused(release: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"one of \['raw', 'inpainted'\]"):
        IDFD(release, depth="metric")  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"no split 'val'.*\['test', 'train'\]"):
        IDFD(release, "val")
    with pytest.raises(InputError, match="no such release"):
        IDFD(tmp_path / "missing.h5")
    (tmp_path / "text").write_text("text")
    with pytest.raises(ReleaseError, match="HDF5 cannot open"):
        IDFD(tmp_path / "text")


@pytest.mark.parametrize("crop", [0, -3, 142, (151, 141), (150, 142), (0, 5)])
def test_crops_that_do_not_fit_are_refused(crop: int | tuple[int, int], release: Path) -> None:
    with pytest.raises(InputError, match="a window inside 150x141"):
        IDFD(release, crop=crop)


def position(triple: Triple, whole: Triple) -> tuple[int, int]:
    """Row and column of a crop, as its intrinsics tell."""
    camera, original = triple.record.intrinsics, whole.record.intrinsics
    assert camera is not None
    assert original is not None
    x, y = original.cx - camera.cx, original.cy - camera.cy
    assert (x, y) == (int(x), int(y))
    assert (camera.width, camera.height) == triple.depth.shape[::-1]
    return int(y), int(x)


def test_a_crop_is_the_same_window_of_every_array(release: Path, full: dict[str, Triple]) -> None:
    dataset = IDFD(release, crop=WINDOW)
    seen = set()
    for index in range(len(dataset)):
        for _ in range(4):
            triple = dataset[index]
            whole = full[triple.record.id]
            y, x = position(triple, whole)
            seen.add((y, x))
            for name in ARRAYS:
                expected = getattr(whole, name)[y : y + WINDOW[0], x : x + WINDOW[1]]
                np.testing.assert_array_equal(getattr(triple, name), expected, strict=True)
            crop = triple.record.crop
            assert (crop.x - whole.record.crop.x, crop.y - whole.record.crop.y) == (x, y)
            assert (crop.height, crop.width) == WINDOW
    assert len(seen) > 20


def test_a_crop_may_be_as_large_as_the_triple(release: Path, full: dict[str, Triple]) -> None:
    triple = IDFD(release, crop=SIZE)[1]
    np.testing.assert_array_equal(triple.depth, full[TAKES[1]].depth)


def test_windows_reach_every_border(release: Path, full: dict[str, Triple]) -> None:
    dataset = IDFD(release, crop=(SIZE[0] - 1, SIZE[1] - 1))
    found = {position(dataset[0], full[TAKES[0]]) for _ in range(40)}
    assert found == {(0, 0), (0, 1), (1, 0), (1, 1)}


def test_a_flip_mirrors_every_array_and_the_camera(release: Path, full: dict[str, Triple]) -> None:
    dataset = IDFD(release, flip=True)
    mirrored = 0
    for index in [*range(len(dataset))] * 4:
        triple, whole = dataset[index], full[TAKES[index]]
        camera, original = triple.record.intrinsics, whole.record.intrinsics
        assert camera is not None
        assert original is not None
        turned = camera.cx != original.cx
        mirrored += turned
        for name in ARRAYS:
            expected = getattr(whole, name)[:, :: -1 if turned else 1]
            np.testing.assert_array_equal(getattr(triple, name), expected, strict=True)
            assert getattr(triple, name).flags.c_contiguous
        if turned:
            assert camera.cx == SIZE[1] - 1 - original.cx
            # The mirrored record still gives the mirrored map.
            maps = defocus_arrays(triple.record, {"depth": triple.depth, "source": triple.source})
            np.testing.assert_array_equal(maps["defocus"], triple.defocus)
    assert 4 <= mirrored <= 20


@pytest.mark.parametrize(
    ("model", "distortion"),
    [
        ("pinhole", ()),
        ("brown_conrady", (0.1, -0.05, 0.01, 0.02)),
        ("brown_conrady", (0.1, -0.05, 0.01, 0.02, 0.003)),
        ("rational", (0.1, -0.05, 0.01, 0.02, 0.003, 0.2, -0.1, 0.01)),
    ],
)
def test_a_mirrored_camera_sees_the_mirrored_world(
    model: Any, distortion: tuple[float, ...], tmp_path: Path
) -> None:
    record = make_record("attic-1", (9, 8))
    camera = Intrinsics(
        width=8, height=9, fx=10, fy=11, cx=3.2, cy=4.1, model=model, distortion=distortion
    )
    record = msgspec.structs.replace(record, intrinsics=camera)
    arrays = {take: make_arrays(take, size=(9, 8)) for take in TAKES}
    path = make_release(tmp_path, arrays, records={"attic-1": record})
    dataset = IDFD(path, flip=True)
    cameras = [dataset[0].record.intrinsics for _ in range(20)]
    turned = next(found for found in cameras if found != camera)
    points = np.random.default_rng(0).uniform((-0.4, -0.4, 1), (0.4, 0.4, 2), (20, 3))

    def project(seen: Intrinsics, world: NDArray[np.float64]) -> NDArray[np.float64]:
        matrix = np.array([[seen.fx, 0, seen.cx], [0, seen.fy, seen.cy], [0, 0, 1]])
        coefficients = np.array(seen.distortion) if seen.distortion else None
        pixels, _ = cv2.projectPoints(world, np.zeros(3), np.zeros(3), matrix, coefficients)
        return np.asarray(pixels[:, 0])

    assert turned is not None
    expected = project(camera, points)
    expected[:, 0] = camera.width - 1 - expected[:, 0]
    np.testing.assert_allclose(project(turned, points * (-1, 1, 1)), expected, atol=1e-9)


def test_triples_without_intrinsics_are_cropped_and_flipped_too(tmp_path: Path) -> None:
    records = {take: msgspec.structs.replace(make_record(take, (9, 8)), intrinsics=None)
               for take in TAKES}  # fmt: skip
    arrays = {take: make_arrays(take, size=(9, 8)) for take in TAKES}
    dataset = IDFD(make_release(tmp_path, arrays, records=records), crop=4, flip=True)
    assert dataset[0].record.intrinsics is None
    assert dataset[0].record.crop.width == 4


def starts(dataset: IDFD, rounds: int = 1) -> list[tuple[str, float, float]]:
    return [start(dataset[i]) for _ in range(rounds) for i in range(len(dataset))]


def start(triple: Triple) -> tuple[str, float, float]:
    return triple.record.id, triple.record.crop.y, triple.record.crop.x


def test_the_seed_decides_the_windows(release: Path) -> None:
    def windows(seed: int) -> list[tuple[str, float, float]]:
        return starts(IDFD(release, crop=32, flip=True, seed=seed), 2)

    first = windows(3)
    assert first == windows(3)
    assert first != windows(4)
    assert first[: len(TAKES)] != first[len(TAKES) :]


def load(dataset: IDFD, **options: Any) -> DataLoader[Any]:
    # Torch is optional, so type checkers do not see that this is a torch dataset.
    source: Any = dataset
    return DataLoader(source, **options)


def loaded(dataset: IDFD, workers: int, seed: int, epochs: int = 1, **options: Any) -> list[Any]:
    torch.manual_seed(seed)
    loader = load(dataset, batch_size=2, num_workers=workers, collate_fn=list, **options)
    return [[start(t) for batch in loader for t in batch] for _ in range(epochs)]


def test_the_number_of_workers_does_not_change_the_windows(release: Path) -> None:
    dataset = IDFD(release, crop=32, seed=1)
    one, two = (loaded(dataset, workers, seed=5, epochs=2) for workers in (1, 2))
    assert one == two
    assert one[0] != one[1]
    assert [take for take, *_ in one[0]] == list(TAKES)
    assert loaded(dataset, 1, seed=6) != one[:1]


def test_workers_that_stay_alive_draw_anew(release: Path) -> None:
    dataset = IDFD(release, crop=32)
    first, second = loaded(dataset, 1, seed=0, epochs=2, persistent_workers=True)
    assert first != second


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_workers_of_every_start_method_read_the_same(
    method: str, release: Path, full: dict[str, Triple]
) -> None:
    dataset = IDFD(release)
    _ = dataset[0]  # the file is open when the workers start
    loader = load(
        dataset, batch_size=3, num_workers=1, collate_fn=list, multiprocessing_context=method
    )
    found = [triple for batch in loader for triple in batch]
    assert [triple.record.id for triple in found] == list(TAKES)
    for triple in found:
        whole = full[triple.record.id]
        assert triple.record == whole.record
        for name in ARRAYS:
            np.testing.assert_array_equal(getattr(triple, name), getattr(whole, name))


def test_an_open_release_pickles(release: Path) -> None:
    dataset = IDFD(release, "test", crop=16, seed=2)
    _ = dataset[0]
    again = pickle.loads(pickle.dumps(dataset))
    assert again.ids == TEST
    assert start(again[0]) == start(dataset[0])
    assert len(pickle.dumps(dataset)) < 200_000


def _same(dataset: IDFD, expected: dict[str, Triple], rounds: int) -> None:
    for _ in range(rounds):
        for triple in dataset:
            np.testing.assert_array_equal(
                triple.all_in_focus, expected[triple.record.id].all_in_focus
            )
            np.testing.assert_array_equal(triple.depth, expected[triple.record.id].depth)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_parent_and_forked_children_read_at_the_same_time(
    release: Path, full: dict[str, Triple]
) -> None:
    dataset = IDFD(release)
    _same(dataset, full, 1)
    context = multiprocessing.get_context("fork")
    children = [context.Process(target=_same, args=(dataset, full, 6)) for _ in range(2)]
    for child in children:
        child.start()
    _same(dataset, full, 6)
    for child in children:
        child.join(30)
    assert [child.exitcode for child in children] == [0, 0]


def _opens_anew(file: ReleaseFile, inherited: int) -> None:
    # HDF5's state must not be shared: its locks and caches belong to the parent.
    assert id(file.file) != inherited


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_opens_the_file_anew(release: Path) -> None:
    file = ReleaseFile(release)
    assert file.file is file.file
    child = multiprocessing.get_context("fork").Process(
        target=_opens_anew, args=(file, id(file.file))
    )
    child.start()
    child.join(30)
    assert child.exitcode == 0


def test_a_closed_release_opens_again(release: Path) -> None:
    dataset = IDFD(release)
    with dataset:
        first = dataset[0]
    dataset.close()
    np.testing.assert_array_equal(dataset[0].depth, first.depth)


def test_it_is_a_torch_dataset(release: Path) -> None:
    assert isinstance(IDFD(release), torch.utils.data.Dataset)


def test_tensors_have_the_documented_shapes_and_units(
    release: Path, full: dict[str, Triple]
) -> None:
    item = IDFD(release, tensors=True)[0]
    whole = full[TAKES[0]]
    height, width = SIZE
    assert set(item) == {
        "all_in_focus", "defocused", "depth", "valid", "measured", "id", *MAPS,
    }  # fmt: skip
    for name in ("all_in_focus", "defocused"):
        assert item[name].shape == (3, height, width)
        assert item[name].dtype == torch.float32
        photo = getattr(whole, name).transpose(2, 0, 1) / np.float32(255)
        np.testing.assert_allclose(item[name].numpy(), photo, atol=1e-7)
    assert item["depth"].dtype == torch.float32
    np.testing.assert_allclose(item["depth"][0].numpy(), whole.depth / 1000, rtol=1e-6)
    np.testing.assert_array_equal(item["valid"][0].numpy(), whole.depth > 0)
    np.testing.assert_array_equal(item["measured"][0].numpy(), whole.measured)
    for name in MAPS:
        assert item[name].dtype == torch.float32
        np.testing.assert_array_equal(item[name][0].numpy(), getattr(whole, name))
        np.testing.assert_array_equal(torch.isfinite(item[name]), item["measured"])
    assert item["id"] == TAKES[0]


def test_tensors_are_collated_by_default(release: Path) -> None:
    dataset = IDFD(release, tensors=True, crop=32, flip=True)
    batch = default_collate([dataset[0], dataset[1]])
    assert batch["all_in_focus"].shape == (2, 3, 32, 32)
    assert batch["valid"].dtype == torch.bool
    assert batch["id"] == list(TAKES[:2])
    (first, *_) = load(dataset, batch_size=6, num_workers=1)
    assert first["depth"].shape == (6, 1, 32, 32)


_WITHOUT_TORCH = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "torch":
            raise ModuleNotFoundError("No module named 'torch'", name="torch")
sys.modules["torch"] = None  # what find_spec looks at first
sys.meta_path.insert(0, Missing())
from idfd import IDFD
from idfd.errors import MissingDependencyError
dataset = IDFD(sys.argv[1], "train", crop=16, flip=True)
print(type(dataset[0]).__name__, dataset[0].depth.shape, IDFD.__mro__[1].__name__)
try:
    IDFD(sys.argv[1], tensors=True)
except MissingDependencyError as error:
    print(error)
"""


def test_numpy_is_enough(release: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT_TORCH, str(release)],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first == "Triple (16, 16) object"
    assert second == "tensors=True needs torch. Install it with 'pip install idfd[torch]'."


def test_tensors_without_torch_name_the_remedy(
    release: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match=r"pip install idfd\[torch\]"):
        IDFD(release, tensors=True)


def test_plot_draws_a_figure(release: Path) -> None:
    figure = IDFD(release, crop=8).plot(-1)
    titles = [axis.get_title() for axis in figure.axes]
    assert titles[:2] == ["all-in-focus, f/10", "defocused, f/1.8"]
    assert "depth (m)" in titles
    # The whole triple is drawn, not a window.
    drawn = figure.axes[0].get_images()[0].get_array()
    assert drawn is not None
    assert drawn.shape[:2] == SIZE


@pytest.fixture
def windows() -> list[tuple[slice, slice]]:
    random = np.random.default_rng(0)
    made = [(slice(None), slice(None)), (slice(-5, None), slice(3, -1)), (slice(4, 4), slice(2))]
    for _ in range(60):
        y, x = np.sort(random.integers(0, SIZE[0], 2)), np.sort(random.integers(0, SIZE[1], 2))
        made.append((slice(int(y[0]), int(y[1]) + 1), slice(int(x[0]), int(x[1]) + 1)))
    return made


def test_windows_are_slices_of_the_arrays(
    release: Path, sources: dict[str, Arrays], windows: list[tuple[slice, slice]]
) -> None:
    # The chunks are inflated here and not by HDF5, so every kind of edge is tried.
    with ReleaseFile(release) as file:
        for window in windows:
            for name, array in sources["garden-1"].items():
                found = file.read("garden-1", name, window)
                np.testing.assert_array_equal(found, array[window], strict=True)


def test_damaged_chunks_are_an_error_that_names_the_array(release: Path, tmp_path: Path) -> None:
    data = bytearray(release.read_bytes())
    with h5py.File(release) as file:
        stored = file["triples/garden-1/all_in_focus"].id.read_direct_chunk((0, 0, 0))[1]
    first = data.index(stored)
    path = tmp_path / "x.h5"
    for place in np.random.default_rng(0).integers(first, first + len(stored), 20):
        damaged = bytearray(data)
        damaged[place] ^= 0x10
        path.write_bytes(damaged)
        with (
            ReleaseFile(path) as damaged_file,
            pytest.raises(ReleaseError, match="/triples/garden-1/all_in_focus cannot be read"),
        ):
            damaged_file.read("garden-1", "all_in_focus")


def test_unknown_arrays_and_triples_are_named(release: Path) -> None:
    with ReleaseFile(release) as file:
        with pytest.raises(ReleaseError, match="no array /triples/attic-1/normals"):
            file.read("attic-1", "normals")
        with pytest.raises(ReleaseError, match="the attribute 'record' is missing"):
            file.record("moon-1")
