"""``idfd calibrate defocus``."""

from __future__ import annotations

import click


@click.command()
def defocus() -> None:
    """Not built yet."""
