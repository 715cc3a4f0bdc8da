from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from idfd.capture.simulated.cache import RenderCache
from idfd.capture.simulated.texture_levels import pack


def image(value: float) -> np.ndarray:
    return np.full((100, 100, 3), value, np.float16)


def test_keeps_images_bit_for_bit(tmp_path: Path) -> None:
    cache = RenderCache(tmp_path / "new" / "folder")
    assert cache.get("a") is None
    noise = np.random.default_rng(0).random((5, 7, 3)).astype(np.float16)
    cache.put("a", noise)
    found = cache.get("a")
    assert found is not None
    assert found.dtype == np.float16
    assert np.array_equal(found, noise)


def test_drops_the_longest_unused_to_stay_within_its_limit(tmp_path: Path) -> None:
    cache = RenderCache(tmp_path, limit_bytes=3 * image(0).nbytes + 1000)
    for age, key in enumerate("abc"):
        cache.put(key, image(age))
        os.utime(tmp_path / f"{key}.npz", (1000 + age, 1000 + age))
    assert cache.get("a") is not None  # now the most recently used
    cache.put("d", image(4))
    assert cache.get("b") is None
    assert all(cache.get(key) is not None for key in "acd")


def test_a_damaged_file_is_a_miss_and_is_written_again(tmp_path: Path) -> None:
    cache = RenderCache(tmp_path)
    cache.put("a", image(1))
    whole = (tmp_path / "a.npz").read_bytes()
    flipped = whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:]
    for damaged in (b"", whole[:50], whole[:-7], b"\x00" * 200, flipped):
        (tmp_path / "a.npz").write_bytes(damaged)
        assert cache.get("a") is None
    cache.put("a", image(2))
    found = cache.get("a")
    assert found is not None
    assert found[0, 0, 0] == 2


def test_levels_halve_down_to_one_texel_and_keep_the_mean() -> None:
    texture = np.random.default_rng(0).random((48, 64, 3)).astype(np.float32)
    texels, levels, count = pack([texture], 4096)
    assert levels[0, : count[0], 1].tolist() == [64, 32, 16, 8, 4, 2, 1]
    assert levels[0, : count[0], 2].tolist() == [48, 24, 12, 6, 3, 1, 1]
    first = texels[: 64 * 48].reshape(48, 64, 3)
    assert np.abs(first / 65535 - texture).max() < 1e-5
    last = texels[levels[0, count[0] - 1, 0]] / 65535
    assert np.abs(last - texture.mean((0, 1))).max() < 0.02


def test_a_texture_used_twice_is_kept_once_and_large_ones_are_reduced() -> None:
    big = np.full((256, 512, 3), 0.25, np.float32)
    other = np.full((2, 2, 3), 0.75, np.float32)
    texels, levels, count = pack([big, other, big], 128)
    assert levels[0].tolist() == levels[2].tolist()
    assert levels[0, 0].tolist() == [0, 128, 64]
    assert count.tolist() == [8, 2, 8]
    assert len(texels) == sum(w * h for _, w, h in levels[0]) + 4 + 1
    start = levels[1, 0, 0]
    assert np.abs(texels[start] / 65535 - 0.75).max() < 1e-5


def test_without_room_nothing_is_kept_and_nothing_fails(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    cache = RenderCache(tmp_path / "file" / "folder")
    cache.put("a", image(1))
    assert cache.get("a") is None
