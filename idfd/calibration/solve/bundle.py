"""Bundle adjustment: all cameras, all board poses and the mount between the cameras at once.

Levenberg-Marquardt on the normal equations; each view's pose is eliminated by a Schur complement
(Triggs et al., "Bundle adjustment — a modern synthesis", 2000), so that the system that is left has
only the parameters of the cameras and of the mount. Turns are small rotations applied after the
current one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from idfd.calibration.derivatives import project_with_derivatives
from idfd.calibration.solve.poses import Array, Pose, cross_matrix, turn
from idfd.calibration.solve.problem import (
    Problem,
    Stack,
    State,
    in_reference,
    stack_residual,
    vector,
    with_vector,
)

_MOST_STEPS = 60


@dataclass(frozen=True)
class Normal:
    """Normal equations ``[[A, B], [Bᵀ, C]]`` by view, for G global parameters and a pose.

    ``a`` (V, G, G), ``b`` (V, G, 6), ``c`` (V, 6, 6); ``ga`` (V, G) and ``gc`` (V, 6) point
    downhill; ``prior`` (G, G) and ``gprior`` (G,) belong to no view.
    """

    a: Array
    b: Array
    c: Array
    ga: Array
    gc: Array
    prior: Array
    gprior: Array

    def reduced(self) -> tuple[Array, Array]:
        """Each view's information on the global parameters, (V, G, G), and its pull, (V, G)."""
        gain = np.linalg.solve(self.c, self.b.transpose(0, 2, 1))
        return self.a - self.b @ gain, self.ga - np.einsum("vpg,vp->vg", gain, self.gc)

    def damped(self, damping: float) -> Normal:
        """With all diagonals made larger (Marquardt's scaling)."""
        c = self.c.copy()
        rows = np.arange(6)
        c[:, rows, rows] *= 1 + damping
        diagonal = self.a.sum(axis=0).diagonal() + self.prior.diagonal()
        return replace(self, c=c, prior=self.prior + damping * np.diag(diagonal))

    def step(self) -> tuple[Array, Array]:
        """Step of the global parameters (G,) and of the poses (V, 6)."""
        information, pull = self.reduced()
        total = information.sum(axis=0) + self.prior
        # Focal lengths and coefficients differ by many orders of magnitude.
        scale = 1 / np.sqrt(total.diagonal())
        whole = scale * np.linalg.solve(
            total * np.outer(scale, scale), scale * (pull.sum(axis=0) + self.gprior)
        )
        left = self.gc - np.einsum("vgp,g->vp", self.b, whole)
        return whole, np.linalg.solve(self.c, left[:, :, None])[:, :, 0]


def solve(problem: Problem, state: State, tolerance: float = 1e-10) -> State:
    """The state of least cost, from a start that is near enough.

    Args:
        problem: What to fit.
        state: The start.
        tolerance: Relative gain of a step below which it was the last.
    """
    now, damping = cost(problem, state), 1e-4
    for _ in range(_MOST_STEPS):
        normal = normal_equations(problem, state)
        before = now
        while damping < 1e10:
            candidate = _moved(problem, state, *normal.damped(damping).step())
            then = cost(problem, candidate)
            if then <= now:
                now, state = then, candidate
                damping = max(damping / 10, 1e-12)
                break
            damping *= 10
        if before - now <= tolerance * now:
            break
    return state


def cost(problem: Problem, state: State) -> float:
    """What is minimised; infinite where a camera cannot see a corner at all."""
    if min((state.cameras[camera].fx for camera in problem.free), default=1.0) <= 0:
        return np.inf
    total = 0.0
    for stack in problem.stacks:
        total += _weigh(problem, stack, stack_residual(problem, state, stack))[1]
    for camera, prior in problem.prior.items():
        away = (vector(state.cameras[camera]) - prior.mean) / prior.deviation
        total += float(away @ away)
    return total if np.isfinite(total) else np.inf


def _weigh(problem: Problem, stack: Stack, residual: Array) -> tuple[Array, float]:
    """Weights of the corners (M,), 1/px², and the loss."""
    square = (residual**2).sum(axis=1) / stack.deviation**2
    if problem.cauchy is None:
        return stack.deviation**-2, float(square.sum())
    scale = problem.cauchy**2
    loss = float(scale * np.log1p(square / scale).sum())
    return stack.deviation**-2 / (1 + square / scale), loss


def normal_equations(problem: Problem, state: State) -> Normal:
    """Linearised at a state."""
    places: dict[str, list[int]] = {}
    size = 0
    for camera in problem.free:
        width = len(vector(state.cameras[camera]))
        places[camera] = list(range(size, size + width))
        size += width
    mount = list(range(size, size + 6)) if problem.mounted(state) else []
    size += len(mount)
    count = len(problem.views)
    a, b, c = np.zeros((count, size, size)), np.zeros((count, size, 6)), np.zeros((count, 6, 6))
    ga, gc = np.zeros((count, size)), np.zeros((count, 6))
    for stack in problem.stacks:
        jacobian, residual = _linearised(problem, state, stack)
        columns = places.get(stack.camera, []) + (mount if stack.camera == "depth" else [])
        grid = np.ix_(columns, columns)
        for start, end in zip(stack.starts, stack.starts[1:], strict=False):
            rows = jacobian[2 * start : 2 * end]
            square, slope = rows.T @ rows, rows.T @ residual[2 * start : 2 * end]
            view = stack.view[start]
            c[view] += square[:6, :6]
            gc[view] += slope[:6]
            a[view][grid] += square[6:, 6:]
            b[view][columns] += square[6:, :6]
            ga[view][columns] += slope[6:]
    known, pull = np.zeros(size), np.zeros(size)
    for camera, prior in problem.prior.items():
        weight = prior.deviation**-2.0
        known[places[camera]] = weight
        pull[places[camera]] = weight * (prior.mean - vector(state.cameras[camera]))
    return Normal(a, b, c, ga, gc, np.diag(known), pull)


def _linearised(problem: Problem, state: State, stack: Stack) -> tuple[Array, Array]:
    """Weighted Jacobian (2M, 6 + ...) by pose, intrinsics and mount, and residuals (2M,)."""
    in_photo, turned = in_reference(problem, state, stack)
    points, to_camera = in_photo, np.eye(3)
    mount = state.mount if stack.camera == "depth" else None
    if mount is not None:
        points, to_camera = mount.inverse().apply(in_photo), mount.rotation.T
    camera = state.cameras[stack.camera]
    pixels, by_point, by_parameter = project_with_derivatives(camera, points)
    by_point = by_point @ to_camera
    columns = [-by_point @ cross_matrix(turned), by_point]
    if stack.camera in problem.free:
        columns.append(by_parameter)
    if mount is not None:
        # x = Rᵀ exp(−ω) (X − t), with X fixed by the pose.
        columns += [by_point @ cross_matrix(in_photo - mount.translation), -by_point]
    residual = stack.pixels - pixels
    root = np.sqrt(_weigh(problem, stack, residual)[0])[:, None]
    jacobian = np.concatenate(columns, axis=2) * root[:, :, None]
    return jacobian.reshape(2 * len(points), -1), (residual * root).ravel()


def _moved(problem: Problem, state: State, whole: Array, poses: Array) -> State:
    """The state after a step."""
    cameras, place = dict(state.cameras), 0
    for camera in problem.free:
        values = vector(cameras[camera])
        cameras[camera] = with_vector(cameras[camera], values + whole[place : place + len(values)])
        place += len(values)
    mount = state.mount
    if mount is not None and problem.mounted(state):
        mount = mount.moved(whole[place:])
    turns = turn(poses[:, :3])
    moved = {
        view: Pose(rotation @ state.poses[view].rotation, state.poses[view].translation + shift)
        for view, rotation, shift in zip(problem.views, turns, poses[:, 3:], strict=True)
    }
    return State(cameras, {**state.poses, **moved}, mount)
