"""Cameras for property tests: lenses as they are made and calibrated, that do not fold."""

from __future__ import annotations

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from idfd.calibration.projection import unproject
from idfd.model.camera import Intrinsics

SIZES = [(640, 576), (1024, 1024), (1280, 720), (4096, 3072), (6016, 4016)]
MODELS = ("pinhole", "brown_conrady_4", "brown_conrady_5", "rational")


def corners(camera: Intrinsics) -> np.ndarray:
    """The outer corners of the corner pixels."""
    right, bottom = camera.width - 0.5, camera.height - 0.5
    return np.array([[-0.5, -0.5], [right, -0.5], [-0.5, bottom], [right, bottom]])


@st.composite
def lens_cameras(draw: st.DrawFn, models: tuple[str, ...] = MODELS) -> Intrinsics:
    """Cameras of up to 112 degrees across, with distortion that holds up to the corners."""
    width, height = draw(st.sampled_from(SIZES))
    model = draw(st.sampled_from(models))
    focal = width * draw(st.floats(0.39, 2.5))
    small = [draw(st.floats(-limit, limit)) for limit in (0.1, 0.03, 0.005)]
    p1, p2 = draw(st.floats(-2e-3, 2e-3)), draw(st.floats(-2e-3, 2e-3))
    if model == "rational":
        # As calibrations come out: large terms above and below that nearly cancel.
        under = [draw(st.floats(0, limit)) for limit in (1.0, 0.3, 0.05)]
        k1, k2, k3 = (k + e for k, e in zip(under, small, strict=True))
        distortion: tuple[float, ...] = (k1, k2, p1, p2, k3, *under)
    else:
        distortion = (small[0], small[1], p1, p2, small[2])
    count = {"pinhole": 0, "brown_conrady_4": 4, "brown_conrady_5": 5, "rational": 8}[model]
    camera = Intrinsics(
        width=width, height=height, fx=focal, fy=focal * draw(st.floats(0.99, 1.01)),
        cx=width * draw(st.floats(0.45, 0.55)), cy=height * draw(st.floats(0.45, 0.55)),
        model="brown_conrady" if count in (4, 5) else "rational" if count else "pinhole",
        distortion=distortion[:count],
    )  # fmt: skip
    assume(np.isfinite(unproject(camera, corners(camera))).all())
    return camera
