from __future__ import annotations

import base64
import re
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest
from release_data import TAKES, all_triples, make_arrays, make_record, make_release, table

from idfd.errors import StorageError
from idfd.release.card import write_card
from idfd.release.manifest import read_manifest
from idfd.storage.hashing import sha256_file


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_release(tmp_path_factory.mktemp("set"), excluded=["attic-9"], failed=["cellar-9"])


@pytest.fixture(scope="module")
def cards(release: Path) -> tuple[str, str]:
    markdown, page = write_card(release)
    assert (markdown.name, page.name) == ("toy.card.md", "toy.card.html")
    return markdown.read_text(), page.read_text()


def test_both_cards_say_what_the_release_is(release: Path, cards: tuple[str, str]) -> None:
    for card in cards:
        assert "6 triples" in card
        assert "toy set 1.2.3" in card
        assert "CC-BY-4.0" in card
        assert "A. Nobody, 2024" in card
        assert sha256_file(release) in card
        assert read_manifest(release)[0].digest in card
        assert "raw, inpainted" in card


def cells(row: str) -> list[str]:
    return [cell.strip() for cell in re.split(r"\||<t[dhr][^>]*>", row) if cell.strip()]


def test_both_cards_count_triples_by_environment_and_split(cards: tuple[str, str]) -> None:
    for card in cards:
        rows = [cells(line) for line in card.splitlines()]
        assert ["indoor", "train", "3"] in rows
        assert ["outdoor", "test", "2"] in rows
        assert ["indoor", "test", "1"] in rows
    assert "| train | 3 |" in cards[0]


def test_shares_of_depth_sources_are_those_of_the_pixels(cards: tuple[str, str]) -> None:
    sources = np.stack([arrays["source"] for arrays in all_triples().values()])
    for card in cards:
        assert f"{100 * np.mean(sources == 1):.2f} %" in card
        assert f"{100 * np.mean(sources == 3):.2f} %" in card


def test_what_was_left_out_is_told(cards: tuple[str, str]) -> None:
    for card in cards:
        assert re.search("attic-9.*alignment 3 px", card)
        assert re.search("cellar-9.*photo is truncated", card)
        assert re.search("stray.png.*no photo", card)


def test_the_title_cannot_break_the_page(cards: tuple[str, str]) -> None:
    assert "Toy &lt;set&gt;" in cards[1]
    assert "<set>" not in cards[1]


def test_the_page_asks_the_network_for_nothing(cards: tuple[str, str]) -> None:
    page = cards[1]
    assert not re.search(r"""(src|href|action|data)\s*=\s*["']?\s*(https?:)?//""", page)
    assert not re.search(r"@import|url\(\s*['\"]?(?!#)|<script|<link|<iframe", page)


def test_the_contact_sheet_is_in_the_page(cards: tuple[str, str]) -> None:
    found = re.search(r'src="data:image/jpeg;base64,([^"]+)"', cards[1])
    assert found is not None
    data = np.frombuffer(base64.b64decode(found[1]), np.uint8)
    sheet = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert sheet is not None
    assert sheet.shape[1] > 6 * 100


def test_the_same_release_gives_the_same_cards(release: Path, cards: tuple[str, str]) -> None:
    again = tuple(path.read_text() for path in write_card(release))
    assert again == cards


def test_a_release_without_measures_and_depth_has_a_card(tmp_path: Path) -> None:
    triples = {take: make_arrays(take, size=(9, 8)) for take in TAKES}
    for arrays in triples.values():
        arrays["depth"][:] = 0
        arrays["source"][:] = 0
    records = {
        take: msgspec.structs.replace(make_record(take, (9, 8)), measures={}, checks=())
        for take in TAKES
    }
    path = make_release(tmp_path, triples, table({"all": TAKES, "none": []}), records=records)
    markdown, page = write_card(path)
    for card in (markdown, page):
        # Letters of pictures may spell anything.
        text = re.sub(r'<style>.*</style>|src="data:[^"]*"', "", card.read_text(), flags=re.S)
        assert not re.search(r"\bnan\b", text, re.I)


def test_a_card_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    path = make_release(tmp_path, {take: make_arrays(take, size=(9, 8)) for take in TAKES})
    path.with_suffix(".card.md").mkdir()
    with pytest.raises(StorageError, match="cannot be written"):
        write_card(path)
