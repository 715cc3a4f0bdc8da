"""``idfd demo``: everything once, on a small rendered set."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), default=Path("demo-output"),
    show_default=True, help="Folder for everything the demo makes.",
)  # fmt: skip
@click.option("--scenes", type=click.IntRange(min=6), default=12, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
def demo(output: Path, scenes: int, seed: int) -> int:
    """Run everything once on a small rendered set.

    Renders photos at two apertures, then imports, curates, releases, verifies, evaluates and
    reports them.
    """
    from idfd.benchmark.models import load_model
    from idfd.benchmark.report import write_report
    from idfd.benchmark.run import run
    from idfd.capture.simulated.scenes import write_published_layout
    from idfd.processing.curation import curate_collection
    from idfd.processing.pool import default_workers
    from idfd.release.build import build_release
    from idfd.release.card import write_card
    from idfd.release.croissant import write_croissant
    from idfd.release.importers import import_dataset
    from idfd.release.verify import verify_release

    def step(text: str) -> None:
        click.secho(f"\n{text}", bold=True)

    step(f"1. Render {scenes} scenes at two apertures, in the layout of DFD_Indoor")
    photos = output / "photos"
    write_published_layout(photos, scenes=scenes, seed=seed)
    step("2. Import them: pair photos and depth by time stamp, audit what does not fit")
    collection = import_dataset("dfd_indoor", photos, output / "collection")
    click.echo(f"{len(collection.takes)} takes, {len(collection.audit)} files in the audit")
    step("3. Curate: align, match exposure and vignetting, crop, judge")
    curation = curate_collection(collection, output / "triples", workers=default_workers())
    click.echo(f"{len(curation.triples)} triples, {len(curation.failed)} failed")
    step("4. Build the release")
    release = output / "demo.h5"
    manifest = build_release(output / "triples", release, version="0.1.0", name="demo")
    click.echo(f"{len(manifest.arrays)} arrays, content {manifest.digest[:16]}…")
    step("5. Verify it, and write its Croissant metadata and data card")
    report = verify_release(release)
    cards = [write_croissant(release), *write_card(release, report)]
    errors = sum(finding.level == "error" for finding in report.findings)
    click.echo(f"{sum(report.checked.values())} checks, {errors} errors")
    step("6. Evaluate two baselines on the test split")
    results = []
    for name in ("identity", "median-depth"):
        target = output / "results" / f"{name}.json"
        run(release, load_model(name), split="test", output=target, pictures=True)
        results.append(target)
    page = output / "report.html"
    write_report(results, page, title="idfd demo")
    step("Done. Look at:")
    for what, path in (
        ("report", page),
        ("data card", cards[-1]),
        ("release", release),
        ("audit", output / "collection" / "audit.md"),
    ):
        click.echo(f"  {what:10} {path}")
    return 0 if report.ok and not curation.failed else 1
