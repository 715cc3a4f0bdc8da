"""Small ONNX files, right and wrong, and a photo to give them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from idfd.benchmark.models import ModelInput
from idfd.model.camera import CameraSettings

FLOAT = TensorProto.FLOAT
OPEN = (1, 3, "height", "width")
DEPTH = (1, 1, "height", "width")

Node = tuple[str, dict[str, Any]]
MEAN: Node = ("ReduceMean", {"axes": [1], "keepdims": 1})
COPY: Node = ("Identity", {})


def onnx_file(
    path: Path,
    outputs: Mapping[str, tuple[Node, Sequence[int | str]]],
    *,
    photo: Sequence[int | str] = OPEN,
    kind: int = FLOAT,
    name: str = "photo",
    properties: dict[str, str] | None = None,
) -> Path:
    """A file whose outputs are each one operator on the input."""
    nodes = [
        helper.make_node(operator, [name], [output], **attributes)
        for output, ((operator, attributes), _) in outputs.items()
    ]
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info(name, kind, photo)],
        [helper.make_tensor_value_info(o, kind, shape) for o, (_, shape) in outputs.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    helper.set_model_props(model, properties or {})
    onnx.save(model, path)
    return path


def both_heads(path: Path, **more: Any) -> Path:
    """Depth is the mean grey value, and the photo comes back as it is."""
    outputs = {"depth": (MEAN, DEPTH), "all_in_focus": (COPY, OPEN)}
    return onnx_file(path, outputs, **more)


def photo_item(width: int = 40, height: int = 24, seed: int = 0) -> ModelInput:
    photo = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    return ModelInput("desk-a", photo, CameraSettings(f_number=1.8), None)
