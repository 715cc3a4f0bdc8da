"""``idfd calibrate solve``."""

from __future__ import annotations

import click


@click.command()
def solve() -> None:
    """Not built yet."""
