"""The published steps do what the authors' scripts do, their faults included."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from picture_wall import PHOTO_SIZE, TO_PHOTO, colour_image, flat_burst, photo_of

from idfd.capture.kinect.recording import RecordingCamera
from idfd.errors import InputError
from idfd.model.triple import DepthSource
from idfd.processing.config import PRESETS
from idfd.processing.depth.denoise import denoise
from idfd.processing.depth.maps import DepthMap
from idfd.processing.published.colour import kinect_colour
from idfd.processing.published.crop import PublishedCrop
from idfd.processing.published.homography import HomographyConfig
from idfd.processing.published.steps import (
    MODE_OF_BURST,
    PublishedConfig,
    inpaint_published,
    make_published,
    normalise_published,
    register_published,
    warp_published,
)
from idfd.storage.images import encode_jpeg

FEW = PublishedConfig(homography=HomographyConfig(features=1500))
WHOLE = PublishedCrop(x=0, y=0, side=40, width=40, height=40)


def depth_map(depth: object, source: DepthSource = DepthSource.FUSED) -> DepthMap:
    return DepthMap.of_image(np.asarray(depth, np.uint16), source)


def test_the_burst_becomes_its_mode() -> None:
    burst = np.zeros((40, 1, 4), np.uint16)
    burst[:20, 0, 0] = 900  # in 20 frames of 40: not enough
    burst[:21, 0, 1] = 900
    burst[:, 0, 2] = [1000] * 15 + [1001] * 15 + [1002] * 10  # the smaller of two modes
    burst[:, 0, 3] = [0] * 19 + [700] * 8 + [800] * 13  # zeros do not count, nor does the spread
    fused = denoise(burst, MODE_OF_BURST)
    assert fused.depth.tolist() == [[0, 900, 1000, 800]]


def test_the_preset_begins_with_it() -> None:
    assert PRESETS["published"].denoise == MODE_OF_BURST


def test_a_warp_mixes_depths_and_zeros() -> None:
    """Half a pixel between 1000 and 2000 mm is 1500 mm, and between 1000 mm and nothing 500 mm."""
    depth = np.full((40, 40), 1000)
    depth[:, 20:30] = 2000
    depth[:, 30:] = 0
    half = np.array([[1, 0, 0.5], [0, 1, 0], [0, 0, 1]])
    moved = warp_published(depth_map(depth), half, WHOLE)
    assert (moved.depth[5:-5, 20] == 1500).all()
    assert (moved.depth[5:-5, 30] == 1000).all()
    assert set(np.unique(moved.depth[5:-5, 5:])) == {0, 1000, 1500, 2000}
    assert ((moved.source == DepthSource.NONE) == (moved.depth == 0)).all()


def test_identity_changes_nothing() -> None:
    depth = np.random.default_rng(0).integers(0, 4000, (40, 40))
    moved = warp_published(depth_map(depth), np.eye(3), WHOLE)
    np.testing.assert_array_equal(moved.depth, depth)


def test_the_crop_averages_depth_over_areas() -> None:
    depth = np.random.default_rng(0).integers(500, 4000, (60, 60))
    crop = PublishedCrop(x=10, y=20, side=40, width=20, height=10)
    squeezed = warp_published(depth_map(depth), np.eye(3), crop)
    expected = depth[20:60, 10:50].reshape(10, 4, 20, 2).mean((1, 3))
    np.testing.assert_allclose(squeezed.depth, expected, atol=0.51)


def test_filled_pixels_are_marked_wherever_they_have_a_part() -> None:
    source = np.full((40, 40), DepthSource.FUSED, np.uint8)
    source[:, 30:] = DepthSource.IN_PAINTED
    filled = DepthMap(np.full((40, 40), 1000, np.float32), source)
    shift = np.array([[1, 0, 0.25], [0, 1, 0], [0, 0, 1]])
    moved = warp_published(filled, shift, WHOLE)
    assert (moved.source[:, 1:30] == DepthSource.FUSED).all()
    assert (moved.source[:, 30:] == DepthSource.IN_PAINTED).all()


@pytest.mark.parametrize("method", ["coherence", "telea"])
def test_in_painting_fills_everything_and_keeps_what_is_known(method: str) -> None:
    depth = np.full((40, 50), 1500)
    depth[:, 25:] = 1700
    depth[10:20, 20:30] = 0
    depth[:, :4] = 0
    filled = inpaint_published(depth_map(depth), PublishedConfig(method=method))  # type: ignore[arg-type]
    known = depth > 0
    np.testing.assert_array_equal(filled.depth[known], depth[known])
    overshoot = 5 if method == "telea" else 0  # OpenCV's extrapolates gradients
    assert filled.depth.min() >= 1500 - overshoot
    assert filled.depth.max() <= 1700 + overshoot
    assert (filled.source[known] == DepthSource.FUSED).all()
    assert (filled.source[~known] == DepthSource.IN_PAINTED).all()


def test_photos_are_stretched_to_their_own_range() -> None:
    photo = np.linspace(40, 90, 40 * 40 * 3).reshape(40, 40, 3)
    stretched = normalise_published(np.rint(photo).astype(np.uint8), WHOLE)
    assert (stretched.min(), stretched.max()) == (0, 255)
    expected = 255 * (np.rint(photo) - 40) / 50
    assert np.abs(stretched - expected).max() <= 0.5
    # Two photos of one scene that differ by a gain come out alike, whatever the gain was.
    brighter = normalise_published(np.rint(photo * 512).astype(np.uint16), WHOLE)
    assert np.abs(brighter.astype(int) - stretched).max() <= 3


@pytest.mark.parametrize("wrong", [{"side_share": 0.0}, {"side_share": 1.1}, {"width": 0}], ids=str)
def test_refuses_crops_that_are_none(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="published: a crop of"):
        PublishedConfig(**wrong)  # type: ignore[arg-type]


def test_a_blank_photo_becomes_black() -> None:
    assert not normalise_published(np.full((40, 40, 3), 77, np.uint8), WHOLE).any()


def test_all_steps_on_a_wall() -> None:
    """For a plane the homography holds, so that depth lands within a millimetre or two of it."""
    colour = colour_image()
    burst = flat_burst(colour)
    seen, rig = kinect_colour(burst)
    photo = photo_of(seen)
    fused = denoise(burst.depth, MODE_OF_BURST)
    made = make_published(fused, seen, rig, photo, photo // 2, FEW)
    assert made.all_in_focus.shape == made.defocused.shape == (480, 640, 3)
    assert made.crop.side == round(1050 / 1536 * PHOTO_SIZE[1])
    assert made.crop.distortion == pytest.approx(4 / 3)
    # Depth along the colour camera's axis at each pixel: a plane, tilted by 5 degrees.
    back = cv2.perspectiveTransform(made.crop.photo_pixels(), np.linalg.inv(TO_PHOTO))
    _, on_colour = register_published(fused, seen, rig, photo, FEW)
    x, y = np.rint(back).astype(int).transpose(2, 0, 1)
    inside = (x >= 0) & (y >= 0) & (x < 1280) & (y < 720)
    expected = np.zeros(x.shape)
    expected[inside] = on_colour.depth[y[inside], x[inside]]
    seen_there = (expected > 0).astype(np.uint8)
    inner = cv2.erode(seen_there, np.ones((9, 9)), borderValue=0) > 0
    assert inner.mean() > 0.5
    assert np.abs(made.depth.depth - expected)[inner].max() <= 3
    np.testing.assert_array_equal(made.depth.depth[inner], made.depth_inpainted.depth[inner])
    again = make_published(fused, seen, rig, photo, photo // 2, FEW)
    np.testing.assert_array_equal(again.depth_inpainted.depth, made.depth_inpainted.depth)


def test_refuses_photos_of_two_sizes_and_foreign_colour() -> None:
    burst = flat_burst(colour_image())
    seen, rig = kinect_colour(burst)
    fused = depth_map(burst.depth[0])
    photo = photo_of(seen)
    with pytest.raises(InputError, match="the photos have shapes"):
        make_published(fused, seen, rig, photo, photo[:-1])
    with pytest.raises(InputError, match="the colour image is 1279x720"):
        make_published(fused, seen[:, 1:], rig, photo, photo)


def test_the_colour_image_is_the_middle_one() -> None:
    burst = flat_burst(colour_image(), frames=2)
    last = encode_jpeg(colour_image(seed=1), 95)
    image, rig = kinect_colour(replace(burst, colour=(burst.colour[0], last)))
    assert image.shape == (720, 1280, 3)
    assert np.abs(image.astype(int) - colour_image(seed=1)).mean() < 10
    assert (rig.photo.width, rig.photo.height) == (1280, 720)
    assert rig.depth_to_photo.translation_mm == pytest.approx((-32.04, -2.11, 3.87), abs=1e-3)


@pytest.mark.parametrize(
    ("jpeg", "reason"),
    [
        (None, "no colour images"),
        (encode_jpeg(np.zeros((100, 200, 3), np.uint8)), "colour image is 200x100"),
        (encode_jpeg(np.zeros((720, 1280, 3), np.uint8))[:-20], "truncated"),
        (b"nothing", "not an image"),
    ],
)
def test_refuses_bursts_without_usable_colour(jpeg: bytes | None, reason: str) -> None:
    burst = replace(flat_burst(None), colour=() if jpeg is None else (jpeg,) * 3)
    with pytest.raises(InputError, match=reason) as caught:
        kinect_colour(burst, "scene_1/depth.h5")
    assert "scene_1/depth.h5" in str(caught.value)


@pytest.mark.real
def test_a_real_recording_goes_through(real_data: Path) -> None:
    with RecordingCamera(real_data / "kinect" / "pyk4a" / "recording.mkv") as camera:
        burst = camera.burst(1, 0)
    colour, rig = kinect_colour(burst)
    # The colour image in place of the photo: the homography must be the identity.
    homography, on_colour = register_published(
        denoise(burst.depth, MODE_OF_BURST), colour, rig, colour, FEW
    )
    np.testing.assert_allclose(homography.matrix, np.eye(3), atol=1e-3)
    filled = inpaint_published(on_colour)
    known = on_colour.depth > 0
    assert 0.2 < known.mean() < 0.9
    assert (filled.depth > 0).all()
    np.testing.assert_array_equal(filled.depth[known], on_colour.depth[known])
