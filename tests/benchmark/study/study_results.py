"""Results of a study that nobody trained."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray
from results_makers import results, training

from idfd.benchmark.study.runs import Data, Defocus, StudyRun, results_path
from idfd.model.schema import encode
from idfd.storage.durable import write_bytes

Values = Callable[[StudyRun, str], dict[str, NDArray[np.float64]]]


def data(name: str, defocus: Defocus = "natural") -> Data:
    """A release that is nowhere."""
    return Data(Path(f"{name}.h5"), name, name.encode().hex().ljust(64, "0"), defocus)


def pretend(output: Path, run: StudyRun, values: Values, network: str = "2HDED:NET") -> None:
    """Write the results of a run on all its tests."""
    facts = training(
        run.config.seed,
        release=run.train.name,
        release_digest=run.train.digest,
        network=network,
        settings=msgspec.json.decode(msgspec.json.encode(run.config)),
    )
    for test in run.tests:
        made = results(
            {name: found.tolist() for name, found in values(run, test.data.name).items()},
            name=run.key,
            facts=facts,
            release=test.data.name,
            digest=test.data.digest,
        )
        write_bytes(results_path(output, run, test), encode(made))
