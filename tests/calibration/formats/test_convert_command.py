from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from click.testing import CliRunner, Result

from idfd.calibration.formats.files import FORMATS, read_cameras
from idfd.cli.calibrate import convert
from idfd.errors import IdfdError
from idfd.model import schema
from idfd.model.camera import Extrinsics, Intrinsics
from idfd.model.rig import RigCalibration

PHOTO = Intrinsics(
    width=6016, height=4016, fx=2346.0, fy=2346.0, cx=3010.2, cy=2004.4, model="brown_conrady",
    distortion=(-0.055, 0.031, 2e-4, -1e-4), pixel_pitch_um=5.97,
)  # fmt: skip
DEPTH = Intrinsics(width=640, height=576, fx=504.6, fy=504.7, cx=332.8, cy=333.8)
RIG = RigCalibration(
    photo=PHOTO,
    depth=DEPTH,
    depth_to_photo=Extrinsics(
        source="depth", target="photo", rotation=((0, -1, 0), (1, 0, 0), (0, 0, 1)),
        translation_mm=(30.0, -70.5, 12.0),
    ),
    origin="calibrated",
    defocused=msgspec.structs.replace(PHOTO, fx=2350.0),
)  # fmt: skip


@pytest.fixture
def calibration(tmp_path: Path) -> Path:
    path = tmp_path / "calibration.json"
    path.write_bytes(schema.encode(RIG))
    return path


def run(*arguments: Any) -> Result:
    return CliRunner().invoke(convert.convert, [str(a) for a in arguments])


def test_formats_are_those_of_the_library() -> None:
    assert sorted(FORMATS) == sorted(convert.FORMATS)


def test_a_camera_of_the_rig(calibration: Path, tmp_path: Path) -> None:
    output = tmp_path / "photo.yaml"
    result = run(calibration, output, "--to", "ros", "--camera", "photo")
    assert result.exit_code == 0, result.exception
    assert str(output) in result.output
    assert yaml.safe_load(output.read_text())["camera_name"] == "photo"
    assert read_cameras(output).intrinsics["photo"].distortion == PHOTO.distortion


def test_a_rig_there_and_back(calibration: Path, tmp_path: Path) -> None:
    chain, again = tmp_path / "camchain.yaml", tmp_path / "again.json"
    pair = ("--camera", "depth", "--camera", "photo")
    assert run(calibration, chain, "--to", "kalibr", *pair).exit_code == 0
    assert run(chain, again, "--to", "idfd").exit_code == 0
    rig = schema.load(RigCalibration, again)
    assert rig.depth == DEPTH
    assert rig.photo == msgspec.structs.replace(PHOTO, pixel_pitch_um=None)
    assert rig.depth_to_photo == RIG.depth_to_photo


def test_cameras_in_the_other_order_turn_the_rig_around(calibration: Path, tmp_path: Path) -> None:
    output = tmp_path / "pair.yml"
    run(calibration, output, "--to", "opencv", "--camera", "photo", "--camera", "depth")
    pair = read_cameras(output)
    assert pair.intrinsics["1"].width == 6016
    assert pair.between("1", "2")[:3, 3] == pytest.approx([70.5, 30.0, -12.0])


def test_the_undistorted_camera(calibration: Path, tmp_path: Path) -> None:
    output = tmp_path / "photo.json"
    camera = ("--to", "open3d", "--camera", "photo")
    refused = run(calibration, output, *camera)
    assert isinstance(refused.exception, IdfdError)
    assert not output.exists()
    assert run(calibration, output, *camera, "--undistorted").exit_code == 0
    valid = read_cameras(output).intrinsics["camera"]
    assert run(calibration, output, *camera, "--undistorted", "all").exit_code == 0
    every = read_cameras(output).intrinsics["camera"]
    assert valid.distortion == every.distortion == ()
    assert every.fx < valid.fx


def test_an_unknown_camera_and_an_unreadable_size(calibration: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    unknown = run(calibration, output, "--to", "ros", "--camera", "left")
    assert "depth, photo, defocused" in str(unknown.exception)
    assert run(calibration, output, "--to", "ros", "--size", "large").exit_code == 2
    named = run(calibration, output, "--to", "ros", "--from", "kalibr", "--camera", "photo")
    assert str(calibration) in str(named.exception)
