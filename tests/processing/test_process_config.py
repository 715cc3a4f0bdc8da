"""Settings in files: all of them, none that does not exist."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest
import yaml

from idfd.cli.main import main
from idfd.errors import InputError
from idfd.model.settings import settings_from
from idfd.processing.config import PRESETS, SHOW_CONFIG, ProcessConfig, read_config


def test_what_is_shown_can_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for preset, config in PRESETS.items():
        with pytest.raises(SystemExit) as caught:
            main(["process", "--preset", preset, "--show-config"])
        assert caught.value.code == 0
        file = tmp_path / "all.yaml"
        file.write_text(capsys.readouterr().out)
        assert read_config(file) == config


def test_what_is_not_said_keeps_its_default(tmp_path: Path) -> None:
    file = tmp_path / "some.yaml"
    file.write_text("denoise: {fuse: {method: median}}\ncrop: {width: 640, height: 480}\n")
    config = read_config(file)
    assert config.denoise.fuse.method == "median"
    assert config.crop.size == (640, 480)
    assert config.inpaint == ProcessConfig().inpaint
    file.write_text("")
    assert read_config(file) == ProcessConfig()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("denoise: {fuze: {method: median}}", "'denoise.fuze'.*Did you mean 'fuse'"),
        ("denoise: {fuse: {method: average}}", "Invalid enum value 'average'"),
        ("crop: {width: 640}", "give both"),
        ("crop: {width: wide, height: 3}", "int"),
        ("crop: 7", "crop: 7"),
        ("- a\n- b", "the settings"),
        ("a: [", "not a YAML file"),
        ("limits: {aperture: {warn: low}}", "float"),
    ],
)
def test_bad_settings_are_named(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(text)
    with pytest.raises(InputError, match=words):
        read_config(file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        read_config(tmp_path / "none.yaml")


def test_settings_survive_plain_data() -> None:
    plain = yaml.safe_load(yaml.safe_dump(asdict(ProcessConfig())))
    assert settings_from(ProcessConfig, plain, "memory", SHOW_CONFIG) == ProcessConfig()
