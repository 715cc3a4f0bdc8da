"""A scene as coloured points in space, for Open3D and everything else that reads PLY."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from idfd.calibration.projection import ray_table
from idfd.errors import InputError, MissingDependencyError, StorageError
from idfd.model.triple import DepthSource
from idfd.processing.view.panels import SOURCES
from idfd.processing.view.scene import Scene
from idfd.storage.durable import write_bytes

InPainted = Literal["keep", "tint", "drop"]


@dataclass(frozen=True)
class Cloud:
    """Points in the photo camera's frame (x right, y down, z forward).

    Attributes:
        points: Metres, (N, 3) float64.
        colors: RGB, (N, 3) uint8.
    """

    points: NDArray[np.float64]
    colors: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.points)


def scene_cloud(scene: Scene, in_painted: InPainted = "tint") -> Cloud:
    """The points of all pixels with depth, in the colours of the all-in-focus photo.

    Args:
        scene: With depth and intrinsics; the lens's distortion is taken out.
        in_painted: What is done with points that were filled in: ``keep`` them as they are,
            ``tint`` them half orange, or ``drop`` them.

    Raises:
        InputError: The scene has no depth or no intrinsics.
    """
    depth, intrinsics = scene.whole, scene.record.intrinsics
    if depth is None or intrinsics is None:
        missing = "depth map" if depth is None else "intrinsics"
        raise InputError(
            f"the triple has no {missing}",
            where=scene.record.id,
            limit="depth, and the intrinsics of the photo camera",
            remedy="Calibrate the rig with 'idfd calibrate solve' and process the take again",
        )
    if (intrinsics.height, intrinsics.width) != depth.shape:
        raise InputError(
            f"the intrinsics are of {intrinsics.width}x{intrinsics.height} pixels",
            where=scene.record.id,
            limit=f"{depth.shape[1]}x{depth.shape[0]}, as the depth map",
            remedy="Process the take again with 'idfd process --force'",
        )
    rays = ray_table(intrinsics)
    filled = (
        scene.source == DepthSource.IN_PAINTED
        if scene.source is not None
        else np.zeros(depth.shape, bool)
    )
    shown = (depth > 0) & np.isfinite(rays).all(-1)
    if in_painted == "drop":
        shown &= ~filled
    z = depth[shown] / 1000
    colors = scene.all_in_focus[shown]
    if in_painted == "tint":
        tinted = filled[shown]
        orange = np.array(SOURCES[DepthSource.IN_PAINTED][1], np.uint16)
        colors[tinted] = ((colors[tinted] + orange) // 2).astype(np.uint8)
    return Cloud(np.column_stack([rays[shown] * z[:, None], z]), colors)


def write_cloud(cloud: Cloud, path: Path) -> None:
    """Write a cloud as binary PLY.

    Raises:
        MissingDependencyError: Open3D is not installed.
        StorageError: It cannot be written.
    """
    open3d = _open3d()
    with TemporaryDirectory(prefix="idfd-") as folder:
        # Open3D goes by the suffix, and tells of a failure only by what it returns.
        plain = Path(folder, "cloud.ply")
        if not open3d.io.write_point_cloud(str(plain), _geometry(open3d, cloud)):
            raise StorageError("Open3D cannot write the points", where=path)
        write_bytes(path, plain.read_bytes())


def show_cloud(cloud: Cloud, title: str) -> None:
    """Open Open3D's viewer and wait until it is closed.

    Raises:
        MissingDependencyError: Open3D is not installed.
        InputError: There is no screen.
    """
    open3d = _open3d()
    viewer = open3d.visualization.Visualizer()
    # Without a screen Open3D draws into memory, and would wait for ever to be closed.
    dark = sys.platform == "linux" and not ({"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys())
    if dark or not viewer.create_window(title, 1280, 800):
        raise InputError(
            "Open3D cannot open a window",
            limit="a screen with OpenGL",
            remedy="Use --3d instead of --show, and open the PLY file on a machine with a screen",
        )
    viewer.add_geometry(_geometry(open3d, cloud))
    control = viewer.get_view_control()
    control.set_front([0, 0, -1])
    control.set_up([0, -1, 0])
    viewer.run()
    viewer.destroy_window()


def _geometry(open3d: Any, cloud: Cloud) -> Any:
    geometry = open3d.geometry.PointCloud(open3d.utility.Vector3dVector(cloud.points))
    geometry.colors = open3d.utility.Vector3dVector(cloud.colors / 255)
    return geometry


def _open3d() -> Any:
    try:
        import open3d
    except ImportError:
        raise MissingDependencyError(
            "point clouds need the package open3d",
            remedy="Install it with 'pip install idfd[view]'",
        ) from None
    return open3d
