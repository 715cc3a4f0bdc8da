"""Scene groups made of numbers, small releases, and networks that were never trained."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np
from benchmark_data import FakeDataset, make_record, make_release
from numpy.typing import NDArray
from training_set import training_triple

from idfd.benchmark.models import ModelInput, Prediction, Target
from idfd.benchmark.validation.survey import BLUR_EDGES, DEPTH_EDGES, Sight, Survey
from idfd.model.triple import Triple, TripleRecord

FEATURES = 3


@dataclass(frozen=True)
class Room:
    """A scene group: its split, its depth and blur, and how features tell of depth."""

    split: str
    depth_m: float = 2.0
    blur_px: float = 1.0
    slope: float = 0.3
    environment: str = "indoor"
    triples: int = 3


def _normal(
    edges: NDArray[np.float64], mean: float, generator: np.random.Generator
) -> NDArray[np.float64]:
    values = np.clip(generator.normal(mean, 0.4, 200), edges[0], edges[-1])
    return np.histogram(values, edges)[0] / 200


def make_survey(rooms: list[Room], seed: int = 0) -> Survey:
    """A survey without photos; each room varies a little by itself."""
    generator = np.random.default_rng(seed)
    members: dict[str, list[str]] = {}
    records: dict[str, TripleRecord] = {}
    sights: dict[str, Sight] = {}
    for k, room in enumerate(rooms):
        shift = generator.normal(0, 0.1)
        for n in range(room.triples):
            take = f"room{k:02d}-{n}"
            members.setdefault(room.split, []).append(take)
            records[take] = _placed(make_record(take), room.environment)
            features = generator.normal(0, 1, (40, FEATURES))
            noise = generator.normal(0, 0.1, 40)
            sights[take] = Sight(
                depth=_normal(DEPTH_EDGES, room.depth_m + shift, generator),
                blur=_normal(BLUR_EDGES, room.blur_px + shift, generator),
                features=features,
                log_depth=np.log(2.0) + shift + room.slope * features[:, 0] + noise,
            )
    return Survey(
        members={split: tuple(takes) for split, takes in members.items()},
        records=records,
        sights=sights,
        blur_from="photo pairs",
    )


def _placed(record: TripleRecord, environment: str) -> TripleRecord:
    return msgspec.structs.replace(record, environment=environment)


def rooms(train: int, test: int, **test_room: float | str) -> list[Room]:
    """Rooms of both splits; those of the test split differ as the keywords say."""
    other = replace(Room("test"), **test_room)  # type: ignore[arg-type]
    return [Room("train")] * train + [other] * test


def small_release(
    folder: Path, train: int = 4, test: int = 2, leaking: bool = False
) -> tuple[Path, dict[str, Triple]]:
    """A release of 72x96 triples, one scene each; with a leak one scene is in both splits."""
    hall = "room0" if leaking else "hall0"
    parts = {
        "train": [training_triple(f"room{k}-a", k) for k in range(train)],
        "test": [
            training_triple(f"{hall if k == 0 else f'hall{k}'}-b", 90 + k) for k in range(test)
        ],
    }
    release = make_release(
        folder,
        FakeDataset(parts["test"]),
        FakeDataset(parts["train"], split="train"),
    )
    return release, {t.record.id: t for part in parts.values() for t in part}


@dataclass
class Pretender:
    """Knows the truth, and gives it with an error of ``depth_error_m`` and ``levels``."""

    triples: dict[str, Triple]
    depth_error_m: float
    levels: int
    name: str = "pretender"
    predicts: frozenset[Target] = frozenset({"depth", "aif"})

    def predict(self, item: ModelInput) -> Prediction:
        """The truth, but for the errors."""
        triple = self.triples[item.id]
        depth = np.maximum(triple.depth / 1000, 0.2) + self.depth_error_m
        photo = np.clip(triple.all_in_focus.astype(int) + self.levels, 0, 255).astype(np.uint8)
        return Prediction(depth_m=depth.astype(np.float32), all_in_focus=photo)
