"""``idfd release``: import, split, build, verify, describe and show releases."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from idfd.model.capture import AuditEntry, Collection
    from idfd.model.curation import Curation

_JSON = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
_PATH = click.Path(path_type=Path)


@click.group()
def release() -> None:
    """Import, split, build, verify, describe and show releases."""


def _list_importers(context: click.Context, _: click.Parameter, asked: bool) -> None:
    if not asked:
        return
    from idfd.cli.output import print_table
    from idfd.release.importers import IMPORTERS

    print_table(("dataset", "what it is"), list(IMPORTERS.items()))
    context.exit()


@release.command()
@click.argument("dataset")
@click.option("-o", "--output", required=True, type=_PATH, help="Folder for the files.")
@click.option("--part", "parts", multiple=True, help="Part to get, such as val; default: all.")
def download(dataset: str, output: Path, parts: tuple[str, ...]) -> None:
    """Download a published DATASET, or say how to get it.

    A download that was cut goes on when the command is run again. Checksums are checked.
    """
    from idfd.release.download import dataset_source, download_dataset

    for path in download_dataset(dataset, output, parts):
        click.echo(f"{path}")
    click.echo(f"next: {dataset_source(dataset).instructions}")
    click.echo(f"next: idfd release import {dataset} {output} -o TRIPLES")


@release.command("import")
@click.argument("dataset")
@click.argument("source", type=_PATH)
@click.option(
    "-o",
    "--output",
    required=True,
    type=_PATH,
    help="Folder to write to; for a set with published splits also a release, such as x.h5.",
)
@click.option("--variant", type=click.Choice(["Raw", "Processed"]), help="iDFD: which images.")
@click.option(
    "--branch", type=click.Choice(["inpainting", "without_inpainting"]), help="iDFD: which depth."
)
@click.option("--noise", help="RTF: level of added noise, such as 0 or 1.6.")
@click.option("--width", type=click.IntRange(min=1), help="Make3D: width of the triples, pixels.")
@click.option("--focus-slice", type=click.IntRange(0, 9), help="DDFF-12: the defocused slice.")
@click.option(
    "--sharp", type=click.Choice(["absent", "composite"]), help="DDFF-12: the all-in-focus photo."
)
@click.option(
    "--list",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_list_importers,
    help="List the datasets.",
)
@_JSON
def import_command(
    dataset: str, source: Path, output: Path, as_json: bool, **options: str | int | None
) -> None:
    """Read a published DATASET (see --list) from SOURCE.

    Photos and depth that must still be curated become collection.json and audit.md, and stay where
    they are. A set whose files share a pixel grid already becomes a folder of triples, or with
    -o X.h5 a release of version 1.0.0, made of X.triples. Every file that does not fit is named.
    """
    from idfd.cli.output import print_json
    from idfd.model.curation import Curation
    from idfd.release.importers import import_dataset, is_ready

    wants_release = output.suffix == ".h5"
    if wants_release and not is_ready(dataset):
        raise click.UsageError(f"{dataset} must be curated first: give a folder with -o")
    folder = output.with_suffix(".triples") if wants_release else output
    given = {name: value for name, value in options.items() if value is not None}
    result = import_dataset(dataset, source, folder, **given)
    if wants_release:
        make = click.get_current_context().invoke
        make(build, triples=folder, output=output, version="1.0.0", as_json=as_json)
    elif as_json:
        print_json(result)
    elif isinstance(result, Curation):
        _tell_triples(result, output)
    else:
        _tell_collection(result, output)


def _tell_collection(collection: Collection, output: Path) -> None:
    from idfd.cli.output import print_table

    if collection.splits is not None:
        print_table(("split", "takes"), [(s.name, len(s.takes)) for s in collection.splits.splits])
    click.echo(
        f"{len(collection.takes)} takes in {len(collection.scenes)} scenes; audit: "
        f"{_kinds(collection.audit)} -> {output / 'audit.md'}"
    )


def _tell_triples(curation: Curation, output: Path) -> None:
    from idfd.cli.output import print_failures, print_table
    from idfd.model.curation import INDEX

    if curation.splits is not None:
        print_table(("split", "triples"), [(s.name, len(s.takes)) for s in curation.splits.splits])
    print_failures((entry.id, entry.reason) for entry in curation.failed)
    click.echo(
        f"{len(curation.triples)} triples in {len(curation.scenes)} scenes, "
        f"{len(curation.failed)} failed; audit: {_kinds(curation.audit)} -> {output / INDEX}"
    )
    splits = "" if curation.splits else " --splits SPLITS.json"
    if not curation.splits:
        click.echo(f"next: idfd release split {output} -o SPLITS.json")
    name = f"{curation.name}.h5"
    click.echo(f"next: idfd release build {output} --version 1.0.0{splits} -o {name}")


def _kinds(audit: tuple[AuditEntry, ...]) -> str:
    from collections import Counter

    kinds = Counter(entry.kind for entry in audit)
    return ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())) or "nothing"


@release.command()
@click.argument("triples", type=_PATH)
@click.option("-o", "--output", required=True, type=_PATH, help="JSON file for the splits.")
@click.option(
    "--share", "shares", multiple=True, default=("train=0.7", "val=0.15", "test=0.15"),
    show_default=True, help="Share of a split, NAME=SHARE; give one for each split.",
)  # fmt: skip
@click.option("--seed", type=int, default=0, show_default=True)
@_JSON
def split(triples: Path, output: Path, shares: tuple[str, ...], seed: int, as_json: bool) -> None:
    """Draw splits of the curated TRIPLES by whole scene groups, from a seed."""
    from idfd.cli.output import print_json, print_table
    from idfd.model import schema
    from idfd.release.splits import draw_splits, read_records
    from idfd.storage.durable import write_bytes

    parsed: dict[str, float] = {}
    for text in shares:
        name, _, value = text.partition("=")
        try:
            parsed[name] = float(value)
        except ValueError:
            raise click.BadParameter(f"'{text}' is not NAME=SHARE", param_hint="--share") from None
    records = read_records(triples)
    table = draw_splits(records, parsed, seed)
    write_bytes(output, schema.encode(table))
    if as_json:
        print_json(table)
        return
    rows = [
        (
            s.name,
            len(s.takes),
            f"{len(s.takes) / len(records):.0%}",
            f"{parsed[s.name]:.0%}",
            len({records[take].group for take in s.takes}),
        )
        for s in table.splits
    ]
    print_table(("split", "triples", "share", "asked", "scene groups"), rows)
    if any(abs(len(s.takes) / len(records) - parsed[s.name]) > 0.05 for s in table.splits):
        click.echo("Groups are never cut, so the shares are as near as whole groups allow.")
    click.echo(f"seed {seed} -> {output}")


@release.command()
@click.argument("triples", type=_PATH)
@click.option("-o", "--output", required=True, type=_PATH, help="The release file, such as x.h5.")
@click.option("--version", required=True, help="Semantic version of the release.")
@click.option("--name", help="Name of the release; default: that of the collection.")
@click.option("--splits", "splits_file", type=_PATH, help="Splits that 'release split' drew.")
@click.option("--card/--no-card", default=True, help="Write the data card beside the release.")
@_JSON
def build(
    triples: Path,
    output: Path,
    version: str,
    name: str | None,
    splits_file: Path | None,
    card: bool,
    as_json: bool,
) -> None:
    """Build a release file from the curated TRIPLES, with Croissant metadata and a data card."""
    from idfd.cli.output import print_json
    from idfd.model import schema
    from idfd.model.capture import SplitTable
    from idfd.release.build import build_release
    from idfd.release.card import write_card
    from idfd.release.croissant import write_croissant
    from idfd.release.verify import verify_release

    table = schema.load(SplitTable, splits_file) if splits_file else None
    manifest = build_release(triples, output, version=version, splits=table, name=name)
    beside = [write_croissant(output)]
    if card:
        beside += write_card(output, verify_release(output))
    if as_json:
        print_json(manifest)
        return
    megabytes = output.stat().st_size / 1e6
    click.echo(f"{output}: {megabytes:.1f} MB, {len(manifest.arrays)} arrays, {manifest.digest}")
    for path in beside:
        click.echo(f"{path}")


@release.command()
@click.argument("path", metavar="RELEASE", type=_PATH)
@_JSON
def verify(path: Path, as_json: bool) -> int:
    """Check schema, checksums, ranges, maps and leaks of RELEASE; exit code 1 on an error."""
    from idfd.cli.output import print_json, print_table
    from idfd.release.verify import verify_release

    report = verify_release(path)
    if as_json:
        print_json(report)
        return 0 if report.ok else 1
    rows = [
        (check, count, sum(f.check == check for f in report.findings) or "ok")
        for check, count in report.checked.items()
    ]
    print_table(("check", "done", "found"), rows)
    for finding in report.findings:
        click.echo(f"{finding.level}: {finding.where}: {finding.message}")
    errors = sum(finding.level == "error" for finding in report.findings)
    warnings = len(report.findings) - errors
    click.echo(
        f"{path}: {'good' if report.ok else 'DAMAGED'}, {errors} errors, {warnings} warnings"
    )
    return 0 if report.ok else 1


@release.command()
@click.argument("path", metavar="RELEASE", type=_PATH)
@_JSON
def info(path: Path, as_json: bool) -> None:
    """Print what RELEASE is and holds."""
    from idfd.cli.output import print_json, print_table
    from idfd.release.store import ReleaseFile

    with ReleaseFile(path) as file:
        if as_json:
            print_json(file.info)
            return
        facts = file.info
        print_table(
            ("", ""),
            [
                ("name", f"{facts.name} {facts.version}"),
                ("title", facts.title),
                ("licence", facts.licence),
                ("citation", facts.citation),
                ("triples", facts.triples),
                ("depth", ", ".join(facts.depth_kinds)),
                ("defocus maps", facts.defocus_maps or "none"),
                ("absent", ", ".join(f"{k} {v}" for k, v in facts.absent.items()) or "nothing"),
                ("splits", ", ".join(f"{k} {len(v)}" for k, v in file.splits.items())),
                ("splits are", f"{facts.split_origin}; {facts.split_grouping}"),
                ("excluded", len(facts.excluded) + len(facts.failed)),
                ("made by", facts.provenance.tool),
            ],
        )
        # A table would break it over two lines, and it is there to be copied.
        click.echo(f"content {file.manifest.digest}")


@release.command()
@click.argument("path", metavar="RELEASE", type=_PATH)
@click.argument("take", metavar="ID", required=False)
@click.option("-o", "--output", type=_PATH, help="PNG file; default: beside RELEASE.")
def show(path: Path, take: str | None, output: Path | None) -> None:
    """Draw one triple of RELEASE, or without ID a contact sheet of all."""
    from idfd.release.picture import save_picture

    output = output or path.with_suffix(f".{take or 'sheet'}.png")
    save_picture(path, take, output)
    click.echo(f"{output}")


@release.command()
@click.argument("path", metavar="RELEASE", type=_PATH)
@click.option("-o", "--output", required=True, type=_PATH, help="Folder for caches.")
def cache(path: Path, output: Path) -> None:
    """Build the uncompressed training cache of RELEASE, for IDFD(..., cache=FOLDER)."""
    from idfd.release.cache import TrainingCache
    from idfd.release.store import ReleaseFile

    with ReleaseFile(path) as file:
        click.echo(f"{TrainingCache.open(file, output).folder}")
