from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import numpy as np
import pytest
from benchmark_data import make_release, toy_dataset, write_predictions

from idfd.benchmark import compare
from idfd.benchmark.baselines import Identity
from idfd.benchmark.bootstrap import mean_interval
from idfd.benchmark.charts import MAX_DOTS, Series, distribution, ticks
from idfd.benchmark.evaluate import evaluate
from idfd.benchmark.metrics.registry import METRICS
from idfd.benchmark.predictions import open_predictions
from idfd.benchmark.protocol import load_protocol
from idfd.benchmark.report import write_report
from idfd.benchmark.results import Results
from idfd.benchmark.run import run
from idfd.errors import InputError, SchemaError
from idfd.model.schema import encode, load

VOID = {"meta", "link", "img"}


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
    assert len([a for a in page.addresses if a.startswith("data:image/")]) == 2 * 3 * 7
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
    assert compare.difference(changed, load(Results, scored[0]), "rmse") is None


def test_the_paired_difference_is_that_of_shared_images(scored: list[Path]) -> None:
    good, bad = (load(Results, path) for path in scored)
    found = compare.difference(bad, good, "rmse")
    assert found is not None
    assert found.mean == pytest.approx(bad.metrics["rmse"].mean - good.metrics["rmse"].mean)
    assert found.low > 0
    fewer = msgspec.structs.replace(good, images=good.images[:2])
    paired = compare.difference(bad, fewer, "rmse")
    assert paired is not None
    assert paired.images == 2


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
    picture = next((tmp_path / "good.pictures").glob("*.jpg"))
    picture.unlink()
    with pytest.raises(InputError, match=picture.name):
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
