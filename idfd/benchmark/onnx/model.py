"""An ONNX file as a model of the benchmark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from idfd.benchmark.models import ModelInput, Prediction, Target
from idfd.benchmark.onnx.contract import FACTS, INPUT, OUTPUTS, ExportFacts, photo_range
from idfd.benchmark.optional import require
from idfd.benchmark.origin import Origin
from idfd.errors import InputError
from idfd.model.schema import decode

_CONTRACT = "See 'An ONNX file' in docs/models.md"
_FLOAT = "tensor(float)"
_CHANNELS: dict[Target, int] = {"depth": 1, "aif": 3, "defocus": 1}


class OnnxModel:
    """A network that onnxruntime runs on the processor, in the file's own precision.

    The file has an input ``photo``, (1, 3, H, W) float32 RGB, and one or more of the outputs
    ``depth``, (1, 1, H, W) float32 metres, ``all_in_focus``, a photo like the input, and
    ``defocus``, (1, 1, H, W) float32 pixels, the diameter of the circle of confusion. Black
    and white are -1 and 1 where the metadata property ``photo_range`` says nothing else. Other
    outputs are left alone. H and W may be open or fixed.

    Args:
        path: The file.
        name: Name in results and reports; the file's where None.

    Raises:
        InputError: No such file, not an ONNX file, or inputs and outputs other than above.
        SchemaError: idfd wrote the file and its facts are damaged or of a newer idfd.
        MissingDependencyError: onnxruntime is not installed.

    Example:
        >>> model = OnnxModel(Path("model.onnx"))  # doctest: +SKIP
        >>> sorted(model.predicts)  # doctest: +SKIP
        ['aif', 'depth']
    """

    def __init__(self, path: Path, name: str | None = None) -> None:
        self.path = path
        self.name = name or path.stem
        self._session = open_session(path)
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        if [entry.name for entry in inputs] != [INPUT]:
            raise InputError(
                f"the inputs are {', '.join(_signature(entry) for entry in inputs) or 'none'}",
                where=path,
                limit=f"one input, '{INPUT}'",
                remedy=_CONTRACT,
            )
        _check_photo(inputs[0], path)
        self._size: tuple[int | None, ...] = tuple(
            side if isinstance(side, int) else None for side in inputs[0].shape[2:]
        )
        found = {entry.name: entry for entry in outputs}
        self._outputs = {t: output for t, output in OUTPUTS.items() if output in found}
        if not self._outputs:
            raise InputError(
                f"the outputs are {', '.join(_signature(entry) for entry in outputs)}",
                where=path,
                limit=f"one or more of {', '.join(OUTPUTS.values())}",
                remedy=_CONTRACT,
            )
        for target, output in self._outputs.items():
            _check_output(found[output], _CHANNELS[target], path)
        self.predicts: frozenset[Target] = frozenset(self._outputs)
        properties = self._session.get_modelmeta().custom_metadata_map
        self._black, self._white = photo_range(properties, path)
        self.facts = (
            decode(ExportFacts, properties[FACTS].encode(), f"{path}, metadata '{FACTS}'")
            if FACTS in properties
            else None
        )

    @property
    def origin(self) -> Origin | None:
        """How the network was trained, in files that idfd wrote."""
        if self.facts is None:
            return None
        import onnxruntime

        scored_on = f"CPU, onnxruntime {onnxruntime.__version__}"
        return Origin(
            facts=msgspec.structs.replace(self.facts.training, scored_on=scored_on),
            train=frozenset(self.facts.train),
            validation=frozenset(self.facts.validation),
        )

    def predict(self, item: ModelInput) -> Prediction:
        """Predict at the photo's size, (H, W) float32 metres and (H, W, 3) uint8.

        Raises:
            InputError: The file is made for another size, fails on the photo, or gives an array
                of another shape or a photo that is not finite.
        """
        height, width = item.defocused.shape[:2]
        where = f"{self.path}, image {item.id}"
        fixed = self._size
        if any(side not in (None, real) for side, real in zip(fixed, (height, width), strict=True)):
            raise InputError(
                f"the photo is {width}x{height} pixels",
                where=where,
                limit=f"{fixed[1] or 'any width'}x{fixed[0] or 'any height'}, which the file is "
                "made for",
                remedy="Export it with height and width left open, or at this size",
            )
        scale = (self._white - self._black) / 255
        photo = item.defocused.astype(np.float32) * np.float32(scale) + np.float32(self._black)
        arrays = run_session(
            self._session, photo.transpose(2, 0, 1)[None], list(self._outputs.values()), where
        )
        made = dict(zip(self._outputs, arrays, strict=True))
        for target, array in made.items():
            expected = (1, _CHANNELS[target], height, width)
            if array.shape != expected:
                raise InputError(
                    f"'{OUTPUTS[target]}' has shape {array.shape}",
                    where=where,
                    limit=f"shape {expected}",
                    remedy="Pad inside the graph and crop back, so that any size comes out as it "
                    "went in",
                )
        return Prediction(
            depth_m=made["depth"][0, 0] if "depth" in made else None,
            all_in_focus=self._to_photo(made["aif"][0], where) if "aif" in made else None,
            defocus_px=made["defocus"][0, 0] if "defocus" in made else None,
        )

    def _to_photo(self, values: NDArray[np.float32], where: str) -> NDArray[np.uint8]:
        if not np.isfinite(values).all():
            raise InputError(
                f"'{OUTPUTS['aif']}' is NaN or infinite at "
                f"{np.count_nonzero(~np.isfinite(values))} of {values.size} values",
                where=where,
                limit="finite values",
            )
        levels = (values - self._black) * (255 / (self._white - self._black))
        return np.ascontiguousarray(
            np.clip(np.rint(levels), 0, 255).astype(np.uint8).transpose(1, 2, 0)
        )


def open_session(path: Path) -> Any:
    """Open a file with onnxruntime, on the processor.

    Raises:
        InputError: No such file, or onnxruntime cannot read it.
        MissingDependencyError: onnxruntime is not installed.
    """
    require("onnxruntime")
    import onnxruntime

    if not path.is_file():
        raise InputError("no such file", where=path, limit="an ONNX file")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what goes wrong is raised; it need not be printed as well
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except _failures() as error:
        raise InputError(
            f"onnxruntime cannot read it ({_first_line(error)})",
            where=path,
            limit="a whole ONNX file of operators that onnxruntime knows",
            remedy="Export or copy it again; for a file of a newer ONNX, upgrade onnxruntime",
        ) from None


def run_session(
    session: Any, photo: NDArray[np.float32], outputs: list[str], where: str
) -> list[NDArray[np.float32]]:
    """Outputs for one photo, (1, 3, H, W) float32.

    Raises:
        InputError: onnxruntime stops.
    """
    try:
        return session.run(outputs, {INPUT: np.ascontiguousarray(photo)})
    except _failures() as error:
        raise InputError(
            f"onnxruntime stops ({_first_line(error)})",
            where=where,
            limit="a file that runs on a photo of this size",
            remedy="Run it on such a photo where it was made; networks often want sides that a "
            "power of two divides: pad inside the graph",
        ) from None


def _failures() -> tuple[type[Exception], ...]:
    # onnxruntime's errors have no class of their own above them, and which there are varies.
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    return tuple(
        kind
        for kind in vars(state).values()
        if isinstance(kind, type) and issubclass(kind, Exception)
    )


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0].removeprefix("[ONNXRuntimeError] : ").rstrip(".")


def _signature(entry: Any) -> str:
    return f"'{entry.name}' {entry.type} {entry.shape}"


def _check_photo(entry: Any, path: Path) -> None:
    batch, channels = entry.shape[:2] if len(entry.shape) == 4 else (0, 0)
    # Sides that are open have a name or None where others have a number.
    if entry.type != _FLOAT or channels != 3 or (isinstance(batch, int) and batch != 1):
        raise _another_kind(entry, 3, path)


def _check_output(entry: Any, channels: int, path: Path) -> None:
    # Exporters may leave any side of an output open, or all of its shape: what the graph gives
    # for a photo is checked then.
    expected = (1, channels, None, None)
    known = zip(entry.shape, expected, strict=False)
    wrong = any(isinstance(side, int) and limit not in (None, side) for side, limit in known)
    if entry.type != _FLOAT or len(entry.shape) not in (0, 4) or wrong:
        raise _another_kind(entry, channels, path)


def _another_kind(entry: Any, channels: int, path: Path) -> InputError:
    return InputError(
        f"{_signature(entry)} is another kind of array",
        where=path,
        limit=f"{_FLOAT} of shape (1, {channels}, height, width)",
        remedy=_CONTRACT,
    )
