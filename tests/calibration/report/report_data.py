"""A made-up calibration for the tests of the report: every part that a page can have."""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np

from idfd.model.board import Board
from idfd.model.calibration import (
    ApertureRow,
    BlurRow,
    CalibrationReport,
    CameraReport,
    DepthErrorRow,
    ParameterRow,
    ViewReport,
)
from idfd.model.camera import Extrinsics, Intrinsics
from idfd.model.covariance import Covariance
from idfd.model.defocus import DefocusModel
from idfd.model.provenance import FileReference, Provenance
from idfd.model.rig import RigCalibration
from idfd.model.triple import Check

PHOTO = Intrinsics(
    width=6016, height=4016, fx=2348.7, fy=2349.3, cx=3011.2, cy=2001.8, model="brown_conrady",
    distortion=(-0.031, 0.012, 1e-4, -2e-4, 0.001),
)  # fmt: skip
DEPTH = Intrinsics(width=640, height=576, fx=504.3, fy=504.4, cx=327.6, cy=334.8)
FILE = FileReference(path="scenes/a/a_1/all_in_focus.jpg", sha256="ab" * 32, bytes=9_000_000)


def views(camera: Intrinsics, seed: int, count: int = 12) -> tuple[ViewReport, ...]:
    """Views with corners everywhere but in the right fifth; the fifth view was rejected."""
    rng = np.random.default_rng(seed)
    made = []
    for number in range(count):
        used = number != 4
        low = rng.uniform(0, 0.4, 2)
        share = low + rng.uniform(0, 0.4, (60, 2))
        pixels = share * (camera.width, camera.height)
        residuals = rng.normal(0, 0.2 if used else 2.0, (60, 2))
        made.append(
            ViewReport(
                name=f"board_{number + 1}",
                used=used,
                reason=None if used else "its error of 2.8 px is 9 times that of the others",
                rms_px=float(np.sqrt((residuals**2).sum(1).mean())),
                distance_mm=700.0 + 90 * number,
                tilt_deg=float(rng.uniform(0, 45)),
                pixels=tuple((float(x), float(y)) for x, y in pixels),
                residuals_px=tuple((float(x), float(y)) for x, y in residuals),
            )
        )
    return tuple(made)


def parameter(name: str, value: float, unit: str, deviation: float | None) -> ParameterRow:
    half = None if deviation is None else 1.96 * deviation
    return ParameterRow(
        name=name,
        value=value,
        unit=unit,
        deviation=deviation,
        low=None if half is None else value - half,
        high=None if half is None else value + half,
    )


def lens(camera: Intrinsics, scale: float) -> tuple[ParameterRow, ...]:
    rows = [
        parameter(name, getattr(camera, name), "px", 0.1 * scale)
        for name in ("fx", "fy", "cx", "cy")
    ]
    names = ("k1", "k2", "p1", "p2", "k3")
    rows += [
        parameter(name, value, "", 3e-4)
        for name, value in zip(names, camera.distortion, strict=False)
    ]
    return tuple(rows)


def camera(name: Literal["photo", "defocused"], seed: int) -> CameraReport:
    return CameraReport(
        camera=name,
        origin="boards",
        intrinsics=PHOTO,
        held_out_px={"brown_conrady": 0.291, "rational": 0.318},
        rms_px=0.283,
        parameters=lens(PHOTO, 4),
        views=views(PHOTO, seed),
    )


def factory_camera() -> CameraReport:
    return CameraReport(
        camera="depth",
        origin="factory",
        intrinsics=DEPTH,
        held_out_px={},
        rms_px=0.12,
        parameters=tuple(parameter(n, getattr(DEPTH, n), "px", None) for n in ("fx", "fy")),
        views=views(DEPTH, 3),
    )


def blur_model() -> DefocusModel:
    covariance = Covariance.of(["scale_px_m", "focus_per_m"], np.diag([0.2**2, 0.01**2]))
    return DefocusModel(
        width=6016, height=4016, centre=(3011.2, 2001.8), f_number=2.8, scale_px_m=11.6,
        focus_distance_m=1.2, psf="mix", disk_share=0.7, floor_px=0.6, sharp_f_number=10.0,
        sharp_scale_px_m=3.25, effective_f_number=2.9, covariance=covariance, residual_px=0.11,
    )  # fmt: skip


def blur_rows(model: DefocusModel) -> tuple[BlurRow, ...]:
    rng = np.random.default_rng(5)
    rows = []
    for index, depth in enumerate(np.repeat(np.linspace(0.5, 4, 12), 6)):
        for f_number, scale in ((2.8, model.scale_px_m), (10.0, 3.25)):
            circle = scale * (1 / model.focus_distance_m - 1 / depth) + rng.normal(0, 0.2)
            rows.append(
                BlurRow(
                    depth_m=float(depth), field=0.1, f_number=f_number, circle_px=float(circle),
                    deviation_px=0.2, used=index % 11 != 0,
                )
            )  # fmt: skip
    return tuple(rows)


def rig() -> RigCalibration:
    return RigCalibration(
        photo=PHOTO,
        depth=DEPTH,
        depth_to_photo=Extrinsics(
            source="depth",
            target="photo",
            rotation=((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
            translation_mm=(91.5, -13.8, 20.6),
        ),
        origin="calibrated",
        defocused=PHOTO,
        blur=blur_model(),
        sources={"board": msgspec.structs.replace(FILE, path="board.json")},
    )


def report() -> CalibrationReport:
    return CalibrationReport(
        board=Board(),
        cameras=(camera("photo", 1), camera("defocused", 2), factory_camera()),
        extrinsics=(
            parameter("rx", -0.028, "rad", 2e-4),
            parameter("tx", 91.5, "mm", 0.11),
            parameter("tz", 20.6, "mm", 0.25),
        ),
        pixel_error=tuple(
            DepthErrorRow(depth_m=d, median_px=0.3 + 0.3 / d, largest_px=0.6 + 0.9 / d)
            for d in (0.5, 0.75, 1.0, 1.5, 2.0, 2.5, 3.0, 3.8)
        ),
        apertures=(
            ApertureRow(name="fx", difference=2.31, deviation=0.4, unit="px"),
            ApertureRow(name="cx", difference=-0.2, deviation=0.5, unit="px"),
        ),
        blur=blur_rows(blur_model()),
        dropped=(("board_20/photo", "no board was found"),),
        checks=(
            Check(name="held_out_px", value=0.291, warn=0.5, fail=1.5, unit="px", verdict="pass"),
            Check(
                name="covered", value=0.78, warn=0.8, fail=0.4, unit="of the image",
                verdict="warn", higher_is_better=True,
            ),
        ),
        verdict="warn",
        images={f"board_{n}/photo": FILE for n in range(1, 13)},
        provenance=Provenance(tool="idfd 0.1", packages={"numpy": "2.2.0"}),
    )  # fmt: skip
