"""One whole 24-megapixel take, from its files to its triple: idfd against a script with OpenCV.

The take is made up, in the true format (``full_take.py``); the script is ``plain_scene.py``, whose
docstring says how it does the steps and what it leaves out. Both have one thread, and the memory
settings of idfd's workers, in one warm process. Then: where idfd's time goes, and how far all of it
is from decoding the files, copying the photos once and encoding the results.

Processor time comes first, which holds up beside other load, then wall time of clean rounds.

Usage: python benchmarks/process_scene.py [--size WxH|native] [--picture JPEG] [--tuned]
    [--no-rounds]
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import cv2
from full_take import write_session
from plain_scene import Fill, plain_scene
from rounds import compare, print_ratios

from idfd.model.rig import RigCalibration
from idfd.model.schema import load
from idfd.processing.config import ProcessConfig
from idfd.processing.crop import CropConfig
from idfd.processing.depth.inpaint import InpaintConfig
from idfd.processing.pipeline import depth_steps, photo_steps, verdict, window, workspace
from idfd.processing.pipeline.run import process
from idfd.processing.pipeline.sources import open_source
from idfd.processing.pipeline.worker import WORKER_ENVIRONMENT
from idfd.storage import places
from idfd.storage.bursts import decode_depth_frames
from idfd.storage.images import decode_photo, encode_png, read_photo

PARTS: dict[str, tuple[tuple[Any, str], ...]] = {
    "decode the photos": ((workspace, "decode_photo"),),
    "decode the burst": ((workspace, "decode_depth_frames"),),
    "denoise": ((depth_steps, "denoise_burst"),),
    "align, and fit the gain": ((photo_steps, "fit_pair"),),
    "crop": ((window, "_field"), (window, "largest_crop")),
    "register": ((depth_steps, "move_to_photo"),),
    "in-paint": ((depth_steps, "fill_holes"),),
    "render the photos": ((photo_steps, "render_sharp"), (photo_steps, "render_defocused")),
    "check": ((verdict, "check_scene"),),
    "encode": ((workspace, "encode_png"),),
    "write": ((places, "write_bytes"),),
    "hash": ((workspace, "sha256_bytes"), (places, "sha256_bytes")),
}
ROLES = ("all_in_focus", "defocused")


class InThisProcess:
    """The work itself, without the processes that it is spread over."""

    def run(self, function: Callable[[Any], Any], tasks: Iterable[Any]) -> Iterator[Any]:
        """Yield each task with its result."""
        for task in tasks:
            yield task, function(task)


def with_idfd(session: Path, output: Path, config: ProcessConfig) -> None:
    shutil.rmtree(output, ignore_errors=True)
    with contextlib.redirect_stderr(io.StringIO()):
        outcome = process(open_source(session), output, config, InThisProcess())  # type: ignore[arg-type]
    assert outcome.curation is not None
    assert [entry.verdict for entry in outcome.curation.triples] == ["pass"], outcome


def breakdown(action: Callable[[], object]) -> dict[str, float]:
    """Processor time of the parts of an action, s, without that of parts within."""
    spent, inner = dict.fromkeys(PARTS, 0.0), [0.0]

    def timed(part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            inner.append(0.0)
            start = time.process_time()
            try:
                return function(*given, **named)
            finally:
                whole = time.process_time() - start
                spent[part] += whole - inner.pop()
                inner[-1] += whole

        return call

    with contextlib.ExitStack() as stack:
        for part, places_of in PARTS.items():
            for module, name in places_of:
                function = timed(part, getattr(module, name))
                stack.enter_context(mock.patch.object(module, name, function))
        start = time.process_time()
        action()
        whole = time.process_time() - start
    return {**spent, "all else": whole - inner[0], "whole": whole}


def floor(session: Path, output: Path) -> dict[str, float]:
    """Processor time of what cannot be left out, s: each file once, and the photos copied once."""
    take, triple = session / "scenes/room/room_1", output / "triples/room_1"
    start = time.process_time()
    photos = [decode_photo((take / f"{role}.jpg").read_bytes(), f"{role}.jpg") for role in ROLES]
    decode_depth_frames((take / "burst.h5").read_bytes(), "burst.h5")
    decoded = time.process_time()
    for photo in photos:
        photo.copy()
    copied = time.process_time()
    images: list[Any] = [read_photo(triple / f"{role}.png") for role in ROLES]
    names = [triple / name for name in ("depth.png", "depth_inpainted.png", "source.png")]
    images += [cv2.imread(str(name), cv2.IMREAD_UNCHANGED) for name in names if name.exists()]
    ready = time.process_time()
    for image in images:
        encode_png(image)
    encoded = time.process_time()
    parts = {"decode": decoded - start, "copy": copied - decoded, "encode": encoded - ready}
    return {**parts, "floor": sum(parts.values())}


def least(measure: Callable[[], dict[str, float]], rounds: int) -> dict[str, float]:
    """Of several rounds the one with the least of the last number."""
    return min((measure() for _ in range(rounds)), key=lambda found: list(found.values())[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", default="1920x1280", help="WxH, or native")
    parser.add_argument("--picture", type=Path, help="what the photos show; drawn where not given")
    parser.add_argument("--session", type=Path, help="made there, or used from an earlier run")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tuned", action="store_true", help="the script with its shortcuts")
    parser.add_argument("--no-rounds", action="store_true", help="processor time only")
    arguments = parser.parse_args()
    if any(os.environ.get(name) != value for name, value in WORKER_ENVIRONMENT.items()):
        os.environ.update(WORKER_ENVIRONMENT)  # read when the process starts
        os.execv(sys.executable, [sys.executable, *sys.argv])
    cv2.setNumThreads(1)
    native = arguments.size == "native"
    size = None if native else tuple(int(part) for part in arguments.size.split("x"))
    crop = CropConfig() if size is None else CropConfig(*size)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        session = arguments.session or folder / "session"
        if not session.exists():
            write_session(session, picture=arguments.picture)
        measure(session, folder, crop, arguments)


def measure(session: Path, folder: Path, crop: CropConfig, arguments: argparse.Namespace) -> None:
    rig, take = load(RigCalibration, session / "calibration.json"), session / "scenes/room/room_1"

    def plain(fill: Fill) -> None:
        shutil.rmtree(folder / "plain", ignore_errors=True)
        plain_scene(take, rig, folder / "plain", crop.size, fill, arguments.tuned)

    def idfd(method: Any) -> None:
        config = ProcessConfig(crop=crop, inpaint=InpaintConfig(method=method))
        with_idfd(session, folder / "idfd", config)

    cases: dict[str, tuple[Callable[[], None], Callable[[], None]]] = {
        "without in-painting": (lambda: plain("none"), lambda: idfd("none")),
        "against Telea's": (lambda: plain("telea"), lambda: idfd("colourisation")),
        "against colourisation": (lambda: plain("colourisation"), lambda: idfd("colourisation")),
    }
    if crop.size is None:  # there the script's system needs more memory than there may be
        del cases["against colourisation"]
    print(f"triples of {arguments.size} pixels; processor time, least of {arguments.rounds}")
    for case, contenders in cases.items():
        spent = []
        for action in contenders:
            action()
            spent.append(least(lambda action=action: breakdown(action), arguments.rounds))  # type: ignore[misc]
        peer, ours = (found["whole"] for found in spent)
        print(f"{case:22} script {peer:6.2f} s   idfd {ours:6.2f} s   {peer / ours:5.2f}x")
    for part, seconds in spent[1].items():
        print(f"  {part:24} {1000 * seconds:7.0f} ms")
    least_of = least(lambda: floor(session, folder / "idfd"), arguments.rounds)
    print("  ".join(f"{part} {1000 * seconds:.0f} ms" for part, seconds in least_of.items()))
    print(f"idfd takes {ours / least_of['floor']:.2f} times the floor")
    if not arguments.no_rounds:
        for case, (peer_action, action) in cases.items():
            print(case)
            print_ratios(compare({"script (peer)": peer_action, "idfd": action}), 1, "scenes")


if __name__ == "__main__":
    main()
