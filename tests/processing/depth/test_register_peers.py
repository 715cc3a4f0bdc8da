"""Registration of a real Kinect's depth to its own colour camera, against two other engines."""

from __future__ import annotations

import ctypes
import struct
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from idfd.calibration.kinect_factory import parse_factory_calibration
from idfd.calibration.projection import ray_table
from idfd.capture.kinect.sdk import sdk_problem
from idfd.model.rig import RigCalibration
from idfd.model.triple import Crop, DepthSource
from idfd.processing.depth.maps import DepthMap
from idfd.processing.depth.register import RegisterConfig, register

pytestmark = pytest.mark.real
Recorded = tuple[RigCalibration, np.ndarray, bytes]


@pytest.fixture(scope="module")
def recorded(real_data: Path) -> Recorded:
    folder = real_data / "kinect" / "pyk4a"
    calibration = (folder / "recording_calibration.json").read_bytes()
    factory = parse_factory_calibration(calibration, "NFOV_UNBINNED", "720p")
    assert factory.colour is not None
    rig = RigCalibration(
        photo=factory.colour,
        depth=factory.depth,
        depth_to_photo=factory.depth_to_colour,
        origin="calibrated",
    )
    image = cv2.imread(str(folder / "depth_640x576_u16mm.png"), cv2.IMREAD_UNCHANGED)
    assert image is not None
    return rig, image, calibration


def to_colour(recorded: Recorded, largest_step: float = RegisterConfig.largest_step) -> np.ndarray:
    rig, image, _ = recorded
    crop = Crop(x=0.0, y=0.0, width=rig.photo.width, height=rig.photo.height)
    depth = DepthMap.of_image(image, DepthSource.MEASURED)
    return register(depth, rig, crop, RegisterConfig(largest_step=largest_step)).depth


def agreement(ours: np.ndarray, theirs: np.ndarray) -> float:
    both = (ours > 0) & (theirs > 0)
    assert both.mean() > 0.5
    return float(np.mean(np.abs(ours - theirs)[both] <= 1.0))


def test_against_the_sdk(recorded: Recorded) -> None:
    if sdk_problem() is not None:
        pytest.skip("the SDK cannot be loaded in this environment")
    theirs = _sdk_transform(recorded[1], recorded[2], recorded[0])
    ours = to_colour(recorded)
    assert agreement(ours, theirs) >= 0.999
    # The SDK draws jumps of some size as surfaces; with a wider limit so do we.
    assert agreement(to_colour(recorded, 0.04), theirs) >= 0.9999
    assert np.mean((ours > 0) == (theirs > 0)) > 0.99


def _sdk_transform(depth: np.ndarray, calibration: bytes, rig: RigCalibration) -> np.ndarray:
    """``k4a_transformation_depth_image_to_color_camera`` of the library that pyk4a brings."""
    import pyk4a  # noqa: F401  (loads the library)

    path = next(line.split()[-1] for line in Path("/proc/self/maps").read_text().splitlines()
                if "libk4a-" in line or "libk4a.so" in line)  # fmt: skip
    library = ctypes.CDLL(path)
    text = calibration.rstrip(b"\x00") + b"\x00"
    known = ctypes.create_string_buffer(8192)
    library.k4a_calibration_get_from_raw.argtypes = [
        ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_void_p,
    ]  # fmt: skip
    nfov_unbinned, colour_720p = 2, 1
    assert library.k4a_calibration_get_from_raw(
        text, len(text), nfov_unbinned, colour_720p, known
    ) == 0  # fmt: skip
    create = library.k4a_transformation_create
    create.restype, create.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
    # The public function asks for OpenGL: "mov esi, 1; jmp transformation_create". Without a
    # display the same function is called with 0, which is the SDK's own code for the processor.
    address = ctypes.cast(create, ctypes.c_void_p).value
    assert address is not None
    code = ctypes.string_at(address, 10)
    if code[:6] != bytes.fromhex("be01000000e9"):
        pytest.skip("another build of the SDK: its code for the processor was not found")
    (jump,) = struct.unpack("<i", code[6:10])
    inner = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int)(address + 10 + jump)
    handle = inner(ctypes.addressof(known), 0)
    assert handle
    library.k4a_image_create.argtypes = [ctypes.c_int] * 4 + [ctypes.POINTER(ctypes.c_void_p)]
    library.k4a_image_get_buffer.argtypes = [ctypes.c_void_p]
    library.k4a_image_get_buffer.restype = ctypes.c_void_p

    def image(width: int, height: int) -> tuple[ctypes.c_void_p, np.ndarray]:
        depth16 = 4
        made = ctypes.c_void_p()
        assert library.k4a_image_create(depth16, width, height, 2 * width, ctypes.byref(made)) == 0
        buffer: Any = (ctypes.c_uint16 * (width * height)).from_address(
            library.k4a_image_get_buffer(made)
        )
        return made, np.ctypeslib.as_array(buffer).reshape(height, width)

    source, pixels = image(rig.depth.width, rig.depth.height)
    target, out = image(rig.photo.width, rig.photo.height)
    pixels[:] = depth
    transform = library.k4a_transformation_depth_image_to_color_camera
    transform.argtypes = [ctypes.c_void_p] * 3
    assert transform(handle, source, target) == 0
    return out.astype(np.float64)


def test_against_a_ray_cast(recorded: Recorded) -> None:
    """Embree looks along the colour camera's rays at the same surface, as triangles in space."""
    o3d = pytest.importorskip("open3d")
    rig, image, _ = recorded
    metric = image.astype(np.float64)
    points = rig.depth_to_photo.apply(np.dstack([ray_table(rig.depth) * metric[..., None], metric]))
    corners = np.arange(image.size).reshape(image.shape)
    a, b = corners[:-1, :-1].ravel(), corners[:-1, 1:].ravel()
    c, d = corners[1:, :-1].ravel(), corners[1:, 1:].ravel()
    triangles = np.concatenate([np.stack([a, b, d], 1), np.stack([a, d, c], 1)])
    of = metric.ravel()[triangles]
    # Without what is cut: the ray cast knows the surfaces, and nothing of what may hide them.
    kept = (of.min(axis=1) > 0) & (of.max(axis=1) <= 1.02 * of.min(axis=1))
    scene = o3d.t.geometry.RaycastingScene(nthreads=1)
    scene.add_triangles(
        np.nan_to_num(points).reshape(-1, 3).astype(np.float32), triangles[kept].astype(np.uint32)
    )
    table = ray_table(rig.photo)
    rays = np.zeros((*table.shape[:2], 6), np.float32)
    rays[..., 3:5], rays[..., 5] = table, 1
    theirs = scene.cast_rays(o3d.core.Tensor(rays), nthreads=1)["t_hit"].numpy()
    theirs = np.where(np.isfinite(theirs), theirs, 0)
    ours = to_colour(recorded)
    assert agreement(ours, theirs) >= 0.999
    missing = (theirs > 0) & (ours == 0)
    assert missing.sum() < 0.02 * (theirs > 0).sum()
    assert ((ours > 0) & (theirs == 0)).sum() < 0.005 * (theirs > 0).sum()
