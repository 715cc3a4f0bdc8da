"""Verify one triple of a release: types, sizes, ranges, absent parts, and its map of defocus."""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from idfd.errors import IdfdError
from idfd.model.triple import DepthSource, GivenDefocus, Modality, TripleRecord
from idfd.release.defocus import defocus_arrays
from idfd.release.findings import Checker
from idfd.release.layout import ARRAYS

_HALF_STEP = 2**-10
"""Largest step of half precision, relative: processors may round to either side."""


def check_triple(
    checker: Checker, take: str, record: TripleRecord, arrays: dict[str, NDArray[Any]]
) -> bool:
    """Check one triple; False where an array is missing or of a wrong type or size."""
    where = f"/triples/{take}"
    size = (record.crop.height, record.crop.width)
    usable = True
    for name, spec in ARRAYS.items():
        if name not in arrays:
            usable &= checker.expect(not spec.required, "arrays", where, f"'{name}' is missing")
            continue
        array = arrays[name]
        expected = (*size, 3) if spec.channels == 3 else size
        usable &= checker.expect(
            array.dtype == spec.dtype, "types", f"{where}/{name}", str(array.dtype)
        )
        usable &= checker.expect(
            array.shape == expected, "sizes", f"{where}/{name}",
            f"shape {array.shape} instead of {expected}",
        )  # fmt: skip
    whole = arrays.get("depth_inpainted", arrays.get("depth"))
    usable &= checker.expect(whole is not None, "arrays", where, "no depth")
    if not usable or whole is None:
        return False
    source = arrays["source"]
    _check_absent(checker, where, record, {**arrays, "depth": whole})
    checker.expect(
        int(source.max()) <= max(DepthSource), "ranges", f"{where}/source", f"code {source.max()}"
    )
    wrong = int(np.count_nonzero((source == DepthSource.NONE) != (whole == 0)))
    checker.expect(
        wrong == 0, "ranges", f"{where}/source", f"{wrong} pixels disagree with the depth map"
    )
    if "depth" in arrays and "depth_inpainted" in arrays:
        raw = arrays["depth"]
        changed = int(np.count_nonzero((raw > 0) & (raw != whole)))
        checker.expect(
            changed == 0, "ranges", f"{where}/depth_inpainted",
            f"{changed} measured pixels were changed by in-painting", "warning",
        )  # fmt: skip
    if "uncertainty" in arrays:
        known = arrays["uncertainty"].astype(np.float32) >= 0
        bad = int(np.count_nonzero(~known & (source != DepthSource.NONE)))
        checker.expect(
            bad == 0, "ranges", f"{where}/uncertainty",
            f"{bad} negative or NaN values where there is depth",
        )  # fmt: skip
    _check_defocus(checker, where, record, arrays)
    return True


def _check_absent(
    checker: Checker, where: str, record: TripleRecord, arrays: dict[str, NDArray[Any]]
) -> None:
    """What is absent holds zeros, and what is not holds something."""
    for name in get_args(Modality):
        empty, absent = not arrays[name].any(), name in record.absent
        if absent:
            checker.expect(empty, "absent", f"{where}/{name}", "is called absent, but is not zero")
        else:
            # A take of which the sensor saw nothing is poor, but may be so.
            level: Literal["error", "warning"] = "warning" if name == "depth" else "error"
            checker.expect(
                not empty, "absent", f"{where}/{name}",
                "is all zero, but the record does not call it absent", level,
            )  # fmt: skip


def _check_defocus(
    checker: Checker, where: str, record: TripleRecord, arrays: dict[str, NDArray[Any]]
) -> None:
    """Hold the defocus map against what the depth and the blur model of the record give."""
    if record.given_defocus is not None:
        _check_given_defocus(checker, where, record.given_defocus, arrays)
        return
    try:
        expected = defocus_arrays(record, arrays)
    except IdfdError as error:
        checker.expect(False, "defocus map", where, str(error))
        return
    present = {name for name, spec in ARRAYS.items() if spec.computed and name in arrays}
    for name in sorted(present | set(expected)):
        if name not in present or name not in expected:
            reason = "is missing" if name in expected else "there is no blur model it comes from"
            checker.expect(False, "defocus map", f"{where}/{name}", reason)
            continue
        same = np.isclose(
            arrays[name].astype(np.float32), expected[name].astype(np.float32),
            rtol=_HALF_STEP, atol=1e-4, equal_nan=True,
        )  # fmt: skip
        wrong = int(np.count_nonzero(~same))
        checker.expect(
            wrong == 0, "defocus map", f"{where}/{name}",
            f"{wrong} pixels differ from what the depth and the blur model give",
        )  # fmt: skip


def _check_given_defocus(
    checker: Checker, where: str, given: GivenDefocus, arrays: dict[str, NDArray[Any]]
) -> None:
    """A map that came with the data is there and in the range of its unit."""
    where = f"{where}/defocus"
    if not checker.expect("defocus" in arrays, "defocus map", where, "is missing"):
        return
    values = arrays["defocus"].astype(np.float32)
    low, high = (0.0, 1.0) if given.unit == "normalised" else (-np.inf, np.inf)
    known = values[~np.isnan(values)]
    wrong = int(np.count_nonzero(~np.isfinite(known) | (known < low) | (known > high)))
    message = f"{wrong} pixels are infinite or outside {low:g} to {high:g}"
    checker.expect(wrong == 0, "defocus map", where, message)
    alone = "defocus_uncertainty" not in arrays
    checker.expect(alone, "defocus map", f"{where}_uncertainty", "belongs to no computed map")
