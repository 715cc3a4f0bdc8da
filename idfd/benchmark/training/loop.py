"""``train``: from a release to a checkpoint."""

from __future__ import annotations

import copy
import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from idfd.benchmark.baselines import MedianDepth
from idfd.benchmark.checkpoint import (
    CheckpointRecord,
    Progress,
    TrainedOn,
    read_checkpoint,
    read_record,
    software,
    write_checkpoint,
)
from idfd.benchmark.dataset import Selection
from idfd.benchmark.network.config import NetworkConfig
from idfd.benchmark.network.start import initialise, load_encoder
from idfd.benchmark.network.twohead import TwoHeadNet
from idfd.benchmark.trained import TrainedModel
from idfd.benchmark.training.config import SETTINGS, TrainConfig, show_config
from idfd.benchmark.training.device import describe_hardware, open_fabric
from idfd.benchmark.training.facts import Outcome, Start, check_same_run
from idfd.benchmark.training.held_out import Roles, choose_roles
from idfd.benchmark.training.interrupt import Interrupt
from idfd.benchmark.training.learner import Learner
from idfd.benchmark.training.log import Log
from idfd.benchmark.training.plan import make_plan
from idfd.benchmark.training.preview import draw_preview
from idfd.benchmark.training.samples import Positions, Samples, check_parts
from idfd.benchmark.training.state import Weights
from idfd.benchmark.training.validate import selection_score, validate
from idfd.errors import IdfdError, InputError
from idfd.progress import track
from idfd.release.layout import SCHEMA_VERSION
from idfd.release.reader import IDFD
from idfd.storage.durable import make_folder, remove_leftovers, write_bytes

LAST = "last.safetensors"
BEST = "best.safetensors"
PICTURES = "pictures"
LOG_STEPS = 10
SAVE_SECONDS = 300.0
"""A kill costs at most this much work."""


def train(
    release: Path,
    config: TrainConfig,
    output: Path,
    *,
    device: str = "auto",
    cache: Path | None = None,
    progress: bool = True,
    tell: Callable[[Start], None] = lambda start: None,  # noqa: ARG005
    stop: Callable[[int], bool] = lambda step: False,  # noqa: ARG005
) -> Outcome:
    """Train a network on the split 'train' of a release, or go on with a run.

    The folder receives ``config.yaml``, ``best.safetensors``, ``last.safetensors`` (with the state
    to go on from), ``log.jsonl``, ``pictures/`` and ``tensorboard/``. A run that was killed goes
    on from its last state, and on a CPU ends with the weights of an undisturbed run.

    Args:
        release: The release file.
        config: Settings.
        output: Folder of the run; one that holds a run of the same settings goes on with it.
        device: ``auto``, ``cpu`` or ``cuda``.
        cache: Folder for the uncompressed copy of the release; in ``output`` where None.
        progress: Show progress on standard error.
        tell: Called once before the first step, in the first process.
        stop: Asked after each step with the number of steps done; True saves the state and stops.

    Raises:
        InputError: ``output`` holds a run of other settings or of another release, or the device,
            precision or encoder file cannot be used.
        ReleaseError: The release has no split 'train', or triples smaller than a window.
        IdfdError: The loss or a weight is no longer a number.
        KeyboardInterrupt: Ctrl-C or SIGTERM; the state after the step under way is saved.
    """
    with IDFD(release, depth=config.depth, cache=cache or output / "cache") as data:
        run = _Run(data, config, output, device)
        return run.go(progress, tell, stop)


class _Run:
    """One process of a run."""

    def __init__(self, data: IDFD, config: TrainConfig, output: Path, device: str) -> None:
        last = output / LAST
        before = read_record(last) if last.exists() else None
        # What 'auto' chose is part of the run, also where it goes on in another machine.
        self.fabric, precision = open_fabric(
            before.precision if before and config.precision == "auto" else config.precision, device
        )
        self.config = config
        self.output = output
        if config.batch % self.fabric.world_size:
            raise InputError(
                f"a batch of {config.batch} for {self.fabric.world_size} processes",
                limit="a batch that the number of processes divides",
            )
        self.roles = choose_roles(data, config.validation)
        check_parts(data, self.roles.train, config.learns_from)
        self.samples = Samples(data, self.roles.train, config.crop, config.augment, config.seed)
        self.validation = Selection(data, self.roles.validation, self.roles.origin)
        self.plan = make_plan(config, len(self.roles.train))
        network = TwoHeadNet(_network_config(data, config, self.roles))
        if before is None:
            initialise(network, config.seed)
            encoder = load_encoder(network, config.encoder)
        else:
            encoder = before.encoder
        if config.channels_last:
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        network.to(self.fabric.device)
        self.weights = Weights(network, config.optimiser, config.average)
        self.record = CheckpointRecord(
            network=network.config,
            config=config,
            encoder=encoder,
            data=TrainedOn(
                name=data.info.name,
                version=data.info.version,
                digest=data.digest,
                schema_version=SCHEMA_VERSION,
                depth_kind=data.depth_kind,
                train=self.roles.train,
                validation=self.roles.validation,
                photo_size=self.samples.photo_size,
            ),
            progress=Progress(),
            hardware=describe_hardware(self.fabric.device, self.fabric.world_size),
            precision=precision,
            software=software(),
        )
        self.progress = Progress()
        if before is not None:
            check_same_run(before, self.record, last)
            self.weights.load(read_checkpoint(last)[1], last)
            self.progress = before.progress
        self.learner = Learner(
            self.fabric, self.weights, config, self.plan.steps, self.progress.balance
        )

    def go(
        self, progress: bool, tell: Callable[[Start], None], stop: Callable[[int], bool]
    ) -> Outcome:
        """Train to the end, until nothing gets better, or until told to stop."""
        main = self.fabric.is_global_zero
        if main:
            make_folder(self.output)
            remove_leftovers(self.output)
            remove_leftovers(self.output / PICTURES)
            write_bytes(self.output / SETTINGS, show_config(self.config).encode())
            tell(self._start())
        log = Log(self.output, self.progress.step) if main else None
        try:
            with Interrupt() as interrupt:
                self._train(log, progress and main, interrupt, stop)
        finally:
            if log is not None:
                log.close()
        self.fabric.barrier()
        best = self.output / BEST
        path = best if best.exists() else self.output / LAST
        finished = self._stale() or self.progress.step >= self.plan.steps
        return Outcome(path, read_record(path), finished)

    def _train(
        self, log: Log | None, progress: bool, interrupt: Interrupt, stop: Callable[[int], bool]
    ) -> None:
        batches = self._batches()
        label = f"train {self.record.network.name}"
        saved = asked = time.monotonic()
        used = time.process_time()
        for batch in track(batches, len(batches), label) if progress else batches:
            began = time.monotonic()
            values = self.learner.step(batch, self.progress.step, self.progress.rate_factor)
            now, step = time.monotonic(), self.progress.step + 1
            self.progress = msgspec.structs.replace(
                self.progress,
                step=step,
                epoch=self.plan.epoch(step),
                wait_s=self.progress.wait_s + began - asked,
                wall_s=self.progress.wall_s + now - asked,
                cpu_s=self.progress.cpu_s + time.process_time() - used,
                scores={},
            )
            if log is not None and (step % LOG_STEPS == 0 or step == 1):
                log.write("train", step, self._numbers(values))
            interrupted = self._interrupted(interrupt)
            told, due = stop(step) or interrupted, step in self.plan.due
            if due or told or now - saved > SAVE_SECONDS:
                if not self.weights.finite():
                    raise self._lost("a weight is no longer a number")
                if due:
                    self._validate(log)
                self._save(LAST)
                saved = time.monotonic()
            if interrupted:
                raise KeyboardInterrupt
            if told or self._stale():
                break
            asked, used = time.monotonic(), time.process_time()

    def _batches(self) -> DataLoader[dict[str, Any]]:
        workers = self.config.workers
        gpu = self.fabric.device.type == "cuda"
        if workers is None:
            # On a CPU the network takes all cores, and a sample is cut out in a millisecond.
            workers = min(8, len(os.sched_getaffinity(0))) if gpu else 0
        first = self.plan.steps if self._stale() else self.progress.step
        return DataLoader(
            self.samples,
            batch_sampler=Positions(
                first,
                self.plan.steps,
                self.config.batch,
                self.fabric.global_rank,
                self.fabric.world_size,
            ),
            num_workers=workers,
            pin_memory=gpu,
        )

    def _start(self) -> Start:
        return Start(
            network=self.record.network.name,
            parameters=sum(part.numel() for part in self.weights.network.parameters()),
            train=len(self.roles.train),
            validation=len(self.roles.validation),
            held_out=self.roles.origin,
            steps=self.plan.steps,
            step=self.progress.step,
            hardware=self.record.hardware,
            precision=self.record.precision,
            encoder=self.record.encoder,
        )

    def _interrupted(self, interrupt: Interrupt) -> bool:
        """Whether to stop; all processes say the same, or one would wait for the others."""
        if self.fabric.world_size == 1:
            return interrupt.asked
        # Asking the others costs a GPU a pause, so it is not done in every step.
        if self.progress.step % LOG_STEPS:
            return False
        asked = self.fabric.all_reduce(
            torch.tensor(float(interrupt.asked), device=self.fabric.device), reduce_op="sum"
        )
        return bool(asked)

    def _numbers(self, values: dict[str, Tensor]) -> dict[str, float]:
        """What the log says of a step.

        Raises:
            IdfdError: The loss is not a number.
        """
        numbers = {name: float(value.detach()) for name, value in values.items()}
        if not math.isfinite(numbers["loss"]):
            raise self._lost(f"the loss is {numbers['loss']}")
        seconds = max(self.progress.wall_s, 1e-9)
        return {
            **numbers,
            "epoch": self.progress.epoch,
            "rate": self.learner.rate,
            "images_per_s": self.progress.step * self.config.batch / seconds,
            "wait_share": self.progress.wait_s / seconds,
            "wall_s": self.progress.wall_s,
            "cpu_s": self.progress.cpu_s,
        }

    def _lost(self, what: str) -> IdfdError:
        return IdfdError(
            f"{what} at step {self.progress.step}",
            where=self.output,
            limit="a number",
            remedy="Train again in another folder with a lower optimiser.rate, with "
            f"optimiser.clip, or in precision fp32; {BEST} and {LAST}, if they are there, hold "
            "good weights",
        )

    def _validate(self, log: Log | None) -> None:
        """Score, and note what the score means for schedule and stopping."""
        # A validation may take longer than processes wait for each other elsewhere.
        with self.fabric.rank_zero_first():
            if log is not None and self.roles.validation:
                self._score(log)
        self.progress = self.fabric.broadcast(self.progress)

    def _score(self, log: Log) -> None:
        old, schedule, every = self.progress, self.config.schedule, self.config.pictures_every
        # A copy, because a model may lay out its weights in another way than training does.
        network = copy.deepcopy(self.weights.best)
        model = TrainedModel(network, self.record.network.name, self.fabric.device)
        scores = validate(self.validation, model)
        score = selection_score(scores)
        log.write("validation", old.step, {**scores, "selection": score})
        better = old.best is None or score < old.best
        stale = 0 if better else old.stale + 1
        plateau = stale > 0 and stale % schedule.patience == 0
        self.progress = msgspec.structs.replace(
            old,
            scores=scores,
            best=score if better else old.best,
            stale=stale,
            rate_factor=old.rate_factor * (schedule.factor if plateau else 1),
        )
        epoch = round(old.epoch)
        if every and (epoch % every == 0 or old.step == self.plan.steps):
            draw_preview(self.validation, model, self.output / PICTURES / f"epoch-{epoch:05d}.jpg")
        if better:
            # Before the state: a run killed between the two repeats this validation, and finds
            # the same. The other way round it would never write these weights.
            self._save(BEST)

    def _stale(self) -> bool:
        limit = self.config.validation.stop_after
        return limit > 0 and self.progress.stale >= limit

    def _save(self, name: str) -> None:
        if self.fabric.is_global_zero:
            tensors = self.weights.tensors() if name == LAST else self.weights.best.state_dict()
            progress = msgspec.structs.replace(self.progress, balance=self.learner.balance.means)
            record = msgspec.structs.replace(self.record, progress=progress)
            write_checkpoint(self.output / name, tensors, record)


def _network_config(data: IDFD, config: TrainConfig, roles: Roles) -> NetworkConfig:
    if not config.median_start:
        return config.network
    median = MedianDepth()
    median.fit(Selection(data, roles.train, "train"))
    return msgspec.structs.replace(config.network, depth_start_m=median.median_m or 0.0)
