"""``train``: from a release to a checkpoint."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
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
from idfd.benchmark.losses.total import Balance, terms, total
from idfd.benchmark.network.start import initialise, load_encoder
from idfd.benchmark.network.twohead import Output, TwoHeadNet
from idfd.benchmark.trained import TrainedModel
from idfd.benchmark.training.config import TrainConfig
from idfd.benchmark.training.device import describe_hardware, open_fabric
from idfd.benchmark.training.held_out import choose_roles
from idfd.benchmark.training.log import Log
from idfd.benchmark.training.preview import draw_preview
from idfd.benchmark.training.samples import Positions, Samples, prepare
from idfd.benchmark.training.schedule import rate_factor
from idfd.benchmark.training.state import Weights
from idfd.benchmark.training.validate import selection_score, validate
from idfd.errors import IdfdError, InputError
from idfd.progress import track
from idfd.release.layout import SCHEMA_VERSION
from idfd.release.reader import IDFD
from idfd.storage.durable import make_folder

LAST = "last.safetensors"
BEST = "best.safetensors"
LOG_STEPS = 10
SAVE_SECONDS = 300.0
"""A kill costs at most this much work."""


@dataclass(frozen=True)
class Outcome:
    """What a run left.

    Attributes:
        checkpoint: The weights with the best validation score; without validation the last.
        record: The header of ``checkpoint``.
        finished: False if it was told to stop early.
    """

    checkpoint: Path
    record: CheckpointRecord
    finished: bool


def train(
    release: Path,
    config: TrainConfig,
    output: Path,
    *,
    device: str = "auto",
    cache: Path | None = None,
    progress: bool = True,
    stop: Callable[[int], bool] = lambda step: False,  # noqa: ARG005
) -> Outcome:
    """Train a network on the split 'train' of a release, or go on with a run.

    The folder receives ``best.safetensors``, ``last.safetensors`` (with the state to go on from),
    ``log.jsonl``, ``pictures/`` and ``tensorboard/``. A run that was killed goes on from its last
    state, and on a CPU ends with the weights of an undisturbed run.

    Args:
        release: The release file.
        config: Settings.
        output: Folder of the run; one that holds a run of the same settings goes on with it.
        device: ``auto``, ``cpu`` or ``cuda``.
        cache: Folder for the uncompressed copy of the release; in ``output`` where None.
        progress: Show progress on standard error.
        stop: Asked after each step with the number of steps done; True saves the state and stops.

    Raises:
        InputError: ``output`` holds a run of other settings or of another release, or the device,
            precision or encoder file cannot be used.
        ReleaseError: The release has no split 'train', or triples smaller than a window.
        IdfdError: The loss is no longer a number.
    """
    with IDFD(release, depth=config.depth, cache=cache or output / "cache") as data:
        run = _Run(data, config, output, device)
        return run.go(progress, stop)


class _Run:
    """One process of a run."""

    def __init__(self, data: IDFD, config: TrainConfig, output: Path, device: str) -> None:
        self.fabric, precision = open_fabric(config.precision, device)
        self.config = config
        self.output = output
        roles = choose_roles(data, config.validation)
        self.samples = Samples(data, roles.train, config.crop, config.augment, config.seed)
        self.validation = Selection(data, roles.validation, roles.origin)
        self.steps = math.ceil(config.epochs * len(roles.train) / config.batch)
        every = config.validation.every * len(roles.train) / config.batch
        self.due = {math.ceil(k * every) for k in range(1, int(self.steps / every) + 1)}
        self.due.add(self.steps)
        if config.batch % self.fabric.world_size:
            raise InputError(
                f"a batch of {config.batch} for {self.fabric.world_size} processes",
                limit="a batch that the number of processes divides",
            )
        median = MedianDepth()
        median.fit(Selection(data, roles.train, "train"))
        start_m = median.median_m if config.median_start else config.network.depth_start_m
        network = TwoHeadNet(msgspec.structs.replace(config.network, depth_start_m=start_m or 0.0))
        initialise(network, config.seed)
        encoder = load_encoder(network, config.encoder)
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
                train=roles.train,
                validation=roles.validation,
            ),
            progress=Progress(),
            hardware=describe_hardware(self.fabric.device, self.fabric.world_size),
            precision=precision,
            software=software(),
        )
        self.progress = Progress()
        if (output / LAST).exists():
            self._resume()
        self.balance = Balance(config.loss.balance, self.progress.balance)
        compiled = torch.compile(network) if config.compile else network
        self.model, self.optimiser = self.fabric.setup(compiled, self.weights.optimiser)

    def _resume(self) -> None:
        """Take the state of the folder's run.

        Raises:
            InputError: It is a run of other settings or of another release.
        """
        path = self.output / LAST
        record, tensors = read_checkpoint(path)
        for name in ("config", "data", "encoder"):
            old, new = (msgspec.to_builtins(getattr(r, name)) for r in (record, self.record))
            changed = [key for key in new if old.get(key) != new[key]]
            if changed:
                raise InputError(
                    f"the folder holds a run with another {name}.{changed[0]}: "
                    f"{_short(old.get(changed[0]))} there, {_short(new[changed[0]])} here",
                    where=path,
                    limit="the settings and the release that the run began with",
                    remedy="Give another folder with -o, or the run's own settings",
                )
        self.weights.load(tensors, path)
        self.progress = record.progress

    def go(self, progress: bool, stop: Callable[[int], bool]) -> Outcome:
        """Train to the end, until nothing gets better, or until told to stop."""
        main = self.fabric.is_global_zero
        make_folder(self.output)
        log = Log(self.output, self.progress.step) if main else None
        told = False
        try:
            batches = self._batches()
            label = f"train {self.record.network.name}"
            shown = track(batches, len(batches), label) if progress and main else batches
            saved = asked = time.monotonic()
            used = time.process_time()
            for batch in shown:
                began = time.monotonic()
                values = self._step(prepare(batch, self.fabric.device, self.config.channels_last))
                now, cpu = time.monotonic(), time.process_time()
                self.progress = msgspec.structs.replace(
                    self.progress,
                    step=self.progress.step + 1,
                    epoch=(self.progress.step + 1) * self.config.batch / len(self.samples.ids),
                    wait_s=self.progress.wait_s + began - asked,
                    wall_s=self.progress.wall_s + now - asked,
                    cpu_s=self.progress.cpu_s + cpu - used,
                )
                step = self.progress.step
                if log is not None and (step % LOG_STEPS == 0 or step == 1):
                    log.write("train", step, self._numbers(values, step))
                if step in self.due:
                    self._validate(log)
                    saved = time.monotonic()
                told = stop(step)
                if told or time.monotonic() - saved > SAVE_SECONDS:
                    self._save(LAST)
                    saved = time.monotonic()
                if told or self._stale():
                    break
                asked, used = time.monotonic(), time.process_time()
        except KeyboardInterrupt:
            self._save(LAST)
            raise
        finally:
            if log is not None:
                log.close()
        best = self.output / BEST
        path = best if best.exists() else self.output / LAST
        self.fabric.barrier()
        finished = self._stale() or self.progress.step >= self.steps
        return Outcome(path, read_record(path), finished)

    def _batches(self) -> DataLoader[dict[str, Any]]:
        workers = self.config.workers
        gpu = self.fabric.device.type == "cuda"
        if workers is None:
            # On a CPU the network takes all cores, and a sample is cut out in a millisecond.
            workers = min(8, len(os.sched_getaffinity(0))) if gpu else 0
        first = self.steps if self._stale() else self.progress.step
        return DataLoader(
            self.samples,
            batch_sampler=Positions(
                first,
                self.steps,
                self.config.batch,
                self.fabric.global_rank,
                self.fabric.world_size,
            ),
            num_workers=workers,
            pin_memory=gpu,
        )

    def _step(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        config, step = self.config, self.progress.step
        factor = rate_factor(config.schedule, step, self.steps, self.progress.rate_factor)
        for group in self.optimiser.param_groups:
            group["lr"] = config.optimiser.rate * factor
        # Dropout is the one draw inside the network; the step decides it, so a resumed run repeats.
        torch.manual_seed(config.seed * 1_000_003 + step * 64 + self.fabric.global_rank)
        self.weights.network.train()
        found = terms(Output(*self.model(batch["defocused"] * 2 - 1)), batch, config.loss)
        loss, balance = total(found, self.balance, self._mean)
        self.fabric.backward(loss)
        if config.optimiser.clip:
            self.fabric.clip_gradients(self.model, self.optimiser, max_norm=config.optimiser.clip)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        self.weights.stepped()
        return {**found, "loss": loss, "lambda": balance}

    def _mean(self, value: Tensor) -> Tensor:
        if self.fabric.world_size == 1:
            return value
        mean = self.fabric.all_reduce(value, reduce_op="mean")
        assert isinstance(mean, Tensor)
        return mean

    def _numbers(self, values: dict[str, Tensor], step: int) -> dict[str, float]:
        """What the log says of a step.

        Raises:
            IdfdError: The loss is not a number.
        """
        numbers = {name: float(value.detach()) for name, value in values.items()}
        if not math.isfinite(numbers["loss"]):
            raise IdfdError(
                f"the loss of step {step} is {numbers['loss']}",
                where=self.output,
                limit="a number",
                remedy="Lower optimiser.rate, set optimiser.clip, or use precision fp32; "
                f"{LAST} holds the last good state",
            )
        seconds = max(self.progress.wall_s, 1e-9)
        return {
            **numbers,
            "epoch": self.progress.epoch,
            "rate": self.optimiser.param_groups[0]["lr"],
            "images_per_s": step * self.config.batch / seconds,
            "wait_share": self.progress.wait_s / seconds,
            "wall_s": self.progress.wall_s,
            "cpu_s": self.progress.cpu_s,
        }

    def _validate(self, log: Log | None) -> None:
        """Score, note what the score means for schedule and stopping, and save."""
        old = self.progress
        if log is not None and self.record.data.validation:
            model = TrainedModel(self.weights.best, self.record.network.name, self.fabric.device)
            scores = validate(self.validation, model)
            score = selection_score(scores)
            log.write("validation", old.step, {**scores, "selection": score})
            better = old.best is None or score < old.best
            stale = 0 if better else old.stale + 1
            schedule = self.config.schedule
            plateau = stale > 0 and stale % schedule.patience == 0
            self.progress = msgspec.structs.replace(
                old,
                scores=scores,
                best=score if better else old.best,
                stale=stale,
                rate_factor=old.rate_factor * (schedule.factor if plateau else 1),
            )
            if better:
                self._save(BEST)
            every = self.config.pictures_every
            if every and (self._epoch() % every == 0 or old.step == self.steps):
                picture = self.output / "pictures" / f"epoch-{self._epoch():05d}.jpg"
                make_folder(picture.parent)
                draw_preview(self.validation, model, picture)
        self.progress = self.fabric.broadcast(self.progress)
        self._save(LAST)

    def _epoch(self) -> int:
        return round(self.progress.step * self.config.batch / len(self.samples.ids))

    def _stale(self) -> bool:
        limit = self.config.validation.stop_after
        return limit > 0 and self.progress.stale >= limit

    def _save(self, name: str) -> None:
        self.progress = msgspec.structs.replace(self.progress, balance=self.balance.means)
        if self.fabric.is_global_zero:
            tensors = self.weights.tensors() if name == LAST else self.weights.best.state_dict()
            record = msgspec.structs.replace(self.record, progress=self.progress)
            write_checkpoint(self.output / name, tensors, record)


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
