from __future__ import annotations

import csv
import io
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner
from results_makers import results, training

from idfd.benchmark.results import Results
from idfd.benchmark.tables.fill import OVERVIEW, Row, Table, fill
from idfd.benchmark.tables.published import COLUMNS, published_tables
from idfd.benchmark.tables.write import comma_separated, markdown, page
from idfd.cli.benchmark import benchmark
from idfd.errors import InputError
from idfd.model.schema import encode

PUBLISHED = published_tables()
DEPTH = {name: [0.5, 0.7] for name in ("rmse", "abs_rel", "delta1", "delta2", "delta3")}
PHOTO = {name: [30.0, 32.0] for name in ("psnr", "psnr_floor", "psnr_gain")} | {
    name: [0.9, 0.92] for name in ("ssim", "ssim_floor")
}
LEGACY = {f"{name}_minmax": [0.2, 0.4] for name in DEPTH}


def tables(*some: Results) -> dict[str, Table]:
    return {table.number: table for table in fill(PUBLISHED, some)}


def row(table: Table, model: str, route: str) -> Row:
    (found,) = [one for one in table.rows if (one.model, one.route) == (model, route)]
    return found


def test_the_published_numbers_are_those_that_were_printed() -> None:
    printed = {
        (table.number, one.key): one.values for table in PUBLISHED.tables for one in table.rows
    }
    assert printed["3.1", "2hded"] == (0.244, 0.029, 34.85, 0.99)
    assert printed["3.1", "anwar"] == (0.347, 0.094, 34.21, None)
    assert printed["4.2", "idfd_inpainted"] == (0.248, 0.145, 0.799, 0.854, 0.959)
    assert printed["4.3", "idfd_to_idfd"] == (25.83, 0.51, 36.25, 0.99)
    assert printed["2.1", "xian"] == (0.559, 0.125, 0.054, 0.844, 0.968, 0.991, 7100.9, None, None)
    assert printed["5.1", "2hded_idfd"] == (0.35, 0.457, 34.08, 0.908)
    assert len(printed) == 22
    for table in PUBLISHED.tables:
        assert all(name in COLUMNS for name in table.columns)
        assert all(len(one.values) == len(table.columns) for one in table.rows)


def test_nothing_is_measured_without_results() -> None:
    text = markdown(PUBLISHED, fill(PUBLISHED, []))
    assert text.count("| not measured |") == 22
    assert "may not be metric" in text
    assert "Nothing was measured." in text


def test_results_find_their_rows_by_their_data() -> None:
    raw = results(
        DEPTH | PHOTO,
        facts=training(0, "idfd_published"),
        release="idfd_published",
        depth_kind="raw",
    )
    across = results(DEPTH, facts=training(0, "nyu_depth_v2"), release="idfd_published")
    filled = tables(raw, across)
    depth = {one.route: one.measured for one in filled["4.2"].rows}
    assert depth == {
        "NYU-Depth-V2 → NYU-Depth-V2": False,
        "NYU-Depth-V2 → iDFD": True,
        "iDFD → iDFD, raw depth": True,
        "iDFD → iDFD, inpainted depth": False,
    }
    assert [one.measured for one in filled["4.3"].rows] == [False, True, False]
    assert not any(one.measured for one in filled["3.1"].rows)


def test_other_networks_are_not_taken_for_the_published_one() -> None:
    d3 = results(
        DEPTH,
        name="D3-Net",
        facts=training(0, "idfd_published", network="D3-Net (depth)"),
        release="idfd_published",
    )
    table = tables(d3)["4.2"]
    assert [one.model for one in table.rows if one.measured] == ["D3-Net"]
    assert [one.model for one in table.rows][:4] == ["2HDED:NET"] * 4


def test_other_data_follow_below_and_seeds_share_a_line() -> None:
    seeds = [
        results({"rmse": [0.5 + seed / 10, 0.7]} | PHOTO, facts=training(seed)) for seed in range(3)
    ]
    baseline = results({"rmse": [1.0, 1.2]}, name="median-depth")
    filled = tables(*seeds, baseline)
    assert [one.model for one in filled["4.2"].rows[4:]] == ["2HDED:NET", "median-depth"]
    mine = filled["4.2"].rows[4]
    (line,) = mine.lines
    cell = line.cells[0]
    assert cell is not None
    assert cell.value == pytest.approx(0.65)
    assert cell.seed_sd == pytest.approx(0.05)
    text = markdown(PUBLISHED, list(filled.values()))
    assert (
        "0.650 m (0.600–0.700) ± 0.050 | – | – | – | – | 2 | 3 | idfd-metric-2, mask any |" in text
    )
    assert "| 0, 1, 2 |" in text
    # Photos of a model without a deblurring head do not appear.
    assert [one.model for one in filled["4.3"].rows[3:]] == ["2HDED:NET"]


def test_legacy_scores_stand_in_the_tables_without_a_unit_and_not_among_the_metric_ones() -> None:
    legacy = results(
        LEGACY | PHOTO,
        facts=training(),
        protocol="legacy-minmax-1",
        warnings=("scored under a legacy protocol",),
    )
    filled = tables(legacy)
    assert filled[""].rows == ()
    lines = filled["4.2"].rows[-1].lines
    assert [line.source for line in lines] == ["measured", "measured, last image alone"]
    assert lines[1].cells[0] is not None
    assert lines[1].cells[0].value == 0.4
    text = markdown(PUBLISHED, list(filled.values()))
    assert "| measured | 0.300 (0.200–0.400) |" in text
    assert "| measured, last image alone | 0.400 |" in text
    assert "**2HDED:NET: scored under a legacy protocol**" in text


def test_a_row_given_by_hand_says_what_it_really_was() -> None:
    mine = results(DEPTH, facts=training())
    filled = {t.number: t for t in fill(PUBLISHED, [], {("4.2", "idfd_raw"): [mine]})}
    lines = row(filled["4.2"], "2HDED:NET", "iDFD → iDFD, raw depth").lines
    assert lines[1].source.startswith("measured (2HDED:NET, dfd_indoor 1.0.0 → dfd_indoor 1.0.0")
    with pytest.raises(InputError, match=r"there is no row '4\.2:mine'"):
        fill(PUBLISHED, [], {("4.2", "mine"): [mine]})


def test_no_measured_number_stands_in_the_column_of_the_printed_edge_metric() -> None:
    mine = results(DEPTH | {"kld": [0.1, 0.2], "kld_sum": [1.0, 2.0]}, facts=training())
    filled = {t.number: t for t in fill(PUBLISHED, [], {("2.1", "hu"): [mine]})}["2.1"]
    names = [metric.name for metric in filled.columns]
    printed, measured = filled.rows[1].lines
    shown = {
        source: {name for name, cell in zip(names, line.cells, strict=True) if cell}
        for source, line in (("printed", printed), ("measured", measured))
    }
    assert "kld_printed" in shown["printed"] - shown["measured"]
    assert {"kld", "kld_sum"} <= shown["measured"] - shown["printed"]


def test_releases_of_one_name_and_other_content_are_pointed_out() -> None:
    some = [results({"rmse": [1.0, 1.2]}, name=f"net{digit}", digest=digit * 64) for digit in "12"]
    assert "Releases of different content" in markdown(PUBLISHED, fill(PUBLISHED, some))
    same = [results({"rmse": [1.0, 1.2]}, name=f"net{digit}") for digit in "12"]
    assert "Releases of different content" not in markdown(PUBLISHED, fill(PUBLISHED, same))


def test_names_from_others_cannot_break_the_documents() -> None:
    nasty = results({"rmse": [1.0, 1.2]}, name="<script>|a\n*b*</script>")
    filled = fill(PUBLISHED, [nasty])
    html = page(PUBLISHED, filled)
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    lines = [line for line in markdown(PUBLISHED, filled).splitlines() if "script" in line]
    # Three cells before the columns of the first table, four after them.
    assert lines[0].replace("\\|", "").count("|") == 3 + len(OVERVIEW) + 4 + 1
    assert all("\\<script>" in line and "\\*b\\*" in line for line in lines)


def test_a_name_cannot_run_in_a_spreadsheet() -> None:
    nasty = results({"rmse": [1.0, 1.2]}, name="=cmd|'x'")
    rows = list(csv.DictReader(io.StringIO(comma_separated(fill(PUBLISHED, [nasty])))))
    names = {one["model"] for one in rows if one["source"] == "measured"}
    assert names == {"'=cmd|'x'"}


class Rows(HTMLParser):
    """Counts the columns of each table row, with spans."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: list[list[int]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        spans = dict(attrs)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append(0)
        elif tag in ("td", "th"):
            self.tables[-1][-1] += int(spans.get("colspan") or 1)


def test_the_page_has_whole_rows_and_asks_for_nothing() -> None:
    some = [results(DEPTH | PHOTO, facts=training(seed)) for seed in range(2)]
    text = page(PUBLISHED, fill(PUBLISHED, some))
    found = Rows()
    found.feed(text)
    assert len(found.tables) == 7
    for counts in found.tables:
        # The first cell spans the lines of its row, so later lines have one less.
        assert set(counts) <= {counts[0], counts[0] - 1}
    assert "http" not in text
    assert "src=" not in text


def test_the_csv_has_a_line_for_each_number() -> None:
    some = [results({"rmse": [0.5, 0.7]}, facts=training(seed)) for seed in range(2)]
    rows = list(csv.DictReader(io.StringIO(comma_separated(fill(PUBLISHED, some)))))
    assert sum(one["source"] == "published" for one in rows) == 105 == 42 + 9 + 20 + 10 + 24
    mine = [one for one in rows if one["source"] == "measured"]
    assert {one["table"] for one in mine} == {"measured", "4.2"}
    assert (mine[0]["metric"], mine[0]["unit"], mine[0]["seeds"]) == ("rmse", "m", "0 1")
    assert {one["unit"] for one in rows if one["source"] == "published"} == {"", "dB"}


def write(path: Path, one: Results) -> Path:
    path.write_bytes(encode(one))
    return path


def test_the_command(tmp_path: Path) -> None:
    mine = write(tmp_path / "mine.json", results(DEPTH | PHOTO, facts=training()))
    other = write(tmp_path / "other.json", results({"rmse": [1.0, 2.0]}, name="median-depth"))

    def invoke(*arguments: object) -> str:
        texts = ["tables", *(str(a) for a in arguments)]
        done = CliRunner().invoke(benchmark, texts, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.output

    text = invoke(mine, other)
    assert "## Table 4.2: Depth across datasets" in text
    assert "median-depth" in text
    given = invoke(mine, "--row", f"4.2:idfd_raw={mine}")
    # A file that was put into a row by hand is not counted again.
    assert given.count("| measured |") == 1
    said = invoke(mine, other, "-o", tmp_path / "out")
    for suffix in ("md", "html", "csv"):
        path = tmp_path / "out" / f"tables.{suffix}"
        assert str(path) in said
        assert path.stat().st_size > 1000
    assert (tmp_path / "out" / "tables.md").read_text() == text
    assert CliRunner().invoke(benchmark, ["tables", "--row", "4.2=x.json"]).exit_code == 2
