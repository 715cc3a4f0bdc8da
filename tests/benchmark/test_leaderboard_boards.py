from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from results_makers import results, training

from idfd.benchmark.leaderboard.boards import contests
from idfd.benchmark.leaderboard.documents import Leaderboard
from idfd.benchmark.leaderboard.gallery import choose
from idfd.benchmark.leaderboard.tables import writer
from idfd.benchmark.report import Scored, leaderboard, render, write_report
from idfd.benchmark.results import Results
from idfd.errors import InputError
from idfd.model.schema import decode, encode


def make_results(
    name: str, rmse: list[float], psnr: list[float] | None = None, **changes: Any
) -> Results:
    return results({"rmse": rmse} | ({"psnr": psnr} if psnr else {}), name=name, **changes)


HARD = np.random.default_rng(5).uniform(0.3, 0.9, 24)


def model(name: str, gap: float, seed: int = 0) -> Results:
    noise = np.random.default_rng(seed).normal(0, 0.02, HARD.size)
    return make_results(name, (HARD + gap + noise).tolist(), (30 - 10 * (HARD + gap)).tolist())


def test_models_are_ranked_with_ranges_and_letters() -> None:
    everything = [model("c", 0.3, 1), model("a", 0.0, 2), model("b", 0.004, 3)]
    (contest,) = contests(everything)
    ranking = contest.ranking("rmse")
    assert ranking is not None
    assert [row.name for row in contest.board.rows][-1] == "c"
    assert contest.board.reference == "c"
    found = {place.model: place for place in ranking.places}
    assert (found["c"].rank, found["c"].low, found["c"].high) == (3, 3, 3)
    assert (found["a"].low, found["a"].high) == (found["b"].low, found["b"].high) == (1, 2)
    assert found["a"].letters == found["b"].letters != found["c"].letters
    shown = {(pair.one, pair.other): pair.shown for pair in ranking.pairs}
    assert sum(shown.values()) == 2
    for pair in ranking.pairs:
        means = {row.name: row.metrics["rmse"].mean for row in contest.board.rows}
        assert pair.difference.mean == pytest.approx(means[pair.one] - means[pair.other])
    # Higher is better for PSNR, so that the same order comes from the other side.
    psnr = contest.ranking("psnr")
    assert psnr is not None
    assert [place.model for place in psnr.places] == ["a", "b", "c"]


def test_equal_means_share_a_rank() -> None:
    (contest,) = contests([model("one", 0.1), model("two", 0.1), model("three", 0.5)])
    ranking = contest.ranking("rmse")
    assert ranking is not None
    assert [place.rank for place in ranking.places] == [1, 1, 3]


@pytest.mark.parametrize("change", [{"digest": "c" * 64}, {"mask": "measured"}])
def test_results_scored_otherwise_get_a_table_of_their_own(change: dict[str, str]) -> None:
    values = HARD.tolist()
    other = make_results("better", [v / 2 for v in values], None, **change)
    found = contests([make_results("first", values), other, make_results("last", values)])
    assert [[row.name for row in one.board.rows] for one in found] == [
        ["first", "last"],
        ["better"],
    ]
    assert found[1].board.reference == "better"
    document, _ = leaderboard(
        [Scored(make_results("first", values), None), Scored(other, None)], ""
    )
    assert "2 separate tables" in document.warnings[0]
    assert any("differ" in warning for warning in document.warnings)


def test_seeds_are_averaged_image_by_image() -> None:
    three = [model(f"net-seed{seed}", 0.1, seed) for seed in range(3)]
    (contest,) = contests([*three, model("other", 0.2)])
    row = next(row for row in contest.board.rows if row.name == "net")
    means = [one.metrics["rmse"].mean for one in three]
    assert row.metrics["rmse"].mean == pytest.approx(np.mean(means))
    assert row.seed_sd["rmse"] == pytest.approx(np.std(means, ddof=1))
    assert [seed.label for seed in row.seeds] == ["seed 0", "seed 1", "seed 2"]
    assert contest.members["net"] == (0, 1, 2)
    one = contest.values["net"]["rmse"]["image003"]
    assert one == pytest.approx(np.mean([r.images[3].metrics["rmse"] for r in three]))


def test_only_trainings_that_differ_in_the_seed_alone_share_a_row() -> None:
    def trained(seed: int, epochs: int = 10) -> Results:
        facts = training(seed, settings={"seed": seed, "epochs": epochs})
        return make_results("net", HARD.tolist(), facts=facts)

    def names(*some: Results) -> list[str]:
        return sorted(row.name for row in contests(some)[0].board.rows)

    assert names(trained(0), trained(1)) == ["net"]
    assert names(trained(0), trained(1, epochs=20)) == ["net", "net (2)"]
    assert names(trained(0), trained(0)) == ["net", "net (2)"]
    assert names(model("net", 0.1), model("net", 0.2)) == ["net", "net (2)"]
    assert names(model("net-seed0", 0.1), model("net", 0.2)) == ["net", "net-seed0"]


def test_images_that_not_all_have_are_left_out_of_ranks_and_said() -> None:
    short = make_results("short", HARD[:20].tolist())
    short = msgspec.structs.replace(
        short, release=msgspec.structs.replace(short.release, images=24)
    )
    document, (contest,) = leaderboard([Scored(model("long", 0), None), Scored(short, None)], "")
    ranking = contest.ranking("rmse")
    assert ranking is not None
    assert ranking.images == 20
    assert any("over the 20 that they share" in warning for warning in document.warnings)


def test_the_chosen_images_tell_the_models_apart() -> None:
    base = np.linspace(0.2, 0.8, 9).tolist()
    other = list(base)
    other[4] += 0.3
    (contest,) = contests([make_results("one", base), make_results("two", other)])
    chosen = choose(contest, {f"image{place:03d}" for place in range(9)})
    assert next(iter(chosen)) == "image004"
    assert "differ most" in chosen["image004"][0]
    assert any("easiest" in reason for reason in chosen["image000"])
    assert any("hardest" in reason for reason in chosen["image008"])
    assert set(choose(contest, {"image002"})) == {"image002"}


def test_tables_for_programs_hold_what_the_page_shows(tmp_path: Path) -> None:
    scored = [Scored(model("=cmd|'x'", 0.1, 1), None), Scored(model("b|a<i>", 0.0, 2), None)]
    document, _ = leaderboard(scored, "Toys")
    data = writer(tmp_path / "t.json")(document)
    assert decode(Leaderboard, data, "t.json") == document
    assert json.loads(data)["schema"] == "idfd/leaderboard"
    lines = list(csv.DictReader(io.StringIO(writer(tmp_path / "t.CSV")(document).decode())))
    assert [line["metric"] for line in lines] == ["rmse", "psnr"] * 2
    rmse = {line["model"]: line for line in lines if line["metric"] == "rmse"}
    assert set(rmse) == {"'=cmd|'x'", "b|a<i>"}
    assert rmse["b|a<i>"]["rank"] == "1"
    assert float(rmse["b|a<i>"]["mean"]) == scored[1].results.metrics["rmse"].mean
    text = writer(tmp_path / "t.md")(document).decode()
    assert "| b\\|a\\<i> |" in text
    assert text.count("| --- |") == 2
    with pytest.raises(InputError, match=r"\.tex"):
        writer(tmp_path / "t.tex")
    with pytest.raises(InputError, match=r"\.tex"):
        write_report([tmp_path / "none.json"], None, tables=[tmp_path / "t.tex"])


def test_names_cannot_write_into_the_page() -> None:
    name = "<script>alert(1)</script>\" onload='x"
    page = render([Scored(model(name, 0.1), None), Scored(model("b", 0.2), None)], "<b>Toys</b>")
    assert "<script>alert" not in page
    assert '" onload' not in page
    assert "<b>Toys" not in page


@pytest.mark.parametrize("count", [1, 20])
def test_one_model_and_twenty_make_a_page(count: int) -> None:
    models = [model(f"model {place:02d}", 0.02 * place, place) for place in range(count)]
    page = render([Scored(one, None) for one in models])
    assert page.count("<tbody data-model=") == 2 * count
    assert ("Which differences in RMSE are shown" in page) == (count > 1)
    assert ("(reference)" in page) == (count > 1)
    assert len(page) < 2_000_000


def test_training_facts_are_shown_where_they_are_known() -> None:
    trained = make_results("net", HARD.tolist(), facts=training(4))
    trained = msgspec.structs.replace(trained, warnings=("The network was trained on them.",))
    page = render([Scored(trained, None)])
    for fact in ("random encoder initialisation", "41,414,400 parameters", "0.40 h", "a GPU"):
        assert fact in page
    assert "net: The network was trained on them." in page
    other = model("b", 0)
    assert "Encoder" not in render([Scored(other, None)])
    assert "File SHA-256" not in render([Scored(other, None)])
    facts = msgspec.structs.replace(other.model, sha256="9" * 64)
    page = render([Scored(msgspec.structs.replace(other, model=facts), None)])
    assert f"<dt>File SHA-256</dt><dd><code>{'9' * 64}</code></dd>" in page


def test_results_of_the_first_schema_are_read(tmp_path: Path) -> None:
    document = json.loads(encode(model("old", 0.1)))
    document["schema_version"] = "1.0.0"
    for key in ("warnings", "last_image"):
        document.pop(key, None)
    document["model"].pop("training", None)
    document["protocol"].pop("kind", None)
    path = tmp_path / "old.json"
    path.write_text(json.dumps(document))
    write_report([path], None, tables=[tmp_path / "t.md"])
    assert "old" in (tmp_path / "t.md").read_text()
