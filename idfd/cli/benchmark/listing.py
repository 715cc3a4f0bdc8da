"""``idfd benchmark list``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from idfd.benchmark.catalogue import Catalogue


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def list_models(as_json: bool) -> None:
    """List models, protocols, metrics, presets, and the optional packages installed."""
    from idfd.benchmark.catalogue import catalogue
    from idfd.model.schema import encode

    found = catalogue()
    if as_json:
        click.echo(encode(found), nl=False)
    else:
        _print(found)


def _print(found: Catalogue) -> None:
    sections: dict[str, list[tuple[str, str]]] = {
        "Models (--model)": [
            (m.name, f"{m.reference}, of {m.distribution} {m.version}") for m in found.models
        ],
        "Protocols (--protocol)": [
            (p.name, f"SHA-256 {p.sha256[:12]}…{_remark(p.kind == 'legacy', p.default)}")
            for p in found.protocols
        ],
        "Metrics": [(m.heading, m.description) for m in found.metrics],
        "Presets (train --preset)": [
            (p.name, f"{p.network}, {p.epochs} epochs of {p.crop}x{p.crop} windows by {p.batch}")
            for p in found.presets
        ],
        "Optional packages": [
            (p.name, f"{p.version or 'not installed':<14} {p.purpose}") for p in found.packages
        ],
    }
    for heading, rows in sections.items():
        click.echo(heading)
        for name, text in rows:
            click.echo(f"  {name:<18} {text}")
    if any(package.version is None for package in found.packages):
        click.echo(f"What is missing comes with '{found.install}'.")


def _remark(legacy: bool, default: bool) -> str:
    if legacy:
        return ", legacy: for comparison with published tables only"
    return ", default" if default else ""
