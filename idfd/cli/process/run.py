"""``idfd process SESSION... -o DIR``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import click

if TYPE_CHECKING:
    from idfd.model.stage import StageName
    from idfd.processing.config import ProcessConfig
    from idfd.processing.pipeline.run import Outcome

STAGES = ("denoise", "align", "crop", "register", "inpaint", "normalise", "check")


@click.command()
@click.argument("sources", nargs=-1, metavar="SESSION...")
@click.option("-o", "--output", metavar="DIR", help="Folder or URL for the triples.")
@click.option(
    "--preset", type=click.Choice(["default", "published"]), default="default", show_default=True,
    help="'published' is the authors' own processing, to compare with.",
)  # fmt: skip
@click.option("--config", "config_file", metavar="FILE", help="Settings, as YAML.")
@click.option("--show-config", is_flag=True, help="Print all settings as YAML, and stop.")
@click.option("--size", metavar="WxH", help="Size of the triples; default: the photo's own pixels.")
@click.option(
    "--calibration", metavar="FILE",
    help="Calibration of the rig; default: SESSION's own calibration.json.",
)  # fmt: skip
@click.option(
    "--blur", metavar="FILE",
    help="Lens that 'idfd calibrate defocus' fitted to scenes, for sets without a calibration.",
)  # fmt: skip
@click.option(
    "--photos", type=click.Choice(["jpeg", "raw"]),
    help="Which photos of takes that have both.",
)  # fmt: skip
@click.option("--only", multiple=True, metavar="NAME", help="Takes or scenes; * and ? match.")
@click.option("--stage", type=click.Choice(STAGES), default="check", help="Stop after this step.")
@click.option("--force", is_flag=True, help="Run every step anew, even where nothing changed.")
@click.option("--dry-run", is_flag=True, help="Say what would be done and why; do nothing.")
@click.option(
    "--scheduler", default="local", show_default=True, metavar="WHERE",
    help="local; dask, a cluster on this machine with a dashboard; or tcp://HOST:PORT.",
)  # fmt: skip
@click.option("--workers", type=click.IntRange(min=1), help="Processes; default: all cores.")
@click.option("--prefix", is_flag=True, help="Put the session's name before those of its takes.")
@click.option("--json", "as_json", is_flag=True, help="Print the index as JSON.")
def run(
    sources: tuple[str, ...], output: str | None, preset: str, config_file: str | None,
    show_config: bool, size: str | None, calibration: str | None,
    blur: str | None, photos: Literal["jpeg", "raw"] | None, only: tuple[str, ...],
    stage: StageName, force: bool, dry_run: bool, scheduler: str, workers: int | None,
    prefix: bool, as_json: bool,
) -> int:  # fmt: skip
    """Make triples of all takes of SESSION...: folders or URLs (s3://…).

    SESSION is what 'idfd capture session' or 'idfd release import' wrote. Each take goes through
    the steps denoise, align, crop, register, inpaint, normalise and check. A second run does only
    what changed, and one that was stopped goes on. Exit code 1 if a take could not be processed;
    the rest is done all the same.

    For triples that are made: 'idfd process view' shows what became of a take, step by step;
    'idfd process defocus' computes the defocused photo from the sharp one and depth; 'idfd process
    degrade' adds shake, motion blur or noise.
    """
    config = _config(preset, config_file, size, photos)
    if show_config:
        from dataclasses import asdict

        import yaml

        click.echo(yaml.safe_dump(asdict(config), sort_keys=False), nl=False)
        return 0
    if not sources or output is None:
        missing = "SESSION..." if not sources else "-o DIR"
        raise click.UsageError(f"Missing {missing}.", click.get_current_context())
    from idfd.cli.output import print_failures, print_json
    from idfd.processing.pipeline.local import default_workers
    from idfd.processing.pipeline.run import Choice, plan, process
    from idfd.processing.pipeline.schedule import open_scheduler
    from idfd.processing.pipeline.sources import merge, open_source

    source = merge(
        [open_source(url, calibration=calibration, photos=config.photos) for url in sources],
        prefix=prefix,
    )
    choice = Choice(only, stage, force)
    if blur is not None:
        from pathlib import Path

        from idfd.processing.pipeline.lens import with_blur

        source = with_blur(source, Path(blur))
    if dry_run:
        steps, failed = plan(source, output, config, choice)
        for step in steps:
            click.echo(f"{step.take:24} {step.stage:10} {step.reason}")
        return print_failures(sorted(failed.items()))
    with open_scheduler(scheduler, workers or default_workers()) as pool:
        if pool.dashboard:
            click.echo(f"dashboard: {pool.dashboard}", err=True)
        outcome = process(source, output, config, pool, choice)
    if as_json and outcome.curation is not None:
        print_json(outcome.curation)
    else:
        for entry in source.audit:
            click.echo(f"left out: {entry.path}: {entry.reason}")
        _summary(outcome, len(source.takes), output)
    return print_failures(sorted(outcome.failed.items()))


def _config(
    preset: str, file: str | None, size: str | None, photos: Literal["jpeg", "raw"] | None
) -> ProcessConfig:
    from dataclasses import replace
    from pathlib import Path

    from idfd.errors import InputError
    from idfd.processing.config import PRESETS, read_config
    from idfd.processing.crop import CropConfig

    if file is not None and preset != "default":
        raise click.UsageError("Give --config or --preset, not both.")
    config = read_config(Path(file)) if file is not None else PRESETS[preset]
    if photos is not None:
        config = replace(config, photos=photos)
    if size is not None:
        width, _, height = size.partition("x")
        try:
            crop = CropConfig(int(width), int(height), config.crop.to_depth)
        except ValueError:
            raise InputError(
                f"--size {size}", limit="WIDTHxHEIGHT, such as 1920x1280, at least 32 pixels"
            ) from None
        config = replace(config, crop=crop)
    return config


def _summary(outcome: Outcome, takes: int, output: str) -> None:
    from idfd.cli.output import print_table

    steps = ", ".join(f"{stage} {count}" for stage, count in outcome.ran.items() if count)
    click.echo(f"steps run: {steps or 'none, nothing changed'}")
    curation = outcome.curation
    if curation is None:
        click.echo(f"{takes - len(outcome.failed)} of {takes} takes -> {output}")
        return
    counts = {v: sum(e.verdict == v for e in curation.triples) for v in ("pass", "warn", "fail")}
    doubtful = [entry for entry in curation.triples if entry.verdict != "pass"]
    if doubtful:
        print_table(
            ("triple", "verdict", "reasons"),
            [(entry.id, entry.verdict, "; ".join(entry.reasons)) for entry in doubtful],
        )
    size = "x".join(map(str, curation.size)) if curation.size else "no size"
    click.echo(
        f"{len(curation.triples)} triples of {size}: {counts['pass']} pass, {counts['warn']} warn, "
        f"{counts['fail']} fail; {len(curation.failed)} could not be processed -> {output}"
    )
