"""``idfd calibrate``: boards, geometry and blur of the rig."""

from __future__ import annotations

import click

from idfd.cli.lazy import LazyGroup

COMMANDS = {
    "board": "idfd.cli.calibrate.board",
    "solve": "idfd.cli.calibrate.solve",
    "defocus": "idfd.cli.calibrate.defocus",
    "check": "idfd.cli.calibrate.check",
    "convert": "idfd.cli.calibrate.convert",
    "blur": "idfd.cli.calibrate.blur",
}


@click.group(cls=LazyGroup, modules=COMMANDS)
def calibrate() -> None:
    """Boards, geometry and blur of the rig."""
