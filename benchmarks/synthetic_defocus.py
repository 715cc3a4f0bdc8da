"""Synthetic defocus at 640x480: layered compositing and the Gaussian stack against unfold.

The peer is what one writes first in torch: every pixel's 25x25 neighbours by unfold, weighted with
the Gaussian of the pixel's own width, 3 GB for one photo. The photo is random texture, the depth a
slanted room with twelve disks before it, the lens such that sigma stays under 5 px. Errors are
those from the exact gather (float64, kernels of 4 sigma) over [0, 1]; layered compositing is meant
to differ from it where something hides something else.

Processor time is reported beside the wall clock: it says the same on a machine that is not idle,
where no clean round can be had.

Usage: python benchmarks/synthetic_defocus.py [--rounds N] [--cpu-time-only]
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from collections.abc import Callable

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from rounds import compare, print_ratios

from idfd.processing.defocus.config import DefocusConfig, customised
from idfd.processing.defocus.lens import signed_circle_px
from idfd.processing.defocus.simulate import defocus_image

WIDTH, HEIGHT, K = 640, 480, 25
PITCH = 5.6
EVERY = 4


def make_scene() -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """A photo in [0, 1], (480, 640, 3), and its depth in metres."""
    generator = np.random.default_rng(0)
    noise = generator.random((HEIGHT, WIDTH, 3), np.float32)
    photo = cv2.GaussianBlur(noise, (0, 0), 1.0)
    photo = (photo - photo.min()) / (photo.max() - photo.min())
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    depth = 1.2 + 2.5 * x / WIDTH + 0.4 * np.sin(y / 60)
    for _ in range(12):
        u, v = generator.integers(0, WIDTH), generator.integers(0, HEIGHT)
        radius = generator.integers(20, 90)
        depth[(x - u) ** 2 + (y - v) ** 2 < radius**2] = generator.uniform(0.7, 1.5)
    return photo, depth


def unfold_gather(photo: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """The peer: (1, 3, H, W) and (1, 1, H, W) to (1, 3, H, W)."""
    half = K // 2
    padded = torch.nn.functional.pad(photo, (half,) * 4, mode="reflect")
    near = torch.nn.functional.unfold(padded, K).view(3, K * K, -1)
    offset = torch.arange(K) - half
    square = (offset[:, None] ** 2 + offset**2).reshape(-1, 1).float()
    weight = torch.exp(-square / (2 * sigma.view(1, -1).clamp(min=0.1) ** 2))
    weight /= weight.sum(0)
    return (near * weight).sum(1).view(photo.shape)


def exact_gather(photo: NDArray[np.float32], sigma: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same in float64 with kernels as wide as four sigma, at every fourth row and column."""
    half = math.ceil(4 * float(sigma.max()))
    padded = np.pad(photo.astype(np.float64), ((half, half), (half, half), (0, 0)), mode="reflect")
    own = sigma[::EVERY, ::EVERY]
    total, weights = np.zeros((*own.shape, 3)), np.zeros(own.shape)
    scale = -0.5 / np.maximum(own, 0.1) ** 2
    for dy in range(-half, half + 1):
        for dx in range(-half, half + 1):
            weight = np.exp((dx * dx + dy * dy) * scale)
            seen = padded[half + dy :, half + dx :][:HEIGHT:EVERY, :WIDTH:EVERY]
            total += weight[..., None] * seen
            weights += weight
    return total / weights[..., None]


def psnr(found: NDArray[np.floating], truth: NDArray[np.float64]) -> float:
    """Of a photo in [0, 1] at the pixels of the exact gather, dB."""
    return float(-10 * np.log10(np.mean((found[::EVERY, ::EVERY] - truth) ** 2)))


def by_processor_time(contenders: dict[str, Callable[[], object]], rounds: int) -> None:
    """Print processor seconds of a photo and their ratios, contenders in turn."""
    used: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, action in contenders.items():
            began = time.process_time()
            action()
            used[name].append(time.process_time() - began)
    peer = statistics.median(next(iter(used.values())))
    for name, seconds in used.items():
        middle = statistics.median(seconds)
        print(f"{name:32} {middle:8.3f} processor s/photo {peer / middle:8.1f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cpu-time-only", action="store_true", help="on a busy machine")
    arguments = parser.parse_args()
    photo, depth = make_scene()

    def config(**changes: object) -> DefocusConfig:
        own = {"light": "linear", "kernel_px": None, "layers": 16} | changes
        return customised("nyu-carvalho", own)

    stack = config(engine="gaussian-stack", layers=10)
    filled = config(hidden="filled")
    disks = config(hidden="filled", psf="disk")
    sigma = stack.rho * np.abs(signed_circle_px(stack, PITCH, depth))
    tensors = (
        torch.from_numpy(photo).permute(2, 0, 1)[None].contiguous(),
        torch.from_numpy(sigma.astype(np.float32))[None, None],
    )
    contenders: dict[str, Callable[[], object]] = {
        f"torch unfold gather, K = {K} (peer)": lambda: unfold_gather(*tensors),
        "layered, 16, dilated, Gaussian": lambda: defocus_image(photo, depth, config(), PITCH),
        "layered, 16, filled, Gaussian": lambda: defocus_image(photo, depth, filled, PITCH),
        "layered, 16, filled, disk": lambda: defocus_image(photo, depth, disks, PITCH),
        "Gaussian stack, 10 levels": lambda: defocus_image(photo, depth, stack, PITCH),
    }
    print(f"sigma up to {sigma.max():.2f} px, {torch.get_num_threads()} threads of torch")
    truth = exact_gather(photo, sigma)
    peer = unfold_gather(*tensors)[0].permute(1, 2, 0).numpy()
    print(f"PSNR to the exact gather: unfold {psnr(peer, truth):.1f} dB")
    for name, action in list(contenders.items())[1:]:
        print(f"PSNR to the exact gather: {name} {psnr(np.asarray(action()), truth):.1f} dB")
    by_processor_time(contenders, arguments.rounds)
    if not arguments.cpu_time_only:
        print_ratios(compare(contenders, rounds=arguments.rounds), 1, "photos")


if __name__ == "__main__":
    main()
