"""The metric defocus map of a triple: how wide the lens spreads each point whose depth is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfd.calibration.defocus.model import defocus_map
from idfd.model.triple import DepthSource, TripleRecord, measured_pixels

_LARGEST = float(np.finfo(np.float16).max)


def defocus_arrays(
    record: TripleRecord, arrays: Mapping[str, NDArray[Any]]
) -> dict[str, NDArray[np.float16]]:
    """The arrays ``defocus`` and ``defocus_uncertainty`` of a triple.

    They rest on measured depth alone: in-painted depth is a guess that makes good pictures, and a
    blur computed from it would look like knowledge. Where a source does not tell the two apart at
    all, as that of DFD_Indoor, they rest on all of its depth; its source map says so.

    A blur that was computed (``record.simulated``) is that of the most complete depth there is,
    in-painted or not, and of no other: that depth is the truth of it, and has no deviation.

    Args:
        record: Of the triple; its blur model and intrinsics are used.
        arrays: Its ``source``, ``depth`` or ``depth_inpainted``, and ``uncertainty`` where there
            is one.

    Returns:
        Both arrays, (H, W) float16 pixels, NaN where there is no such depth; none at all where the
        record has no blur model, or a map of defocus came with the data. Half precision keeps 11
        bits, so it adds at most 0.05 % of the value, far below the deviation of any fit.
    """
    if record.given_defocus is not None or record.blur is None or record.intrinsics is None:
        return {}
    if record.simulated is not None:
        whole = "depth_inpainted" if "depth_inpainted" in arrays else "depth"
        depth, uncertainty = arrays[whole], None
    else:
        depth, uncertainty = _measured_depth(arrays), arrays.get("uncertainty")
    maps = defocus_map(record.blur, record.intrinsics, depth, uncertainty, record.crop.scale)
    return {
        name: np.clip(values, -_LARGEST, _LARGEST).astype(np.float16)
        for name, values in zip(("defocus", "defocus_uncertainty"), maps, strict=True)
    }


def _measured_depth(arrays: Mapping[str, NDArray[Any]]) -> NDArray[np.uint16]:
    depth = arrays["depth"] if "depth" in arrays else arrays["depth_inpainted"]
    known = measured_pixels(arrays["source"])
    if not known.any():
        known = arrays["source"] == DepthSource.UNKNOWN
    return np.where(known, depth, np.uint16(0))


def has_metric_defocus(record: TripleRecord) -> bool:
    """Whether the triple's map of defocus is in pixels: computed, or given in that unit."""
    given = record.given_defocus
    return record.blur is not None if given is None else given.unit == "px"
