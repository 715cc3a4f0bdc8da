"""The factory calibration of an Azure Kinect: Microsoft's JSON from and to intrinsics.

The file describes the whole sensors (1024 by 1024 depth, 4:3 or 16:9 colour) in units of their
width and height, with (0, 0) at the corner of the corner pixel. A mode reads a window of the
sensor, binned or scaled; the numbers are those of the Sensor SDK
(``src/transformation/mode_specific_calibration.c``). Results follow OpenCV: pixels, (0, 0) at the
centre of the corner pixel, coefficients ``k1 k2 p1 p2 k3 k4 k5 k6``, translations in millimetres.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from idfd.errors import InputError, SchemaError
from idfd.model.camera import Extrinsics, Intrinsics

DEPTH_LOCATION = "CALIBRATION_CameraLocationD0"
COLOUR_LOCATION = "CALIBRATION_CameraLocationPV0"
_BROWN_CONRADY = "CALIBRATION_LensDistortionModelBrownConrady"
_RATIONAL_6KT = "CALIBRATION_LensDistortionModelRational6KT"
_DEFAULT_RADIUS = 1.7  # the SDK's value where the factory could not estimate one

# Model parameters: cx cy fx fy k1 k2 k3 k4 k5 k6 codx cody p2 p1; OpenCV's order of the distortion:
_OPENCV_ORDER = [4, 5, 13, 12, 6, 7, 8, 9]


@dataclass(frozen=True)
class Window:
    """The part of a sensor that a mode reads.

    ``binned`` is the size of the whole sensor after binning or scaling, ``offset`` the corner of
    the window in it, ``size`` the size of the images; all (x, y) in pixels.
    """

    binned: tuple[int, int]
    offset: tuple[int, int]
    size: tuple[int, int]


DEPTH_MODES = {
    "NFOV_UNBINNED": Window((1024, 1024), (192, 180), (640, 576)),
    "NFOV_2X2BINNED": Window((512, 512), (96, 90), (320, 288)),
    "WFOV_UNBINNED": Window((1024, 1024), (0, 0), (1024, 1024)),
    "WFOV_2X2BINNED": Window((512, 512), (0, 0), (512, 512)),
}
COLOUR_RESOLUTIONS = {
    "720p": Window((1280, 960), (0, 120), (1280, 720)),
    "1080p": Window((1920, 1440), (0, 180), (1920, 1080)),
    "1440p": Window((2560, 1920), (0, 240), (2560, 1440)),
    "1536p": Window((2048, 1536), (0, 0), (2048, 1536)),
    "2160p": Window((3840, 2880), (0, 360), (3840, 2160)),
    "3072p": Window((4096, 3072), (0, 0), (4096, 3072)),
}


@dataclass(frozen=True)
class FactoryCalibration:
    """What the factory measured, for one depth mode and one colour resolution.

    Attributes:
        depth: Intrinsics of depth and infrared images.
        colour: Intrinsics of colour images, or None where no resolution was asked for.
        depth_to_colour: From the depth camera's frame to the colour camera's, millimetres.
        depth_radius: Largest distance from the optical axis, at unit depth, for which the
            distortion of the depth camera holds.
        colour_radius: The same for the colour camera.
        serial: Serial number of the device, where the file says it.
    """

    depth: Intrinsics
    colour: Intrinsics | None
    depth_to_colour: Extrinsics
    depth_radius: float
    colour_radius: float
    serial: str | None


class _Model(msgspec.Struct, rename="pascal"):
    model_type: str
    model_parameters: list[float]


class _Rt(msgspec.Struct, rename="pascal"):
    rotation: list[float]
    translation: list[float]


class _Camera(msgspec.Struct, rename="pascal"):
    intrinsics: _Model
    location: str
    metric_radius: float
    rt: _Rt
    sensor_width: int
    sensor_height: int


class _Metadata(msgspec.Struct, rename="pascal"):
    serial_id: str | None = None


class _Information(msgspec.Struct, rename="pascal"):
    cameras: list[_Camera]
    metadata: _Metadata = msgspec.field(default_factory=_Metadata)


class _File(msgspec.Struct, rename="pascal"):
    calibration_information: _Information


def parse_factory_calibration(
    data: bytes,
    mode: str = "NFOV_UNBINNED",
    colour: str | None = None,
    where: str | Path = "factory calibration",
) -> FactoryCalibration:
    """Read a factory calibration.

    Retail devices use the Brown-Conrady model with six radial terms, which is OpenCV's rational
    model. The older Rational6KT of devices from before the sale has a shifted centre of distortion
    and half the mixed tangential term; its coefficients are taken as they are. On the one such file
    at hand that is off from the SDK's projection by up to 0.12 px in NFOV depth, 0.3 px in 720p
    colour and 0.6 px in 1536p colour.

    Args:
        data: The JSON bytes; a byte order mark and NUL bytes at the end are allowed.
        mode: A key of :data:`DEPTH_MODES`.
        colour: A key of :data:`COLOUR_RESOLUTIONS`, or None.
        where: Where the bytes come from, for messages.

    Raises:
        InputError: Unknown mode or resolution.
        SchemaError: Not a factory calibration; the message names the field.
    """
    depth_window = _window(DEPTH_MODES, mode, "depth mode")
    try:
        file = msgspec.json.decode(data.removeprefix(b"\xef\xbb\xbf").rstrip(b"\x00"), type=_File)
    except msgspec.MsgspecError as error:
        raise SchemaError(
            f"not a factory calibration ({error})",
            where=where,
            limit="Microsoft's calibration JSON",
            remedy="Read it from the device again, or take it out of a recording",
        ) from None
    cameras = {camera.location: camera for camera in file.calibration_information.cameras}
    for location in (DEPTH_LOCATION, COLOUR_LOCATION):
        if location not in cameras:
            raise SchemaError(f"camera {location} is missing", where=where)
    depth_camera, colour_camera = cameras[DEPTH_LOCATION], cameras[COLOUR_LOCATION]
    return FactoryCalibration(
        depth=_intrinsics(depth_camera, depth_window, where),
        colour=None
        if colour is None
        else _intrinsics(
            colour_camera, _window(COLOUR_RESOLUTIONS, colour, "colour resolution"), where
        ),
        depth_to_colour=_depth_to_colour(depth_camera, colour_camera, where),
        depth_radius=_radius(depth_camera),
        colour_radius=_radius(colour_camera),
        serial=file.calibration_information.metadata.serial_id,
    )


def _window(table: dict[str, Window], name: str, what: str) -> Window:
    if name not in table:
        raise InputError(f"unknown {what} '{name}'", limit=f"one of {', '.join(table)}")
    return table[name]


def _radius(camera: _Camera) -> float:
    return camera.metric_radius if camera.metric_radius > 1e-4 else _DEFAULT_RADIUS


def _intrinsics(camera: _Camera, window: Window, where: str | Path) -> Intrinsics:
    model, values = camera.intrinsics.model_type, camera.intrinsics.model_parameters
    if model not in (_BROWN_CONRADY, _RATIONAL_6KT) or len(values) < 14:
        raise SchemaError(
            f"camera {camera.location} has model {model} with {len(values)} parameters",
            where=where,
            limit="BrownConrady or Rational6KT with at least 14",
        )
    width, height = (float(size) for size in window.binned)
    cx, cy, fx, fy = values[:4]
    # Old files describe the colour sensor as 16:9; the modes are windows of its full 4:3 area.
    if camera.sensor_width * 9 == camera.sensor_height * 16:
        cy, fy = (cy * 2304 + 384) / 3072, fy * 2304 / 3072
    return Intrinsics(
        width=window.size[0],
        height=window.size[1],
        fx=fx * width,
        fy=fy * height,
        cx=cx * width - window.offset[0] - 0.5,
        cy=cy * height - window.offset[1] - 0.5,
        model="rational",
        distortion=tuple(values[place] for place in _OPENCV_ORDER),
    )


def _depth_to_colour(depth: _Camera, colour: _Camera, where: str | Path) -> Extrinsics:
    try:
        (depth_r, depth_t), (colour_r, colour_t) = (
            (np.array(c.rt.rotation).reshape(3, 3), np.array(c.rt.translation).reshape(3))
            for c in (depth, colour)
        )
    except ValueError:
        raise SchemaError(
            "an Rt does not hold 9 and 3 numbers", where=where, limit="a rotation and a translation"
        ) from None
    rotation = colour_r @ depth_r.T
    if not np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-3):
        raise SchemaError("the rotation between the cameras is not orthonormal", where=where)
    # The file holds single precision; the nearest true rotation is within 1e-7 of it.
    left, _, right = np.linalg.svd(rotation)
    return Extrinsics(
        source="depth",
        target="colour",
        rotation=_rows(left @ right),
        translation_mm=tuple((1000.0 * (colour_t - rotation @ depth_t)).tolist()),
    )


def _rows(rotation: NDArray[np.float64]) -> Any:
    return tuple(tuple(float(value) for value in row) for row in rotation)


def make_factory_calibration(
    depth: Intrinsics, colour: Intrinsics, depth_to_colour: Extrinsics, serial: str
) -> bytes:
    """Write a factory calibration that the SDK accepts: the inverse of the parser.

    Args:
        depth: Intrinsics of one of the depth modes (known by the size of its images).
        colour: Intrinsics of one of the colour resolutions.
        depth_to_colour: From the depth camera's frame to the colour camera's.
        serial: Serial number.

    Raises:
        InputError: The size of an image is that of no mode.
    """
    rotation = [value for row in depth_to_colour.rotation for value in row]
    translation = [value / 1000.0 for value in depth_to_colour.translation_mm]
    identity = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
    cameras = [
        _camera(depth, DEPTH_MODES, DEPTH_LOCATION, "Depth", (1024, 1024), identity, [0.0] * 3),
        _camera(
            colour,
            COLOUR_RESOLUTIONS,
            COLOUR_LOCATION,
            "PhotoVideo",
            (4096, 3072),
            rotation,
            translation,
        ),
    ]
    information = {
        "Cameras": cameras,
        "InertialSensors": [_inertial("Gyro"), _inertial("Accelerometer")],
        "Metadata": {
            "SerialId": serial,
            "Version": {"Major": 1, "Minor": 2},
            "DeviceName": "AzureKinect-PV",
        },
    }
    return msgspec.json.encode({"CalibrationInformation": information})


def _camera(
    camera: Intrinsics,
    modes: dict[str, Window],
    location: str,
    purpose: str,
    sensor: tuple[int, int],
    rotation: list[float],
    translation: list[float],
) -> dict[str, Any]:
    window = next((w for w in modes.values() if w.size == (camera.width, camera.height)), None)
    if window is None:
        raise InputError(
            f"no mode has images of {camera.width}x{camera.height}",
            limit=f"the size of one of {', '.join(modes)}",
        )
    (width, height), (left, top) = window.binned, window.offset
    values = [0.0] * 14
    values[:4] = (
        (camera.cx + left + 0.5) / width,
        (camera.cy + top + 0.5) / height,
        camera.fx / width,
        camera.fy / height,
    )
    for place, value in zip(_OPENCV_ORDER, camera.distortion, strict=False):
        values[place] = value
    return {
        "Intrinsics": {
            "ModelParameterCount": len(values),
            "ModelParameters": values,
            "ModelType": _BROWN_CONRADY,
        },
        "Location": location,
        "Purpose": f"CALIBRATION_CameraPurpose{purpose}",
        "MetricRadius": _DEFAULT_RADIUS,
        "Rt": {"Rotation": rotation, "Translation": translation},
        "SensorHeight": sensor[1],
        "SensorWidth": sensor[0],
        "Shutter": "CALIBRATION_ShutterTypeUndefined",
        "ThermalAdjustmentParams": {"Params": [0.0] * 12},
    }


def _inertial(sensor: str) -> dict[str, Any]:
    # The SDK refuses a calibration without these; the values are those of an ideal sensor.
    mixing = [0.0] * 36
    mixing[0] = mixing[16] = mixing[32] = 1.0
    return {
        "BiasTemperatureModel": [0.0] * 12,
        "BiasUncertainty": [0.0] * 3,
        "Id": "CALIBRATION_InertialSensorId_LSM6DSM",
        "MixingMatrixTemperatureModel": mixing,
        "ModelTypeMask": 16,
        "Noise": [0.0] * 6,
        "Rt": {"Rotation": [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0], "Translation": [0.0] * 3},
        "SecondOrderScaling": [0.0] * 9,
        "SensorType": f"CALIBRATION_InertialSensorType_{sensor}",
        "TemperatureBounds": [5.0, 60.0],
        "TemperatureC": 0.0,
    }
