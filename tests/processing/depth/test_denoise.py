from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from idfd.calibration.projection import ray_table
from idfd.capture.simulated.world import QUALITIES, Placement, World
from idfd.processing.depth.denoise import DenoiseConfig, denoise
from idfd.processing.depth.fuse import FuseConfig, fuse
from idfd.storage.images import read_depth

pytest.importorskip("open3d")


@dataclass(frozen=True)
class Rendered:
    """A burst of the rendered Kinect; its mean without noise; what is there; kinds of pixels."""

    burst: np.ndarray
    expected: np.ndarray
    depth: np.ndarray
    calm: np.ndarray
    edge: np.ndarray


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Rendered:
    from idfd.capture.simulated.infrared import detour

    world = World(QUALITIES["tiny"], seed=5, cache=tmp_path_factory.mktemp("cache"))
    world.place(Placement("lab", "scene-01"))
    burst, _ = world.depth_frames(30, 0)
    view = world._here().depth
    # Light that comes by way of other surfaces makes depth wrong in every frame alike: no
    # denoising can tell, so it belongs to what is to be found.
    rays = ray_table(view._camera)
    late = 1000 * detour(view._scene, view._camera, view._pose) / np.sqrt(1 + (rays**2).sum(-1))
    geometry = view.geometry()
    near = cv2.erode(geometry, np.ones((3, 3)))
    far = cv2.dilate(geometry, np.ones((3, 3)))
    edge = (far - near > 0.04 * geometry) & (geometry > 0)
    calm = (cv2.dilate(edge.astype(np.uint8), np.ones((7, 7))) == 0) & (near > 0)
    expected, _ = view.expected()
    depth = np.where(geometry > 0, geometry + late, 0)
    # Small things aside, what a calm pixel mixes is what lies at its centre.
    calm &= np.abs(expected - depth) < 0.01 * depth
    return Rendered(burst, expected, depth, calm, edge)


def rmse(depth: np.ndarray, truth: np.ndarray, where: np.ndarray) -> float:
    where = where & (depth > 0)
    return float(np.sqrt(np.mean((depth - truth)[where] ** 2)))


@pytest.mark.parametrize("frames", [30, 10, 1])
def test_a_rendered_room_comes_out_cleaner_than_its_frames(rendered: Rendered, frames: int) -> None:
    burst = rendered.burst[:frames]
    fused, clean = fuse(burst), denoise(burst)
    calm = rendered.calm & (fused.depth > 0)
    assert (clean.depth > 0)[calm].mean() > 0.99
    before, after = (rmse(m.depth, rendered.expected, calm) for m in (fused, clean))
    assert after < 0.5 * before
    # The filter adds no bias: against the geometry too the error only falls.
    assert rmse(clean.depth, rendered.depth, calm) < rmse(fused.depth, rendered.depth, calm)
    assert clean.uncertainty is not None
    robust = np.abs(clean.depth - rendered.expected)[calm & (clean.depth > 0)]
    told = clean.uncertainty[calm & (clean.depth > 0)]
    # Of a normal error 68.3 % is below one standard deviation.
    assert 0.6 < np.mean(robust < told) < 0.76
    assert abs(clean.measures["noise_mm"] - np.median(told)) < 0.2 * np.median(told)


def test_flying_pixels_of_a_rendered_room_go_and_edges_stay(rendered: Rendered) -> None:
    fused, clean = fuse(rendered.burst).depth, denoise(rendered.burst)
    near, far = (rendered.depth.copy() for _ in range(2))
    near[near == 0] = np.inf
    near, far = cv2.erode(near, np.ones((3, 3))), cv2.dilate(far, np.ones((3, 3)))
    margin = 0.01 * rendered.depth
    flying = rendered.edge & (fused > near + margin) & (fused < far - margin)
    # Between near and far there may be something: the surfaces of the eight neighbours.
    for i in range(3):
        for j in range(3):
            shift = np.zeros((3, 3))
            shift[i, j] = 1
            flying &= np.abs(fused - cv2.filter2D(rendered.depth, -1, shift)) > margin
    good = rendered.edge & (fused > 0) & ~flying
    assert flying.sum() > 300
    assert np.mean(clean.depth[flying] > 0) < 0.08
    assert np.mean(clean.depth[good] > 0) > 0.8
    assert np.sum((clean.depth > 0) & flying) < 0.01 * np.sum((clean.depth > 0) & rendered.edge)
    assert 0.002 < clean.measures["flying_share"] < 0.05


def test_each_part_can_be_off(rendered: Rendered) -> None:
    burst = rendered.burst[:4, 200:300, 200:300]
    plain = denoise(burst, DenoiseConfig(flying=None, smooth=None))
    fused = fuse(burst)
    assert np.array_equal(plain.depth, fused.depth)
    unsmoothed, whole = denoise(burst, DenoiseConfig(smooth=None)), denoise(burst)
    assert np.array_equal(unsmoothed.depth > 0, whole.depth > 0)
    kept = unsmoothed.depth > 0
    assert np.array_equal(unsmoothed.depth[kept], fused.depth[kept])
    assert not np.array_equal(whole.depth, unsmoothed.depth)
    assert plain.measures["valid_share"] >= whole.measures["valid_share"]


def test_the_number_of_threads_does_not_matter(
    rendered: Rendered, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    before = cv2.getNumThreads()
    for threads in (1, 4):
        monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", threads)
        cv2.setNumThreads(threads)
        found.append(denoise(rendered.burst[:3]))
    cv2.setNumThreads(before)
    one, many = found
    assert np.array_equal(one.depth, many.depth)
    assert one.uncertainty is not None
    assert many.uncertainty is not None
    assert np.array_equal(one.uncertainty, many.uncertainty, equal_nan=True)


@settings(max_examples=40, deadline=None)
@given(
    arrays.arrays(
        np.uint16,
        st.tuples(st.integers(1, 5), st.integers(1, 7), st.integers(1, 7)),
        elements=st.one_of(st.just(0), st.integers(1, 65535), st.integers(1000, 1010)),
    ),
    st.sampled_from(["median", "clipped_mean", "mode"]),
)
def test_any_burst_gives_a_map_that_holds_together(burst: np.ndarray, method: str) -> None:
    found = denoise(burst, DenoiseConfig(fuse=FuseConfig(method=method)))  # type: ignore[arg-type]
    valid = found.depth > 0
    assert np.isfinite(found.depth).all()
    assert np.array_equal(valid, found.source > 0)
    assert not found.depth[(burst == 0).all(0)].any()
    if found.uncertainty is not None:
        assert np.array_equal(valid, found.uncertainty > 0)
        assert np.isfinite(found.uncertainty[valid]).all()
    assert all(np.isfinite(value) for value in found.measures.values())


@pytest.mark.real
def test_a_frame_of_a_real_kinect_under_more_noise(real_data: Path) -> None:
    frame = read_depth(real_data / "kinect/pyk4a/depth_640x576_u16mm.png")
    clean = denoise(frame[None])
    assert clean.measures["valid_share"] > 0.97 * (frame > 0).mean()
    assert 0.1 < clean.measures["noise_mm"] < 1
    # The frame itself as the truth of a noisier camera.
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 4, (10, *frame.shape))
    burst = np.where(frame > 0, np.rint(frame + noise), 0).astype(np.uint16)
    fused, found = fuse(burst), denoise(burst)
    truth, valid = frame.astype(float), (frame > 0) & (found.depth > 0)
    assert valid.sum() > 0.95 * (frame > 0).sum()
    assert rmse(fused.depth, truth, valid) == pytest.approx(4 * np.sqrt(1.17 / 10), rel=0.05)
    assert rmse(found.depth, truth, valid) < 0.75 * rmse(fused.depth, truth, valid)
