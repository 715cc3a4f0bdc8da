"""``idfd benchmark robustness``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from idfd.cli.benchmark.subject import open_subject, scoring_options

if TYPE_CHECKING:
    from idfd.benchmark.network.config import Head
    from idfd.model.degradation import DegradationKind

KINDS: tuple[DegradationKind, ...] = ("camera-shake", "motion-blur", "high-iso-noise")


@click.command()
@click.argument("release", type=click.Path(path_type=Path))
@scoring_options
@click.option(
    "--kind", "kinds", multiple=True, type=click.Choice(KINDS),
    help="What to do to the photos; may be repeated. Default: all.",
)  # fmt: skip
@click.option(
    "--levels", metavar="X,Y,...",
    help="Strengths of the one --kind: degrees/s, mm/s or ISO. Default: three of each kind.",
)  # fmt: skip
@click.option("--exposure-s", type=float, help="Of shake and motion.  [default: 0.04]")
@click.option(
    "--photosites", type=float, metavar="N",
    help="Of noise: photosites averaged in a pixel, 36 for photos reduced six times.  [default: 1]",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of draws.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True,
    help="Report to write, .json; a table .md and a picture .svg are put beside it.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def robustness(
    release: Path, model: str | None, options: dict[str, str], checkpoint: Path | None,
    onnx: Path | None, heads: Head | None, device: str, name: str | None, split: str | None,
    depth: Literal["raw", "inpainted"] | None, protocol: str,
    mask: Literal["any", "measured"] | None, kinds: tuple[DegradationKind, ...],
    levels: str | None, exposure_s: float | None, photosites: float | None, seed: int,
    output: Path, as_json: bool,
) -> None:  # fmt: skip
    """Score a model on RELEASE as it is, and with its photos shaken, moved or noisy.

    Exactly one of --checkpoint, --onnx and --model says what to score. A run that was stopped goes
    on where it was, and a later run with further levels adds them to the report.
    """
    from idfd.benchmark.robustness.levels import ladder
    from idfd.benchmark.robustness.run import run_robustness
    from idfd.benchmark.robustness.table import headings, reading, rows
    from idfd.cli.output import print_json, print_table

    chosen: tuple[DegradationKind, ...] = kinds or KINDS
    if levels is not None and len(chosen) != 1:
        raise click.UsageError("--levels goes with one --kind.")
    asked = {"exposure_s": exposure_s, "photosites": photosites}
    others = {key: value for key, value in asked.items() if value is not None}
    steps = [one for kind in chosen for one in ladder(kind, _numbers(levels), seed=seed, **others)]
    report = run_robustness(
        release,
        open_subject(checkpoint, onnx, model, heads, device, name, options=options),
        steps,
        output,
        split=split,
        depth=depth,
        protocol=protocol,
        mask=mask,
        options=options,
        progress=not as_json,
    )
    if as_json:
        print_json(report)
        return
    click.echo(reading(report))
    print_table(headings(report), rows(report))
    for suffix in (".json", ".md", ".svg"):
        click.echo(f"Wrote {output.with_suffix(suffix)}")


def _numbers(text: str | None) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in (text or "").split(",") if part.strip())
    except ValueError:
        raise click.BadParameter(
            f"'{text}' is not a list of numbers, such as 2,4,8", param_hint="--levels"
        ) from None
