"""How surely `idfd calibrate check` sees that a rig was bumped, and leaves alone one that was not.

Takes a session with its true calibration, such as the simulated rig's, and checks it with
calibrations of a photo camera that stood otherwise by a known turn or step.

Usage: python benchmarks/check_bumps.py SESSION...   (each with calibration.json)
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import msgspec
import numpy as np

from idfd.calibration.check.check import CheckLimits, TakeCheck, check_rig
from idfd.calibration.check.takes import find_takes
from idfd.model import schema
from idfd.model.camera import Extrinsics
from idfd.model.rig import RigCalibration
from idfd.model.session import CALIBRATION

TURN_DEG, STEP_MM = 0.5, 10.0


def bumped(rig: RigCalibration, axis: int, degrees: float, step_mm: float) -> RigCalibration:
    """The calibration of a rig whose photo camera is turned about, or moved along, an axis."""
    along = np.eye(3)[axis]
    turn = cv2.Rodrigues(np.radians(degrees) * along)[0]
    old = rig.depth_to_photo
    first, second, third = (turn @ np.array(old.rotation)).tolist()
    moved = Extrinsics(
        source=old.source,
        target=old.target,
        rotation=(tuple(first), tuple(second), tuple(third)),
        translation_mm=tuple((turn @ np.array(old.translation_mm) + step_mm * along).tolist()),
    )
    return msgspec.structs.replace(rig, depth_to_photo=moved)


def line(name: str, found: list[tuple[TakeCheck, float]]) -> str:
    """Counts of verdicts, and of each check its median, range and how often it did not pass."""
    verdicts = [take.verdict for take, _ in found]
    parts = [f"{name:12}", *(f"{v} {verdicts.count(v):2}" for v in ("pass", "warn", "fail"))]
    for check in ("rig_drift", "reprojection", "depth_edges"):
        mine = [(c, px) for take, px in found for c in take.checks if c.name == check]
        degrees = [c.value if c.unit == "degrees" else c.value / px for c, px in mine]
        caught = sum(c.verdict != "pass" for c, _ in mine)
        if mine:
            parts.append(
                f"| {check} {np.median(degrees):.3f} [{min(degrees):.3f} {max(degrees):.3f}] deg, "
                f"{caught} of {len(mine)}"
            )
    return " ".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sessions", type=Path, nargs="+")
    arguments = parser.parse_args()
    cases = [("none", 0, 0.0, 0.0)]
    cases += [(f"{TURN_DEG:g} deg {'xyz'[axis]}", axis, TURN_DEG, 0.0) for axis in range(3)]
    cases += [(f"{STEP_MM:g} mm {'xyz'[axis]}", axis, 0.0, STEP_MM) for axis in range(3)]
    print(CheckLimits())
    for name, axis, degrees, step_mm in cases:
        found = []
        for session in arguments.sessions:
            rig = schema.load(RigCalibration, session / CALIBRATION)
            px_per_degree = float(np.radians(1) * rig.photo.fx)
            result = check_rig(bumped(rig, axis, degrees, step_mm), find_takes([session]))
            found += [(take, px_per_degree) for take in result.takes]
        print(line(name, found), flush=True)


if __name__ == "__main__":
    main()
