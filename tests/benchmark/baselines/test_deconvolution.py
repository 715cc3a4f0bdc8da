"""Wiener and Richardson-Lucy: a known blur is undone, and settings come from the training split."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest
from benchmark_data import FakeDataset, toy_dataset
from blurred_photos import FOCAL_MM, FX, blurred, blurred_set, blurred_triple, picture, with_lens
from hypothesis import given, settings
from hypothesis import strategies as st

from idfd.benchmark.baselines.choice import choose, training_windows
from idfd.benchmark.baselines.deconvolution import Deconvolution, RichardsonLucy, Wiener
from idfd.benchmark.baselines.light import in_linear_light, periodic
from idfd.benchmark.baselines.spot import Spot, excess, lens_of, spot_for
from idfd.benchmark.evaluate import model_input
from idfd.benchmark.metrics.restoration import psnr
from idfd.calibration.defocus.psf import spot as transfer_of
from idfd.calibration.thin_lens import circle_of_confusion_px
from idfd.errors import InputError, ReleaseError
from idfd.model.defocus import DefocusModel

KINDS = (Wiener, RichardsonLucy)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_a_kernel_has_the_transfer_function_of_its_spot(share: float) -> None:
    side = 64
    kernel = Spot(7.0, share).kernel()
    padded = np.zeros((side, side))
    padded[: len(kernel), : len(kernel)] = kernel
    found = np.abs(np.fft.rfft2(padded))
    rows, columns = np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)
    q = (np.pi**2 * (rows**2 + columns**2)).astype(np.float32)
    # Sampling on pixels and their anti-aliasing move it a little.
    np.testing.assert_allclose(found, np.abs(transfer_of(q, 7.0**2, share).value), atol=0.06)
    assert kernel.sum() == pytest.approx(1)


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 20))
@settings(max_examples=30, deadline=None)
def test_borders_of_a_periodic_plane_meet(height: int, width: int, margin: int) -> None:
    ramp = np.add.outer(np.arange(height, dtype=float), 2 * np.arange(width, dtype=float))
    wide = periodic(ramp, margin)
    assert wide.shape == (height + 2 * margin, width + 2 * margin)
    np.testing.assert_array_equal(wide[margin : margin + height, margin : margin + width], ramp)
    # No step across a border, outer or inner, is larger than one inside by more than the fade.
    for axis, step in ((0, 1.0), (1, 2.0)):
        length = ramp.shape[axis]
        jumps = np.abs(np.diff(wide, axis=axis, append=np.take(wide, [0], axis)))
        assert jumps.max() <= step + step * (length - 1) / (2 * margin) + 1e-9


def test_light_comes_back_as_it_was() -> None:
    photo = picture(0, 20, 30)
    np.testing.assert_array_equal(in_linear_light(photo, 5, lambda plane: plane), photo)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("spot", "gain"), [(Spot(4.0, 1.0), 3.0), (Spot(4.0, 0.0), 1.5)])
def test_a_known_blur_is_undone(kind: type[Deconvolution], spot: Spot, gain: float) -> None:
    train = blurred_set(spot)
    model = kind()
    model.fit(train)
    unseen = blurred_triple("hall-a", 99, spot)
    restored = model.predict(model_input(unseen)).all_in_focus
    assert restored is not None
    floor = psnr(unseen.defocused, unseen.all_in_focus)
    assert psnr(restored, unseen.all_in_focus) > floor + gain
    again = model.predict(model_input(unseen)).all_in_focus
    np.testing.assert_array_equal(again, restored)


def test_the_wiener_filter_is_its_formula() -> None:
    plane = np.random.default_rng(0).random((16, 20))
    kernel = Spot(3.0, 1.0).kernel()
    padded = np.zeros_like(plane)
    padded[: len(kernel), : len(kernel)] = kernel
    h = np.fft.fft2(np.roll(padded, (-(len(kernel) // 2),) * 2, (0, 1)))
    laplacian = np.zeros_like(plane)
    laplacian[0, 0], laplacian[[0, 0, 1, -1], [1, -1, 0, 0]] = 4, -1
    balance = 0.02
    x = np.conj(h) * np.fft.fft2(plane)
    x /= np.abs(h) ** 2 + balance * np.abs(np.fft.fft2(laplacian)) ** 2
    np.testing.assert_allclose(
        Wiener().restore(plane, kernel, balance), np.fft.ifft2(x).real, atol=1e-9
    )


def test_a_known_lens_gives_the_spot_and_no_guess_is_made() -> None:
    focus, depth = 1.5, 2.0
    found = lens_of(model_input(with_lens(blurred_triple("a-a", 0, Spot(2.0, 1.0)), focus)))
    assert found is not None
    spot = found.spot(depth, 1.0)
    pitch_um = 1000 * FOCAL_MM / FX
    truth = circle_of_confusion_px(
        depth,
        focal_length_mm=FOCAL_MM,
        f_number=2.8,
        focus_distance_m=focus,
        pixel_pitch_um=pitch_um,
    )
    # fx is the image distance over the pitch, which the lens formula takes from the focal length.
    assert spot.diameter_px == pytest.approx(truth * (focus - FOCAL_MM / 1000) / focus, rel=1e-9)
    train = FakeDataset(
        [with_lens(blurred_triple(f"r{k}-a", k, spot), focus) for k in range(2)], split="train"
    )
    model = Wiener()
    model.fit(train)
    assert model.describe()["spot"] == "of the lens at 2.00 m"
    unseen = with_lens(blurred_triple("hall-a", 99, spot), focus)
    restored = model.predict(model_input(unseen)).all_in_focus
    assert restored is not None
    assert psnr(restored, unseen.all_in_focus) > psnr(unseen.defocused, unseen.all_in_focus) + 3
    with pytest.raises(InputError, match=r"image desk0-a.*lens of this photo is not known"):
        model.predict(model_input(toy_dataset(1)[0]))


def test_a_calibrated_lens_goes_before_the_settings_and_knows_the_scale() -> None:
    triple = with_lens(blurred_triple("a-a", 0, Spot(2.0, 1.0)), 1.5)
    blur = DefocusModel(
        width=256, height=192, centre=(127.5, 95.5), f_number=2.8, scale_px_m=24.0,
        focus_distance_m=1.0, disk_share=0.25, sharp_scale_px_m=12.0,
    )  # fmt: skip
    item = replace(model_input(triple), blur=blur, scale=2.0)
    assert spot_for(2.0, item, 0.5) == Spot(0.5 * 24 * 0.5 / 2, 0.25)
    lens = lens_of(item)
    assert lens is not None
    diameters = lens.diameters(np.full(triple.depth.shape, 2.0))
    np.testing.assert_allclose(diameters, 6.0, rtol=1e-6)
    record = msgspec.structs.replace(triple.record, blur=blur)
    assert excess(record) == pytest.approx(np.sqrt(0.75))


def test_windows_follow_the_split_and_absent_photos_are_left_out() -> None:
    dataset = toy_dataset(5)
    windows = training_windows(dataset, 3, 8, each=2)
    assert [one.item.id for one in windows] == [f"desk{k}-a" for k in (0, 0, 2, 2, 4, 4)]
    assert {one.truth.shape for one in windows} == {(8, 8, 3)}
    for at, triple in enumerate(dataset.triples):
        record = msgspec.structs.replace(triple.record, absent=("all_in_focus",))
        dataset.triples[at] = replace(triple, record=record)
    with pytest.raises(ReleaseError, match="no pair of photos"):
        Wiener().fit(dataset)


def test_the_best_candidate_is_taken_and_of_equals_the_first() -> None:
    windows = training_windows(toy_dataset(2), 2, 16)
    photos = {"truth": lambda w: w.truth, "photo": lambda w: w.item.defocused}
    names = ("photo", "truth", "truth again")
    picked = choose(windows, names, lambda w, name: photos[name.split()[0]](w), "choose")
    assert picked == "truth"


@pytest.mark.parametrize("kind", KINDS)
def test_it_must_be_fitted(kind: type[Deconvolution]) -> None:
    with pytest.raises(ReleaseError, match="has not seen a training split"):
        kind().predict(model_input(toy_dataset(1)[0]))
    assert kind().describe() == {}


def test_a_photo_in_focus_stays_as_it_is() -> None:
    item = model_input(blurred_triple("a-a", 0, Spot(2.0, 1.0)))
    model = Wiener()
    model.chosen = (Spot(0.1, 1.0), 0.01)
    assert model.predict(item).all_in_focus is item.defocused
    assert blurred(picture(1), Spot(3.0, 1.0)).shape == item.defocused.shape
