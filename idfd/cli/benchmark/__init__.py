"""``idfd benchmark``: train, score and compare networks on releases."""

from __future__ import annotations

import click

from idfd.cli.lazy import LazyGroup

COMMANDS = {
    "train": "idfd.cli.benchmark.train",
    "evaluate": "idfd.cli.benchmark.evaluate",
    "predict": "idfd.cli.benchmark.predict",
    "validate": "idfd.cli.benchmark.validate",
    "robustness": "idfd.cli.benchmark.robustness",
    "study": "idfd.cli.benchmark.study",
    "export": "idfd.cli.benchmark.export",
    "tables": "idfd.cli.benchmark.tables",
    "report": "idfd.cli.benchmark.report",
    "list": "idfd.cli.benchmark.listing:list_models",
}


@click.group(cls=LazyGroup, modules=COMMANDS)
def benchmark() -> None:
    """Train, score and compare networks on releases."""
