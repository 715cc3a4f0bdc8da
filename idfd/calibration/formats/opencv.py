"""OpenCV's FileStorage: YAML, XML or JSON with ``camera_matrix`` and ``distortion_coefficients``.

OpenCV prescribes no names. Read are those of its calibration sample (``camera_matrix``,
``distortion_coefficients``, ``image_width``, ``image_height``), of its stereo sample (``M1 D1 M2
D2``, ``R`` and ``T``), and of Microsoft's ``calibration_registration`` (``K``, ``dist``,
``img_size``). Written are those of the samples, with ``img_size_1`` and ``img_size_2`` for pairs,
whose samples do not store a size. As in ``cv2.stereoCalibrate``, ``x2 = R x1 + T``; the unit of
``T`` is that of the board, here millimetres. Pixel centres are integers.
https://docs.opencv.org/4.x/d9/d0c/group__calib3d.html
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfd.calibration.formats.cameras import Cameras, Size, camera, pose
from idfd.errors import InputError, SchemaError
from idfd.model.camera import Intrinsics

_SINGLE = (("camera_matrix", "distortion_coefficients"), ("K", "dist"))
_PAIR = ((1, "M1", "D1"), (2, "M2", "D2"))


def decode(text: str, where: str | Path, size: Size | None = None) -> Cameras:
    """Cameras of a FileStorage document; a pair is named ``1`` and ``2``.

    Args:
        text: The document.
        where: The file, for messages.
        size: Of the images, where the document does not say it.

    Raises:
        SchemaError: Not such a document, or one without a camera.
    """
    import cv2

    storage = cv2.FileStorage()
    try:
        opened = storage.open(text, cv2.FILE_STORAGE_READ | cv2.FILE_STORAGE_MEMORY)
    except cv2.error:
        opened = False
    if not opened or not storage.root().isMap():
        raise SchemaError("not a FileStorage document of OpenCV", where=where)
    names = storage.root().keys()
    for matrix, distortion in _SINGLE:
        if matrix in names:
            return Cameras({"camera": _camera(storage, matrix, distortion, "", size, where)})
    if not {"M1", "M2"} <= set(names):
        raise SchemaError(
            "there is no camera matrix",
            where=where,
            limit="camera_matrix, K, or M1 and M2 for a pair",
        )
    pair = {str(n): _camera(storage, m, d, f"_{n}", size, where) for n, m, d in _PAIR}
    if "R" not in names:
        return Cameras(pair)
    rotation = _matrix(storage, "R", where)
    shift = _matrix(storage, "T", where)
    if rotation.shape != (3, 3) or shift.size != 3:
        raise SchemaError("R and T are not a rotation and a translation", where=where)
    stands = pose(rotation, shift.reshape(3), where=where, what="R, T")
    return Cameras(pair, {"1": np.eye(4), "2": stands})


def encode(cameras: Cameras, suffix: str = ".yml") -> str:
    """A camera, or a pair with ``R`` and ``T``.

    Args:
        cameras: What to write.
        suffix: ``.yml`` or ``.xml``.

    Raises:
        InputError: More than two cameras.
    """
    import cv2

    if len(cameras.intrinsics) > 2:
        raise InputError(
            f"there are {len(cameras.intrinsics)} cameras",
            limit="one, or a pair",
            remedy=f"Choose with --camera, once or twice, from {', '.join(cameras.intrinsics)}",
        )
    storage = cv2.FileStorage(suffix, cv2.FILE_STORAGE_WRITE | cv2.FILE_STORAGE_MEMORY)
    if len(cameras.intrinsics) == 1:
        (one,) = cameras.intrinsics.values()
        storage.write("image_width", one.width)
        storage.write("image_height", one.height)
        storage.write("camera_matrix", matrix_of(one))
        storage.write("distortion_coefficients", _distortion(one))
        return str(storage.releaseAndGetString())
    for (number, matrix, distortion), each in zip(_PAIR, cameras.intrinsics.values(), strict=True):
        storage.write(f"img_size_{number}", np.array([[each.width], [each.height]], np.int32))
        storage.write(matrix, matrix_of(each))
        storage.write(distortion, _distortion(each))
    if cameras.poses:
        transform = cameras.between(*cameras.intrinsics)
        storage.write("R", np.ascontiguousarray(transform[:3, :3]))
        storage.write("T", np.ascontiguousarray(transform[:3, 3:]))
    return str(storage.releaseAndGetString())


def matrix_of(intrinsics: Intrinsics) -> NDArray[np.float64]:
    """The camera matrix (3, 3)."""
    return np.array(
        [
            [intrinsics.fx, 0.0, intrinsics.cx],
            [0.0, intrinsics.fy, intrinsics.cy],
            [0.0, 0.0, 1.0],
        ]
    )


def _distortion(intrinsics: Intrinsics) -> NDArray[np.float64]:
    # Five coefficients are what OpenCV's own tools write for a lens without or with k3.
    values = (*intrinsics.distortion, *(0.0,) * 5)[: max(5, len(intrinsics.distortion))]
    return np.array([values]).T


def _camera(
    storage: Any, matrix: str, distortion: str, suffix: str, size: Size | None, where: str | Path
) -> Intrinsics:
    k = _matrix(storage, matrix, where)
    if k.shape != (3, 3) or any((k[0, 1], k[1, 0], k[2, 0], k[2, 1], k[2, 2] - 1)):
        raise SchemaError(
            f"{matrix} is not a camera matrix",
            where=where,
            limit="fx 0 cx, 0 fy cy, 0 0 1 (pixels without skew)",
        )
    return camera(
        _size(storage, suffix, where) or size,
        (k[0, 0], k[1, 1]),
        (k[0, 2], k[1, 2]),
        _matrix(storage, distortion, where).ravel().tolist(),
        where=where,
    )


def _size(storage: Any, suffix: str, where: str | Path) -> Size | None:
    width, height = storage.getNode("image_width"), storage.getNode("image_height")
    if width.isInt() and height.isInt():
        return int(width.real()), int(height.real())
    name = f"img_size{suffix}"
    if storage.getNode(name).empty():
        return None
    values = _matrix(storage, name, where).ravel()
    if values.size != 2:
        raise SchemaError(f"{name} is not a width and a height", where=where)
    return int(values[0]), int(values[1])


def _matrix(storage: Any, name: str, where: str | Path) -> NDArray[np.float64]:
    # Element by element: FileNode.mat() of OpenCV 4.11 misreads whole numbers in a matrix of
    # doubles, as people write them (github.com/opencv/opencv-python/issues/1078).
    node = storage.getNode(name)
    data = node.getNode("data") if node.isMap() else None
    cells = [data.at(place) for place in range(data.size())] if data else []
    if not cells or not all(cell.isReal() or cell.isInt() for cell in cells):
        raise SchemaError(f"{name} is missing or not a matrix of numbers", where=where)
    shape = [int(node.getNode(side).real()) for side in ("rows", "cols")]
    if shape[0] * shape[1] != len(cells):
        raise SchemaError(
            f"{name} has {len(cells)} numbers", where=where, limit=f"{shape[0]} rows of {shape[1]}"
        )
    return np.array([cell.real() for cell in cells]).reshape(shape)
