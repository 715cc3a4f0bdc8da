"""Files of cameras: which format, read, write."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from idfd.calibration.formats import colmap, kalibr, nerfstudio, open3d, opencv, rig, ros
from idfd.calibration.formats.cameras import Cameras, Size
from idfd.errors import InputError, SchemaError
from idfd.storage.durable import write_bytes


@dataclass(frozen=True)
class Format:
    """A file format.

    Attributes:
        decode: Text and its file, and by name the size of images where ``unsized``, to cameras.
        encode: Cameras to text.
        mark: What only files of this format hold.
        unsized: Whether files may leave out the size of the images.
    """

    decode: Callable[..., Cameras]
    encode: Callable[[Cameras], str]
    mark: re.Pattern[str]
    unsized: bool = False


FORMATS = {
    "idfd": Format(rig.decode, rig.encode, re.compile(r'"idfd/rig-calibration"')),
    "opencv-xml": Format(
        opencv.decode,
        partial(opencv.encode, suffix=".xml"),
        re.compile(r"<opencv_storage"),
        unsized=True,
    ),
    "opencv": Format(
        opencv.decode,
        opencv.encode,
        re.compile(r"opencv-matrix|\A%YAML:"),
        unsized=True,
    ),
    "open3d": Format(open3d.decode, open3d.encode, re.compile(r'"intrinsic_matrix"')),
    "ros": Format(ros.decode, ros.encode, re.compile(r"^camera_matrix:(?! *!!)", re.MULTILINE)),
    "kalibr": Format(kalibr.decode, kalibr.encode, re.compile(r"^cam0:", re.MULTILINE)),
    "colmap": Format(
        colmap.decode, colmap.encode, re.compile(r"^\d+ [A-Z_]+ \d+ \d+ ", re.MULTILINE)
    ),
    "nerfstudio": Format(nerfstudio.decode, nerfstudio.encode, re.compile(r'"fl_x"')),
}
"""The formats by name, in the order in which they are tried on a file."""


def read_cameras(path: Path, form: str | None = None, size: Size | None = None) -> Cameras:
    """Read cameras from a file.

    Args:
        path: The file.
        form: A key of :data:`FORMATS`; None recognises it from the content.
        size: Of the images, where the file does not say it (OpenCV's often do not).

    Raises:
        InputError: The file cannot be read, its format is not recognised, or a size is given for
            one that says it.
        SchemaError: The file does not follow its format; the message names the field.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=path) from None
    except UnicodeDecodeError:
        raise SchemaError("not a text file", where=path) from None
    known = form or next((name for name, f in FORMATS.items() if f.mark.search(text)), None)
    if known is None:
        raise InputError(
            "the format is not recognised",
            where=path,
            limit=f"one of {', '.join(FORMATS)}",
            remedy="Say which with --from",
        )
    format_ = FORMATS[known]
    if size is None:
        return format_.decode(text, path)
    if not format_.unsized:
        raise InputError(
            f"a file of format {known} says its size itself", where=path, remedy="Leave out --size"
        )
    return format_.decode(text, path, size=size)


def write_cameras(path: Path, cameras: Cameras, form: str) -> None:
    """Write cameras to a file, durably.

    Args:
        path: The file.
        cameras: What to write.
        form: A key of :data:`FORMATS`.

    Raises:
        InputError: The format cannot hold them; the message says what to leave out.
        StorageError: The disk refuses.
    """
    write_bytes(path, FORMATS[form].encode(cameras).encode())
