"""``idfd doctor`` and ``idfd version``."""

from __future__ import annotations

import click

from idfd.version import __version__


@click.command()
def version() -> None:
    """Print the version."""
    click.echo(f"idfd {__version__}")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def doctor(as_json: bool) -> int:
    """Check that this machine has what idfd needs.

    Looks at Python, packages, disk, the drivers of cameras and at the cameras that are connected.
    Where something is missing, says what to do. Exit code 1 if something needed is missing or a
    connected camera cannot be used as it is.
    """
    from idfd.cli.checks import run_checks
    from idfd.cli.output import print_json, print_table

    results = run_checks()
    if as_json:
        print_json([result.__dict__ for result in results])
    else:
        print_table(
            ("check", "state", "found", "remedy"),
            [(r.name, r.state, r.found, r.remedy) for r in results],
        )
    return 1 if any(result.state in ("missing", "problem") for result in results) else 0
