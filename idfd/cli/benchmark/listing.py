"""``idfd benchmark list``."""

from __future__ import annotations

import click


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def list_models(as_json: bool) -> None:
    """List the models, protocols and metrics that evaluate knows."""
    from idfd.benchmark.metrics.registry import METRICS
    from idfd.benchmark.models import available_models
    from idfd.benchmark.protocol import PINNED

    if as_json:
        import json
        from dataclasses import asdict

        listing = {
            "models": available_models(),
            "protocols": PINNED,
            "metrics": [asdict(metric) for metric in METRICS.values()],
        }
        click.echo(json.dumps(listing, indent=2, ensure_ascii=False))
        return
    for heading, rows in (
        ("Models", available_models()),
        ("Protocols (SHA-256)", PINNED),
        ("Metrics", {m.heading: m.description for m in METRICS.values()}),
    ):
        click.echo(heading)
        for key, value in rows.items():
            click.echo(f"  {key:<18} {value}")
