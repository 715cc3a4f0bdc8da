"""What the formats have in common: cameras by name, and where they stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from idfd.errors import InputError, SchemaError
from idfd.model.camera import Extrinsics, Intrinsics

Size = tuple[int, int]
"""Width and height of the images, pixels."""

_MODELS = (("pinhole", 0), ("brown_conrady", 4), ("brown_conrady", 5), ("rational", 8))


@dataclass(frozen=True)
class Cameras:
    """One camera, or several that may be fixed to each other.

    Attributes:
        intrinsics: By name, in the order of the file.
        poses: Transforms (4, 4) from a frame that all share to each camera's frame, millimetres;
            empty where a file does not say how the cameras stand.
    """

    intrinsics: Mapping[str, Intrinsics]
    poses: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)

    def only(self, names: Sequence[str]) -> Cameras:
        """Some of the cameras, in the order given.

        Raises:
            InputError: No camera has one of the names.
        """
        for name in names:
            if name not in self.intrinsics:
                raise InputError(
                    f"there is no camera '{name}'", limit=f"one of {', '.join(self.intrinsics)}"
                )
        placed = self.poses if len(names) > 1 else {}
        return Cameras(
            {name: self.intrinsics[name] for name in names},
            {name: placed[name] for name in names if name in placed},
        )

    def between(self, source: str, target: str) -> NDArray[np.float64]:
        """Transform (4, 4) from a camera's frame to another's, millimetres."""
        rotation, shift = self.poses[source][:3, :3], self.poses[source][:3, 3]
        back = rigid(rotation.T, -rotation.T @ shift)
        return self.poses[target] @ back

    def single(self, holder: str) -> tuple[str, Intrinsics]:
        """Name and intrinsics where there is one camera.

        Args:
            holder: The file that can hold one, for the message.

        Raises:
            InputError: There are several.
        """
        if len(self.intrinsics) > 1:
            raise InputError(
                f"there are {len(self.intrinsics)} cameras",
                limit=f"one, which is what {holder} holds",
                remedy=f"Choose it with --camera and one of {', '.join(self.intrinsics)}",
            )
        return next(iter(self.intrinsics.items()))


def rigid(rotation: NDArray[np.float64], shift: NDArray[np.float64]) -> NDArray[np.float64]:
    """Transform (4, 4) of a rotation (3, 3) and a translation (3,)."""
    transform = np.eye(4)
    transform[:3, :3] = rotation
    transform[:3, 3] = shift
    return transform


def extrinsics(source: str, target: str, transform: NDArray[np.float64]) -> Extrinsics:
    """A transform (4, 4), millimetres, as a record."""
    rows = transform[:3, :3].tolist()
    return Extrinsics(
        source=source,
        target=target,
        rotation=(tuple(rows[0]), tuple(rows[1]), tuple(rows[2])),
        translation_mm=tuple(transform[:3, 3].tolist()),
    )


def pose(
    rotation: NDArray[np.float64], shift: NDArray[np.float64], *, where: str | Path, what: str
) -> NDArray[np.float64]:
    """A transform (4, 4) read from a file, its rotation made orthonormal.

    Args:
        rotation: (3, 3); files of few digits miss a rotation by as much as 1e-4.
        shift: (3,), millimetres.
        where: The file.
        what: The field.

    Raises:
        SchemaError: Not a rotation.
    """
    finite = np.isfinite(rotation).all() and np.isfinite(shift).all()
    if (
        not finite
        or not np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-3)
        or np.linalg.det(rotation) < 0
    ):
        raise SchemaError(f"{what} is not a rotation and a translation", where=where)
    if np.allclose(rotation @ rotation.T, np.eye(3), rtol=0, atol=1e-12):
        return rigid(rotation, shift)
    left, _, right = np.linalg.svd(rotation)
    return rigid(left @ right, shift)


def camera(
    size: Size | None,
    focal: Sequence[float],
    centre: Sequence[float],
    coefficients: Sequence[float],
    *,
    where: str | Path,
) -> Intrinsics:
    """Intrinsics from numbers of a file, with the smallest lens model that holds them.

    Args:
        size: Of the images, or None where the file does not say it.
        focal: Focal lengths ``fx, fy``.
        centre: Principal point ``cx, cy``, pixel centres at integers.
        coefficients: Distortion in OpenCV's order; trailing zeros say nothing.
        where: The file, for messages.

    Raises:
        SchemaError: No size, a number out of range, or a lens model that idfd does not have.
    """
    if size is None:
        raise SchemaError(
            "the file does not say the size of the images",
            where=where,
            remedy="Give it with --size, such as --size 640x480",
        )
    if not np.isfinite([*focal, *centre, *coefficients]).all():
        raise SchemaError("a number is infinite or NaN", where=where)
    fields = dict(zip(("fx", "fy", "cx", "cy"), map(float, (*focal, *centre)), strict=True))
    fits = [(model, count) for model, count in _MODELS if not any(coefficients[count:])]
    if not fits:
        raise SchemaError(
            f"the lens has {len(coefficients)} coefficients",
            where=where,
            limit="at most k1 k2 p1 p2 k3 k4 k5 k6 (no thin prism, no tilted sensor)",
            remedy="Calibrate with one of these lens models",
        )
    model, count = fits[0]
    distortion = (*coefficients, *(0.0,) * count)[:count]
    values = {"width": size[0], "height": size[1], "model": model, "distortion": distortion}
    try:
        return msgspec.convert(values | fields, Intrinsics)
    except msgspec.ValidationError as error:
        raise SchemaError(f"invalid camera: {error}", where=where) from None


def coefficients(name: str, intrinsics: Intrinsics, count: int, holder: str) -> tuple[float, ...]:
    """The first ``count`` distortion coefficients in OpenCV's order, zeros where there are none.

    Args:
        name: Of the camera, for the message.
        intrinsics: The camera.
        count: How many the file holds.
        holder: The file or its lens model, for the message.

    Raises:
        InputError: The camera has others, which would be lost.
    """
    if any(intrinsics.distortion[count:]):
        limit = "none" if count == 0 else f"the first {count} of k1 k2 p1 p2 k3 k4 k5 k6"
        raise InputError(
            f"the lens has {len(intrinsics.distortion)} distortion coefficients",
            where=f"camera '{name}'",
            limit=f"{limit}, which is what {holder} holds",
            remedy="Undistort the photos and convert their pinhole camera: --undistorted",
        )
    return (*intrinsics.distortion, *(0.0,) * count)[:count]
