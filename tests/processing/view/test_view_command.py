from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from view_triples import write_take

from idfd.cli.process.view import view
from idfd.errors import InputError
from idfd.processing.view.page import render
from idfd.processing.view.panels import scene_panels
from idfd.processing.view.scene import find_scene, read_scene
from idfd.processing.view.write import view_scene


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.tags: set[str] = set()
        self.alternatives: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        given = dict(attrs)
        self.addresses += [str(given[key]) for key in ("src", "href") if key in given]
        if tag == "img":
            self.alternatives.append(given.get("alt") or "")


def _page(tmp_path: Path) -> str:
    write_take(tmp_path)
    scene = read_scene(find_scene(tmp_path))
    return render(scene, scene_panels(scene))


def test_page_needs_nothing_else(tmp_path: Path) -> None:
    text = _page(tmp_path)
    page = _Page()
    page.feed(text)
    assert all(address.startswith("data:") for address in page.addresses)
    assert "url(" not in text
    assert "script" not in page.tags
    assert len(page.alternatives) == 9
    assert all(page.alternatives)


def test_page_copes_with_photos_of_unknown_settings(tmp_path: Path) -> None:
    write_take(tmp_path)
    scene = read_scene(find_scene(tmp_path))
    record = msgspec.structs.replace(scene.record, all_in_focus=None)
    text = render(dataclasses.replace(scene, record=record), scene_panels(scene))
    assert "unknown aperture and f/2.8<" in text


def test_page_says_verdict_checks_and_advice(tmp_path: Path) -> None:
    text = _page(tmp_path)
    assert re.search(r'class="verdict warn">warn: exposure<', text)
    assert "residual shift" in text
    assert "The photos differ in exposure" in text
    assert "psnr after" in text
    assert "flying share 0.0125" in text
    # Names come from files of others.
    assert "D750 &lt;b&gt;" in text


def test_the_same_take_gives_the_same_bytes(tmp_path: Path) -> None:
    write_take(tmp_path / "out")
    first, second = (view_scene(tmp_path / "out", tmp_path / name) for name in ("a", "b"))
    for one, other in zip(
        (first.page, first.sheet, first.blink), (second.page, second.sheet, second.blink),
        strict=True,
    ):  # fmt: skip
        assert one.read_bytes() == other.read_bytes()


def test_command_writes_what_it_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("open3d")
    monkeypatch.chdir(tmp_path)
    write_take(tmp_path / "out", "a_1")
    write_take(tmp_path / "out", "b_1")
    done = CliRunner().invoke(view, ["out", "--take", "b_1", "--3d"], catch_exceptions=False)
    assert done.exit_code == 0
    named = done.output.split()
    assert named == [
        f"view-b_1/{name}" for name in ("index.html", "stages.png", "blink.png", "cloud.ply")
    ]
    assert sorted(path.name for path in Path("view-b_1").iterdir()) == sorted(
        Path(name).name for name in named
    )
    done = CliRunner().invoke(view, ["out/triples/a_1", "-o", "x"], catch_exceptions=False)
    assert done.output.split() == ["x/index.html", "x/stages.png", "x/blink.png"]


def test_a_missing_take_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_take(tmp_path / "out", "a_1")
    with pytest.raises(InputError, match="no take 'z'"):
        CliRunner().invoke(view, ["out", "--take", "z"], catch_exceptions=False)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_cloud_that_cannot_be_made_writes_nothing(tmp_path: Path) -> None:
    write_take(tmp_path / "out", camera=None)
    with pytest.raises(InputError, match="no intrinsics"):
        view_scene(tmp_path / "out", tmp_path / "view", cloud="keep")
    assert not list((tmp_path / "view").iterdir())


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys, idfd.cli.process.view; "
        "assert not {'numpy', 'cv2', 'jinja2', 'open3d'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
