"""Settings of all steps: dataclasses, read from YAML or JSON, stored with every result."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from idfd.model.settings import read_settings
from idfd.model.stage import StageName
from idfd.processing.check import SceneLimits
from idfd.processing.crop import CropConfig
from idfd.processing.depth.denoise import DenoiseConfig
from idfd.processing.depth.inpaint import InpaintConfig
from idfd.processing.depth.register import RegisterConfig
from idfd.processing.photos.pair import PairConfig
from idfd.processing.published.steps import MODE_OF_BURST, PublishedConfig

SHOW_CONFIG = "idfd process --show-config"


@dataclass(frozen=True)
class ProcessConfig:
    """All settings of ``idfd process``.

    Attributes:
        photos: Which files of a take are its photos, where it has both.
        denoise: Fusing the burst of depth frames.
        pair: Aligning the photos, and matching exposure and vignetting.
        crop: The pixels of the triple.
        register: Moving depth to the photo.
        inpaint: Filling holes.
        limits: What a take is held against.
        published: Settings of the authors' own steps; where they are given, those steps replace
            ours.
    """

    photos: Literal["jpeg", "raw"] = "jpeg"
    denoise: DenoiseConfig = field(default_factory=DenoiseConfig)
    pair: PairConfig = field(default_factory=PairConfig)
    crop: CropConfig = field(default_factory=CropConfig)
    register: RegisterConfig = field(default_factory=RegisterConfig)
    inpaint: InpaintConfig = field(default_factory=InpaintConfig)
    limits: SceneLimits = field(default_factory=SceneLimits)
    published: PublishedConfig | None = None

    def of_stage(self, stage: StageName) -> dict[str, Any]:
        """The settings that a step's result depends on, as plain data."""
        if self.published is not None and stage != "denoise":
            return asdict(self.published)
        parts: dict[StageName, Any] = {
            "denoise": self.denoise,
            "align": self.pair,
            "crop": self.crop,
            "register": self.register,
            "inpaint": self.inpaint,
            "check": self.limits,
        }
        return asdict(parts[stage]) if stage in parts else {}


PRESETS: dict[str, ProcessConfig] = {
    "default": ProcessConfig(),
    "published": ProcessConfig(
        denoise=MODE_OF_BURST,
        published=PublishedConfig(),
    ),
}


def read_config(path: Path) -> ProcessConfig:
    """Read settings from a YAML or JSON file; what is not said keeps its default.

    Raises:
        InputError: As for :func:`idfd.model.settings.read_settings`.
    """
    return read_settings(ProcessConfig, path, SHOW_CONFIG)
