"""Settings of all steps: dataclasses, read from YAML or JSON, stored with every result."""

from __future__ import annotations

import dataclasses
import difflib
import typing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import msgspec

from idfd.errors import InputError
from idfd.model.stage import StageName
from idfd.processing.check import SceneLimits
from idfd.processing.crop import CropConfig
from idfd.processing.depth.denoise import DenoiseConfig
from idfd.processing.depth.inpaint import InpaintConfig
from idfd.processing.depth.register import RegisterConfig
from idfd.processing.photos.pair import PairConfig
from idfd.processing.published.steps import MODE_OF_BURST, PublishedConfig


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
        InputError: Unreadable file, unknown setting (with the nearest known one), or a value of
            another type or range.
    """
    import yaml

    try:
        data = yaml.safe_load(path.read_text())
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=path) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        first = str(error).splitlines()[0]
        raise InputError(f"not a YAML file ({first})", where=path) from None
    return config_from(data or {}, path)


def config_from(data: Any, where: str | Path) -> ProcessConfig:
    """Settings from plain data; see :func:`read_config` for the errors."""
    _refuse_unknown(data, ProcessConfig, where, ())
    try:
        return msgspec.convert(data, ProcessConfig)
    except msgspec.ValidationError as error:
        raise InputError(
            f"a setting cannot be used: {error}",
            where=where,
            remedy="See 'idfd process --show-config' for all settings and their values",
        ) from None


def _refuse_unknown(data: Any, kind: type, where: str | Path, path: tuple[str, ...]) -> None:
    if not isinstance(data, dict):
        name = ".".join(path) or "the settings"
        raise InputError(f"{name}: {data!r}", where=where, limit="names with values")
    hints = typing.get_type_hints(kind)
    for key, value in data.items():
        if key not in hints:
            name = ".".join((*path, str(key)))
            near = difflib.get_close_matches(str(key), hints, n=1)
            raise InputError(
                f"there is no setting '{name}'",
                where=where,
                limit=", ".join(hints),
                remedy=f"Did you mean '{near[0]}'?" if near else "Remove it",
            )
        nested = [
            part
            for part in (hints[key], *typing.get_args(hints[key]))
            if dataclasses.is_dataclass(part)
        ]
        if nested and value is not None:
            _refuse_unknown(value, typing.cast(type, nested[0]), where, (*path, str(key)))
