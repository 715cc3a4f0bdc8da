"""Splits that do not leak: whole scene groups, drawn from a seed, alike in environment.

Frames of one room look alike; a random split by frame lets a network see the test rooms. A group
of scenes is therefore never cut.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection as AnyCollection
from collections.abc import Mapping
from pathlib import Path

from idfd.errors import InputError
from idfd.model.capture import Split, SplitTable
from idfd.model.curation import RECORD
from idfd.model.schema import load
from idfd.model.triple import TripleRecord


def draw_splits(
    records: Mapping[str, TripleRecord], shares: Mapping[str, float], seed: int
) -> SplitTable:
    """Draw splits of whole groups, stratified by environment.

    Within each environment the groups are put in an order that depends on the seed and their
    names only, and each goes to the split that is furthest below its share of triples.

    Args:
        records: Triples by id.
        shares: Share of each split; must sum to 1.
        seed: Any integer; the same seed gives the same splits on every machine.

    Raises:
        InputError: The shares do not sum to 1, or there are fewer groups than splits.
    """
    if not (abs(sum(shares.values()) - 1) <= 1e-6 and min(shares.values()) > 0):
        raise InputError(
            f"the shares {dict(shares)} sum to {sum(shares.values()):g}",
            limit="positive shares that sum to 1",
        )
    groups: dict[str, list[str]] = defaultdict(list)
    for take, record in sorted(records.items()):
        groups[record.group].append(take)
    if len(groups) < len(shares):
        raise InputError(
            f"{len(groups)} scene groups cannot fill {len(shares)} splits",
            limit="at least one group for each split",
            remedy="Ask for fewer splits; groups are never cut, because cutting them leaks scenes",
        )
    environments: dict[str, list[str]] = defaultdict(list)
    for group, takes in groups.items():
        environments[records[takes[0]].environment].append(group)
    assigned: dict[str, list[str]] = {name: [] for name in shares}
    done = 0
    for environment in sorted(environments):
        # Large groups first: the small ones can then even out the shares.
        order = sorted(
            environments[environment],
            key=lambda group: (-len(groups[group]), _shuffle(seed, group)),
        )
        for group in order:
            done += len(groups[group])
            split = max(shares, key=lambda name: shares[name] * done - len(assigned[name]))
            assigned[split] += groups[group]
    for name in [name for name, takes in assigned.items() if not takes]:
        _give_group(name, assigned, groups)
    return SplitTable(
        origin="drawn",
        grouping="whole scene groups, stratified by environment",
        seed=seed,
        splits=tuple(
            Split(name=name, takes=tuple(sorted(takes))) for name, takes in assigned.items()
        ),
    )


def read_records(folder: Path) -> dict[str, TripleRecord]:
    """Records of the curated triples in a folder, by id.

    Raises:
        InputError: There are none.
        SchemaError: One of them is damaged.
    """
    paths = sorted((folder / "triples").glob(f"*/{RECORD}"))
    if not paths:
        raise InputError("no curated triples", where=folder, limit="a folder of 'idfd process'")
    return {path.parent.name: load(TripleRecord, path) for path in paths}


def _shuffle(seed: int, group: str) -> str:
    return hashlib.sha256(f"{seed}/{group}".encode()).hexdigest()


def _give_group(
    empty: str, assigned: dict[str, list[str]], groups: Mapping[str, list[str]]
) -> None:
    """Give an empty split the smallest group of the split that can best spare one."""

    def owned(name: str) -> list[str]:
        return [group for group, takes in groups.items() if takes[0] in assigned[name]]

    donor = max(assigned, key=lambda name: (len(owned(name)) > 1, len(assigned[name])))
    smallest = min(owned(donor), key=lambda group: (len(groups[group]), group))
    assigned[donor] = [take for take in assigned[donor] if take not in groups[smallest]]
    assigned[empty] = list(groups[smallest])


def check_table(
    table: SplitTable, records: Mapping[str, TripleRecord], absent: AnyCollection[str]
) -> dict[str, tuple[str, ...]]:
    """Hold a table against the triples and return the members of each split.

    Takes that were excluded or failed leave their split; anything else that does not match is an
    error.

    Raises:
        InputError: A take of the table is unknown, or a triple is in no split.
    """
    named = {take for split in table.splits for take in split.takes}
    unknown = sorted(named - set(records) - set(absent))
    if unknown:
        raise InputError(
            f"the splits name {len(unknown)} triples that are not here: {', '.join(unknown[:5])}",
            remedy="Process them too, where 'idfd process --only' left them out, or draw splits of "
            "those that are here with 'idfd release split'",
        )
    homeless = sorted(set(records) - named)
    if homeless:
        raise InputError(
            f"{len(homeless)} triples are in no split: {', '.join(homeless[:5])}",
            remedy="Draw the splits again with 'idfd release split'",
        )
    return {
        split.name: tuple(take for take in split.takes if take in records) for split in table.splits
    }


def leaks(
    members: Mapping[str, tuple[str, ...]], groups: Mapping[str, str]
) -> list[tuple[str, str, str]]:
    """Groups that stand in more than one split: (group, first split, second split)."""
    home: dict[str, str] = {}
    found = []
    for name, takes in members.items():
        for take in takes:
            group = groups[take]
            if home.setdefault(group, name) != name:
                found.append((group, home[group], name))
    return sorted(set(found))
