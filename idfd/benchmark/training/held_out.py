"""What a run trains on and what it validates on."""

from __future__ import annotations

from dataclasses import dataclass

from idfd.benchmark.training.config import ValidationConfig
from idfd.errors import ReleaseError
from idfd.release.reader import IDFD
from idfd.release.splits import draw_splits

TRAIN = "train"
HELD_OUT = "held out of train"


@dataclass(frozen=True)
class Roles:
    """Identifiers of the triples to train on and to validate on; the second may be empty."""

    train: tuple[str, ...]
    validation: tuple[str, ...]
    origin: str


def choose_roles(data: IDFD, config: ValidationConfig) -> Roles:
    """Find or make the validation set; the split 'test' is never looked at.

    Args:
        data: The whole release, all triples.
        config: Name of the validation split, and the share to hold out where it is missing.

    Raises:
        ReleaseError: The release has no split 'train', or too few scene groups to hold any out.
    """
    members = data.members
    if TRAIN not in members:
        raise ReleaseError(
            "the release has no split 'train'",
            where=data.path,
            limit="a split called 'train'",
            remedy="Draw splits with 'idfd release split', and build the release with them",
        )
    train = members[TRAIN]
    if config.split in members:
        return Roles(train, members[config.split], f"split {config.split}")
    if not config.share:
        return Roles(train, (), "none")
    records = {take: data.record(take) for take in train}
    if len({record.group for record in records.values()}) < 2:
        raise ReleaseError(
            "the split 'train' is one scene group, and none can be held out of it",
            where=data.path,
            remedy="Set validation.share to 0 to train without validation",
        )
    # A fixed seed: all runs on a release hold out the same triples, so that they compare.
    table = draw_splits(records, {TRAIN: 1 - config.share, HELD_OUT: config.share}, seed=0)
    held = next(split.takes for split in table.splits if split.name == HELD_OUT)
    return Roles(tuple(take for take in train if take not in set(held)), held, HELD_OUT)
