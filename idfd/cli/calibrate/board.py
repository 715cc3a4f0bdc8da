"""``idfd calibrate board``."""

from __future__ import annotations

import click


@click.command()
def board() -> None:
    """Not built yet."""
