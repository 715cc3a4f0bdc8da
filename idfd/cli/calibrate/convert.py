"""``idfd calibrate convert``: cameras in the files of other tools."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from idfd.calibration.formats.cameras import Cameras

# Those of idfd.calibration.formats.files, which would import NumPy.
FORMATS = ("idfd", "opencv", "opencv-xml", "open3d", "ros", "kalibr", "colmap", "nerfstudio")


@click.command()
@click.argument("source", metavar="IN", type=click.Path(path_type=Path))
@click.argument("output", metavar="OUT", type=click.Path(path_type=Path))
@click.option("--to", "to", type=click.Choice(FORMATS), required=True, help="Format of OUT.")
@click.option("--from", "form", type=click.Choice(FORMATS), help="Format of IN [by its content].")
@click.option(
    "--camera",
    "names",
    multiple=True,
    help="The camera to convert, where IN holds several; give it twice for a pair.",
)
@click.option("--size", metavar="WxH", help="Size of the images, where IN does not say it.")
@click.option(
    "--undistorted",
    type=click.Choice(["valid", "all"]),
    is_flag=False,
    flag_value="valid",
    help="Convert the pinhole camera of undistorted photos instead; 'valid' (the default) shows "
    "what fills the photo, 'all' everything, with empty corners.",
)
def convert(
    source: Path,
    output: Path,
    to: str,
    form: str | None,
    names: tuple[str, ...],
    size: str | None,
    undistorted: str | None,
) -> None:
    """Convert cameras between idfd and other tools.

    IN is a calibration.json (cameras depth, photo and defocused) or a file of another tool: OpenCV
    (YAML, XML or JSON), Open3D, ROS camera_info, Kalibr, COLMAP cameras.txt or nerfstudio
    transforms.json. What a format cannot hold is refused, never dropped. To idfd, the first camera
    is taken as the depth camera and the second as the photo camera.
    """
    from idfd.calibration.formats.files import read_cameras, write_cameras

    cameras = read_cameras(source, form, parse_size(size))
    if names:
        cameras = cameras.only(names)
    if undistorted:
        cameras = without_distortion(cameras, undistorted)
    write_cameras(output, cameras, to)
    click.echo(f"{output}: {', '.join(cameras.intrinsics)} ({to})")


def parse_size(text: str | None) -> tuple[int, int] | None:
    """Width and height of ``640x480``."""
    import re

    if text is None:
        return None
    match = re.fullmatch(r"(\d+)x(\d+)", text)
    if match is None:
        raise click.BadParameter(f"'{text}' is not WxH, such as 640x480", param_hint="--size")
    return int(match[1]), int(match[2])


def without_distortion(cameras: Cameras, keep: str) -> Cameras:
    """The same cameras as the undistorted images show them."""
    from idfd.calibration.formats.cameras import Cameras
    from idfd.calibration.undistort import undistorted_intrinsics

    pinholes = {
        name: undistorted_intrinsics(camera, "all" if keep == "all" else "valid")
        for name, camera in cameras.intrinsics.items()
    }
    return Cameras(pinholes, cameras.poses)
