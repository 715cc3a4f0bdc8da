"""What the checks of a scene tell, and what they take.

Cost: all checks of a rendered 24-megapixel pair, against blurring the same photos once with OpenCV
(one pass over the pixels). Processor time is printed too; it does not suffer from other processes.

Detection, with a folder that 'idfd process' made of real pairs (DFD_Indoor): a lens is fitted to
the blur measured on every other take; the others are judged by it as they are, with their photos
swapped, and with their depth turned upside down (depth of another scene).

Usage: python benchmarks/judge_pairs.py [PROCESSED]
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from rounds import compare, print_ratios
from scipy.optimize import least_squares

from idfd.model.curation import PairFit
from idfd.model.defocus import DefocusModel
from idfd.model.triple import Crop, DepthSource, PairTransform, PhotometricGain
from idfd.processing.blur import PatchBlur, measure_blur
from idfd.processing.check import SceneFacts, SceneLimits, check_scene, compare_blur, softer
from idfd.processing.depth.maps import DepthMap
from idfd.processing.view.scene import find_scene, read_scene

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests" / "processing"))
from blurred_pairs import blurred, photo, texture

WIDTH, HEIGHT, TILES = 6000, 4000, 4
CHECKS = "softer", "blur_ratio", "blur_correlation"
Pair = tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint16]]


def large_scene() -> SceneFacts:
    """A pair of 24 megapixels at one depth, with all facts but settings and clock."""
    light = texture(HEIGHT // TILES, WIDTH // TILES)
    sharp, soft = (
        np.tile(photo(part, 0.01), (TILES, TILES, 1)) for part in (light, blurred(light, 3))
    )
    depth = DepthMap.of_image(np.full((HEIGHT, WIDTH), 1600, np.uint16), DepthSource.FUSED)
    transform = PairTransform(
        homography=(1, 0, 0, 0, 1, 0, 0, 0, 1), radial=0.0, centre=(2999.5, 1999.5), scale=3600.0
    )
    return SceneFacts(
        fit=PairFit(
            width=WIDTH,
            height=HEIGHT,
            transform=transform,
            gain=PhotometricGain(channels=(0.0, 0.0, 0.0), field=(), tone=()),
            measures={"correlation": 0.9},
        ),
        crop=Crop(x=0.0, y=0.0, width=WIDTH, height=HEIGHT),
        all_in_focus=sharp,
        defocused=soft,
        depth=depth,
        inpainted=depth,
        blur=DefocusModel(
            width=WIDTH, height=HEIGHT, centre=(3000.0, 2000.0), f_number=2.8,
            scale_px_m=12.0 / (1 / 0.8 - 1 / 1.6), focus_distance_m=0.8,
        ),
    )  # fmt: skip


def cost() -> None:
    facts = large_scene()
    sharp, soft = facts.all_in_focus, facts.defocused
    assert sharp is not None
    assert soft is not None
    contenders: dict[str, Callable[[], object]] = {
        "cv2.blur 3x3 of both": lambda: (cv2.blur(sharp, (3, 3)), cv2.blur(soft, (3, 3))),
        "check_scene": lambda: check_scene(facts),
    }
    for name, action in contenders.items():
        action()
        spent = []
        for _ in range(5):
            begun = time.process_time()
            action()
            spent.append(time.process_time() - begun)
        print(f"{name}: {1000 * np.median(spent):.0f} ms of processor time")
    names = [f"{check.name} {check.value:g}" for check in check_scene(facts)]
    print("checks: " + ", ".join(names))
    print_ratios(compare(contenders, rounds=5), 1, "pairs")


def circle(lens: NDArray[np.float64], depth_m: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.abs(lens[0] * (lens[1] - 1 / depth_m))


def fit_lens(found: list[PatchBlur]) -> NDArray[np.float64]:
    """Blur per dioptre and vergence in focus, by robust least squares."""
    sigma = np.concatenate([one.sigma for one in found])
    depth = np.concatenate([one.depth_m for one in found])
    starts = [(scale, 1 / focus) for scale in (1.0, 3.0, 10.0) for focus in (0.5, 1.0, 2.0)]
    fits = [
        least_squares(lambda lens: np.arctan(circle(lens, depth) - sigma), start)
        for start in starts
    ]
    return np.asarray(min(fits, key=lambda fit: fit.cost).x)


def detection(folder: Path) -> None:
    scenes: list[Pair] = []
    for path in sorted((folder / "triples").iterdir()):
        scene = read_scene(find_scene(path))
        assert scene.whole is not None
        scenes.append((scene.all_in_focus, scene.defocused, scene.whole))
    cases: dict[str, Callable[[Pair], Pair]] = {
        "as they are": lambda pair: pair,
        "photos swapped": lambda pair: (pair[1], pair[0], pair[2]),
        "depth upside down": lambda pair: (pair[0], pair[1], pair[2][::-1]),
    }
    lens = fit_lens([measure_blur(*scene) for scene in scenes[::2]])
    print(f"{len(scenes)} takes; {lens[0]:.2f} px per dioptre, in focus at {1 / lens[1]:.2f} m")
    for name, change in cases.items():
        tally: dict[str, Counter[str]] = {check: Counter() for check in CHECKS}
        for scene in scenes[1::2]:
            sharp, soft, depth = change(scene)
            found, back = measure_blur(sharp, soft, depth), measure_blur(soft, sharp, depth)
            values: dict[str, float | None] = dict(compare_blur(found, circle(lens, found.depth_m)))
            values["softer"] = softer(found, back)
            for check in CHECKS:
                value = values.get(check)
                limit = getattr(SceneLimits(), check)
                tally[check]["-" if value is None else limit.judge(check, value).verdict] += 1
        print(f"{name}: " + "; ".join(f"{check} {dict(tally[check])}" for check in CHECKS))


def main() -> None:
    cv2.setNumThreads(1)
    if len(sys.argv) > 1:
        detection(Path(sys.argv[1]))
    cost()


if __name__ == "__main__":
    main()
