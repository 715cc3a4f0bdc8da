from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from desk import bright_rig, desk

from idfd.capture.operator import contact
from idfd.capture.operator.contact import draw_histogram, draw_take, write_contact_sheet
from idfd.capture.operator.guide import Guide, Target
from idfd.capture.session.reader import SessionReader
from idfd.model.session import TakeRecord
from idfd.storage.images import read_photo


class Addresses(HTMLParser):
    """Collects what a page loads."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [v or "" for k, v in attrs if k in ("src", "href") and v]


def test_the_sheet_shows_takes_notes_skips_and_rejections(tmp_path: Path) -> None:
    with desk(tmp_path) as shooter:
        guide = Guide(shooter, first=Target("desk_1", "room_1", "lab"))
        guide.shoot()
        guide.retake()
        guide.note('wet <paint> & "light"')
        guide.skip("locked")
        page = write_contact_sheet(shooter.session).read_text()
        assert "desk_1_2" in page
        assert page.index("desk_1_2") < page.index("desk_1_1")
        assert re.search(r'class="rejected">\s*<h3>desk_1_1', page)
        assert "wet &lt;paint&gt; &amp; &#34;light&#34;" in page
        assert "Skipped: locked" in page
        assert "2 scenes, 1 takes" in page
        assert "f/10 sharper than f/2.8" in page
        pictures = [a for a in Addresses(page).found if a.startswith("thumbs/")]
        assert len(pictures) == 2
        for name in pictures:
            assert (shooter.session.path / name).exists()
        outside = [a for a in Addresses(page).found if not re.match(r"thumbs/|#|data:,", a)]
        assert outside == []


def test_what_to_do_stands_beside_a_bad_take(tmp_path: Path) -> None:
    rig = bright_rig()
    rig.photo.brightness = 0.003
    with desk(tmp_path, rig) as shooter:
        Guide(shooter, first=Target("a", "room_1", "lab")).shoot()
        page = write_contact_sheet(shooter.session).read_text()
    assert "longer shutter" in page


def test_pictures_are_drawn_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []
    real = draw_take

    def counted(folder: Path, record: TakeRecord) -> contact.Picture:
        drawn.append(record.id)
        return real(folder, record)

    monkeypatch.setattr(contact, "draw_take", counted)
    with desk(tmp_path) as shooter:
        guide = Guide(shooter, first=Target("a", "room_1", "lab"))
        for _ in range(3):
            guide.shoot()
            write_contact_sheet(shooter.session)
    assert drawn == ["a_1", "a_2_1", "a_3_1"]


def test_the_picture_holds_photos_depth_and_histogram(tmp_path: Path) -> None:
    with desk(tmp_path) as shooter:
        Guide(shooter, first=Target("a", "room_1", "lab")).shoot()
        write_contact_sheet(shooter.session)
        picture = read_photo(shooter.session.path / "thumbs/a_1.jpg")
    height, width = picture.shape[:2]
    # Photos of 240x160 and depth of 64x48, each 200 pixels high, and the histogram.
    assert (height, width) == (200, 300 + 300 + 267 + 120)
    detail = [float(picture[:, x : x + 300].std()) for x in (0, 300)]
    assert detail[0] > 1.5 * detail[1]


def test_a_damaged_take_does_not_spoil_the_page(tmp_path: Path) -> None:
    with desk(tmp_path) as shooter:
        guide = Guide(shooter, first=Target("a", "room_1", "lab"))
        for outcome in (guide.shoot(), guide.shoot()):
            folder = shooter.session.find(outcome.record.id).folder
            (folder / ("depth.h5" if outcome.record.scene == "a" else "defocused.jpg")).write_bytes(
                b"damaged"
            )
        page = write_contact_sheet(shooter.session).read_text()
        assert "thumbs/a_1.jpg" in page  # without its depth map
        assert "No picture: a file is missing" in page


def test_an_empty_session_has_a_page(tmp_path: Path) -> None:
    with desk(tmp_path) as shooter:
        path = shooter.session.path
    assert "No scene yet" in write_contact_sheet(SessionReader(path)).read_text()


def test_the_histogram_stands_where_the_depth_is() -> None:
    depth = np.full((40, 40), 3000, np.uint16)
    picture = draw_histogram(depth, "NFOV_UNBINNED")
    assert picture.shape == (200, 120, 3)
    rows = np.flatnonzero((picture[:, 50] != 40).any(axis=1))
    bar = rows[(rows > 80) & (rows < 120)]
    assert bar.min() >= 90
    assert bar.max() <= 100  # 3 m is half of the range shown
