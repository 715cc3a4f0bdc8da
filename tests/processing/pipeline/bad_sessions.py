"""All that can be wrong with a session as a whole: every take of it ends in an error."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from bad_inputs import Damage, encoded
from bad_runs import mess, verdict_on
from numpy.typing import NDArray
from take_files import many_takes
from test_process_session import CONFIG

from idfd.errors import IdfdError
from idfd.model.session import CALIBRATION, SESSION
from idfd.processing.pipeline.run import process
from idfd.processing.pipeline.schedule import Scheduler
from idfd.processing.pipeline.sources import WHITE_FIELD, open_source

Do = Callable[[Path, np.random.Generator], None]


@dataclass(frozen=True)
class Flaw:
    """Something that can be wrong with a session.

    Attributes:
        name: Of it.
        do: Does it to the session's folder.
        says: A regular expression that each take's reason holds.
        refused: The session cannot be opened at all.
    """

    name: str
    do: Do
    says: str
    refused: bool = False


def without(name: str) -> Do:
    return lambda folder, rng: (folder / name).unlink()


def cut(name: str) -> Do:
    def do(folder: Path, rng: np.random.Generator) -> None:
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data[: int(rng.uniform(0.02, 0.9) * len(data))])

    return do


def written(name: str, data: bytes) -> Do:
    def do(folder: Path, rng: np.random.Generator) -> None:
        (folder / name).write_bytes(data)

    return do


def loop(name: str) -> Do:
    def do(folder: Path, rng: np.random.Generator) -> None:
        (folder / name).unlink()
        (folder / name).symlink_to(name)

    return do


def number(value: str, *choices: tuple[str, ...]) -> Do:
    """Write a value, as JSON text, in place of one of some numbers of the calibration."""

    def do(folder: Path, rng: np.random.Generator) -> None:
        *path, last = choices[int(rng.integers(len(choices)))]
        document = json.loads((folder / CALIBRATION).read_bytes())
        place: Any = document
        for key in path:
            place = place[key]
        if isinstance(place[last], list):
            place = place[last]
            last = 0  # type: ignore[assignment]
            if isinstance(place[0], list):
                place = place[0]
        place[last] = "here"
        text = json.dumps(document).replace('"here"', value)
        (folder / CALIBRATION).write_text(text)

    return do


NUMBERS = (
    ("photo", "fx"), ("photo", "cy"), ("depth", "fy"), ("depth", "cx"),
    ("depth_to_photo", "translation_mm"),
)  # fmt: skip


def white(make: Callable[[np.random.Generator, str], NDArray[Any]], cut_to: float = 1.0) -> Do:
    def do(folder: Path, rng: np.random.Generator) -> None:
        (folder / WHITE_FIELD).mkdir()
        for name in ("all_in_focus", "defocused"):
            data = encoded(make(rng, name), ".png")
            (folder / WHITE_FIELD / f"{name}.png").write_bytes(data[: int(cut_to * len(data))])

    return do


def even(rng: np.random.Generator, name: str) -> NDArray[Any]:
    return rng.integers(126, 131, (160, 240, 3)).astype(np.uint8)


def textured(rng: np.random.Generator, name: str) -> NDArray[Any]:
    image = even(rng, name)
    if name == "defocused":
        for _ in range(40):
            x, y = (int(v) for v in rng.integers(0, (220, 140)))
            cv2.rectangle(image, (x, y), (x + 20, y + 20), (60, 60, 60), -1)
    return image


def sized(rng: np.random.Generator, name: str) -> NDArray[Any]:
    return cv2.resize(even(rng, name), (240, 160) if name == "defocused" else (120, 80))


FLAWS = (
    Flaw("calibration missing", without(CALIBRATION), "idfd calibrate solve"),
    Flaw("calibration truncated", cut(CALIBRATION), "calibration.json.*not valid JSON"),
    Flaw("calibration empty", written(CALIBRATION, b""), "calibration.json.*empty"),
    Flaw("text in place of the calibration", written(CALIBRATION, b"k1: 0.1\n"), "not valid JSON"),
    Flaw("calibration a link to itself", loop(CALIBRATION), "calibration.json.*links"),
    Flaw("calibration with NaN", number("NaN", *NUMBERS), "calibration.json.*JSON"),
    Flaw("calibration with an infinite number", number("1e999", *NUMBERS),
         "calibration.json.*(finite|range)"),
    Flaw("calibration with null", number("null", *NUMBERS), "calibration.json.*invalid field"),
    Flaw("focal length of 0 or less", number("-50", ("photo", "fx"), ("depth", "fy")),
         "calibration.json.*invalid field"),
    Flaw("rotation that is none", number("0.5", ("depth_to_photo", "rotation")), "orthonormal"),
    Flaw("calibration of other photos", number("480", ("photo", "width"), ("photo", "height")),
         "240x160.*480"),
    Flaw("calibration of another depth mode",
         number("320", ("depth", "width"), ("depth", "height")), "64x48.*320"),
    Flaw("depth camera elsewhere", number("90000", ("depth_to_photo", "translation_mm")),
         "calibration|share|common"),
    Flaw("white field clipped", white(lambda r, n: np.full((160, 240, 3), 255, np.uint8)),
         "white-field.*clipped"),
    Flaw("white field dark", white(lambda r, n: np.full((160, 240, 3), 2, np.uint8)),
         "white-field.*dark"),
    Flaw("white field truncated", white(even, 0.5), "truncated"),
    Flaw("white field of a textured wall", white(textured), "not even"),
    Flaw("white fields of two sizes", white(sized), "120x80.*240x160"),
    Flaw("white field of 1 pixel", white(lambda r, n: even(r, n)[:1, :1]), "white"),
    Flaw("session.json truncated", cut(SESSION), "session.json.*not valid JSON", refused=True),
    Flaw("session.json empty", written(SESSION, b""), "session.json.*empty", refused=True),
    Flaw("session.json missing", without(SESSION), "no session.json", refused=True),
)  # fmt: skip


def flawed_run(
    flaw: Flaw, one: Path, folder: Path, rng: np.random.Generator, scheduler: Scheduler
) -> list[tuple[str | None, str]]:
    """Process a session that is damaged as a whole; as :class:`bad_runs.Found` by take."""
    ids = ["a", "b"]
    many_takes(one, folder / "session", ids)
    flaw.do(folder / "session", rng)
    try:
        source = open_source(folder / "session")
        outcome = process(source, folder / "out", CONFIG, scheduler)
    except IdfdError as error:
        fault = None if flaw.refused and re.search(flaw.says, str(error)) else f"stops: {error}"
        return [(fault, str(error))]
    left = mess(folder / "out", set(outcome.failed))
    # No session is refused here, so a take that is processed is a fault as well.
    found = [verdict_on(Damage(flaw.name, never, flaw.says), take, outcome) for take in ids]
    return [("; ".join(filter(None, (fault, *left))) or None, text) for fault, text in found]


def never(take: object, rng: np.random.Generator) -> None:
    raise AssertionError("the session is damaged here, no take of it")
