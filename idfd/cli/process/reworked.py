"""What 'process defocus' and 'process degrade' say of the folder that they wrote."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from idfd.model.curation import Curation


def tell(curation: Curation, output: Path, as_json: bool) -> int:
    """Print what was made and what was not, and the next command; returns the exit code."""
    from idfd.cli.output import print_failures, print_json

    code = print_failures((entry.id, entry.reason) for entry in curation.failed)
    if as_json:
        print_json(curation)
        return code
    click.echo(f"{len(curation.triples)} triples -> {output}")
    if curation.triples:
        splits = "" if curation.splits else " --splits SPLITS.json"
        click.echo(f"next: idfd release build {output} --version 1.0.0{splits} -o NAME.h5")
    return code
