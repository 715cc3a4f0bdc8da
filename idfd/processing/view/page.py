"""One page about one scene, with everything in it."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from importlib import resources
from typing import Any

from idfd.processing.check import advice
from idfd.processing.pictures import color_stops
from idfd.processing.view.panels import Panel, Ramp
from idfd.processing.view.scene import Scene
from idfd.storage.images import encode_jpeg, encode_png

_BLINKS = (
    ("The pair", ("all_in_focus", "defocused")),
    ("Depth before and after in-painting", ("registered", "inpainted")),
)
"""Pictures that are looked at in one place, one after the other."""


def render(scene: Scene, panels: Sequence[Panel]) -> str:
    """The page as HTML, without any request to the network and without scripts.

    Args:
        scene: What it is about.
        panels: Pictures of it, as of :func:`~idfd.processing.view.panels.scene_panels`.
    """
    from jinja2 import Environment, StrictUndefined

    # Names come from files of others, so that escaping must not hang on the template's suffix.
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["words"] = lambda name: name.replace("_", " ")
    shown = {panel.name: _figure(panel) for panel in panels}
    groups = [
        (title, [shown[name] for name in names])
        for title, names in _BLINKS
        if all(name in shown for name in names)
    ]
    blinking = {figure["name"] for _, figures in groups for figure in figures}
    source = resources.files("idfd.processing.view") / "templates" / "scene.html.j2"
    return environment.from_string(source.read_text(encoding="utf-8")).render(
        record=scene.record,
        groups=groups,
        figures=[figure for name, figure in shown.items() if name not in blinking],
        checks=[(check, advice(check)) for check in scene.record.checks],
        stages=[
            (name, record, {key: f"{value:.5g}" for key, value in record.measures.items()})
            for name, record in scene.stages.items()
        ],
    )


def _figure(panel: Panel) -> dict[str, Any]:
    kind = "jpeg" if panel.photo else "png"
    data = encode_jpeg(panel.picture, 90) if panel.photo else encode_png(panel.picture, 6)
    height, width = panel.picture.shape[:2]
    ramp = panel.legend if isinstance(panel.legend, Ramp) else None
    return {
        "name": panel.name,
        "title": panel.title,
        "address": f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}",
        "width": width,
        "height": height,
        "ramp": ramp,
        "stops": color_stops(ramp.scale) if ramp else (),
        "swatches": ()
        if isinstance(panel.legend, Ramp)
        else [(name, "#" + bytes(color).hex()) for name, color in panel.legend],
    }
