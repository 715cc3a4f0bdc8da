"""Faults at every operation of a take: is anything lost, and is the operator told?

The true Nikon driver talks to the simulated body; each fault is injected at each PTP operation
that a take uses, then on the host (the camera's process killed, the disk full) and in the depth
camera. After each fault the session must hold exactly what was saved before, whole, with nothing
half visible; the operator must have been told what happened and what to do; and the next take
must succeed.

Usage: python benchmarks/inject_faults.py [--every N]     (N > 1 tries every Nth case)

Kills of the whole toolkit are in kill_session.py. Filling the disk needs root, to mount one.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from idfd.capture.nikon.config import NikonConfig
from idfd.capture.nikon.driver import NikonCamera
from idfd.capture.operator.shooting import Shooter
from idfd.capture.rig import Rig
from idfd.capture.session.store import Session
from idfd.capture.session.verify import verify_session
from idfd.capture.simulated.nikon.codes import Operation, Response
from idfd.capture.simulated.nikon.faults import Delay, Fault, Respond, Stall, Unplug
from idfd.capture.simulated.nikon.process import ResponderProcess
from idfd.errors import IdfdError
from idfd.model.session import DRAFTS

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests/capture"))
from fake_rig import FakeDepthCamera, Faults, camera_error, fake_profile

UNPLUGGED_S = 1.0
PTP_FAULTS: dict[str, list[Fault]] = {
    "busy, 3 times": [Respond(Response.BUSY, 3)],
    "busy, for ever": [Respond(Response.BUSY, 500)],
    "out of focus": [Respond(Response.OUT_OF_FOCUS)],
    "store full": [Respond(Response.STORE_FULL)],
    "hardware error": [Respond(Response.HARDWARE_ERROR)],
    "access denied": [Respond(Response.ACCESS_DENIED)],
    "answer 1 s late": [Delay(1.0)],
    "stall": [Stall()],
    "stall in the data": [Stall(after_bytes=40)],
    "cable out for 1 s": [Unplug(seconds=UNPLUGGED_S)],
    "cable out in the data": [Unplug(after_bytes=40, seconds=UNPLUGGED_S)],
}
DEPTH_FAULTS = ("timeout", "stale", "disconnected", "crashed", "failed")
KILLS = 30
FULL_DISKS = (1, 2, 3, 4, 5, 6, 8, 10)


@dataclass
class Tally:
    """What came of the cases of one kind."""

    cases: int = 0
    saved: int = 0
    noted: int = 0
    refused: int = 0
    causes: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


class Campaign:
    """One session after another on one body, each with takes before and after a fault."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tallies: defaultdict[str, Tally] = defaultdict(Tally)
        self.body = ResponderProcess("pattern", size=(300, 200), real_time=False)
        config = NikonConfig(
            port=self.body.port, focus="as_set", settle_s=0.0,
            command_s=3.0, release_s=3.0, download_s=3.0,
        )  # fmt: skip
        self.depth = FakeDepthCamera(Faults())
        self.camera = NikonCamera(config)
        self.rig = Rig(fake_profile(), self.camera, self.depth)
        self.rig.connect()
        self.count = 0

    def close(self) -> None:
        """Give everything back."""
        self.rig.close()
        self.body.stop()

    def operations(self) -> list[str]:
        """The operations that a take uses, in order of their first use."""
        with self.session() as session:
            shooter = self.shooter(session)
            before = len(self.body.log())
            shooter.shoot(session.scene("room"))
            names = [name for name, _, _ in self.body.log()[before:]]
        return list(dict.fromkeys(names))

    @contextmanager
    def session(self, folder: Path | None = None) -> Iterator[Session]:
        """A new session with one scene."""
        self.count += 1
        path = (folder or self.folder) / f"session-{self.count}"
        with Session.create(path, f"s{self.count}", self.rig.profile) as session:
            session.add_scene("room", "room")
            yield session

    def shooter(self, session: Session) -> Shooter:
        """A shooter that has saved one take."""
        shooter = Shooter(session, self.rig)
        shooter.set_exposure(0.25)
        shooter.shoot(session.scene("room"))
        return shooter

    def case(
        self, kind: str, inject: Callable[[], object], mend: Callable[[], object],
        folder: Path | None = None,
    ) -> None:  # fmt: skip
        """A take, a take with a fault, a take after it; then the session is looked through."""
        tally = self.tallies[kind]
        tally.cases += 1
        with self.session(folder) as session:
            shooter = self.shooter(session)
            saved = ["room_1"]
            inject()
            try:
                record = shooter.shoot(session.scene("room"))
                saved.append(record.id)
                tally.saved += 1
                tally.noted += bool(record.note)
            except IdfdError as error:
                tally.refused += 1
                tally.causes[getattr(error, "cause", "storage")] += 1
                print(f"  told: {error}", file=sys.stderr)
                if not error.remedy:
                    tally.faults.append(f"no remedy: {error}")
            finally:
                mend()
            try:
                saved.append(shooter.shoot(session.scene("room")).id)
            except IdfdError as error:
                tally.faults.append(f"the next take failed: {error}")
            path = session.path
        self.look(path, saved, tally)

    def look(self, path: Path, saved: list[str], tally: Tally) -> None:
        """Compare what is on the disk with what was reported as saved."""
        found = verify_session(path)
        tally.faults += [f"{item.path}: {item.reason}" for item in found.damage]
        on_disk = sorted(item.name for item in (path / "scenes/room").iterdir() if item.is_dir())
        if on_disk != sorted(saved):
            tally.faults.append(f"on disk {on_disk}, saved {saved}")
        if left := list((path / DRAFTS).iterdir()):
            tally.faults.append(f"left over: {left}")


def ptp_cases(campaign: Campaign, every: int) -> None:
    operations = campaign.operations()
    print(f"{len(operations)} operations: {', '.join(operations)}", file=sys.stderr)
    cases = [(kind, name) for kind in PTP_FAULTS for name in operations]
    for index, (kind, name) in enumerate(cases[::every]):
        begun = time.perf_counter()
        code = Operation[name.upper()]
        campaign.case(
            kind,
            lambda code=code, kind=kind: campaign.body.fault(code, *PTP_FAULTS[kind]),
            lambda: (campaign.body.clear_faults(), time.sleep(UNPLUGGED_S)),
        )
        spent = time.perf_counter() - begun
        print(f"{index + 1} of {len(cases[::every])}: {kind} at {name}, {spent:.1f} s",
              file=sys.stderr)  # fmt: skip


def kill_cases(campaign: Campaign, every: int) -> None:
    """The process that talks to the camera dies at random moments of a take."""
    rng = random.Random(1)
    for _ in range(0, KILLS, every):
        delay = rng.uniform(0.0, 0.25)  # about as long as a take
        killer = threading.Timer(delay, _kill_worker)
        campaign.case("camera process killed", killer.start, killer.join)


def _kill_worker() -> None:
    out = subprocess.run(
        ["pgrep", "-P", str(os.getpid()), "-f", "idfd.capture.nikon.worker"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    for pid in out.stdout.split():
        os.kill(int(pid), signal.SIGKILL)


def depth_cases(campaign: Campaign) -> None:
    operations = ("depth.pause", "depth.resume", "depth.burst")
    for cause in DEPTH_FAULTS:
        for operation in operations:
            for times in (1, 3):
                campaign.case(
                    f"depth camera: {cause}{' for good' if times > 1 else ''}",
                    lambda operation=operation, cause=cause, times=times: (
                        campaign.depth.faults.fail(operation, camera_error(cause), times)
                    ),
                    campaign.depth.faults.planned.clear,
                )


def disk_cases(campaign: Campaign, folder: Path) -> None:
    """The disk fills up at different places of a take; freed space lets the session go on."""
    for eighths in FULL_DISKS:
        mount = folder / f"disk-{eighths}"
        mount.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(mount)], check=True)
        ballast = mount / "ballast"

        def fill(ballast: Path = ballast, mount: Path = mount, eighths: int = eighths) -> None:
            free = os.statvfs(mount)
            left = free.f_bavail * free.f_frsize - eighths * 24_000
            ballast.write_bytes(b"\0" * max(left, 0))

        try:
            campaign.case("disk full", fill, ballast.unlink, mount)
        finally:
            subprocess.run(["umount", "-l", str(mount)], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        campaign = Campaign(Path(name))
        try:
            ptp_cases(campaign, arguments.every)
            kill_cases(campaign, arguments.every)
            depth_cases(campaign)
            if os.geteuid() == 0:
                disk_cases(campaign, Path(name))
        finally:
            campaign.close()
    print("| fault | cases | saved | of them after a new connection | refused, told why | faults |")
    print("|---|---|---|---|---|---|")
    for kind, tally in campaign.tallies.items():
        causes = ", ".join(f"{n} {cause}" for cause, n in tally.causes.most_common())
        refused = f"{tally.refused} ({causes})" if causes else "0"
        print(
            f"| {kind} | {tally.cases} | {tally.saved} | {tally.noted} | {refused} "
            f"| {len(tally.faults)} |"
        )
    for kind, tally in campaign.tallies.items():
        for fault in tally.faults:
            print(f"{kind}: {fault}", file=sys.stderr)


if __name__ == "__main__":
    main()
