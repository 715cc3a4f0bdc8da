"""Write everything there is to look at of one scene."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from idfd.processing.pictures import shrink
from idfd.processing.view.cloud import InPainted, scene_cloud, write_cloud
from idfd.processing.view.page import render
from idfd.processing.view.panels import scene_panels
from idfd.processing.view.scene import find_scene, read_scene
from idfd.processing.view.sheet import blink, contact_sheet
from idfd.storage.durable import make_folder, write_bytes
from idfd.storage.images import encode_png

PAGE, SHEET, BLINK, CLOUD = "index.html", "stages.png", "blink.png", "cloud.ply"
_SHEET_WIDTH, _BLINK_WIDTH = 480, 1200


@dataclass(frozen=True)
class View:
    """The files that were written.

    Attributes:
        page: Everything on one page that needs nothing else.
        sheet: All stages side by side, PNG.
        blink: The pair in turn, animated PNG.
        cloud: Coloured points, PLY, where asked for.
    """

    page: Path
    sheet: Path
    blink: Path
    cloud: Path | None = None


def view_scene(
    where: str | Path,
    output: Path,
    *,
    take: str | None = None,
    width: int = 960,
    cloud: InPainted | None = None,
) -> View:
    """Write the pictures, the page and, if asked, the point cloud of a take.

    Args:
        where: Folder of a triple, or output folder of ``idfd process``; a path or a URL.
        output: Folder for the files; it is made.
        take: Id of the take, where ``where`` holds many.
        width: Of the page's pictures, pixels.
        cloud: Write a point cloud too, with in-painted points kept, tinted or dropped.

    Raises:
        InputError: A file of the take is missing or damaged.
        SchemaError: A record of it cannot be read.
        MissingDependencyError: A cloud was asked for and Open3D is not installed.
        StorageError: The output cannot be written.
    """
    scene = read_scene(find_scene(where, take))
    make_folder(output)
    view = View(
        page=output / PAGE,
        sheet=output / SHEET,
        blink=output / BLINK,
        cloud=output / CLOUD if cloud is not None else None,
    )
    # The cloud first: what it needs may be missing, and then nothing is half written.
    if cloud is not None and view.cloud is not None:
        write_cloud(scene_cloud(scene, cloud), view.cloud)
    write_bytes(view.sheet, encode_png(contact_sheet(scene_panels(scene, _SHEET_WIDTH)), 6))
    sharp, soft = (shrink(photo, _BLINK_WIDTH) for photo in (scene.all_in_focus, scene.defocused))
    write_bytes(view.blink, blink(sharp, soft))
    write_bytes(view.page, render(scene, scene_panels(scene, width)).encode())
    return view
