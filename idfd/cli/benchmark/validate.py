"""``idfd benchmark validate``."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("release", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Folder for the report; default: beside RELEASE, where its data card shows it.",
)
@click.option("--quick", is_flag=True, help="A shorter training: about two minutes in all.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the training and draws.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda.")
@click.option(
    "--cache",
    type=click.Path(path_type=Path),
    help="Folder for an uncompressed copy of the release; default: a temporary one.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def validate(
    release: Path,
    output: Path | None,
    quick: bool,
    seed: int,
    device: str,
    cache: Path | None,
    as_json: bool,
) -> int:
    """Check the splits of RELEASE: leaks, parity, generalisation, and a short training.

    Writes RELEASE.validation.json, .md and .html; exit code 1 if a check fails.
    """
    from idfd.benchmark.validation.validate import validate_splits
    from idfd.cli.output import print_json, print_table

    document, written = validate_splits(
        release,
        output,
        quick=quick,
        seed=seed,
        device=device,
        cache=cache,
        progress=not as_json,
    )
    code = 1 if document.verdict == "fail" else 0
    if as_json:
        print_json(document)
        return code
    for check in document.checks:
        click.echo(f"{check.name}: {check.verdict}. {check.summary}")
        print_table(
            ("measured", "where", "value", "limit", "verdict"),
            [
                (
                    finding.name,
                    finding.where,
                    "–" if finding.value is None else f"{finding.value:.3g} {finding.unit}".strip(),
                    finding.limit if finding.adjusted_p is None
                    else f"{finding.limit}; is {finding.adjusted_p:.2g}",
                    finding.verdict,
                )
                for finding in check.findings
            ],
        )  # fmt: skip
    undecided = f"; no verdict on {', '.join(document.undecided)}" if document.undecided else ""
    click.echo(f"{release}: {document.verdict}{undecided}")
    for path in written:
        click.echo(f"{path}")
    return code
