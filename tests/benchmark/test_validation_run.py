from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest
from click.testing import CliRunner, Result
from validation_data import Pretender, small_release

from idfd.benchmark.models import Model
from idfd.benchmark.training.config import TrainConfig
from idfd.benchmark.validation import learning, validate
from idfd.benchmark.validation.validate import validate_splits
from idfd.cli.benchmark.validate import validate as command
from idfd.model import schema
from idfd.model.triple import Triple
from idfd.release.card import write_card
from idfd.release.validation import SplitValidation, read_validation, validation_path

Made = tuple[Path, dict[str, Triple]]


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return small_release(tmp_path, train=3, test=2)


def learner(triples: dict[str, Triple]) -> Callable[[TrainConfig], Model]:
    return lambda config: Pretender(triples, 0.05, 1)


def run(
    made: Made, output: Path | None = None, seed: int = 0
) -> tuple[SplitValidation, list[Path]]:
    return validate_splits(
        made[0], output, quick=True, seed=seed, progress=False, learn=learner(made[1])
    )


def test_the_report_lies_beside_the_release_and_says_the_same_again(made: Made) -> None:
    release = made[0]
    document, written = run(made)
    assert [path.name for path in written] == [
        "toy.validation.json", "toy.validation.md", "toy.validation.html"
    ]  # fmt: skip
    assert read_validation(release) == document
    assert [check.name for check in document.checks] == [
        "leaks", "parity", "generalisation", "learning"
    ]  # fmt: skip
    assert document.splits["train"].groups == 3
    assert not (release.parent / "toy.validation").exists()
    before = [path.read_bytes() for path in written]
    run(made)
    assert [path.read_bytes() for path in written] == before


def test_a_leaking_split_is_found(tmp_path: Path) -> None:
    document, _ = run(small_release(tmp_path, train=3, test=2, leaking=True))
    leaks = document.checks[0]
    # The splits of this release are published ones, whose faults are known.
    assert leaks.verdict == "warn"
    assert "scene groups in two splits" in leaks.summary
    assert "room0" in leaks.findings[2].note


def test_a_stopped_run_goes_on(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    release = made[0]

    def stopped(config: TrainConfig) -> Model:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        validate_splits(release, quick=True, progress=False, learn=stopped)
    work = release.parent / "toy.validation"
    state = schema.load(SplitValidation, work / "state.json")
    assert [check.name for check in state.checks] == ["leaks", "parity", "generalisation"]
    assert not validation_path(release).exists()
    (work / "run").mkdir()

    def never(*_: object) -> None:
        raise AssertionError("a finished check was made again")

    with monkeypatch.context() as patch:
        for name in ("check_leaks", "check_parity", "check_generalisation", "survey"):
            patch.setattr(validate, name, never)
        document, _ = run(made)
    assert document.checks[:3] == state.checks


def test_other_settings_start_anew(made: Made) -> None:
    release, triples = made

    def stopped(config: TrainConfig) -> Model:
        (release.parent / "toy.validation" / "run").mkdir()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        validate_splits(release, quick=True, progress=False, learn=stopped)

    def learn(config: TrainConfig) -> Model:
        assert not (release.parent / "toy.validation" / "run").exists()
        return Pretender(triples, 0.05, 1)

    document, _ = validate_splits(release, seed=3, progress=False, learn=learn)
    assert (document.seed, document.quick, len(document.checks)) == (3, False, 4)


def test_the_card_shows_it_and_calls_an_old_one_stale(made: Made) -> None:
    release = made[0]
    write_card(release)
    document, written = run(made)
    assert release.with_suffix(".card.html") in written
    for suffix in (".card.md", ".card.html"):
        card = release.with_suffix(suffix).read_text()
        assert "Split validation" in card
        assert document.checks[0].summary in card
        assert "Stale" not in card
    old = msgspec.structs.replace(document, digest="0" * 64)
    validation_path(release).write_bytes(schema.encode(old))
    for path in write_card(release):
        assert "Stale" in path.read_text()


def test_elsewhere_the_card_is_left_alone(made: Made, tmp_path: Path) -> None:
    write_card(made[0])
    _, written = run(made, tmp_path / "out")
    assert {path.parent for path in written} == {tmp_path / "out"}
    assert "Split validation" not in made[0].with_suffix(".card.md").read_text()


def test_the_page_is_whole_and_asks_the_network_for_nothing(made: Made) -> None:
    _, (_, markdown, html) = run(made)
    page = html.read_text()
    charts = re.findall(r"<svg [^>]*class=\"chart\".*?</svg>", page)
    assert len(charts) >= 3
    for chart in charts:
        ElementTree.fromstring(chart)
    assert not re.search(r"https?://|<script|<link|@import", page)
    for text in (page, markdown.read_text()):
        assert not re.search(
            r"\bnan\b|\bNone\b", re.sub(r"<style>.*</style>", "", text, flags=re.S)
        )


def invoke(made: Made, monkeypatch: pytest.MonkeyPatch, levels: int, *options: str) -> Result:
    def train_in(*_: object, **__: object) -> Callable[[TrainConfig], Model]:
        return lambda config: Pretender(made[1], 0.05, levels)

    monkeypatch.setattr(validate, "train_in", train_in)
    return CliRunner().invoke(command, [str(made[0]), "--quick", *options], standalone_mode=False)


def test_the_command_prints_each_check(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    done = invoke(made, monkeypatch, 1)
    assert done.return_value == 0, done.output
    for name in ("leaks: pass", "parity", "generalisation: skipped", "learning: warn"):
        assert name in done.output
    assert "toy.validation.html" in done.output


def test_a_failed_check_is_exit_code_1(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, "_LEAST_IMAGES", 1)
    done = invoke(made, monkeypatch, 120, "--json")
    assert done.return_value == 1
    document = json.loads(done.stdout)
    assert document["schema"] == "idfd/split-validation"
    assert document["checks"][-1]["verdict"] == "fail"
