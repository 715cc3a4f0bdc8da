"""One portable HTML page that tells an operator whether to trust a calibration."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

from idfd.calibration.report import curves, field
from idfd.model import schema
from idfd.model.calibration import CalibrationReport, CameraReport, ParameterRow
from idfd.model.rig import RigCalibration
from idfd.storage.durable import write_bytes
from idfd.storage.hashing import sha256_bytes

_TITLES = {
    "photo": "Photo camera at its small aperture",
    "defocused": "Photo camera at its large aperture",
    "depth": "Depth camera",
}
_ORIGINS = {
    "boards": "estimated from the views below",
    "factory": "from the factory calibration; estimated is only what has an interval",
    "given": "given; estimated is only what has an interval",
}
_MODELS = {
    "pinhole": "pinhole without distortion",
    "brown_conrady": "Brown-Conrady",
    "rational": "rational, 8 parameters",
}
_VERDICTS = {
    "pass": "This calibration can be trusted",
    "warn": "Usable with care: look at what is marked below",
    "fail": "Do not use this calibration",
}


def write_report(report: CalibrationReport, rig: RigCalibration | None, path: Path) -> None:
    """Write the page; the same input gives the same bytes.

    Args:
        report: What was seen and what came out.
        rig: The calibration itself; None where only one camera was calibrated.
        path: Where the HTML file goes.

    Raises:
        StorageError: It cannot be written.
    """
    write_bytes(path, render(report, rig).encode())


def render(report: CalibrationReport, rig: RigCalibration | None) -> str:
    """The page as text, without any request to the network."""
    from jinja2 import Environment, StrictUndefined

    # Names come from files of others, so that escaping must not hang on the template's suffix.
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["words"] = lambda name: name.replace("_", " ")
    model = rig.blur if rig is not None else None
    source = resources.files("idfd.calibration.report") / "templates" / "report.html.j2"
    return environment.from_string(source.read_text(encoding="utf-8")).render(
        report=report,
        conclusion=_VERDICTS[report.verdict],
        cameras=[_camera(camera) for camera in report.cameras],
        extrinsics=[_parameter(row) for row in report.extrinsics],
        pixel_error=curves.pixel_error(report.pixel_error) if report.pixel_error else None,
        model=model,
        blur=curves.blur(report.blur, model) if model is not None else None,
        sources=rig.sources if rig is not None else {},
        digest=sha256_bytes(schema.encode(rig)) if rig is not None else None,
    )


def _camera(report: CameraReport) -> dict[str, Any]:
    errors = [view.rms_px for view in report.views if view.used and view.rms_px is not None]
    # What was rejected may be far off: its bar is cut, so that the others can be compared.
    longest = max(1.5 * max(errors, default=0.0), 1e-9)
    least = min(report.held_out_px, key=report.held_out_px.__getitem__, default=None)
    return {
        "name": report.camera,
        "title": _TITLES[report.camera],
        "origin": _ORIGINS[report.origin],
        "model": _MODELS[report.intrinsics.model],
        "size": f"{report.intrinsics.width} × {report.intrinsics.height} px",
        "rms": report.rms_px,
        "held_out": [
            (_MODELS.get(name, name), error, name == least)
            for name, error in report.held_out_px.items()
        ],
        "views": [
            (view, min(100.0, 100 * (view.rms_px or 0.0) / longest)) for view in report.views
        ],
        "used": sum(view.used for view in report.views),
        "coverage": field.coverage(report) if report.views else None,
        "arrows": field.arrows(report),
        "parameters": [_parameter(row) for row in report.parameters],
    }


def _parameter(row: ParameterRow) -> dict[str, str]:
    """A row of text: as many digits as the interval supports, and no more."""
    digits = 5
    if row.deviation:
        # Two significant digits of the deviation.
        digits = min(9, max(0, 1 - _exponent(row.deviation)))
    shown = {"name": row.name, "unit": row.unit, "value": f"{row.value:.{digits}f}"}
    if row.deviation is None or row.low is None or row.high is None:
        return shown | {"deviation": "held fixed", "interval": "–"}
    return shown | {
        "deviation": f"± {row.deviation:.{digits}f}",
        "interval": f"{row.low:.{digits}f} … {row.high:.{digits}f}",
    }


def _exponent(value: float) -> int:
    return int(f"{abs(value):e}".split("e")[1])
