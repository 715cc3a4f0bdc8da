from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from training_set import QUICK, training_release

from idfd.benchmark.checkpoint import STATE, read_checkpoint
from idfd.benchmark.training.config import change_config, show_config
from idfd.benchmark.training.log import read_log

PROGRAM = Path(__file__).with_name("training_set.py")
# Dropout draws differ between one process and two; all else is the same samples.
CONFIG = change_config(QUICK, {"network.dropout": 0, "average": 0, "epochs": 2, "batch": 4})


@pytest.mark.slow
def test_two_processes_train_as_one(tmp_path: Path) -> None:
    release = training_release(tmp_path / "release")
    settings = tmp_path / "settings.yaml"
    settings.write_text(show_config(CONFIG))
    runs = {}
    for name, launcher in (
        ("one", []),
        ("two", ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]),
    ):
        folder = tmp_path / name
        command = [sys.executable, *launcher, str(PROGRAM), "benchmark", "train", str(release)]
        command += ["-o", str(folder), "--config", str(settings), "--device", "cpu"]
        command += ["--cache", str(tmp_path / "cache")]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", "IDFD_TEST_WEIGHTS": str(folder)},
            check=False,
        )
        assert done.returncode == 0, done.stderr
        # One process speaks.
        assert done.stdout.count("Wrote ") == 1
        assert done.stderr.count("triples to train on") == 1
        runs[name] = read_checkpoint(folder / "last.safetensors")
        assert [entry["step"] for entry in read_log(folder)] == [1, 2, 3]
        assert not list(folder.glob(".*"))
    first, second = (torch.load(tmp_path / "two" / f"rank{rank}.pt") for rank in (0, 1))
    assert first
    assert all(torch.equal(first[name], second[name]) for name in first)
    (alone, one), (both, two) = runs["one"], runs["two"]
    assert both.data == alone.data
    # The mean gradient of two halves is that of the whole, but for the statistics of BatchNorm,
    # which each process takes of its own half.
    moments = [name for name in one if name.startswith(STATE) and name.endswith(".exp_avg")]
    likeness = [
        torch.nn.functional.cosine_similarity(one[name].flatten(), two[name].flatten(), dim=0)
        for name in moments
        if "last" in name
    ]
    assert min(likeness) > 0.8
