"""What a model is to the benchmark, and where models are found by name."""

from __future__ import annotations

import difflib
import importlib
import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal, Protocol, cast, get_args, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from idfd.benchmark.dataset import TripleDataset
from idfd.benchmark.optional import require
from idfd.errors import InputError
from idfd.model.camera import CameraSettings, Intrinsics
from idfd.model.defocus import DefocusModel
from idfd.model.schema import Record
from idfd.version import __version__

Target = Literal["depth", "aif", "defocus"]
TARGETS: frozenset[Target] = frozenset(get_args(Target))
ENTRY_POINTS = "idfd.models"
"""Entry-point group in which installed packages register models: a class without arguments."""
BUILTIN = {
    "identity": "idfd.benchmark.baselines:Identity",
    "median-depth": "idfd.benchmark.baselines:MedianDepth",
    "median-defocus": "idfd.benchmark.baselines:MedianDefocus",
    "wiener": "idfd.benchmark.baselines.deconvolution:Wiener",
    "richardson-lucy": "idfd.benchmark.baselines.deconvolution:RichardsonLucy",
    "dncnn": "idfd.benchmark.baselines.restorer:dncnn",
    "ircnn": "idfd.benchmark.baselines.ircnn:IRCNN",
    "pipeline": "idfd.benchmark.baselines.pipeline:Pipeline",
}
_FILES = {".onnx": "--onnx", ".safetensors": "--checkpoint"}


@dataclass(frozen=True)
class ModelInput:
    """What a model may see of a triple; the truth is not in it.

    Attributes:
        id: Identifier of the triple.
        defocused: RGB photo at the large aperture, (H, W, 3) uint8; the model may change it.
        settings: What the photo was taken with, where the release knows it.
        intrinsics: Camera of the photo in its pixels, where the release knows it.
        blur: How the lens blurs the photo, on the pixels of the whole photo; needs intrinsics.
        scale: The whole photo's pixels to a pixel of this one.
    """

    id: str
    defocused: NDArray[np.uint8]
    settings: CameraSettings | None
    intrinsics: Intrinsics | None
    blur: DefocusModel | None = None
    scale: float = 1.0


@dataclass(frozen=True)
class Prediction:
    """What a model made of one photo; None for what it does not predict.

    Attributes:
        depth_m: Depth along the optical axis, (H, W) floating point, metres.
        all_in_focus: Deblurred RGB photo, (H, W, 3) uint8.
        defocus_px: Diameter of the circle of confusion of each pixel, (H, W) floating point, at
            least 0: on which side of the plane in focus a point lies is not asked.
    """

    depth_m: NDArray[np.floating[Any]] | None = None
    all_in_focus: NDArray[np.uint8] | None = None
    defocus_px: NDArray[np.floating[Any]] | None = None


@runtime_checkable
class Model(Protocol):
    """Anything that predicts depth, a deblurred photo, or both from a defocused photo."""

    @property
    def name(self) -> str:
        """Name in results and reports."""

    @property
    def predicts(self) -> frozenset[Target]:
        """What :meth:`predict` returns: 'depth', 'aif' (the deblurred photo), 'defocus'."""

    def predict(self, item: ModelInput) -> Prediction:
        """Predict from one photo, at the photo's size."""


@runtime_checkable
class TrainableModel(Model, Protocol):
    """A model that needs the training split before it can predict."""

    def fit(self, train: TripleDataset) -> None:
        """Learn from the training split; called once before the first prediction."""


@runtime_checkable
class DescribedModel(Model, Protocol):
    """A model whose settings belong into the results."""

    def describe(self) -> dict[str, str]:
        """Settings that it was given or chose, by name; asked for after the last prediction."""


class Registered(Record, frozen=True, kw_only=True):
    """A model that has a name.

    Attributes:
        name: What to call it.
        reference: ``package.module:ClassName``.
        distribution: The installed package that brings it.
        version: Version of that package.
    """

    name: str
    reference: str
    distribution: str
    version: str


def available_models() -> tuple[Registered, ...]:
    """Built-in and installed models by name; a built-in name cannot be taken."""
    found = [
        Registered(name=name, reference=path, distribution="idfd", version=__version__)
        for name, path in BUILTIN.items()
    ]
    found += [
        Registered(
            name=entry.name,
            reference=entry.value,
            distribution=entry.dist.name,
            version=entry.dist.version,
        )
        for entry in metadata.entry_points(group=ENTRY_POINTS)
        if entry.name not in BUILTIN and entry.dist is not None
    ]
    return tuple(sorted(found, key=lambda model: (model.name, model.distribution)))


def load_model(name: str, options: Mapping[str, str] | None = None) -> Model:
    """Make a model from its registered name or from ``package.module:ClassName``.

    Args:
        name: A name of :func:`available_models`, or the import path of a class or function
            that gives a model. Modules in the working folder are found.
        options: Arguments of the class or function by name, as text.

    Raises:
        InputError: No such name, module or attribute, or what it gives is not a model; an option
            that it does not take, or one that it needs; or two installed packages use the name.
        MissingDependencyError: A model of idfd's own needs a package that is not installed.
    """
    reference = _reference(name)
    factory, options = _import(reference), options or {}
    _check_options(name, factory, options)
    model = factory(**options)
    if not isinstance(model, Model):
        raise InputError(
            f"'{reference}' gives a {type(model).__name__}",
            limit="an object with name, predicts and predict()",
            remedy="See idfd.benchmark.models.Model",
        )
    if not model.predicts or not model.predicts <= TARGETS:
        raise InputError(
            f"model '{model.name}' predicts {sorted(model.predicts)}",
            limit="a set of 'depth', 'aif' and 'defocus' that is not empty",
        )
    return model


def _check_options(name: str, factory: Callable[..., Any], options: Mapping[str, str]) -> None:
    parameters = inspect.signature(factory).parameters.values()
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return
    taken = {parameter.name for parameter in parameters}
    needed = {parameter.name for parameter in parameters if parameter.default is parameter.empty}
    problems = [f"does not take the option '{key}'" for key in options if key not in taken]
    problems += [f"needs the option '{key}'" for key in sorted(needed - options.keys())]
    if problems:
        raise InputError(
            f"model '{name}' {problems[0]}",
            limit=f"--option NAME=VALUE with a name of {', '.join(sorted(taken))}"
            if taken
            else "no options",
        )


def _reference(name: str) -> str:
    if ":" in name:
        return name
    models = available_models()
    known = [model.name for model in models]
    found = [model for model in models if model.name == name]
    if len(found) > 1:
        raise InputError(
            f"the packages {' and '.join(model.distribution for model in found)} both have a "
            f"model '{name}'",
            limit="a name that one package uses",
            remedy=f"Give its path: {' or '.join(model.reference for model in found)}",
        )
    if found:
        return found[0].reference
    near = difflib.get_close_matches(name, known, n=1)
    option = _FILES.get(Path(name).suffix)
    raise InputError(
        f"there is no model '{name}'",
        limit=f"one of {', '.join(known)}, or package.module:ClassName",
        remedy=f"Give the file with {option}"
        if option
        else f"Did you mean '{near[0]}'?"
        if near
        else None,
    )


def _import(reference: str) -> Callable[..., Any]:
    module_name, _, attribute = reference.partition(":")
    folder = str(Path.cwd())
    # Console scripts do not search the working folder, where a user's own model usually lies.
    added = folder not in sys.path
    if added:
        sys.path.insert(0, folder)
    try:
        found = getattr(importlib.import_module(module_name), attribute)
    except ImportError as error:
        if module_name.startswith("idfd.") and error.name:
            require(error.name)
        raise InputError(
            f"module '{module_name}' cannot be imported ({error})",
            where=reference,
            remedy="Install the package or change to the folder that holds the module",
        ) from None
    except AttributeError:
        raise InputError(f"module '{module_name}' has no '{attribute}'", where=reference) from None
    finally:
        if added:
            sys.path.remove(folder)
    if not callable(found):
        raise InputError(f"'{attribute}' is not a class or function", where=reference)
    return cast("Callable[..., Any]", found)
