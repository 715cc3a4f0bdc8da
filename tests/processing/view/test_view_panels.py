from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from view_triples import BOX, GAP, HEIGHT, WIDTH, raw_depth, source_map, write_take

from idfd.model.triple import DepthSource
from idfd.processing.pictures import NOTHING
from idfd.processing.view.panels import (
    SOURCES,
    Panel,
    Ramp,
    depth_edges,
    draw_edges,
    scene_panels,
    soft_difference,
    source_picture,
)
from idfd.processing.view.scene import find_scene, read_scene
from idfd.processing.view.sheet import blink, contact_sheet


def test_every_stage_has_a_panel(tmp_path: Path) -> None:
    write_take(tmp_path)
    panels = scene_panels(read_scene(find_scene(tmp_path)))
    assert [panel.name for panel in panels] == [
        "all_in_focus", "defocused", "difference", "denoised", "registered", "overlay", "inpainted",
        "source", "uncertainty",
    ]  # fmt: skip
    by_name = {panel.name: panel for panel in panels}
    for name in ("denoised", "registered", "inpainted"):
        assert by_name[name].legend == Ramp("depth", "<= 1.20 m", ">= 3.00 m")
    grey = (by_name["registered"].picture == NOTHING).all(-1)
    np.testing.assert_array_equal(grey, raw_depth() == 0)
    assert not (by_name["inpainted"].picture == NOTHING).all(-1).any()


def test_one_scale_for_all_depth(tmp_path: Path) -> None:
    """A depth has the same colour before and after registration and in-painting."""
    write_take(tmp_path)
    scene = read_scene(find_scene(tmp_path))
    by_name = {panel.name: panel.picture for panel in scene_panels(scene)}
    measured = raw_depth() > 0
    np.testing.assert_array_equal(by_name["registered"][measured], by_name["inpainted"][measured])


def test_source_legend_names_what_is_there(tmp_path: Path) -> None:
    write_take(tmp_path)
    panels = scene_panels(read_scene(find_scene(tmp_path)))
    legend = next(panel.legend for panel in panels if panel.name == "source")
    assert isinstance(legend, tuple)
    assert [name for name, _ in legend] == ["fused", "in-painted"]
    picture = source_picture(source_map(), WIDTH)
    assert (picture[GAP] == SOURCES[DepthSource.IN_PAINTED][1]).all()
    assert (picture[BOX] == SOURCES[DepthSource.FUSED][1]).all()


def test_source_colours_can_be_told_apart() -> None:
    """In CIELAB, by more than ten times what the eye just notices."""
    colors = np.array([[color for _, color in SOURCES.values()]], np.uint8)
    lab = cv2.cvtColor(colors.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[0]
    apart = np.linalg.norm(lab[:, None] - lab[None], axis=-1)
    assert apart[~np.eye(len(lab), dtype=bool)].min() > 23


def test_edges_run_around_the_near_box_only() -> None:
    edges = depth_edges(raw_depth(), reach=6)
    rim = np.zeros((HEIGHT, WIDTH), bool)
    rim[BOX] = True
    inner = cv2.erode(rim.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    # On the left a gap lies between the box and the wall: the edge is found across it.
    np.testing.assert_array_equal(edges, rim & ~inner)


def test_slopes_are_no_edges() -> None:
    rows = np.arange(HEIGHT)[:, None] + np.zeros((1, WIDTH))
    floor = (1000 * 1.02**rows).astype(np.uint16)
    assert not depth_edges(floor, reach=6).any()


def test_edges_are_drawn_where_the_photo_is_made_smaller() -> None:
    big = np.kron(raw_depth(), np.ones((4, 4), np.uint16))
    photo = np.full((*big.shape, 3), 100, np.uint8)
    picture = draw_edges(photo, big, WIDTH)
    assert picture.shape == (HEIGHT, WIDTH, 3)
    assert (picture[20, 45] != picture[32, 45]).any()
    assert (picture[32, 45] == 80).all()


def test_difference_shows_shifts_more_than_blur() -> None:
    rng = np.random.default_rng(0)
    sharp = cv2.GaussianBlur(rng.integers(0, 255, (240, 320, 3), np.uint8), (0, 0), 3)
    sharp = cv2.normalize(sharp, None, 0, 255, cv2.NORM_MINMAX)  # type: ignore[call-overload]
    blurred = cv2.GaussianBlur(sharp, (0, 0), 1)
    moved = np.roll(sharp, 4, axis=1)
    same, soft, shifted = (
        soft_difference(sharp, other, 320).astype(int).sum() for other in (sharp, blurred, moved)
    )
    assert same < soft < shifted
    assert shifted - same > 5 * (soft - same)


def test_sheet_holds_every_panel_in_its_cell() -> None:
    colors = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (250, 250, 0)]
    panels = [
        Panel(f"p{i}", f"panel {i}", np.full((30, 40, 3), color, np.uint8))
        for i, color in enumerate(colors)
    ]
    sheet = contact_sheet(panels, columns=3)
    high, wide = sheet.shape[0] // 2, sheet.shape[1] // 3
    for i, color in enumerate(colors):
        cell = sheet[i // 3 * high : (i // 3 + 1) * high, i % 3 * wide : (i % 3 + 1) * wide]
        assert (cell == color).all(-1).sum() == 30 * 40


def test_other_shapes_keep_their_aspect_on_the_sheet() -> None:
    wide = Panel("a", "a", np.full((40, 60, 3), 10, np.uint8))
    tall = Panel("b", "b", np.full((80, 40, 3), (0, 0, 255), np.uint8))
    sheet = contact_sheet([wide, tall], columns=2)
    rows, columns = np.nonzero((sheet == (0, 0, 255)).all(-1))
    assert (np.ptp(rows) + 1, np.ptp(columns) + 1) == (40, 20)


def test_blink_is_lossless_and_endless() -> None:
    image = pytest.importorskip("PIL.Image")
    import io

    rng = np.random.default_rng(2)
    pair = rng.integers(0, 255, (2, 20, 30, 3), np.uint8)
    with image.open(io.BytesIO(blink(pair[0], pair[1], 0.4))) as picture:
        assert picture.n_frames == 2
        assert picture.info["loop"] == 0
        for number in (0, 1):
            picture.seek(number)
            assert picture.info["duration"] == 400
            np.testing.assert_array_equal(np.asarray(picture.convert("RGB")), pair[number])
