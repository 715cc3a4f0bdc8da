"""``idfd process``: turn photos and depth into clean triples."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from idfd.model.curation import Curation


@click.group()
def process() -> None:
    """Turn photos and depth into clean triples."""


@process.command()
@click.argument("session", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path),
    help="Folder for depth maps and collection.json.",
)  # fmt: skip
@click.option(
    "--calibration", type=click.Path(path_type=Path), metavar="FILE",
    help="Calibration of the rig; default: SESSION's own calibration.json.",
)  # fmt: skip
@click.option("--workers", type=click.IntRange(min=1), help="Processes; default: all cores.")
@click.option("--json", "as_json", is_flag=True, help="Print the collection as JSON.")
def session(
    session: Path, output: Path, calibration: Path | None, workers: int | None, as_json: bool
) -> None:
    """Fuse the depth of every take of SESSION and move it to the photo's pixels.

    SESSION is the folder that 'idfd capture session' wrote. The photos stay where they are. The
    result is a collection for 'idfd process curate'. A second run does only what changed.
    """
    from idfd.cli.output import print_json
    from idfd.processing.pipeline.local import default_workers
    from idfd.processing.sessions import collect_session

    result = collect_session(
        session, output, workers=workers or default_workers(), calibration=calibration
    )
    if as_json:
        print_json(result)
        return
    for entry in result.audit:
        click.echo(f"left out: {entry.path}: {entry.reason}")
    blurred = sum(take.blur is not None for take in result.takes)
    click.echo(
        f"{len(result.takes)} takes of {len(result.scenes)} scenes, {blurred} with a calibrated "
        f"blur -> {output}"
    )


@process.command()
@click.argument("collection", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path),
    help="Folder for the triples.",
)  # fmt: skip
@click.option("--workers", type=click.IntRange(min=1), help="Processes; default: all cores.")
@click.option("--force", is_flag=True, help="Make everything anew, even what has not changed.")
@click.option("--json", "as_json", is_flag=True, help="Print the index as JSON.")
def curate(collection: Path, output: Path, workers: int | None, force: bool, as_json: bool) -> int:
    """Align, match, crop and judge every take of COLLECTION.

    COLLECTION is the folder that 'idfd release import' or 'idfd process session' wrote. A second
    run does only what changed. Exit code 1 if a take could not be processed; the rest is done all
    the same.
    """
    from idfd.cli.output import print_json
    from idfd.model import schema
    from idfd.model.capture import Collection
    from idfd.processing.curation import curate_collection
    from idfd.processing.pipeline.local import default_workers

    index = collection / "collection.json" if collection.is_dir() else collection
    found = schema.load(Collection, index, "Make one with 'idfd release import'")
    result = curate_collection(found, output, workers=workers or default_workers(), force=force)
    if as_json:
        print_json(result)
    else:
        _print_summary(result, output)
    for entry in result.failed:
        click.echo(f"failed: {entry.id}: {entry.reason}", err=True)
    return 1 if result.failed else 0


def _print_summary(curation: Curation, output: Path) -> None:
    from statistics import fmean

    from idfd.cli.output import print_table
    from idfd.model import schema
    from idfd.model.curation import PairFit

    fits = {e.id: schema.load(PairFit, output / "fits" / f"{e.id}.json") for e in curation.triples}
    counts = {v: sum(e.verdict == v for e in curation.triples) for v in ("pass", "warn", "fail")}
    doubtful = [entry for entry in curation.triples if entry.verdict != "pass"]
    if doubtful:
        print_table(
            ("triple", "verdict", "reasons"),
            [(entry.id, entry.verdict, "; ".join(entry.reasons)) for entry in doubtful],
        )
    if fits:
        before = fmean(fit.measures["psnr_before"] for fit in fits.values())
        after = fmean(fit.measures["psnr_after"] for fit in fits.values())
        click.echo(
            f"PSNR of the defocused against the all-in-focus photo: {before:.2f} dB as shot, "
            f"{after:.2f} dB curated (mean of {len(fits)})"
        )
    size = "x".join(map(str, curation.size)) if curation.size else "no size"
    click.echo(
        f"{len(curation.triples)} triples of {size}: {counts['pass']} pass, {counts['warn']} warn, "
        f"{counts['fail']} fail; {len(curation.failed)} could not be processed -> {output}"
    )
