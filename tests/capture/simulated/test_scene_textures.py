from __future__ import annotations

import numpy as np
import pytest

from idfd.capture.simulated.scene.lettering import write
from idfd.capture.simulated.scene.pictures import cell_window, spine_window
from idfd.capture.simulated.scene.pigments import ink, mix, noise, soft
from idfd.capture.simulated.scene.textures import PATTERNS, texture

PALETTE = ink("5b3a1e", "c99b62", "8a2f2a", "2f5a7a", "e8dcc0")
WHOLE_PICTURES = {"outdoors", "paintings", "screens", "spines", "labels", "rug"}


@pytest.mark.parametrize("pattern", PATTERNS)
def test_patterns_are_albedo_with_structure(pattern: str) -> None:
    image = texture(pattern, 3, PALETTE, 256)
    assert image.shape == (256, 256, 3)
    assert image.dtype == np.float32
    assert 0 <= image.min() < image.max() <= 1
    assert image.std() > 0.02
    # Detail at the scale of single texels is what makes focus visible.
    assert np.abs(np.diff(image, axis=0)).mean() > 5e-4


@pytest.mark.parametrize("pattern", PATTERNS)
def test_patterns_are_seeded(pattern: str) -> None:
    first = texture(pattern, 1, PALETTE, 256)
    texture.cache_clear()
    again, other = texture(pattern, 1, PALETTE, 256), texture(pattern, 2, PALETTE, 256)
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.parametrize("pattern", sorted(set(PATTERNS) - WHOLE_PICTURES))
def test_repeating_patterns_have_no_seam(pattern: str) -> None:
    image = texture(pattern, 4, PALETTE, 256)
    for axis in (0, 1):
        turned = np.moveaxis(image, axis, 0)
        within = np.abs(np.diff(turned, axis=0)).mean((1, 2))
        seam = np.abs(turned[0] - turned[-1]).mean()
        assert seam <= within.max() * 1.2 + 1e-3


def test_textures_cannot_be_changed_by_accident() -> None:
    with pytest.raises(ValueError, match="read-only"):
        texture("plain", 0, PALETTE, 64)[0] = 0


def test_noise_has_unit_spread_and_no_seam() -> None:
    field = noise(np.random.default_rng(0), 128, 1, 4, 0.8)
    assert field.std() == pytest.approx(1, abs=1e-4)
    inside = np.abs(np.diff(field, axis=0)).mean()
    assert np.abs(field[0] - field[-1]).mean() < 2 * inside


def test_mix_and_soft_stay_between_their_ends() -> None:
    share = np.linspace(-1, 2, 9, dtype=np.float32).reshape(3, 3)
    image = mix((0.1, 0.2, 0.3), (0.5, 0.4, 0.3), share)
    np.testing.assert_allclose(image[0, 0], (0.1, 0.2, 0.3), atol=1e-7)
    np.testing.assert_allclose(image[-1, -1], (0.5, 0.4, 0.3), atol=1e-7)
    np.testing.assert_allclose(soft(np.array([-1, -0.5, 0, 0.5, 1])), [0, 0, 0.5, 1, 1])


def test_ink_is_linear_light() -> None:
    np.testing.assert_allclose(ink("ff0080")[0], (1.0, 0.0, 0.2158605), atol=1e-6)


def test_letters() -> None:
    image = np.zeros((9, 20, 3), np.float32)
    write(image, "TI", 1, 1, 7, (1.0, 0.5, 0.25))
    picture = image[1:8, 1:12, 0] > 0
    expected = ["#####..###.", "..#.....#..", "..#.....#..", "..#.....#..",
                "..#.....#..", "..#.....#..", "..#....###."]  # fmt: skip
    assert ["".join(".#"[int(dot)] for dot in row) for row in picture] == expected
    np.testing.assert_allclose(image.max((0, 1)), (1.0, 0.5, 0.25))


def test_letters_are_cut_at_the_edges() -> None:
    image = np.zeros((6, 6, 3), np.float32)
    write(image, "OPTICS", 2, 2, 21, (1, 1, 1))
    assert image[2:, 2:].any()
    assert not image[:2].any()


def test_windows_tile_the_atlas() -> None:
    cells = [cell_window(k, 4) for k in range(16)]
    assert sum((right - left) * (low - top) for left, top, right, low in cells) == pytest.approx(1)
    assert len(set(cells)) == 16
    left, top, right, bottom = spine_window(33)
    assert (left, top, bottom) == (1 / 32, 0.0, 1.0)
    assert right == 2 / 32
