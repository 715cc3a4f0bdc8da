from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from release_data import make_record, table

from idfd.errors import InputError
from idfd.model import schema
from idfd.model.capture import SplitTable
from idfd.model.triple import TripleRecord
from idfd.release.splits import check_table, draw_splits, leaks

SHARES = {"train": 0.7, "val": 0.15, "test": 0.15}
TEMPLATE = make_record("attic-1")


def make_records(groups: Mapping[str, tuple[int, str]]) -> dict[str, TripleRecord]:
    """Records of groups given as (number of takes, environment)."""
    return {
        f"{group}-{i}": msgspec.structs.replace(
            TEMPLATE, id=f"{group}-{i}", scene=group, group=group, environment=environment
        )
        for group, (count, environment) in groups.items()
        for i in range(count)
    }


some_groups = st.dictionaries(
    st.from_regex(r"\A[a-z]{1,4}\Z"),
    st.tuples(st.integers(1, 9), st.sampled_from(["indoor", "outdoor", "unknown"])),
    min_size=3,
    max_size=25,
)
some_shares = st.sampled_from(
    [SHARES, {"train": 0.5, "test": 0.5}, {"all": 1.0}, {"a": 0.98, "b": 0.01, "c": 0.01}]
)
seeds = st.integers(-5, 2**40)


def members(drawn: SplitTable) -> dict[str, tuple[str, ...]]:
    return {split.name: split.takes for split in drawn.splits}


@given(groups=some_groups, shares=some_shares, seed=seeds)
def test_every_triple_stands_in_one_split_and_no_group_is_cut(
    groups: dict[str, tuple[int, str]], shares: dict[str, float], seed: int
) -> None:
    records = make_records(groups)
    drawn = draw_splits(records, shares, seed)
    assert [split.name for split in drawn.splits] == list(shares)
    assert sorted(take for split in drawn.splits for take in split.takes) == sorted(records)
    homes = {(records[take].group, split.name) for split in drawn.splits for take in split.takes}
    assert len(homes) == len(groups)
    assert all(split.takes for split in drawn.splits)
    assert (drawn.origin, drawn.seed) == ("drawn", seed)
    assert leaks(members(drawn), {take: r.group for take, r in records.items()}) == []


@given(groups=some_groups, shares=some_shares, seed=seeds, data=st.data())
def test_neither_order_nor_time_changes_the_splits(
    groups: dict[str, tuple[int, str]], shares: dict[str, float], seed: int, data: st.DataObject
) -> None:
    records = make_records(groups)
    drawn = draw_splits(records, shares, seed)
    shuffled = data.draw(st.permutations(list(records)))
    again = draw_splits({take: records[take] for take in shuffled}, shares, seed)
    assert schema.encode(again) == schema.encode(drawn)


@given(groups=some_groups, shares=some_shares, seed=seeds)
def test_shares_are_met_within_the_size_of_a_group(
    groups: dict[str, tuple[int, str]], shares: dict[str, float], seed: int
) -> None:
    drawn = draw_splits(make_records(groups), shares, seed)
    total = sum(count for count, _ in groups.values())
    largest = max(count for count, _ in groups.values())
    # No split stays empty, so a share that asks for less than a group cannot be met.
    assume(min(shares.values()) * total >= largest)
    for split in drawn.splits:
        assert abs(len(split.takes) - shares[split.name] * total) <= largest


def test_the_seed_changes_the_splits() -> None:
    records = make_records({f"room{i}": (3, "indoor") for i in range(12)})
    drawn = {schema.encode(draw_splits(records, SHARES, seed))[300:] for seed in range(6)}
    assert len(drawn) == 6


def test_the_splits_of_a_seed_stay_as_they_are() -> None:
    # Published results name a seed: another result for it would be another benchmark.
    records = make_records({f"room{i}": (2, "indoor") for i in range(10)})
    drawn = members(draw_splits(records, SHARES, 7))
    assert {take.split("-")[0] for take in drawn["val"]} == {"room3", "room8"}
    assert {take.split("-")[0] for take in drawn["test"]} == {"room2"}


def test_large_groups_go_first() -> None:
    # The small ones can then even out the shares.
    groups = {f"big{i}": (9, "indoor") for i in range(2)}
    groups |= {f"room{i}": (1, "indoor") for i in range(18)}
    for seed in range(20):
        drawn = members(draw_splits(make_records(groups), {"train": 0.5, "test": 0.5}, seed))
        assert {name: len(takes) for name, takes in drawn.items()} == {"train": 18, "test": 18}


def test_environments_are_spread_over_the_splits() -> None:
    groups = {f"in{i}": (2, "indoor") for i in range(20)}
    groups |= {f"out{i}": (2, "outdoor") for i in range(10)}
    records = make_records(groups)
    for seed in range(5):
        drawn = draw_splits(records, {"train": 0.6, "val": 0.2, "test": 0.2}, seed)
        counts = Counter(
            (split.name, records[take].environment)
            for split in drawn.splits
            for take in split.takes
        )
        assert counts == {
            ("train", "indoor"): 24, ("val", "indoor"): 8, ("test", "indoor"): 8,
            ("train", "outdoor"): 12, ("val", "outdoor"): 4, ("test", "outdoor"): 4,
        }  # fmt: skip


@pytest.mark.parametrize(
    "shares",
    [
        {},
        {"train": 0.7},
        {"train": 0.7, "test": 0.4},
        {"train": 1.2, "test": -0.2},
        {"train": 1.0, "test": 0.0},
        {"train": float("nan"), "test": 0.5},
    ],
)
def test_shares_that_are_none_are_refused(shares: dict[str, float]) -> None:
    with pytest.raises(InputError, match="positive shares that sum to 1"):
        draw_splits(make_records({"a": (1, "x"), "b": (1, "x")}), shares, 0)


def test_too_few_groups_are_refused() -> None:
    with pytest.raises(InputError, match="2 scene groups cannot fill 3 splits.*never cut"):
        draw_splits(make_records({"a": (9, "x"), "b": (9, "x")}), SHARES, 0)


def test_as_many_groups_as_splits_fill_them_all() -> None:
    groups = {"a": (9, "x"), "b": (1, "x"), "c": (1, "y")}
    drawn = draw_splits(make_records(groups), {"train": 0.98, "val": 0.01, "test": 0.01}, 0)
    assert sorted(len(split.takes) for split in drawn.splits) == [1, 1, 9]


def test_a_table_keeps_its_order_and_loses_what_is_absent() -> None:
    records = make_records({"a": (2, "x"), "b": (1, "x")})
    parts = {"train": ["b-0", "gone-1", "a-1"], "test": ["a-0"]}
    found = check_table(table(parts), records, {"gone-1", "gone-2"})
    assert found == {"train": ("b-0", "a-1"), "test": ("a-0",)}
    assert list(found) == ["train", "test"]


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"train": ["a-0"]}, "1 triples are in no split: a-1"),
        ({"train": ["a-0", "a-1", "b-9"]}, "1 triples that are not here: b-9"),
    ],
)
def test_tables_that_do_not_match_are_refused(parts: dict[str, list[str]], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        check_table(table(parts), make_records({"a": (2, "x")}), set())
    assert "idfd release split" in str(caught.value)


def test_leaks_name_the_group_and_both_splits() -> None:
    groups = {"a-0": "a", "a-1": "a", "b-0": "b", "b-1": "b", "c-0": "c"}
    parts = {"train": ("a-0", "b-0"), "val": ("b-1", "c-0"), "test": ("a-1",)}
    assert leaks(parts, groups) == [("a", "train", "test"), ("b", "train", "val")]
