"""``idfd process view``: look at what the processing made of a take."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("scene")
@click.option("--take", metavar="ID", help="Which take, where SCENE is a folder of many.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="DIR",
    help="Folder for the files; default: view-ID.",
)  # fmt: skip
@click.option(
    "--width", type=click.IntRange(min=64), default=960, show_default=True,
    help="Of the page's pictures, pixels.",
)  # fmt: skip
@click.option("--3d", "cloud", is_flag=True, help="Write a coloured point cloud (PLY) too.")
@click.option("--show", is_flag=True, help="Open the point cloud in Open3D's viewer.")
@click.option(
    "--in-painted", type=click.Choice(["keep", "tint", "drop"]), default="tint",
    show_default=True, help="What the point cloud does with depth that was filled in.",
)  # fmt: skip
def view(
    scene: str,
    take: str | None,
    output: Path | None,
    width: int,
    cloud: bool,
    show: bool,
    in_painted: str,
) -> None:
    """Write pictures of every stage of SCENE.

    SCENE is the folder of a triple (OUT/triples/ID), or the output folder of 'idfd process' with
    --take ID; either may be a URL. Written are index.html (everything on one page, with the pair
    to blink), stages.png (all stages side by side), blink.png (an animated PNG) and, with --3d,
    cloud.ply.
    """
    from typing import cast

    from idfd.processing.view.cloud import InPainted, scene_cloud, show_cloud
    from idfd.processing.view.scene import find_scene, read_scene
    from idfd.processing.view.write import view_scene

    files = find_scene(scene, take)
    kind = cast(InPainted, in_painted)
    written = view_scene(
        scene,
        output or Path(f"view-{files.take}"),
        take=files.take,
        width=width,
        cloud=kind if cloud else None,
    )
    for path in (written.page, written.sheet, written.blink, written.cloud):
        if path is not None:
            click.echo(path)
    if show:
        show_cloud(scene_cloud(read_scene(files), kind), files.take)
