"""A release of another schema is refused by all that reads one, before any work starts."""

from __future__ import annotations

from pathlib import Path

import h5py
import pytest
from benchmark_data import make_release, toy_dataset

from idfd.benchmark.baselines import Identity
from idfd.benchmark.run import run
from idfd.benchmark.training.config import TrainConfig
from idfd.benchmark.training.loop import train
from idfd.errors import SchemaError


@pytest.mark.parametrize(("version", "way"), [("99.0.0", "newer"), ("0.9.0", "older")])
def test_training_and_evaluation_name_the_schema(tmp_path: Path, version: str, way: str) -> None:
    release = make_release(tmp_path, toy_dataset(1))
    with h5py.File(release, "r+") as file:
        file.attrs["schema_version"] = version
    with pytest.raises(SchemaError, match=f"version {version}.*{way} idfd"):
        train(release, TrainConfig(), tmp_path / "run", device="cpu", progress=False)
    assert not (tmp_path / "run").exists()
    with pytest.raises(SchemaError, match=f"version {version}.*{way} idfd"):
        run(release, Identity(), progress=False)
