"""Importers: datasets in their published layouts become something that can be released.

An importer is one module with ``LAYOUT``, what it looks for, and one of two things:

- ``read(source, **options) -> Collection``: takes whose photos and depth must still be curated by
  ``idfd process``.
- ``verify(source) -> None`` and ``triples(source, **options) -> (SetFacts, tasks)``: for sets whose
  arrays share one pixel grid already, and for those that lack a part. ``verify`` raises an error
  that says what is missing, where it looked and what to do; ``triples`` may rely on it.

It accounts for every file under its root: a take uses it, or the audit names it and says why not.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from idfd.errors import InputError, StorageError
from idfd.model.capture import Collection
from idfd.model.curation import Curation
from idfd.model.schema import encode
from idfd.storage.durable import make_folder, storage_error, write_bytes

IMPORTERS = {
    "dfd_indoor": "DFD_Indoor (Carvalho et al.): Nikon D200 at f/2.8 and f/8, Xtion depth",
    "idfd_published": "iDFD (Nazir et al.) as published; options variant, branch",
    "nyu_depth_v2": "NYU-Depth-V2, the labeled frames: photo, raw and filled depth",
    "make3d": "Make3D: outdoor photo and a coarse laser depth grid; option width",
    "diode": "DIODE: indoor and outdoor photo and laser depth",
    "ddff12": "DDFF 12-Scene: focal stack and depth; options focus_slice, sharp",
    "dpdd": "DPDD (dual-pixel defocus deblurring): defocused and sharp photo",
    "syndof": "SYNDOF (DMENet): synthetic defocus with its blur map",
    "rtf": "RTF: defocused photo with its blur map",
    "cuhk": "CUHK blur detection: defocused photo with a mask of blur",
    "ded": "DED: defocused and sharp photo with a defocus map",
}
"""Importers by name, with a line about each; the module has the importer's name."""


def importer(name: str) -> ModuleType:
    """The module of an importer: its ``read`` function and ``LAYOUT``, what it looks for.

    Args:
        name: A name of :data:`IMPORTERS`; ``-`` stands for ``_``, as is common on command lines.

    Raises:
        InputError: There is none of that name; the message offers the nearest ones.
    """
    module = name.lower().replace("-", "_")
    if module not in IMPORTERS:
        begun = [known for known in IMPORTERS if known.startswith(module)]
        near = begun or difflib.get_close_matches(module, IMPORTERS, n=1, cutoff=0.4)
        raise InputError(
            f"there is no importer '{name}'",
            limit=f"one of {', '.join(IMPORTERS)}",
            remedy=f"Did you mean '{near[0]}'?" if near else None,
        )
    return import_module(f"{__name__}.{module}")


def is_ready(name: str) -> bool:
    """Whether an importer gives triples, which need no curation.

    Raises:
        InputError: There is none of that name.
    """
    return hasattr(importer(name), "triples")


def import_dataset(name: str, source: Path, output: Path, **options: Any) -> Collection | Curation:
    """Read a dataset and write what can be made of it.

    A set that must be curated becomes ``collection.json`` and ``audit.md``, and its photos stay
    where they are. One whose arrays share a pixel grid becomes a folder of triples, ready for
    ``idfd release build``; a run that was stopped goes on there.

    Args:
        name: An importer of :data:`IMPORTERS`.
        source: The dataset's folder, or its file where it is one; nothing in it is changed.
        output: The folder to write to; it is made where missing.
        **options: Options of the importer, such as ``variant`` and ``branch``.

    Returns:
        The collection, whose root is the absolute path of ``source``; or the index of the triples.

    Raises:
        InputError: An unknown importer or option, a missing or empty folder, another layout.
        StorageError: The output cannot be written.
    """
    module = importer(name)
    ready = is_ready(name)
    read: Callable[..., Any] = module.triples if ready else module.read
    known = [option for option in inspect.signature(read).parameters if option != "source"]
    for option in options:
        if option not in known:
            raise InputError(
                f"importer '{name}' has no option '{option}'",
                limit=f"one of {', '.join(known)}" if known else "no options",
            )
    if ready:
        from idfd.release.triple_folder import write_triples

        module.verify(source)
        facts, tasks = read(source.resolve(), **options)
        return write_triples(output, facts, tasks, "import")
    if not source.is_dir():
        raise InputError(
            "is a file, not a folder" if source.exists() else "there is no such folder",
            where=source,
            limit=f"a folder with {module.LAYOUT}",
        )
    collection: Collection = read(source.resolve(), **options)
    write_collection(collection, output)
    return collection


def write_collection(collection: Collection, output: Path) -> None:
    """Write ``collection.json`` and ``audit.md`` into a folder.

    Raises:
        StorageError: The folder or a file cannot be written; files and folders that were not
            there before are removed again.
    """
    from idfd.release.importers.audit import report

    contents = {"audit.md": report(collection).encode(), "collection.json": encode(collection)}
    try:
        new_files = [output / name for name in contents if not (output / name).exists()]
        new_folders = [folder for folder in (output, *output.parents) if not folder.exists()]
    except OSError as error:
        raise storage_error(error, output) from error
    try:
        make_folder(output)
        for name, data in contents.items():
            write_bytes(output / name, data)
    except StorageError:
        # What cannot be removed was never made, or lies on the disk that just failed.
        with suppress(OSError):
            for path in new_files:
                path.unlink(missing_ok=True)
        with suppress(OSError):
            for folder in new_folders:
                folder.rmdir()
        raise
