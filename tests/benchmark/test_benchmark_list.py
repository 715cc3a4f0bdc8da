"""``idfd benchmark list``: what is there, with and without the optional packages."""

from __future__ import annotations

import configparser
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from click.testing import CliRunner

from idfd.benchmark.catalogue import INSTALL, PACKAGES, Catalogue, catalogue
from idfd.benchmark.metrics.registry import METRICS
from idfd.benchmark.protocol import DEFAULT, PINNED
from idfd.benchmark.training.config import PRESETS, load_config
from idfd.cli.benchmark import benchmark
from idfd.model.schema import decode


def invoke(*arguments: str) -> str:
    result = CliRunner().invoke(benchmark, ["list", *arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return str(result.stdout)


def test_the_list_names_everything_that_has_a_name() -> None:
    text = invoke()
    found = decode(Catalogue, invoke("--json").encode(), "output")
    assert found == catalogue()
    assert {protocol.name: protocol.sha256 for protocol in found.protocols} == PINNED
    assert [protocol.name for protocol in found.protocols if protocol.default] == [DEFAULT]
    legacy = {protocol.name for protocol in found.protocols if protocol.kind == "legacy"}
    assert legacy == {"legacy-minmax-1"}
    assert [metric.name for metric in found.metrics] == list(METRICS)
    assert [preset.name for preset in found.presets] == list(PRESETS)
    for preset in found.presets:
        config = load_config(preset.name)
        assert (preset.epochs, preset.crop) == (config.epochs, config.crop)
    for words in (
        r"identity +idfd\.benchmark\.baselines:Identity, of idfd [\d.]+",
        rf"{DEFAULT} +SHA-256 {PINNED[DEFAULT][:12]}…, default\n",
        r"legacy-minmax-1 .*, legacy: for comparison with published tables only\n",
        r"RMSE \[m\] ↓ +Root mean",
        r"thesis +2HDED:NET, \d+ epochs",
        rf"torch +{re.escape(metadata.version('torch'))} +train",
    ):
        assert re.search(words, text), words


def test_a_missing_package_comes_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert INSTALL not in invoke()
    version = metadata.version

    def without(name: str) -> str:
        if name == "onnxruntime":
            raise metadata.PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(metadata, "version", without)
    text = invoke()
    assert re.search(r"onnxruntime +not installed +score ONNX files", text)
    assert text.endswith(f"What is missing comes with '{INSTALL}'.\n")
    missing = [package.name for package in catalogue().packages if package.version is None]
    assert missing == ["onnxruntime"]


def test_the_packages_are_those_of_the_extras() -> None:
    setup = configparser.ConfigParser()
    setup.read(Path(__file__).parents[2] / "setup.cfg")
    extras = setup["options.extras_require"]
    lines = [*extras["benchmark"].split("\n"), *extras["baselines"].split("\n")]
    # onnxscript is what torch's other exporter needs; nothing here uses it.
    assert {line.split()[0] for line in lines if line} - {"onnxscript"} == PACKAGES.keys()


def test_the_list_and_help_need_none_of_them() -> None:
    imported = {"scikit-image": "skimage"}
    names = [imported.get(name, name.replace("-", "_")) for name in PACKAGES]
    code = f"""
import sys
for name in {names}:
    sys.modules[name] = None  # an import of it fails
from idfd.cli.main import main
sys.argv[1:] = {{arguments}}
main()
"""
    for words in ("benchmark list", "benchmark --help", "benchmark export --help"):
        program = code.format(arguments=words.split())
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert done.stdout
