"""In-painting of depth: time, error on hidden pixels, and whether the uncertainty holds.

The peer is the colourisation method as it is commonly ported: Python loops over all pixels build
the window of each, and one sparse system over all pixels is solved, known ones held softly. A
sixth of the depth is hidden in ellipses that the limit of ``InpaintConfig`` just allows.

Usage: python benchmarks/inpaint_depth.py [--frame PHOTO DEPTH]... [--unit MM] [--size 640x480]
           [--without-peer] [--clock wall|processor]
       python benchmarks/inpaint_depth.py --cleargrasp FOLDER

Without --frame a scene is drawn. DEPTH is a 16-bit PNG of ``--unit`` millimetres. The processor's
time is that of the process, the least of three calls; with ``--clock wall`` rounds in which other
processes were busy are dropped. FOLDER holds ClearGrasp's frames: transparent objects, whose
depth is missing or wrong, and the same scenes with opaque twins. Depth without a limit on the
size of holes is scored there where the twins have depth.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from rounds import compare, print_ratios

from idfd.model.triple import DepthSource
from idfd.processing.depth.inpaint import InpaintConfig, Method, inpaint
from idfd.processing.depth.maps import DepthMap

METHODS: tuple[Method, ...] = ("telea", "navier_stokes", "direct", "colourisation")
NO_LIMIT = 10.0
Frame = tuple[NDArray[np.uint8], NDArray[np.uint16]]


def common_port(depth: NDArray[Any], photo: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The peer: radius 1, known pixels held with weight 1, SuperLU over all pixels."""
    from scipy.sparse import csr_matrix, diags
    from scipy.sparse.linalg import spsolve

    height, width = depth.shape
    grey = photo @ np.array([0.299, 0.587, 0.114]) / 255
    rows, columns, values = [], [], []
    for x in range(width):
        for y in range(height):
            here, around = x * height + y, []
            for u in range(max(x - 1, 0), min(x + 2, width)):
                for v in range(max(y - 1, 0), min(y + 2, height)):
                    if (u, v) != (x, y):
                        rows.append(here)
                        columns.append(u * height + v)
                        around.append(grey[v, u])
            gaps = (np.array(around) - grey[y, x]) ** 2
            spread = 0.6 * np.var(np.append(around, grey[y, x]))
            spread = max(spread, -gaps.min() / np.log(0.01), 2e-6)
            weights = np.exp(-gaps / spread)
            values.extend(-weights / weights.sum())
            rows.append(here)
            columns.append(here)
            values.append(1.0)
    matrix = csr_matrix((values, (rows, columns)), shape=(depth.size, depth.size))
    known = (depth > 0).ravel("F").astype(float)
    largest = float(depth.max())
    solution = spsolve(matrix + diags(known), known * depth.ravel("F") / largest)
    return solution.reshape(height, width, order="F") * largest


def drawn_frame(width: int, height: int) -> Frame:
    """Textured boxes before a slanted wall."""
    random = np.random.default_rng(0)
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    depth = 2500 + 900 * x - 300 * y
    photo = 120 + 40 * np.sin(40 * x)[..., None] * np.array([1.0, 0.7, 0.4])
    for _ in range(14):
        centre = (random.uniform(0, 1, 2) * (width, height)).tolist()
        size = (random.uniform(0.05, 0.3, 2) * width).tolist()
        box = cv2.boxPoints((centre, size, random.uniform(0, 90))).astype(np.int32)
        inside = cv2.fillPoly(np.zeros((height, width), np.uint8), [box], 1) > 0
        near = random.uniform(900, 2300) + random.uniform(-300, 300) * x
        inside &= near < depth
        depth[inside] = near[inside]
        photo[inside] = random.uniform(20, 235, 3)
    photo += random.normal(0, 4, photo.shape)
    return np.clip(photo, 0, 255).astype(np.uint8), np.rint(depth).astype(np.uint16)


def read_frame(photo: Path, depth: Path, unit: float) -> Frame:
    image, values = cv2.imread(str(photo)), cv2.imread(str(depth), cv2.IMREAD_UNCHANGED)
    assert image is not None
    assert values is not None
    rgb = cv2.cvtColor(image, cv2.COLOR_BGR2RGB).astype(np.uint8)
    return rgb, np.rint(values * unit).astype(np.uint16)


def hidden_ellipses(shape: tuple[int, ...], share: float = 0.17) -> NDArray[np.bool_]:
    random = np.random.default_rng(1)
    largest = InpaintConfig().largest_radius_share * shape[1]
    mask = np.zeros(shape, np.uint8)
    while mask.mean() < share:
        x, y = random.integers(shape[1]), random.integers(shape[0])
        axes = random.uniform(largest / 6, largest, 2).astype(int)
        cv2.ellipse(mask, (int(x), int(y)), axes.tolist(), random.uniform(0, 180), 0, 360, 1, -1)
    return mask > 0


def fill_with(method: Method, depth: DepthMap, photo: NDArray[np.uint8], **limits: Any) -> DepthMap:
    return inpaint(depth, photo, InpaintConfig(method=method, **limits))


def rms(errors: NDArray[Any]) -> float:
    return float(np.sqrt(np.mean(np.square(errors))))


def score_frame(name: str, frame: Frame, peer: bool, clock: str) -> None:
    photo, truth = frame
    hidden = hidden_ellipses(truth.shape)
    given = DepthMap.of_image(np.where(hidden, 0, truth).astype(np.uint16), DepthSource.MEASURED)
    calls: dict[str, Callable[[], Any]] = {
        method: lambda method=method: fill_with(method, given, photo)  # type: ignore[misc]
        for method in METHODS
    }
    if peer:
        calls = {"common port (peer)": lambda: common_port(given.depth, photo)} | calls
    results, seconds = {}, {}
    for contender, call in calls.items():
        spent = []
        for _ in range(1 if "peer" in contender else 4):  # the first compiles
            start = time.process_time()
            results[contender] = call()
            spent.append(time.process_time() - start)
        seconds[contender] = min(spent)
    ours = results["colourisation"]
    scored = hidden & (truth > 0) & (ours.depth > 0)
    print(f"{name}: {truth.shape[1]}x{truth.shape[0]}, {scored.mean():.1%} hidden and filled")
    print(f"  {'method':20} {'processor, ms':>14} {'ratio':>8} {'RMSE, mm':>9}")
    first = next(iter(seconds.values()))
    for contender, result in results.items():
        values = result if isinstance(result, np.ndarray) else result.depth
        error = rms(values[scored] - truth[scored])
        ratio = first / seconds[contender]
        print(f"  {contender:20} {1e3 * seconds[contender]:14.1f} {ratio:8.1f} {error:9.2f}")
    print_trust(ours, truth, scored)
    if clock == "wall":
        print_ratios(compare(calls, rounds=3, attempts=6), 1, "maps")


def print_trust(result: DepthMap, truth: NDArray[np.uint16], scored: NDArray[np.bool_]) -> None:
    """Do errors keep to the uncertainty; how do they grow with the distance to known depth."""
    assert result.uncertainty is not None
    error = np.abs(result.depth - truth)
    covered = np.mean(error[scored] <= 2 * result.uncertainty[scored])
    sigma = np.median(result.uncertainty[scored])
    print(f"  within two sigma: {covered:.1%}; median sigma {sigma:.1f} mm")


def growth(frames: list[tuple[str, Frame]]) -> None:
    """Relative error by distance to known depth, without a limit on the size of holes."""
    edges = (0.0, 0.005, 0.01, 0.02, 0.03, 0.04, 0.06, 0.08, 0.12)
    errors: list[list[float]] = [[] for _ in edges[1:]]
    for _, (photo, truth) in frames:
        height, width = truth.shape
        radius = int(0.12 * width)
        hidden = np.zeros(truth.shape, np.uint8)
        for centre in ((0.3, 0.5), (0.7, 0.5)):
            place = int(centre[0] * width), int(centre[1] * height)
            cv2.circle(hidden, place, radius, 1, -1)
        given = np.where(hidden > 0, 0, truth).astype(np.uint16)
        source = DepthMap.of_image(given, DepthSource.MEASURED)
        found = fill_with("colourisation", source, photo, largest_radius_share=NO_LIMIT)
        distance = cv2.distanceTransform(hidden, cv2.DIST_L2, cv2.DIST_MASK_5) / width
        for n, (near, far) in enumerate(pairwise(edges)):
            band = (distance > near) & (distance <= far) & (truth > 0)
            errors[n].extend(np.abs(found.depth[band] / truth[band] - 1).tolist())
    print("error by distance to known depth, in shares of the width and of the depth")
    for n, (near, far) in enumerate(pairwise(edges)):
        median, most = np.percentile(errors[n], (50, 95)) if errors[n] else (np.nan, np.nan)
        print(f"  {near:.3f} to {far:.3f}: median {median:.2%}, 95 % within {most:.1%}")


def read_exr(path: Path) -> NDArray[np.uint16]:
    """Millimetres of a half-float EXR in metres."""
    import OpenEXR

    channels = OpenEXR.File(str(path)).channels()
    metres = next(iter(channels.values())).pixels
    metres = metres if metres.ndim == 2 else metres[..., 0]
    return np.rint(np.nan_to_num(metres.astype(np.float64)) * 1000).astype(np.uint16)


def score_cleargrasp(folder: Path) -> None:
    for mask_path in sorted(folder.glob("*-mask.png")):
        stem = str(mask_path).removesuffix("-mask.png")
        mask = cv2.imread(str(mask_path), cv2.IMREAD_GRAYSCALE)
        assert mask is not None
        raw = read_exr(Path(f"{stem}-transparent-depth-img.exr"))
        truth = read_exr(Path(f"{stem}-opaque-depth-img.exr"))
        image = cv2.imread(f"{stem}-transparent-rgb-img.jpg")
        assert image is not None
        photo = cv2.cvtColor(image, cv2.COLOR_BGR2RGB).astype(np.uint8)
        inside = (mask > 0) & (truth > 0)
        cases = {
            "holes only": (raw, inside & (raw == 0)),
            "whole mask hidden": (np.where(mask > 0, 0, raw).astype(np.uint16), inside),
        }
        print(f"{Path(stem).name}: {(raw[inside] == 0).mean():.1%} of the masks are holes")
        print(f"  {'case':18} {'method':14} {'RMSE, mm':>9} {'AbsRel':>8} {'at the limit':>13}")
        for case, (depth, scored) in cases.items():
            given = DepthMap.of_image(depth, DepthSource.MEASURED)
            for method in METHODS:
                limited = fill_with(method, given, photo).depth[scored] > 0
                found = fill_with(method, given, photo, largest_radius_share=NO_LIMIT)
                error = found.depth[scored] - truth[scored]
                relative = np.mean(np.abs(error) / truth[scored])
                print(
                    f"  {case:18} {method:14} {rms(error):9.2f} {relative:8.4f} "
                    f"{limited.mean():11.1%}"
                )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frame", nargs=2, type=Path, action="append", default=[])
    parser.add_argument("--unit", type=float, default=1.0)
    parser.add_argument("--size", default="640x480")
    parser.add_argument("--without-peer", action="store_true")
    parser.add_argument("--clock", choices=("processor", "wall"), default="processor")
    parser.add_argument("--cleargrasp", type=Path)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    if arguments.cleargrasp:
        score_cleargrasp(arguments.cleargrasp)
        return
    width, height = (int(part) for part in arguments.size.split("x"))
    frames = [
        (str(photo), read_frame(photo, depth, arguments.unit)) for photo, depth in arguments.frame
    ] or [("drawn scene", drawn_frame(width, height))]
    for name, frame in frames:
        score_frame(name, frame, not arguments.without_peer, arguments.clock)
    growth(frames)


if __name__ == "__main__":
    main()
