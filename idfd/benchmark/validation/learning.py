"""Can depth and sharpness be learned from 'train' at all? A short training must show it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from idfd.benchmark.baselines import MedianDepth
from idfd.benchmark.bootstrap import Interval, paired_difference
from idfd.benchmark.dataset import Selection
from idfd.benchmark.evaluate import evaluate
from idfd.benchmark.models import Model
from idfd.benchmark.network.config import NetworkConfig
from idfd.benchmark.optional import require
from idfd.benchmark.protocol import load_protocol
from idfd.benchmark.training.config import (
    AugmentConfig,
    OptimiserConfig,
    ScheduleConfig,
    TrainConfig,
    ValidationConfig,
)
from idfd.benchmark.training.held_out import TRAIN, Roles, choose_roles
from idfd.errors import ReleaseError
from idfd.release.reader import IDFD
from idfd.release.validation import CheckResult, Finding, Verdict, worst

VALIDATION = "val"
Learn = Callable[[TrainConfig], Model]
"""Trains a network with these settings on the release; the seam that tests replace."""
_STEPS, _CROP = {False: 320, True: 80}, {False: 128, True: 96}
"""Minutes on two cores with bf16; the short one takes about two with everything around it."""
_BATCH, _STRIDE = 4, 32
_LEAST_IMAGES = 5
"""Of fewer images all may be better by chance: that happens with p = 2^-4 = 0.06 to four."""
_IMAGES = {False: 40, True: 10}
"""Most images to score of a split, evenly chosen: a photo takes a core a second or two."""


def make_config(data: IDFD, *, quick: bool, seed: int) -> TrainConfig:
    """Settings of the short training: both heads, started at the baselines they must beat.

    The untrained network gives the median depth and the photo itself, so that every step counts.
    Where the release has a split 'val' nothing is held out and the training looks at no score;
    where it has none, the scores decide nothing either, because they come once, at the end.

    Args:
        data: The whole release.
        quick: The short one of the two.
        seed: Of the training.

    Raises:
        ReleaseError: No split 'train', or triples too small for a window.
    """
    if TRAIN not in data.members:
        raise ReleaseError(
            "the release has no split 'train'", where=data.path, limit="a split called 'train'"
        )
    takes = data.members[TRAIN]
    side = min(min(data.record(take).crop.height, data.record(take).crop.width) for take in takes)
    steps = _STEPS[quick]
    return TrainConfig(
        network=NetworkConfig(residual_start=True),
        median_start=True,
        augment=AugmentConfig(),
        optimiser=OptimiserConfig(rate=4e-4, betas=(0.9, 0.999), weight_decay=0.01, clip=1.0),
        schedule=ScheduleConfig(warmup_steps=steps // 10),
        # Training would score the whole of a split each time; here a part of it is scored once.
        validation=ValidationConfig(split="", share=0.0)
        if VALIDATION in data.members
        else ValidationConfig(every=steps),
        seed=seed,
        depth=data.depth_kind,
        epochs=max(1, round(steps * _BATCH / len(takes))),
        batch=_BATCH,
        crop=max(_STRIDE, min(_CROP[quick], side // _STRIDE * _STRIDE)),
        pictures_every=0,
    )


def check_learning(
    data: IDFD, learn: Learn, *, quick: bool, seed: int, progress: bool = True
) -> CheckResult:
    """Train for a short time, and hold the network against the trivial baselines.

    Args:
        data: The whole release.
        learn: Trains and gives the last weights as a model.
        quick: Train for the short time.
        seed: Of the training.
        progress: Show progress on standard error.

    Raises:
        ReleaseError: The release has no split 'train', or nothing to validate on.
    """
    config = make_config(data, quick=quick, seed=seed)
    roles = choose_roles(data, config.validation)
    if VALIDATION in data.members:
        roles = Roles(roles.train, data.members[VALIDATION], f"split {VALIDATION}")
    if not roles.validation:
        raise ReleaseError(
            f"split '{VALIDATION}' is empty", where=data.path, limit="triples to validate on"
        )
    model = learn(config)
    median = MedianDepth()
    median.fit(Selection(data, roles.train, TRAIN))
    scored = {roles.origin: roles.validation} | {
        f"split {name}": takes
        for name, takes in data.members.items()
        if name not in (TRAIN, VALIDATION) and takes
    }
    findings: list[Finding] = []
    for where, takes in scored.items():
        some = Selection(data, _spread(takes, _IMAGES[quick]), where)
        groups = len({data.record(take).group for take in some.ids})
        note = f"{_count(len(some), 'image')} of {_count(groups, 'scene group')}"
        if len(some) < _LEAST_IMAGES:
            note += f"; fewer than {_LEAST_IMAGES} images prove nothing"
        # Other splits are scored as well, but what they say is not what this check is about.
        low: Verdict = "fail" if where == roles.origin else "warn"
        findings += _compare(some, model, median, low, note, progress)
    verdict = worst(finding.verdict for finding in findings)
    return CheckResult(
        name="learning",
        verdict=verdict,
        summary=_summary(findings, roles),
        findings=tuple(findings),
        notes=(
            f"{model.name}, {config.epochs} passes over {len(roles.train)} triples in windows of "
            f"{config.crop} pixels, seed {seed}. A short training shows that something can be "
            "learned, not how well.",
            "Intervals treat images as independent; photos of one scene group are not quite that.",
        ),
    )


def _compare(
    some: Selection, model: Model, median: MedianDepth, low: Verdict, note: str, progress: bool
) -> list[Finding]:
    """Depth and photo of the network against the baselines on the same images."""
    loaded = load_protocol()
    ours = evaluate(some, model, loaded, progress=progress)
    base = evaluate(some, median, loaded, progress=False)
    pairs = [
        (mine.metrics["rmse"], theirs.metrics["rmse"])
        for mine, theirs in zip(ours.images, base.images, strict=True)
        if "rmse" in mine.metrics
    ]
    found = []
    if pairs:
        values, others = np.array(pairs).T
        rules = loaded.protocol.bootstrap
        gain = paired_difference(
            values,
            others,
            resamples=rules.resamples,
            confidence=rules.confidence,
            seed=rules.seed,
        )
        found.append(
            _finding(
                "RMSE less that of the median depth",
                some,
                gain,
                "m",
                "below 0",
                _verdict(gain.mean, gain.high, gain.images, low),
                f"RMSE {values.mean():.3f} m, of the median depth {others.mean():.3f} m; {note}",
            )
        )
    if "psnr_gain" in ours.metrics:
        photo, floor = ours.metrics["psnr_gain"], ours.metrics["psnr_floor"].mean
        psnr = ours.metrics["psnr"].mean
        found.append(
            _finding(
                "PSNR less that of the photo as it is",
                some,
                photo,
                "dB",
                "above 0",
                _verdict(-photo.mean, -photo.low, photo.images, low),
                f"PSNR {psnr:.2f} dB, of the photo as it is {floor:.2f} dB; {note}",
            )
        )
    return found


def _verdict(mean: float, worse_end: float, images: int, low: Verdict) -> Verdict:
    """Below 0 is better: pass where the whole interval is, ``low`` where even the mean is not.

    A few images prove nothing either way.
    """
    if images < _LEAST_IMAGES:
        return "warn"
    if mean >= 0:
        return low
    return "pass" if worse_end < 0 else "warn"


def _finding(
    name: str, some: Selection, value: Interval, unit: str, limit: str, verdict: Verdict, note: str
) -> Finding:
    return Finding(
        name=name,
        where=str(some.split),
        value=value.mean,
        unit=unit,
        low=value.low,
        high=value.high,
        limit=f"interval {limit}",
        verdict=verdict,
        note=note,
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _spread(takes: tuple[str, ...], most: int) -> tuple[str, ...]:
    if len(takes) <= most:
        return takes
    return tuple(takes[k * (len(takes) - 1) // (most - 1)] for k in range(most))


def _summary(findings: list[Finding], roles: Roles) -> str:
    decisive = [f for f in findings if f.where == roles.origin]
    unsure = "; ".join(f"{f.name} ({f.where})" for f in findings if f.verdict == "warn")
    if any(f.verdict == "fail" for f in decisive):
        failed = ", ".join(f.name for f in decisive if f.verdict == "fail")
        return f"A short training brought nothing on {roles.origin}: {failed}."
    if unsure:
        return f"Not surely better than the trivial baselines: {unsure}."
    return f"A short training beats the trivial baselines on {roles.origin}."


def train_in(
    release: Path, folder: Path, *, device: str, cache: Path, progress: bool = True
) -> Learn:
    """A ``learn`` that trains 2HDED:NET in a folder, and goes on where it was stopped.

    Args:
        release: The release file.
        folder: Folder of the run.
        device: ``auto``, ``cpu`` or ``cuda``.
        cache: Folder for the uncompressed copy of the release.
        progress: Show progress on standard error.

    Raises:
        MissingDependencyError: A package that training needs is not installed.
    """
    require("torch", "safetensors", "lightning_fabric")
    from idfd.benchmark.trained import open_checkpoint
    from idfd.benchmark.training.loop import train

    def learn(config: TrainConfig) -> Model:
        outcome = train(release, config, folder, device=device, cache=cache, progress=progress)
        return open_checkpoint(outcome.checkpoint, device=device)

    return learn
