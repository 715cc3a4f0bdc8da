from __future__ import annotations

import json
from importlib import resources
from pathlib import Path

import msgspec
import pytest

from idfd.benchmark import protocol
from idfd.benchmark.protocol import DEFAULT, PINNED, load_protocol
from idfd.errors import InputError, SchemaError
from idfd.model.schema import encode
from idfd.storage.hashing import sha256_bytes


def test_the_published_protocol_is_what_was_pinned() -> None:
    loaded = load_protocol()
    assert (loaded.protocol.name, loaded.sha256) == (DEFAULT, PINNED[DEFAULT])
    assert not loaded.custom
    assert loaded.protocol.depth.maximum_m == 10


def published_bytes(name: str) -> bytes:
    return (resources.files("idfd.benchmark") / "protocols" / f"{name}.json").read_bytes()


@pytest.mark.parametrize("name", PINNED)
def test_every_pinned_protocol_is_there_under_its_name(name: str) -> None:
    assert load_protocol(name).protocol.name == name
    assert sha256_bytes(published_bytes(name)) == PINNED[name]


def test_the_first_protocol_never_changes() -> None:
    frozen = "6eb22e9637fd61c2e5d09ca21d540007e61a930822dfb07960e6ae6dbc5db55c"
    assert PINNED["idfd-metric-1"] == frozen


def test_the_second_protocol_adds_rules_and_changes_none() -> None:
    first, second = load_protocol("idfd-metric-1").protocol, load_protocol("idfd-metric-2").protocol
    assert (first.edges, first.defocus) == (None, None)
    assert None not in (second.edges, second.defocus)
    added = {"name": first.name, "edges": None, "defocus": None}
    assert msgspec.structs.replace(second, **added) == first


@pytest.mark.parametrize(
    ("part", "rules"),
    [
        ("edges", {"bin_edges_m": [[0.1, 0.1], [0.2]]}),
        ("edges", {"window_px": 7}),
        ("depth", {"normalisation": "image min-max"}),
    ],
)
def test_edge_rules_without_sense_are_refused(
    tmp_path: Path, part: str, rules: dict[str, object]
) -> None:
    document = json.loads(encode(load_protocol().protocol)) | {"kind": "legacy"}
    document[part].update(rules)
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(document))
    with pytest.raises(SchemaError, match="invalid field"):
        load_protocol(str(path))


def test_rules_that_came_later_leave_old_protocols_as_they_were() -> None:
    protocol = load_protocol().protocol
    assert (protocol.kind, protocol.last_image) == ("metric", False)
    assert protocol.depth.normalisation == "none"
    assert set(json.loads(published_bytes(DEFAULT))["depth"]) == {
        "minimum_m", "maximum_m", "mask", "invalid_predictions", "predictions_out_of_range",
        "resolution_mm",
    }  # fmt: skip


def test_normalised_depth_cannot_be_called_metric(tmp_path: Path) -> None:
    path = edited(tmp_path, normalisation="image min-max")
    with pytest.raises(SchemaError, match="must be 'legacy'"):
        load_protocol(str(path))


def test_an_edited_protocol_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(protocol.PINNED, DEFAULT, "0" * 64)
    with pytest.raises(SchemaError, match="was edited"):
        load_protocol()


def test_an_unknown_name_gets_a_suggestion() -> None:
    with pytest.raises(InputError, match="Did you mean 'idfd-metric-1'"):
        load_protocol("idfd-metrics-1")


def edited(tmp_path: Path, **depth: object) -> Path:
    document = json.loads(encode(load_protocol().protocol))
    document["depth"].update(depth)
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(document))
    return path


def test_a_file_is_custom_unless_it_is_a_copy(tmp_path: Path) -> None:
    changed = load_protocol(str(edited(tmp_path, maximum_m=5.0)))
    assert changed.custom
    assert changed.protocol.depth.maximum_m == 5
    copy = tmp_path / "copy.json"
    copy.write_bytes(published_bytes(DEFAULT))
    assert not load_protocol(str(copy)).custom


@pytest.mark.parametrize("depth", [{"minimum_m": 20.0}, {"mask": "all"}, {"extra": 1}])
def test_a_protocol_without_sense_is_refused(tmp_path: Path, depth: dict[str, object]) -> None:
    with pytest.raises(SchemaError, match="invalid field"):
        load_protocol(str(edited(tmp_path, **depth)))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.json"):
        load_protocol(str(tmp_path / "none.json"))
