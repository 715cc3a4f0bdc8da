from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from training_set import training_release

from idfd.benchmark.training.config import AugmentConfig
from idfd.benchmark.training.samples import (
    Positions,
    Samples,
    _largest_turn,
    _turned,
    _turned_side,
    prepare,
)
from idfd.errors import ReleaseError
from idfd.model.triple import Triple
from idfd.release.reader import IDFD

EVERYTHING = AugmentConfig(flip=True, rotation_deg=20, exposure_stops=0.5, colour_stops=0.2)
CROP = 32


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> IDFD:
    folder = tmp_path_factory.mktemp("samples")
    return IDFD(training_release(folder, count=5), split="train", cache=folder / "cache")


def samples(data: IDFD, seed: int = 3, augment: AugmentConfig = EVERYTHING) -> Samples:
    return Samples(data, data.ids, CROP, augment, seed)


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(k=st.integers(0, 10_000), seed=st.integers(0, 2**32))
def test_a_sample_depends_on_seed_and_number_alone(data: IDFD, k: int, seed: int) -> None:
    first = samples(data, seed)
    wanted = first[k]
    first[k + 1]
    np.random.default_rng().random()
    again = samples(data, seed)[k]
    assert set(again) == {
        "defocused",
        "all_in_focus",
        "depth",
        "valid",
        "measured",
        "uncertainty",
        "gain",
    }
    for name, tensor in wanted.items():
        assert torch.equal(tensor.nan_to_num(), again[name].nan_to_num()), name


def test_another_seed_and_another_epoch_give_other_windows(data: IDFD) -> None:
    many = samples(data)
    photos = [many[k]["defocused"] for k in range(20)]
    photos += [samples(data, seed=4)[k]["defocused"] for k in range(5)]
    pairs = [(a, b) for i, a in enumerate(photos) for b in photos[:i]]
    assert not any(torch.equal(a, b) for a, b in pairs)


def test_every_epoch_shows_each_triple_once_in_another_order(
    data: IDFD, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    read = data.read

    def watched(take: str, window: tuple[slice, slice] | None = None) -> Triple:
        seen.append(take)
        return read(take, window)

    drawn = samples(data)
    monkeypatch.setattr(data, "read", watched)
    for k in range(20):
        drawn[k]
    epochs = [tuple(seen[start : start + 5]) for start in range(0, 20, 5)]
    assert all(set(epoch) == set(data.ids) for epoch in epochs)
    assert len(set(epochs)) > 1


def test_a_window_is_a_part_of_its_triple(data: IDFD) -> None:
    plain = samples(data, augment=AugmentConfig(flip=False))
    whole = {take: data.read(take) for take in data.ids}
    for k in range(5):
        sample = plain[k]
        photo = sample["defocused"].permute(1, 2, 0).numpy()
        found = []
        for triple in whole.values():
            error = cv2.matchTemplate(triple.defocused, photo, cv2.TM_SQDIFF)
            y, x = np.unravel_index(error.argmin(), error.shape)
            part = (slice(int(y), int(y) + CROP), slice(int(x), int(x) + CROP))
            if np.array_equal(triple.defocused[part], photo):
                found.append((triple, part))
        ((triple, part),) = found
        assert np.array_equal(
            sample["all_in_focus"].permute(1, 2, 0).numpy(), triple.all_in_focus[part]
        )
        np.testing.assert_array_equal(
            sample["depth"][0].numpy(), triple.depth[part].astype(np.float32) / 1000
        )


def pattern(rows: int, columns: int) -> dict[str, NDArray[Any]]:
    """The same ramps in all arrays: whatever moves one moves all."""
    y, x = np.mgrid[:rows, :columns].astype(np.float32)
    photo = np.stack([x * 2, y * 2, (x + y)], axis=-1)
    return {
        "defocused": photo.astype(np.uint8),
        "all_in_focus": photo.astype(np.uint8),
        "depth": x + 1000 * y + 1,
        "valid": np.ones((rows, columns), bool),
        "measured": x > columns / 2,
    }


@given(angle=st.floats(-45, 45).filter(lambda angle: abs(angle) > 0.1))
@settings(max_examples=40, deadline=None)
def test_a_turned_triple_stays_aligned_to_its_corners(angle: float) -> None:
    crop = 48
    side = _turned_side(crop, angle)
    arrays = pattern(side, side)
    made = _turned(arrays, angle, crop)
    # Where a pixel of the window comes from, by hand.
    turn = np.deg2rad(angle)
    dy, dx = np.mgrid[:crop, :crop] - (crop - 1) / 2
    x = (side - 1) / 2 + np.cos(turn) * dx - np.sin(turn) * dy
    y = (side - 1) / 2 + np.sin(turn) * dx + np.cos(turn) * dy
    expected = np.stack([x * 2, y * 2, x + y], axis=-1)
    for name in ("defocused", "all_in_focus"):
        assert np.abs(made[name] - expected).max() <= 1.5, name
    assert made["valid"].all()
    from_x = (made["depth"] - 1) % 1000
    from_y = (made["depth"] - 1) // 1000
    # The nearest pixel, and never a mean of two.
    assert np.abs(from_x - x).max() <= 0.51
    assert np.abs(from_y - y).max() <= 0.51
    assert np.isin(made["depth"], arrays["depth"]).all()
    assert np.array_equal(made["measured"], from_x > side / 2)


@given(height=st.integers(32, 400), width=st.integers(32, 400), share=st.floats(0.1, 1.0))
def test_the_largest_turn_fits_the_photo(height: int, width: int, share: float) -> None:
    crop = max(32, int(share * min(height, width)))
    angle = _largest_turn((height, width), crop)
    assert 0 <= angle <= 45
    if angle:
        assert _turned_side(crop, angle) <= min(height, width)
    if 0 < angle < 45:
        assert _turned_side(crop, min(angle * 1.2 + 1, 45)) > min(height, width) - 10


def test_turning_needs_no_border_even_in_a_small_photo(data: IDFD) -> None:
    # 64 of 72 pixels leave room for no turn worth the name, and 32 for any.
    for crop in (32, 48, 64, 72):
        drawn = Samples(data, data.ids, crop, AugmentConfig(rotation_deg=45), 0)
        for k in range(10):
            sample = drawn[k]
            assert sample["depth"].shape == (1, crop, crop)
            # Depth is known everywhere but in a corner of 3 by 4 pixels.
            assert (~sample["valid"]).sum() <= 12 * 2


def test_mirrored_samples_are_mirrored_in_all_arrays(data: IDFD) -> None:
    flipped = Samples(data, data.ids, 72, AugmentConfig(flip=True), 0)
    growing, falling = 0, 0
    for k in range(20):
        sample = flipped[k]
        row = sample["depth"][0, 40].numpy()
        sign = np.sign(row[-1] - row[0])
        growing, falling = growing + (sign > 0), falling + (sign < 0)
        sharp, blurred = (
            sample[name].float().mean(0).numpy() for name in ("all_in_focus", "defocused")
        )
        aligned = np.corrcoef(sharp.ravel(), blurred.ravel())[0, 1]
        assert aligned > 0.9 > np.corrcoef(sharp[:, ::-1].ravel(), blurred.ravel())[0, 1]
    assert growing > 3
    assert falling > 3


def test_both_photos_share_their_gains(data: IDFD) -> None:
    sample = samples(data)[0]
    batch = {name: tensor[None] for name, tensor in sample.items()}
    moved = prepare(batch, torch.device("cpu"), channels_last=True)
    assert "gain" not in moved
    for name in ("defocused", "all_in_focus"):
        expected = (sample[name].float() / 255 * sample["gain"]).clamp(0, 1)
        torch.testing.assert_close(moved[name][0], expected)
        assert moved[name].is_contiguous(memory_format=torch.channels_last)
    assert len(set(sample["gain"].flatten().tolist())) == 3


def test_gains_stay_within_their_stops(data: IDFD) -> None:
    gains = torch.stack([samples(data)[k]["gain"].flatten() for k in range(30)])
    stops = gains.log2() * 2.2
    assert stops.abs().max() <= 0.7 + 1e-4
    assert stops.mean(1).abs().max() > 0.3
    assert (stops.max(1).values - stops.min(1).values).max() <= 0.4 + 1e-4


@given(
    first=st.integers(0, 50),
    steps=st.integers(0, 20),
    share=st.integers(1, 6),
    world=st.integers(1, 4),
)
def test_batches_of_all_processes_make_the_one(
    first: int, steps: int, share: int, world: int
) -> None:
    batch = share * world
    alone = list(Positions(first, first + steps, batch))
    parts = [list(Positions(first, first + steps, batch, rank, world)) for rank in range(world)]
    assert [[k for share in step for k in share] for step in zip(*parts, strict=True)] == alone
    numbers = [k for step in alone for k in step]
    assert numbers == list(range(first * batch, (first + steps) * batch))


def test_a_window_larger_than_a_photo_is_refused_by_name(data: IDFD) -> None:
    with pytest.raises(ReleaseError, match=r"room0-a is 96x72.*80x80.*smaller crop"):
        Samples(data, data.ids, 80, AugmentConfig(), 0)


def test_no_triples_are_refused(data: IDFD, tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match="no triples"):
        Samples(data, (), 32, AugmentConfig(), 0)
