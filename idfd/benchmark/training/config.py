"""Settings of a training run, and where they come from."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from idfd.benchmark.losses.config import LossConfig, NotNegative
from idfd.benchmark.network.config import NetworkConfig
from idfd.errors import InputError
from idfd.model.schema import Record
from idfd.model.settings import read_settings, settings_from
from idfd.model.triple import DepthKind, Modality

Count = Annotated[int, msgspec.Meta(ge=1)]
Positive = Annotated[float, msgspec.Meta(gt=0)]
Share = Annotated[float, msgspec.Meta(ge=0, lt=1)]
PRESETS = ("smoke", "cpu", "thesis", "best", "self-supervised")


class AugmentConfig(Record, frozen=True, kw_only=True):
    """Changes to a triple that keep it a true triple: aligned, metric, blurred as its lens does.

    The scale is never changed. Enlarging a photo is moving closer for the depth, but the blur of
    a thing closer by is another, so no depth would be right.

    Attributes:
        flip: Mirror half of the samples left to right.
        rotation_deg: Largest rotation about the optical axis, which leaves depth as it is.
        exposure_stops: Largest change of exposure, the same for both photos.
        colour_stops: Largest change of a channel beside the others, the same for both photos.
    """

    flip: bool = True
    rotation_deg: Annotated[float, msgspec.Meta(ge=0, le=45)] = 0.0
    exposure_stops: NotNegative = 0.0
    colour_stops: NotNegative = 0.0


class OptimiserConfig(Record, frozen=True, kw_only=True):
    """Adam; with ``weight_decay`` above 0 the decoupled form (AdamW).

    Attributes:
        rate: Largest learning rate.
        betas: Memory of the two moments.
        weight_decay: Decay per unit of the learning rate.
        clip: Largest norm of the gradient; 0 leaves it.
    """

    rate: Positive = 2e-4
    betas: tuple[Share, Share] = (0.5, 0.999)
    weight_decay: NotNegative = 0.0
    clip: NotNegative = 0.0


class ScheduleConfig(Record, frozen=True, kw_only=True):
    """How the learning rate goes.

    Attributes:
        kind: ``constant``; ``cosine`` down to ``floor`` at the last step; ``plateau``: times
            ``factor`` when ``patience`` validations brought nothing better.
        warmup_steps: Steps over which the rate rises from 0.
        floor: Smallest share of the largest rate.
        factor: Change at a plateau.
        patience: Validations without a better score that make a plateau.
    """

    kind: Literal["constant", "cosine", "plateau"] = "cosine"
    warmup_steps: Annotated[int, msgspec.Meta(ge=0)] = 0
    floor: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.01
    factor: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.5
    patience: Count = 5


class ValidationConfig(Record, frozen=True, kw_only=True):
    """What is held out of training, and how it is used.

    Attributes:
        split: Split to validate on; where the release lacks it, whole scene groups of the split
            'train' are held out instead.
        share: Share of the split 'train' that is then held out; 0 trains without validation.
        every: Epochs between validations.
        stop_after: Validations without a better score after which training stops; 0 never does.
    """

    split: str = "val"
    share: Share = 0.12
    every: Count = 1
    stop_after: Annotated[int, msgspec.Meta(ge=0)] = 0


class TrainConfig(Record, frozen=True, kw_only=True):
    """All settings of ``idfd benchmark train``; stored in the checkpoint.

    Attributes:
        network: What is trained.
        loss: What it is trained for.
        augment: Changes to the samples.
        optimiser: How weights follow gradients.
        schedule: How the learning rate goes.
        validation: What is held out.
        median_start: Let the untrained depth head give the median depth of the training triples
            instead of 0, which is the published network.
        encoder: File of DenseNet-121 weights with torchvision's names; None starts at random.
        seed: Decides the first weights, the order, the windows and the dropout.
        depth: Depth maps to learn from; the release's default where None.
        epochs: Passes over the training triples.
        batch: Triples in a step, over all processes.
        crop: Side of the square windows in pixels.
        precision: ``auto`` is bf16 where the processor computes with it, else fp32.
        channels_last: Keep channels innermost in memory, which is faster.
        compile: Compile the network with torch.compile; pays on long runs.
        average: Memory of the running mean of the weights, which is what gets validated and
            stored; 0 stores the weights themselves.
        workers: Processes that load data; None is 0 on a CPU and up to 8 with a GPU.
        pictures_every: Epochs between pictures of predictions; 0 draws none.
    """

    network: NetworkConfig = NetworkConfig()
    loss: LossConfig = LossConfig()
    augment: AugmentConfig = AugmentConfig()
    optimiser: OptimiserConfig = OptimiserConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    validation: ValidationConfig = ValidationConfig()
    median_start: bool = False
    encoder: str | None = None
    seed: Annotated[int, msgspec.Meta(ge=0)] = 0
    depth: DepthKind | None = None
    epochs: Count = 100
    batch: Count = 4
    crop: Annotated[int, msgspec.Meta(ge=32)] = 256
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    channels_last: bool = True
    compile: bool = False
    average: Share = 0.0
    workers: Annotated[int, msgspec.Meta(ge=0)] | None = None
    pictures_every: Annotated[int, msgspec.Meta(ge=0)] = 10

    def __post_init__(self) -> None:
        heads, alone = self.network.heads, self.loss.self_supervised.sharp == "self"
        if "defocus" in heads and "aif" not in heads and alone:
            raise ValueError("loss.self_supervised.sharp: self needs the head aif, which makes it")

    @property
    def learns_from(self) -> frozenset[Modality]:
        """What triples must hold for this training."""
        heads = self.network.heads
        parts: set[Modality] = {"defocused"}
        if "depth" in heads:
            parts.add("depth")
        alone = "defocus" in heads and self.loss.self_supervised.sharp == "self"
        if heads != ("depth",) and not alone:
            parts.add("all_in_focus")
        return frozenset(parts)


SETTINGS = "config.yaml"
"""Settings of a run, in its folder."""
SHOW = "idfd benchmark train --preset cpu --show-config"
"""Shows all settings, for messages."""


def load_config(name: str) -> TrainConfig:
    """Settings from a preset's name, or from a YAML or JSON file.

    Raises:
        InputError: No such preset or file, an unknown setting, or a value out of range.
    """
    if name in PRESETS:
        file = resources.files("idfd.benchmark.training") / "presets" / f"{name}.yaml"
        with resources.as_file(file) as path:
            return read_settings(TrainConfig, path, SHOW)
    if Path(name).suffix not in {".yaml", ".yml", ".json"}:
        raise InputError(
            f"there are no settings '{name}'",
            limit=f"one of {', '.join(PRESETS)}, or the path of a .yaml or .json file",
        )
    return read_settings(TrainConfig, Path(name), SHOW)


def change_config(config: TrainConfig, changes: dict[str, Any]) -> TrainConfig:
    """Settings with some replaced.

    Args:
        config: The settings.
        changes: New values by name; ``network.heads`` is ``heads`` of ``network``.

    Raises:
        InputError: An unknown setting, or a value out of range.

    Example:
        >>> change_config(TrainConfig(), {"network.heads": ["depth"]}).network.heads
        ('depth',)
    """
    data = msgspec.to_builtins(config)
    for name, value in changes.items():
        *groups, last = name.split(".")
        target = data
        for group in groups:
            target = target[group]
        target[last] = value
    return settings_from(TrainConfig, data, "the options", SHOW)


def show_config(config: TrainConfig) -> str:
    """All settings as YAML, which :func:`load_config` reads back."""
    import yaml

    return str(yaml.safe_dump(msgspec.to_builtins(config), sort_keys=False))
