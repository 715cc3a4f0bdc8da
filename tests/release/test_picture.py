from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from release_data import SIZE, TAKES, make_arrays, make_release

from idfd import IDFD
from idfd.errors import InputError, StorageError
from idfd.model.triple import DepthSource
from idfd.release.picture import colour_source, contact_sheet, plot_triple, save_picture
from idfd.release.store import ReleaseFile
from idfd.storage.images import read_photo


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_release(tmp_path_factory.mktemp("set"))


def test_every_source_has_a_colour_of_its_own() -> None:
    codes = np.array([[code.value for code in DepthSource]], np.uint8)
    colours = colour_source(codes)
    assert colours.shape == (1, len(DepthSource), 3)
    assert len({tuple(colour) for colour in colours[0].tolist()}) == len(DepthSource)


def test_the_contact_sheet_shows_every_triple(release: Path) -> None:
    with ReleaseFile(release) as file:
        two, three = (contact_sheet(file, width=60, columns=n) for n in (2, 3))
        one = contact_sheet(file, width=60, columns=1)
    assert two.dtype == np.uint8
    rows = len(TAKES)
    assert two.shape[0] == one.shape[0] // 2
    assert three.shape[0] == one.shape[0] // 3
    assert two.shape[1] >= 2 * one.shape[1] >= 2 * 3 * 60
    tile = one.shape[0] // rows
    assert all(one[i * tile : (i + 1) * tile].std() > 10 for i in range(rows))


def test_an_odd_last_row_is_filled(release: Path) -> None:
    with ReleaseFile(release) as file:
        sheet = contact_sheet(file, width=60, columns=4)
        two = contact_sheet(file, width=60, columns=2)
    assert sheet.shape[0] == two.shape[0] // 3 * 2
    assert sheet.shape[1] >= 2 * two.shape[1]


def test_triples_of_many_sizes_share_a_sheet(tmp_path: Path) -> None:
    triples = {take: make_arrays(take, size=(20 + 7 * i, 40)) for i, take in enumerate(TAKES)}
    with ReleaseFile(make_release(tmp_path, triples)) as file:
        assert contact_sheet(file, width=60).ndim == 3


def test_pictures_are_saved_as_png(release: Path, tmp_path: Path) -> None:
    save_picture(release, None, tmp_path / "sheet.png")
    save_picture(release, TAKES[1], tmp_path / "triple.png")
    sheet, triple = read_photo(tmp_path / "sheet.png"), read_photo(tmp_path / "triple.png")
    with ReleaseFile(release) as file:
        np.testing.assert_array_equal(sheet, contact_sheet(file))
    assert triple.shape[0] > 2 * SIZE[0]


def test_unknown_triples_and_bad_places_are_errors(release: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no triple 'moon-1'"):
        save_picture(release, "moon-1", tmp_path / "x.png")
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(StorageError, match="A folder has that name"):
        save_picture(release, None, tmp_path / "folder.png")
    assert [path.name for path in tmp_path.iterdir()] == ["folder.png"]


def test_a_triple_without_any_depth_can_be_drawn(tmp_path: Path) -> None:
    triples = {take: make_arrays(take, size=(20, 30)) for take in TAKES}
    triples[TAKES[0]]["depth"][:] = 0
    triples[TAKES[0]]["source"][:] = 0
    path = make_release(tmp_path, triples)
    figure = plot_triple(IDFD(path)[0])
    figure.savefig(tmp_path / "x.png")
    save_picture(path, None, tmp_path / "sheet.png")
    assert (tmp_path / "x.png").stat().st_size > 1000
