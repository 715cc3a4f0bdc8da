from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import numpy as np
import pytest
from benchmark_data import make_release, toy_dataset, write_predictions

from idfd.benchmark.baselines import Identity
from idfd.benchmark.bootstrap import mean_interval
from idfd.benchmark.charts import MAX_DOTS, Series, distribution, ticks
from idfd.benchmark.evaluate import evaluate
from idfd.benchmark.metrics.registry import METRICS
from idfd.benchmark.predictions import open_predictions
from idfd.benchmark.protocol import DEFAULT, LEGACY, load_protocol
from idfd.benchmark.report import find_results, read_results, write_report
from idfd.benchmark.results import Results
from idfd.benchmark.run import run
from idfd.benchmark.thumbnails import INDEX
from idfd.errors import InputError, SchemaError
from idfd.model.schema import encode, load

VOID = {"meta", "link", "img", "input"}


class Page(HTMLParser):
    """Checks that tags close, and collects what the page refers to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in {"line", "rect", "circle"}, "only SVG elements may close themselves"

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@pytest.fixture
def scored(tmp_path: Path) -> list[Path]:
    data = toy_dataset(5)
    release = make_release(tmp_path, data)
    paths = []
    for name, factor in (("good", 1.05), ("bad <net>", 1.4)):
        folder = write_predictions(tmp_path / name.split()[0], data, factor)
        paths.append(tmp_path / f"{name.split()[0]}.json")
        run(release, open_predictions(folder, name), output=paths[-1], progress=False)
    return paths


def test_the_page_is_whole_and_needs_nothing_else(scored: list[Path], tmp_path: Path) -> None:
    output = tmp_path / "page.html"
    write_report(scored, output)
    text = output.read_text()
    page = Page(text)
    assert page.open == []
    assert all(address.startswith("data:") for address in page.addresses)
    assert not re.search(r"https?://|@import|url\(", text)
    kinds = [a.split(";")[0] for a in page.addresses if a.startswith("data:image/")]
    # Truth once for each of the images shown, what was predicted once for each model.
    images = text.count('<article class="exhibit">')
    assert images >= 3
    assert kinds.count("data:image/jpeg") == images * (2 + 2 * 1)
    assert kinds.count("data:image/webp") == images * (1 + 2 * 3)
    words = " ".join(page.words)
    results = load(Results, scored[0])
    value = results.metrics["rmse"]
    assert f"{value.mean:.3f}" in words
    assert f"[{value.low:.3f}, {value.high:.3f}]" in words
    for fact in (results.release.digest, results.protocol.sha256, "bad <net>"):
        assert fact in words
    assert "<net>" not in text
    assert "Read this before comparing" not in text
    for need in ("prefers-color-scheme: dark", "width=device-width", "aria-sort"):
        assert need in text
    write_report(scored, tmp_path / "again.html")
    assert (tmp_path / "again.html").read_text() == text


def test_what_differs_is_said_first(scored: list[Path], tmp_path: Path) -> None:
    results = load(Results, scored[1])
    changed = msgspec.structs.replace(
        results,
        protocol=msgspec.structs.replace(results.protocol, custom=True, sha256="1" * 64),
        release=msgspec.structs.replace(results.release, version="2.0.0"),
        skipped=("desk0-a",),
    )
    scored[1].write_bytes(encode(changed))
    write_report(scored, tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    for warning in ("The releases differ", "The protocols differ", "custom protocol", "1 of 5"):
        assert warning in text
    assert "2 separate tables" in text
    assert text.count('<section class="board"') == 2
    assert "minus good" not in text


def test_legacy_scores_never_meet_metric_ones(tmp_path: Path) -> None:
    data = toy_dataset(4)
    release = make_release(tmp_path, data)
    folder = write_predictions(tmp_path / "net", data)
    paths = [tmp_path / "metric.json", tmp_path / "legacy.json"]
    for path, protocol in zip(paths, (DEFAULT, LEGACY), strict=True):
        run(release, open_predictions(folder), protocol=protocol, output=path, progress=False)
    write_report(paths, tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    assert Page(text).open == []
    assert "The protocols differ" in text
    assert text.count("For comparison with published tables only.") == 1
    assert text.count('<section class="board"') == 2


def test_seeds_share_a_row_that_opens(tmp_path: Path) -> None:
    data = toy_dataset(4)
    release = make_release(tmp_path, data)
    for seed, factor in enumerate((1.05, 1.07, 1.09)):
        folder = write_predictions(tmp_path / f"p{seed}", data, factor)
        output = tmp_path / "results" / f"{seed}.json"
        run(release, open_predictions(folder, f"net-seed{seed}"), output=output, progress=False)
    write_report([tmp_path / "results"], tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    assert Page(text).open == []
    # Once in the table of depth and once in that of deblurring.
    assert text.count("class=seeded") == 2
    assert text.count('class="seed"') == 6
    assert "seed 2" in text


def test_folders_give_their_results_only_and_none_twice(scored: list[Path], tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for path in scored:
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "other.json").write_text('{"schema": "idfd/protocol"}')
    found = find_results([folder / "good.json", folder])
    assert [path.name for path in found] == ["good.json", "bad.json"]
    (folder / "cut.json").write_bytes(scored[0].read_bytes()[:-9])
    with pytest.raises(SchemaError, match=r"cut\.json"):
        find_results([folder])
    with pytest.raises(InputError, match="holds no results"):
        find_results([tmp_path / "good"])


def test_results_changed_by_hand_are_refused(scored: list[Path]) -> None:
    results = load(Results, scored[0])
    better = {"rmse": msgspec.structs.replace(results.metrics["rmse"], mean=0.01)}
    forged = msgspec.structs.replace(results, metrics=results.metrics | better)
    scored[0].write_bytes(encode(forged))
    with pytest.raises(SchemaError, match="rows of images give"):
        read_results(scored[0])
    twice = msgspec.structs.replace(results, images=results.images[:1] + results.images)
    scored[0].write_bytes(encode(twice))
    with pytest.raises(SchemaError, match="listed twice"):
        read_results(scored[0])


def test_pictures_that_do_not_fit_are_left_out_and_named(
    scored: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_report(scored, tmp_path / "page.html")
    whole = (tmp_path / "page.html").stat().st_size
    monkeypatch.setattr("idfd.benchmark.report.PICTURE_ROOM", 20_000)
    write_report(scored, tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    assert len(text) < whole
    assert 0 < sum(map(len, re.findall(r'src="data:[^"]*"', text))) <= 20_000
    assert "To keep the page small" in text


def test_no_picture_leads_out_of_its_folder(scored: list[Path], tmp_path: Path) -> None:
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    index = tmp_path / "good.pictures" / INDEX
    text = index.read_text()
    name = re.findall(r'"defocused": "([^"]+)"', text)
    for one in name:
        text = text.replace(f'"{one}"', '"../secret.jpg"')
    index.write_text(text)
    with pytest.raises(InputError, match="cannot be read"):
        write_report(scored, tmp_path / "page.html")


def test_depth_and_restoration_share_a_page_without_pictures(tmp_path: Path) -> None:
    data = toy_dataset(3)
    paths = []
    models = (open_predictions(write_predictions(tmp_path / "net", data)), Identity())
    for model in models:
        results = evaluate(data, model, load_protocol(), progress=False)
        paths.append(tmp_path / f"{model.name}.json")
        paths[-1].write_bytes(encode(results))
    for number, order in enumerate((paths, paths[::-1])):
        write_report(order, tmp_path / f"{number}.html")
        text = (tmp_path / f"{number}.html").read_text()
        assert "–" in text
        assert "Pooled RMSE" in text
        assert Page(text).open == []


def test_files_that_cannot_be_reported_are_named(scored: list[Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.json"):
        write_report([tmp_path / "none.json"], tmp_path / "page.html")
    for one in (tmp_path / "good.pictures").glob("*.jpg"):
        one.unlink()
    with pytest.raises(InputError, match=r"good\.pictures/.*jpg"):
        write_report(scored, tmp_path / "page.html")
    stale = msgspec.structs.replace(load(Results, scored[1]), created="2001-01-01T00:00:00+00:00")
    scored[1].write_bytes(encode(stale))
    write_report(scored[1:], tmp_path / "stale.html")
    text = (tmp_path / "stale.html").read_text()
    assert "belong to an earlier evaluation" in text
    assert "data:image/" not in text
    strange = msgspec.structs.replace(stale, metrics={})
    scored[1].write_bytes(encode(strange))
    with pytest.raises(SchemaError, match="hold the metrics"):
        write_report(scored[1:], tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0.31, 0.38), (17.2, 44.9), (2, 2), (-0.5, 0.5)])
def test_ticks_cover_the_values_in_few_steps(low: float, high: float) -> None:
    marks = ticks(low, high)
    assert marks[0] <= low + 1e-9
    assert marks[-1] >= high - 1e-9
    assert 1 <= len(marks) <= 8


def test_a_chart_of_many_images_stays_small() -> None:
    values = np.random.default_rng(0).random(5000)
    summary = mean_interval(values, resamples=100, confidence=0.95, seed=0)
    chart = distribution([Series("a & b", values, summary)], METRICS["rmse"])
    assert chart.count('class="dot"') == MAX_DOTS
    assert "a &amp; b" in chart
