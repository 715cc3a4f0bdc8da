"""What is truly there: geometry, blur and poses of a simulated scene, in one file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from idfd.capture.simulated.lens import Lens
from idfd.capture.simulated.scene.model import Pose
from idfd.model.rig import RigCalibration
from idfd.model.schema import encode
from idfd.storage.durable import atomic_file

SCHEMA = "idfd/simulated-truth"
VERSION = "1.0.0"


@dataclass(frozen=True)
class Truth:
    """Truth of one scene.

    Attributes:
        environment: Kind of room.
        scene: Name of the scene.
        view: Which view of it.
        seed: Seed of rooms and noise.
        lens: The photo camera's optics.
        photo_pose: The photo camera in the world.
        depth_pose: The depth camera in the world.
        rig: Intrinsics and the transform between the cameras.
        photo_depth: Depth along the photo camera's axis at its pixels' centres, (H, W) float32
            mm; 0 where nothing is seen.
        kinect_depth: The same for the depth camera, without its errors, (576, 640) float32 mm;
            0 outside of its field.
    """

    environment: str
    scene: str
    view: int
    seed: int
    lens: Lens
    photo_pose: Pose
    depth_pose: Pose
    rig: RigCalibration
    photo_depth: NDArray[np.float32]
    kinect_depth: NDArray[np.float32]

    def circle_px(self, f_number: float) -> NDArray[np.float32]:
        """Diameter of each photo pixel's blur disk, (H, W) float32 px; NaN where nothing is seen.

        Negative before the plane in focus, positive behind it.
        """
        depth = self.photo_depth.astype(np.float64) / 1000
        return self.lens.circle_px(depth, f_number).astype(np.float32)

    def write(self, path: Path, f_numbers: tuple[float, ...] = (10.0, 2.8)) -> None:
        """Write everything, and the blur at each of ``f_numbers``, as HDF5.

        Raises:
            StorageError: The file cannot be written; an old one is as before.
        """
        import h5py

        with atomic_file(path) as temporary, h5py.File(temporary, "w") as file:
            file.attrs.update(
                {
                    "schema": SCHEMA,
                    "schema_version": VERSION,
                    "environment": self.environment,
                    "scene": self.scene,
                    "view": self.view,
                    "seed": self.seed,
                    "focal_length_mm": self.lens.focal_length_mm,
                    "focus_distance_m": self.lens.focus_distance_m,
                    "pixel_pitch_um": self.lens.pixel_pitch_um,
                    "rig_calibration": encode(self.rig).decode(),
                    "photo_intrinsics": msgspec.json.encode(self.rig.photo).decode(),
                    "depth_intrinsics": msgspec.json.encode(self.rig.depth).decode(),
                }
            )
            maps = {
                "photo/depth": (self.photo_depth, "mm", "depth along the axis, 0 = none"),
                "kinect/depth": (self.kinect_depth, "mm", "depth along the axis, 0 = none"),
            }
            for f_number in f_numbers:
                maps[f"photo/circle_of_confusion_f{f_number:g}"] = (
                    self.circle_px(f_number), "px", "signed diameter, negative before the focus",
                )  # fmt: skip
            for name, (array, unit, meaning) in maps.items():
                data = file.create_dataset(
                    name, data=array, chunks=_chunks(array), compression="lzf", shuffle=True
                )
                data.attrs["unit"], data.attrs["meaning"] = unit, meaning
            for name, pose in (("photo", self.photo_pose), ("kinect", self.depth_pose)):
                group = file[name]
                group.attrs["rotation_from_world"] = pose.rotation
                group.attrs["translation_mm"] = pose.translation * 1000


def _chunks(array: NDArray[np.float32]) -> tuple[int, int]:
    return min(array.shape[0], 256), array.shape[1]
