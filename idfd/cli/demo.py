"""``idfd demo``: the whole line, from the rig to the report."""

from __future__ import annotations

from pathlib import Path

import click

SHARES = {"train": 0.6, "val": 0.2, "test": 0.2}
BOARD, BOARD_VIEWS = "a1", 14
"""At the demo's picture size only large squares can be read from afar."""


@click.command()
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), default=Path("demo-output"),
    show_default=True, help="Folder for everything the demo makes.",
)  # fmt: skip
@click.option("--scenes", type=click.IntRange(min=5), default=10, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
def demo(output: Path, scenes: int, seed: int) -> int:
    """Run everything once, with a rendered rig in place of hardware.

    Calibrates the rig from views of a board and shoots rooms with the true camera drivers, then
    fuses and registers the depth, curates, releases, verifies, evaluates and reports. A second run
    does only what changed.
    """
    from idfd.benchmark.models import load_model
    from idfd.benchmark.report import write_report
    from idfd.benchmark.run import run
    from idfd.capture.simulated.outing import shoot_rooms
    from idfd.cli.checks import run_checks
    from idfd.processing.pipeline.local import default_workers
    from idfd.processing.pipeline.run import process
    from idfd.processing.pipeline.sources import open_source
    from idfd.processing.view.write import view_scene
    from idfd.release.build import build_release
    from idfd.release.card import write_card
    from idfd.release.croissant import write_croissant
    from idfd.release.splits import draw_splits, read_records
    from idfd.release.verify import verify_release

    def step(text: str) -> None:
        click.secho(f"\n{text}", bold=True)

    step("1. Doctor: is everything there?")
    for result in run_checks():
        if result.state not in ("ok", "absent"):
            click.echo(f"{result.name}: {result.found}. {result.remedy}")
    step(f"2. Shoot {scenes} rooms: a rendered Nikon behind libgphoto2, a rendered Kinect")
    session = shoot_rooms(output / "session", scenes, seed)
    takes = session.takes()
    verdicts = [take.verdict for take in takes]
    click.echo(
        f"{len(takes)} takes: "
        + ", ".join(f"{verdicts.count(v)} {v}" for v in ("pass", "warn", "fail"))
    )
    workers = default_workers()
    step(f"3. Calibrate the rig: {BOARD_VIEWS} views of a board, shot with the same cameras")
    calibration = _calibrate(output, seed, workers)
    step("4. Process: fuse depth, align the photos, register, in-paint, crop, judge")
    folder = output / "processed"
    done = process(open_source(output / "session", calibration=calibration), folder)
    assert done.curation is not None  # all steps were run
    verdicts = [entry.verdict for entry in done.curation.triples]
    click.echo(f"{len(verdicts)} triples, {len(done.failed)} failed")
    step("5. Look at one: every step of a take side by side")
    view = output / "view"
    view_scene(folder, view, take=done.curation.triples[0].id)
    step("6. Draw splits by rooms and build the release")
    splits = draw_splits(read_records(folder), SHARES, seed)
    release = output / "demo.h5"
    manifest = build_release(folder, release, version="0.1.0", name="demo", splits=splits)
    click.echo(f"{len(manifest.arrays)} arrays, content {manifest.digest[:16]}…")
    step("7. Verify it, and write its Croissant metadata and data card")
    report = verify_release(release)
    cards = [write_croissant(release), *write_card(release, report)]
    errors = sum(finding.level == "error" for finding in report.findings)
    click.echo(f"{sum(report.checked.values())} checks, {errors} errors")
    step("8. Evaluate two baselines on the test split")
    results = []
    for name in ("identity", "median-depth"):
        target = output / "results" / f"{name}.json"
        run(release, load_model(name), split="test", output=target, pictures=True)
        results.append(target)
    page = output / "report.html"
    write_report(results, page, title="idfd demo")
    step("Done. Look at:")
    for what, path in (
        ("contact sheet", output / "session" / "index.html"),
        ("calibration", calibration.with_name("report.html")),
        ("one take", view / "index.html"),
        ("report", page),
        ("data card", cards[-1]),
        ("release", release),
    ):
        click.echo(f"  {what:14} {path}")
    return 0 if report.ok and not done.failed else 1


def _calibrate(output: Path, seed: int, workers: int) -> Path:
    """Geometry and blur of the rendered rig from a board session; kept where it is there."""
    from idfd.calibration.boards.files import preset
    from idfd.calibration.defocus.calibrate import calibrate_board, write_blur
    from idfd.calibration.defocus.pairs import find_pairs
    from idfd.calibration.rigs import calibrate_rig
    from idfd.calibration.sources import find_images
    from idfd.capture.simulated.outing import shoot_boards
    from idfd.model import schema
    from idfd.model.rig import RigCalibration
    from idfd.model.session import CALIBRATION

    boards, path = output / "boards", output / "calibration" / CALIBRATION
    if path.exists() and (rig := schema.load(RigCalibration, path)).blur is not None:
        click.echo(f"kept {path}")
        return path
    board = preset(BOARD)
    shoot_boards(boards, board, BOARD_VIEWS, seed=seed, quality="draft")
    done = calibrate_rig(boards, board, path.parent, workers=workers)
    rig = schema.load(RigCalibration, path)
    fit = calibrate_board(find_pairs(find_images(boards), (None, None)), board, rig, workers)
    write_blur(fit, rig, path, path)
    photo, error = rig.photo, max(row.median_px for row in done.report.pixel_error)
    click.echo(
        f"{done.report.verdict}: fx {photo.fx:.2f}, fy {photo.fy:.2f} px; depth lands within "
        f"{error:.2f} px of its place in the photo; focus at {fit.model.focus_distance_m:.2f} m"
    )
    return path
