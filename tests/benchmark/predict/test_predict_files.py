from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from exif_blocks import tiff
from toy_predictor import Blur, jpeg, noise, png, scene, write_header

from idfd.benchmark.network.twohead import Output
from idfd.benchmark.predict import Outcome, Predictor, Tiling, files, predict_files
from idfd.benchmark.predict.files import Facts
from idfd.errors import InputError, StorageError
from idfd.model.schema import load
from idfd.storage.hashing import sha256_bytes, sha256_file

EXIF = b"Exif\0\0" + tiff({0x0110: "NIKON D800", 0x0112: [6]}, {0x829D: (18, 10)})


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Predictor]:
    """Stand-ins for the networks that were opened."""
    made: list[Predictor] = []

    def open_toy(checkpoint: Path, heads: None, **options: object) -> Predictor:
        made.append(Predictor(Blur(), heads or ("depth", "aif"), tiling=Tiling(64, 32)))
        return made[-1]

    monkeypatch.setattr(files, "open_predictor", open_toy)
    return made


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(jpeg(scene(48, 70), (0xE1, EXIF)))
    (folder / "b.png").write_bytes(png(noise(65, 90)))
    (folder / "notes.txt").write_text("none")
    return folder


def states(outcomes: list[Outcome]) -> list[str]:
    return [one.state for one in outcomes]


def test_files_hold_what_the_network_gave(
    photos: Path, tmp_path: Path, opened: list[Predictor]
) -> None:
    checkpoint = write_header(tmp_path / "c.safetensors")
    output = tmp_path / "out"
    outcomes = predict_files([photos], checkpoint, output, device="cpu")
    assert states(outcomes) == ["made", "made"]
    expected = Predictor(Blur()).predict(noise(65, 90))
    assert expected.depth_m is not None
    depth = cv2.imread(str(output / "b.depth.png"), cv2.IMREAD_UNCHANGED)
    assert depth is not None
    assert depth.dtype == np.uint16
    np.testing.assert_allclose(depth, expected.depth_m * 1000, atol=0.51)
    made = cv2.imread(str(output / "b.all_in_focus.png"))
    assert made is not None
    assert expected.all_in_focus is not None
    np.testing.assert_allclose(made[..., ::-1], expected.all_in_focus, atol=1)
    # The depth map lies as the photo is seen; the photo lies as its file held it.
    turned = cv2.imread(str(output / "a.depth.png"), cv2.IMREAD_UNCHANGED)
    assert turned is not None
    assert turned.shape == (70, 48)
    assert EXIF in (output / "a.all_in_focus.jpg").read_bytes()
    facts = load(Facts, output / "a.prediction.json")
    assert (facts.width, facts.height) == (48, 70)
    assert facts.photo.sha256 == sha256_file(photos / "a.jpg")
    assert facts.recipe.checkpoint == sha256_file(checkpoint)
    listed = {one.path: one.sha256 for one in facts.outputs}
    assert set(listed) == {"a.depth.png", "a.depth-color.png", "a.all_in_focus.jpg"}
    assert all(sha256_bytes((output / name).read_bytes()) == sha for name, sha in listed.items())
    assert sorted(path.name for path in output.iterdir()) == sorted(
        f"{stem}.{end}"
        for stem, kind in (("a", "jpg"), ("b", "png"))
        for end in ("depth.png", "depth-color.png", f"all_in_focus.{kind}", "prediction.json")
    )


@pytest.mark.parametrize(
    ("trained", "doubted"), [((90, 65), False), ((130, 90), False), ((30, 20), True), (None, False)]
)
def test_a_photo_of_another_scale_than_the_training_is_doubted(
    photos: Path,
    tmp_path: Path,
    opened: list[Predictor],
    trained: tuple[int, int] | None,
    doubted: bool,
) -> None:
    checkpoint = write_header(tmp_path / "c.safetensors", photo_size=trained)
    for state in ("made", "kept"):
        outcome = predict_files([photos / "b.png"], checkpoint, tmp_path / "out", device="cpu")[0]
        assert outcome.state == state
        assert (outcome.warning is not None) is doubted
        assert not doubted or "30x20" in str(outcome.warning)


def test_a_second_run_does_only_what_is_missing_or_would_be_different(
    photos: Path, tmp_path: Path, opened: list[Predictor]
) -> None:
    checkpoint = write_header(tmp_path / "c.safetensors")
    output = tmp_path / "out"

    def again(force: bool = False) -> list[str]:
        return states(predict_files([photos], checkpoint, output, device="cpu", force=force))

    assert again() == ["made", "made"]
    assert again() == ["kept", "kept"]
    assert len(opened) == 1  # the second run needed no network
    assert again(force=True) == ["made", "made"]
    (output / "a.depth.png").unlink()
    assert again() == ["made", "kept"]
    (output / "b.depth-color.png").write_bytes(b"cut off")
    assert again() == ["kept", "made"]
    (output / "b.prediction.json").write_text("{")
    assert again() == ["kept", "made"]
    (photos / "a.jpg").write_bytes(jpeg(scene(48, 71)))
    assert again() == ["made", "kept"]
    write_header(checkpoint, seed=1)
    assert again() == ["made", "made"]
    outcomes = predict_files([photos], checkpoint, output, device="cpu", tiling=Tiling(128, 64))
    assert states(outcomes) == ["made", "made"]


def test_photos_beside_their_pictures(
    photos: Path, tmp_path: Path, opened: list[Predictor]
) -> None:
    checkpoint = write_header(tmp_path / "c.safetensors")
    for expected in ("made", "kept"):
        outcomes = predict_files([photos], checkpoint, photos, device="cpu")
        assert states(outcomes) == [expected, expected]


def test_a_bad_photo_is_named_and_the_others_go_on(
    photos: Path, tmp_path: Path, opened: list[Predictor]
) -> None:
    whole = jpeg(noise(64, 64))
    (photos / "aa.jpg").write_bytes(whole[: len(whole) // 2])
    (photos / "small.png").write_bytes(png(noise(8, 8)))
    (photos / "text.png").write_text("no picture")
    outcomes = predict_files(
        [photos, tmp_path / "absent.jpg"],
        write_header(tmp_path / "c"),
        tmp_path / "o",
        device="cpu",
    )
    assert states(outcomes) == ["made", "failed", "made", "failed", "failed", "failed"]
    messages = {one.photo.name: str(one.error) for one in outcomes if one.error}
    assert "truncated" in messages["aa.jpg"]
    assert "8×8 pixels" in messages["small.png"]
    assert "at least 32×32" in messages["small.png"]
    assert "cannot be decoded" in messages["text.png"] or "not an image" in messages["text.png"]
    assert "No such file" in messages["absent.jpg"]
    assert all(name in message for name, message in messages.items())
    assert not list((tmp_path / "o").glob("small*"))


def test_two_photos_of_one_name_are_refused(photos: Path, tmp_path: Path) -> None:
    (photos / "a.png").write_bytes(png(noise(40, 40)))
    with pytest.raises(InputError, match=r"2 photos are named 'a'"):
        predict_files([photos], write_header(tmp_path / "c"), tmp_path / "out", device="cpu")


def test_a_folder_without_photos_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no photo"):
        predict_files([tmp_path / "empty"], tmp_path / "c", tmp_path / "out", device="cpu")


def test_an_output_folder_that_cannot_be_written_is_refused_before_any_work(
    photos: Path, tmp_path: Path, opened: list[Predictor]
) -> None:
    checkpoint = write_header(tmp_path / "c")
    blocked = tmp_path / "file"
    blocked.write_text("a file")
    with pytest.raises(StorageError):
        predict_files([photos], checkpoint, blocked / "out", device="cpu")
    if os.geteuid() != 0:  # permissions do not stop root
        closed = tmp_path / "closed"
        closed.mkdir(mode=0o500)
        with pytest.raises(StorageError, match="another output folder"):
            predict_files([photos], checkpoint, closed, device="cpu")
    assert not opened


def test_values_that_are_no_numbers_are_no_prediction() -> None:
    def broken(x: torch.Tensor) -> Output:
        return Output(torch.full_like(x[:, :1], torch.nan), None)

    with pytest.raises(InputError, match="no numbers"):
        Predictor(broken, ("depth",)).predict(noise(32, 32))


def test_depth_is_never_zero_in_a_file(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def behind(x: torch.Tensor) -> Output:
        depth = torch.full_like(x[:, :1], -3)
        depth[..., 5:] = 99
        return Output(depth, None)

    monkeypatch.setattr(files, "open_predictor", lambda *_, **__: Predictor(behind, ("depth",)))
    predict_files([photos / "b.png"], write_header(tmp_path / "c"), tmp_path, device="cpu")
    depth = cv2.imread(str(tmp_path / "b.depth.png"), cv2.IMREAD_UNCHANGED)
    assert depth is not None
    assert set(np.unique(depth)) == {1, 65535}


def test_memory_beside_the_result_does_not_grow_with_the_height() -> None:
    def peak(height: int) -> float:
        photo = noise(height, 128)
        tracemalloc.start()
        Predictor(Blur(), tiling=Tiling(64, 32)).predict(photo)
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size - height * 128 * 7  # depth in 4 bytes, colours in 3

    assert peak(1024) < 1.2 * peak(256)
