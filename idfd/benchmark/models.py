"""What a model is to the benchmark, and where models are found by name."""

from __future__ import annotations

import difflib
import importlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal, Protocol, cast, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from idfd.benchmark.dataset import TripleDataset
from idfd.errors import InputError
from idfd.model.camera import CameraSettings, Intrinsics

Target = Literal["depth", "aif"]
ENTRY_POINTS = "idfd.models"
"""Entry-point group in which installed packages register models: a class without arguments."""
BUILTIN = {
    "identity": "idfd.benchmark.baselines:Identity",
    "median-depth": "idfd.benchmark.baselines:MedianDepth",
}


@dataclass(frozen=True)
class ModelInput:
    """What a model may see of a triple; the truth is not in it.

    Attributes:
        id: Identifier of the triple.
        defocused: RGB photo at the large aperture, (H, W, 3) uint8; the model may change it.
        settings: What the photo was taken with.
        intrinsics: Camera of the photo in its pixels, where the release knows it.
    """

    id: str
    defocused: NDArray[np.uint8]
    settings: CameraSettings
    intrinsics: Intrinsics | None


@dataclass(frozen=True)
class Prediction:
    """What a model made of one photo; None for what it does not predict.

    Attributes:
        depth_m: Depth along the optical axis, (H, W) floating point, metres.
        all_in_focus: Deblurred RGB photo, (H, W, 3) uint8.
    """

    depth_m: NDArray[np.floating[Any]] | None = None
    all_in_focus: NDArray[np.uint8] | None = None


@runtime_checkable
class Model(Protocol):
    """Anything that predicts depth, a deblurred photo, or both from a defocused photo."""

    @property
    def name(self) -> str:
        """Name in results and reports."""

    @property
    def predicts(self) -> frozenset[Target]:
        """What :meth:`predict` returns: 'depth', 'aif' (the deblurred photo), or both."""

    def predict(self, item: ModelInput) -> Prediction:
        """Predict from one photo, at the photo's size."""


@runtime_checkable
class TrainableModel(Model, Protocol):
    """A model that needs the training split before it can predict."""

    def fit(self, train: TripleDataset) -> None:
        """Learn from the training split; called once before the first prediction."""


def available_models() -> dict[str, str]:
    """Names of the built-in and installed models with the objects behind them, sorted."""
    installed = {entry.name: entry.value for entry in metadata.entry_points(group=ENTRY_POINTS)}
    return dict(sorted((installed | BUILTIN).items()))


def load_model(name: str) -> Model:
    """Make a model from its registered name or from ``package.module:ClassName``.

    Args:
        name: A name of :func:`available_models`, or the import path of a class or function
            that gives a model without arguments. Modules in the working folder are found.

    Raises:
        InputError: No such name, module or attribute, or what it gives is not a model.
    """
    known = available_models()
    reference = known.get(name, name)
    if ":" not in reference:
        near = difflib.get_close_matches(name, known, n=1)
        raise InputError(
            f"there is no model '{name}'",
            limit=f"one of {', '.join(known)}, or package.module:ClassName",
            remedy=f"Did you mean '{near[0]}'?" if near else None,
        )
    model = _import(reference)()
    if not isinstance(model, Model):
        raise InputError(
            f"'{reference}' gives a {type(model).__name__}",
            limit="an object with name, predicts and predict()",
            remedy="See idfd.benchmark.models.Model",
        )
    if not model.predicts or not model.predicts <= {"depth", "aif"}:
        raise InputError(
            f"model '{model.name}' predicts {sorted(model.predicts)}",
            limit="a set of 'depth' and 'aif' that is not empty",
        )
    return model


def _import(reference: str) -> Callable[[], Any]:
    module_name, _, attribute = reference.partition(":")
    folder = str(Path.cwd())
    # Console scripts do not search the working folder, where a user's own model usually lies.
    added = folder not in sys.path
    if added:
        sys.path.insert(0, folder)
    try:
        found = getattr(importlib.import_module(module_name), attribute)
    except ImportError as error:
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
    return cast("Callable[[], Any]", found)
