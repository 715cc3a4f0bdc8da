"""What a take costs beside exposure, transfer and rendering: 24 megapixels, 30 frames with colour.

The fake camera hands over files that were made before, so that all time but its own is the
toolkit's: checks, writing, hashing, flushing. Time inside of the fake devices is left out; it
holds the writing and flushing of the photos, which a real driver does while it downloads, so it is
printed beside.

    python benchmarks/take_overhead.py --takes 5

With --driver the photos come from the simulated body through libgphoto2 and the true driver, as RAW
and JPEG; what the devices take is then the transfer and the driver's work together, without
exposures.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import msgspec

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests/capture")]

PHOTO, DEPTH, COLOUR = (6016, 4016), (640, 576), (1280, 720)


def main() -> None:
    from fake_rig import PLAN, fake_profile, fake_rig
    from rich.console import Console
    from rich.table import Table

    from idfd.capture.exposure import PairRequest, plan_pair
    from idfd.capture.nikon.config import NikonConfig
    from idfd.capture.nikon.driver import NikonCamera
    from idfd.capture.rig import Rig
    from idfd.capture.session.store import Session
    from idfd.capture.simulated.nikon.process import ResponderProcess
    from idfd.capture.take import shoot_take

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--takes", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="Where the session lies; default: temporary.")
    parser.add_argument("--second-copy", action="store_true", help="Copy while the next is shot.")
    parser.add_argument("--driver", action="store_true", help="Through libgphoto2.")
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory(dir=options.folder) as folder, ExitStack() as stack:
        profile = fake_profile(30)
        if options.second_copy:
            (Path(folder) / "disk").mkdir()
            profile = msgspec.structs.replace(profile, second_copy=f"{folder}/disk")
        fake = fake_rig(profile, photo_size=PHOTO, depth_size=DEPTH)
        fake.depth.colour = COLOUR
        rig, plan = fake, PLAN
        if options.driver:
            body = stack.enter_context(ResponderProcess(size=PHOTO, real_time=False))
            camera = NikonCamera(NikonConfig(port=body.port, focus="as_set", settle_s=0.0))
            rig = Rig(profile, camera, fake.depth)
            with camera:
                plan = plan_pair(PairRequest(exposure_s=0.25), camera.offers())
        with Session.create(Path(folder) / "day", "day", profile) as session, rig:
            session.add_scene("lab", "room")
            for _ in range(options.takes + 1):
                began = time.perf_counter()
                with session.new_take("lab") as draft:
                    result = shoot_take(rig, plan, draft)
                    shot = time.perf_counter()
                    draft.commit(result.record)
                saved = time.perf_counter()
                timing = result.timing
                rows.append(
                    {
                        "checks, burst written, hashed": timing.toolkit,
                        "committed": saved - shot,
                        "toolkit together": saved - began - sum(timing.devices.values()),
                        "in the devices": sum(timing.devices.values()),
                        "the whole take": saved - began,
                    }
                )
            size = sum(item.file.bytes for item in result.record.files)
    rows = rows[1:]  # the first take imports modules and makes the pictures
    table = Table(
        "step", "median s", "longest s", title=f"{len(rows)} takes of {size / 1e6:.0f} MB"
    )
    for step in rows[0]:
        values = [row[step] for row in rows]
        table.add_row(step, f"{statistics.median(values):.3f}", f"{max(values):.3f}")
    Console().print(table)


if __name__ == "__main__":
    main()
