"""What an adjustment fits: the corners seen, and the unknowns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import msgspec
import numpy as np
from numpy.typing import NDArray

from idfd.calibration.derivatives import parameter_names
from idfd.calibration.projection import project
from idfd.calibration.solve.poses import Array, Pose
from idfd.calibration.views import CameraName
from idfd.model.camera import Intrinsics

MOUNT = tuple(f"depth_to_photo.{name}" for name in ("rx", "ry", "rz", "tx", "ty", "tz"))


@dataclass(frozen=True)
class Image:
    """What one camera saw of the board in one view.

    ``board`` (N, 3) mm, ``pixels`` (N, 2) and ``deviation`` (N,) px, which weighs them.
    """

    view: str
    camera: CameraName
    board: Array
    pixels: Array
    deviation: Array

    def only(self, which: NDArray[np.bool_]) -> Image:
        """Some of its corners, by a mask (N,)."""
        return replace(
            self,
            board=self.board[which],
            pixels=self.pixels[which],
            deviation=self.deviation[which],
        )


@dataclass(frozen=True)
class Prior:
    """What is known of a camera's parameters beforehand: (P,) each, infinite where nothing is."""

    mean: Array
    deviation: Array


@dataclass(frozen=True)
class State:
    """The unknowns: cameras, poses of the board by view, and where the depth camera is mounted.

    Poses are in the frame of the photo camera, which has the same place at both apertures.
    ``mount`` takes points from the depth camera's frame to that; it is None where the depth camera
    is alone, and the poses are in its own frame.
    """

    cameras: Mapping[CameraName, Intrinsics]
    poses: Mapping[str, Pose]
    mount: Pose | None = None

    def board_in(self, camera: CameraName, view: str) -> Pose:
        """Pose of a view's board in a camera's frame."""
        if camera == "depth" and self.mount is not None:
            return self.mount.inverse().after(self.poses[view])
        return self.poses[view]


@dataclass(frozen=True)
class Stack:
    """All corners of one camera, one image after the other; ``view`` numbers them by view."""

    camera: CameraName
    images: tuple[int, ...]
    starts: tuple[int, ...]
    view: NDArray[np.intp]
    board: Array
    pixels: Array
    deviation: Array


@dataclass(frozen=True)
class Problem:
    """What is to be fitted.

    Attributes:
        images: The observations.
        free: Cameras whose intrinsics are estimated; the others are held fixed.
        prior: What is known of free cameras beforehand. It keeps coefficients that the views do
            not determine from growing, and given intrinsics near what was given.
        cauchy: Scale of Cauchy's loss in deviations; None for least squares.
    """

    images: tuple[Image, ...]
    free: tuple[CameraName, ...]
    prior: Mapping[CameraName, Prior] = field(default_factory=dict)
    cauchy: float | None = None

    @cached_property
    def views(self) -> tuple[str, ...]:
        """Names of the views, each once."""
        return tuple(dict.fromkeys(image.view for image in self.images))

    @cached_property
    def stacks(self) -> tuple[Stack, ...]:
        """Corners by camera."""
        number = {view: place for place, view in enumerate(self.views)}
        out = []
        for camera in dict.fromkeys(image.camera for image in self.images):
            places = tuple(i for i, image in enumerate(self.images) if image.camera == camera)
            images = [self.images[place] for place in places]
            sizes = [len(image.board) for image in images]
            out.append(
                Stack(
                    camera,
                    places,
                    tuple(int(start) for start in np.cumsum([0, *sizes])),
                    np.repeat([number[image.view] for image in images], sizes),
                    np.concatenate([image.board for image in images]),
                    np.concatenate([image.pixels for image in images]),
                    np.concatenate([image.deviation for image in images]),
                )
            )
        return tuple(out)

    def mounted(self, state: State) -> bool:
        """Whether the mount is one of the unknowns."""
        return state.mount is not None and any(stack.camera == "depth" for stack in self.stacks)


def parameters(problem: Problem, state: State) -> tuple[str, ...]:
    """Names of the global parameters, in their order."""
    names = [
        f"{camera}.{name}"
        for camera in problem.free
        for name in parameter_names(state.cameras[camera])
    ]
    return (*names, *(MOUNT if problem.mounted(state) else ()))


def in_reference(problem: Problem, state: State, stack: Stack) -> tuple[Array, Array]:
    """Corners in the frame of the poses, (M, 3), and turned into it but not shifted, (M, 3)."""
    rotations = np.array([state.poses[view].rotation for view in problem.views])
    shifts = np.array([state.poses[view].translation for view in problem.views])
    turned = np.einsum("mij,mj->mi", rotations[stack.view], stack.board)
    return turned + shifts[stack.view], turned


def residuals(problem: Problem, state: State) -> list[Array]:
    """Seen minus computed, (N, 2) pixels for each image."""
    out: dict[int, Array] = {}
    for stack in problem.stacks:
        gap = stack_residual(problem, state, stack)
        parts = np.split(gap, stack.starts[1:-1])
        out |= dict(zip(stack.images, parts, strict=True))
    return [out[place] for place in range(len(problem.images))]


def stack_residual(problem: Problem, state: State, stack: Stack) -> Array:
    """Seen minus computed, (M, 2) pixels."""
    points, _ = in_reference(problem, state, stack)
    if stack.camera == "depth" and state.mount is not None:
        points = state.mount.inverse().apply(points)
    return stack.pixels - project(state.cameras[stack.camera], points)


def vector(intrinsics: Intrinsics) -> Array:
    """Parameters of a camera, in the order of ``parameter_names``."""
    return np.array(
        [intrinsics.fx, intrinsics.fy, intrinsics.cx, intrinsics.cy, *intrinsics.distortion]
    )


def with_vector(intrinsics: Intrinsics, values: Array) -> Intrinsics:
    """The camera with other parameters, in the order of ``parameter_names``."""
    fx, fy, cx, cy, *distortion = (float(value) for value in values)
    return msgspec.structs.replace(
        intrinsics, fx=fx, fy=fy, cx=cx, cy=cy, distortion=tuple(distortion)
    )
