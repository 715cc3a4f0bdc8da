"""Files as other tools write them, and broken ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from idfd.calibration.formats.files import FORMATS, read_cameras
from idfd.errors import InputError, SchemaError
from idfd.model.camera import Intrinsics

# The example of Kalibr's wiki, its second camera made a pinhole camera.
CAMCHAIN = """\
cam0:
  camera_model: pinhole
  intrinsics: [461.629, 460.152, 362.680, 246.049]
  distortion_model: radtan
  distortion_coeffs: [-0.27695497, 0.06712482, 8e-04, 0.00011556]
  T_cam_imu:
  - [0.01779318, 0.99967549,-0.01822936, 0.07008565]
  - [-0.9998017, 0.01795239, 0.00860714,-0.01771023]
  - [0.00893160, 0.01807260, 0.99979678, 0.00399246]
  - [0.0, 0.0, 0.0, 1.0]
  timeshift_cam_imu: -8.121e-05
  rostopic: /cam0/image_raw
  resolution: [752, 480]
cam1:
  camera_model: pinhole
  intrinsics: [833.006, 830.345, 373.850, 253.749]
  distortion_model: radtan
  distortion_coeffs: [-0.33518750, 0.13211436, 0.00055967, 0.00057686]
  T_cn_cnm1:
  - [ 0.99998854, 0.00216014, 0.00427195,-0.11003785]
  - [-0.00221074, 0.99992702, 0.01187697, 0.00045792]
  - [-0.00424598,-0.01188627, 0.99992034,-0.00064487]
  - [0.0, 0.0, 0.0, 1.0]
  rostopic: /cam1/image_raw
  resolution: [752, 480]
"""
CAMERA_INFO = """\
image_width: 2448
image_height: 2050
camera_name: prosilica
camera_matrix:
  rows: 3
  cols: 3
  data: [4827.94, 0, 1223.5, 0, 4835.62, 1024.5, 0, 0, 1]
distortion_model: plumb_bob
distortion_coefficients:
  rows: 1
  cols: 5
  data: [-0.41527, 0.31874, -1e-05, 0.00071, 0]
rectification_matrix:
  rows: 3
  cols: 3
  data: [1, 0, 0, 0, 1, 0, 0, 0, 1]
projection_matrix:
  rows: 3
  cols: 4
  data: [4827.94, 0, 1223.5, 0, 0, 4835.62, 1024.5, 0, 0, 0, 1, 0]
"""
CAMERAS_TXT = """\
# Camera list with one line of data per camera:
#   CAMERA_ID, MODEL, WIDTH, HEIGHT, PARAMS[]
# Number of cameras: 3
1 SIMPLE_PINHOLE 3072 2304 2559.81 1536 1152
2 PINHOLE 3072 2304 2560.56 2560.57 1536 1152
7 SIMPLE_RADIAL 3072 2304 2559.69 1536 1152 -0.0218531
"""
TRANSFORMS = """\
{"camera_model": "OPENCV", "fl_x": 1072.0, "fl_y": 1068.0, "cx": 1504.0, "cy": 1000.0,
 "w": 3008.0, "h": 2000.0, "k1": 0.0312, "k2": 0.0051, "p1": -6e-5, "p2": 5e-5,
 "frames": [{"file_path": "images/frame_00001.jpeg", "transform_matrix": []}]}
"""
OPEN3D = '{"width": 640, "height": 480, "intrinsic_matrix": [525, 0, 0, 0, 526, 0, 319, 239, 1]}'
OPENCV = """\
%YAML:1.0
---
K: !!opencv-matrix
   rows: 3
   cols: 3
   dt: d
   data: [ 500., 0., 320., 0., 501., 240., 0., 0., 1. ]
dist: !!opencv-matrix
   rows: 1
   cols: 5
   dt: d
   data: [ 0.1, -0.2, 0.001, 0.002, 0. ]
img_size: !!opencv-matrix
   rows: 2
   cols: 1
   dt: i
   data: [ 640, 480 ]
"""
EXAMPLES = {
    "kalibr": CAMCHAIN, "ros": CAMERA_INFO, "colmap": CAMERAS_TXT, "nerfstudio": TRANSFORMS,
    "open3d": OPEN3D, "opencv": OPENCV,
}  # fmt: skip


def test_kalibr() -> None:
    chain = FORMATS["kalibr"].decode(CAMCHAIN, "file")
    first = chain.intrinsics["cam0"]
    assert (first.width, first.height, first.fx, first.cy) == (752, 480, 461.629, 246.049)
    # PyYAML takes 8e-04 for text.
    assert first.distortion == (-0.27695497, 0.06712482, 8e-4, 0.00011556)
    stands = chain.between("cam0", "cam1")
    assert np.allclose(stands[:3, 3], [-110.03785, 0.45792, -0.64487])
    assert np.allclose(stands[:3, :3] @ stands[:3, :3].T, np.eye(3), atol=1e-14)


def test_ros() -> None:
    camera = FORMATS["ros"].decode(CAMERA_INFO, "file").intrinsics["prosilica"]
    assert camera.model == "brown_conrady"
    assert camera.distortion == (-0.41527, 0.31874, -1e-5, 0.00071)
    assert (camera.fx, camera.fy, camera.cx, camera.cy) == (4827.94, 4835.62, 1223.5, 1024.5)


def test_colmap_and_its_half_pixel() -> None:
    cameras = FORMATS["colmap"].decode(CAMERAS_TXT, "file").intrinsics
    assert list(cameras) == ["1", "2", "7"]
    assert cameras["1"] == Intrinsics(
        width=3072, height=2304, fx=2559.81, fy=2559.81, cx=1535.5, cy=1151.5
    )
    assert cameras["2"].fy == 2560.57
    assert cameras["7"].distortion == (-0.0218531, 0, 0, 0)


def test_nerfstudio_and_its_half_pixel() -> None:
    camera = FORMATS["nerfstudio"].decode(TRANSFORMS, "file").intrinsics["camera"]
    assert (camera.width, camera.cx, camera.cy) == (3008, 1503.5, 999.5)
    assert camera.distortion == (0.0312, 0.0051, -6e-5, 5e-5)


def test_opencv_with_whole_numbers() -> None:
    """OpenCV 4.11 itself reads these as nonsense."""
    text = OPENCV.replace(
        "500., 0., 320., 0., 501., 240., 0., 0., 1.", "500, 0, 320, 0, 501, 240, 0, 0, 1"
    )
    assert text != OPENCV
    assert FORMATS["opencv"].decode(text, "file") == FORMATS["opencv"].decode(OPENCV, "file")


def test_opencv_json() -> None:
    import cv2

    storage = cv2.FileStorage(".json", cv2.FILE_STORAGE_WRITE | cv2.FILE_STORAGE_MEMORY)
    storage.write("camera_matrix", np.array([[500.0, 0, 320], [0, 501, 240], [0, 0, 1]]))
    storage.write("distortion_coefficients", np.array([[0.1, -0.2, 0.001, 0.002, 0.3]]))
    cameras = FORMATS["opencv"].decode(storage.releaseAndGetString(), "file", size=(640, 480))
    assert cameras.intrinsics["camera"].distortion == (0.1, -0.2, 0.001, 0.002, 0.3)


@pytest.mark.parametrize("form", list(EXAMPLES))
def test_examples_are_recognised(form: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text(EXAMPLES[form])
    read = read_cameras(path)
    assert read.intrinsics == FORMATS[form].decode(EXAMPLES[form], path).intrinsics


@pytest.mark.parametrize(
    ("form", "old", "new", "message"),
    [
        ("kalibr", "radtan", "equidistant", "distortion_model"),
        ("kalibr", "camera_model: pinhole", "camera_model: omni", "camera_model"),
        ("kalibr", "cam1:", "cam2:", "cam0, cam2"),
        ("kalibr", "0.06712482, 8e-04, 0.00011556", "0.06712482", "cam0.distortion_coeffs has 2"),
        ("kalibr", "0.99998854", "0.5", "cam1.T_cn_cnm1 is not a rotation"),
        ("kalibr", "resolution: [752, 480]", "resolution: [752]", "resolution"),
        ("kalibr", "  camera_model: pinhole", "\tcamera_model: pinhole", "not valid YAML in line"),
        ("ros", "plumb_bob", "equidistant", "distortion_model"),
        ("ros", "0.00071, 0]", "0.00071, 0, 1, 2, 3]", "distortion_coefficients has 8 values"),
        ("ros", "4827.94, 0, 1223.5, 0, 4835", "4827.94, 3, 1223.5, 0, 4835", "camera_matrix"),
        ("ros", "image_width: 2448\n", "", "image_width"),
        ("ros", "4827.94, 0, 1223.5, 0, 4835", ".inf, 0, 1223.5, 0, 4835", "infinite"),
        ("ros", "image_width: 2448", "image_width: 0", r"\$.width"),
        ("colmap", "SIMPLE_RADIAL", "OPENCV_FISHEYE", "line 6: the camera model is OPENCV_FISHEYE"),
        ("colmap", "2560.57 1536", "1536", "line 5: not a camera"),
        ("colmap", "1536 1152 -0.02", "1536 wide -0.02", "line 6: not a camera"),
        ("nerfstudio", '"k1"', '"k4": 0.1, "k1"', "k4 is 0.1"),
        ("nerfstudio", "OPENCV", "OPENCV_FISHEYE", "camera_model"),
        ("nerfstudio", '"fl_x": 1072.0,', "", "fl_x"),
        ("open3d", "525, 0, 0", "525, 0", "intrinsic_matrix"),
        ("open3d", "525, 0, 0", "525, 1, 0", "intrinsic_matrix is not"),
        ("open3d", "525", "-525", r"\$.fx"),
        ("open3d", "}", "", "not valid JSON"),
        ("opencv", "K:", "calibration:", "no camera matrix"),
        ("opencv", "dist:", "bent:", "dist is missing"),
        ("opencv", "img_size", "shape", "--size"),
        ("opencv", "cols: 5", "cols: 4", "dist has 5 numbers"),
        ("opencv", "0.1, -0.2", "0.1, two", "dist is missing or not"),
        ("opencv", "500., 0., 320.", "500., 1., 320.", "K is not a camera matrix"),
        ("opencv", "0. ]\nimg", "\nimg", "not a FileStorage"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(form: str, old: str, new: str, message: str) -> None:
    text = EXAMPLES[form]
    assert old in text
    with pytest.raises(SchemaError, match=message) as caught:
        FORMATS[form].decode(text.replace(old, new), "their.file")
    assert "their.file" in str(caught.value)


def test_thin_prisms_are_refused() -> None:
    more = OPENCV.replace("cols: 5", "cols: 12").replace(
        "0.002, 0.", "0.002, 0., 0., 0., 0., 0., 0., 0., 0.1"
    )
    with pytest.raises(SchemaError, match="12 coefficients"):
        FORMATS["opencv"].decode(more, "file")
    none = more.replace("0.1 ]", "0. ]")
    assert len(FORMATS["opencv"].decode(none, "file").intrinsics["camera"].distortion) == 4


def test_a_file_of_no_format(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("nothing of interest")
    with pytest.raises(InputError, match="--from"):
        read_cameras(path)
    path.write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(SchemaError, match="not a text file"):
        read_cameras(path)
    with pytest.raises(InputError, match="No such file"):
        read_cameras(tmp_path / "missing")


def test_a_size_is_only_taken_where_it_may_be_missing(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text(CAMERA_INFO)
    with pytest.raises(InputError, match="--size"):
        read_cameras(path, size=(640, 480))


@pytest.mark.real
def test_files_of_microsoft(real_data: Path) -> None:
    folder = real_data / "calib" / "azure_kinect_charuco" / "example_files"
    camera = read_cameras(folder / "calibration" / "calib.yml").intrinsics["camera"]
    assert (camera.width, camera.height, camera.model) == (4096, 3072, "rational")
    assert np.allclose([camera.fx, camera.fy], [1960.95, 1960.94], atol=0.01)
    assert camera.distortion[0] == -3.1990630211595467e-01
    infrared = read_cameras(folder / "registration" / "calib_ir.yml").intrinsics["camera"]
    assert (infrared.width, infrared.cx) == (1024, 5.1521773630661937e02)


@pytest.mark.real
def test_files_of_opencv(real_data: Path) -> None:
    folder = real_data / "calib" / "opencv_stereo"
    left = read_cameras(folder / "left_intrinsics.yml").intrinsics["camera"]
    assert (left.width, left.fx, left.model) == (640, 5.3591573396163199e02, "brown_conrady")
    with pytest.raises(SchemaError, match="--size 640x480"):
        read_cameras(folder / "intrinsics.yml")
    pair = read_cameras(folder / "intrinsics.yml", size=(640, 480))
    right = pair.intrinsics["2"].distortion
    assert right == (-1.6916358306948096e-01, -1.1214173641213163e-01, 0, 0)
