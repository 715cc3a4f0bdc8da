"""Predict photos from files into files, and go on where an earlier run stopped."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from idfd.benchmark.checkpoint import read_record, software
from idfd.benchmark.models import Prediction
from idfd.benchmark.network.config import Head
from idfd.benchmark.predict.photo import Photo, encode_like, open_photo, suffix_like
from idfd.benchmark.predict.picture import depth_picture
from idfd.benchmark.predict.predictor import Predictor, open_predictor
from idfd.benchmark.predict.tiles import Tiling
from idfd.benchmark.training.device import choose_device, choose_precision
from idfd.errors import IdfdError, InputError, SchemaError, StorageError
from idfd.model.provenance import FileReference, Sha256
from idfd.model.schema import Document, Record, encode, load
from idfd.model.triple import MAX_DEPTH_MM
from idfd.progress import track
from idfd.storage.durable import make_folder, remove_leftovers, storage_error, write_bytes
from idfd.storage.hashing import sha256_bytes, sha256_file
from idfd.storage.images import PHOTO_SUFFIXES, encode_png

FACTS = ".prediction.json"
LARGEST_SCALE = 1.5
"""A photo may be this many times larger or smaller than those of the training without a warning."""
_MADE = (
    ".depth.png",
    ".depth-color.png",
    ".all_in_focus.jpg",
    ".all_in_focus.png",
    ".defocus.png",
)


class Recipe(Record, frozen=True, kw_only=True):
    """All that a prediction depends on beside the photo.

    Attributes:
        network: Name of the network.
        checkpoint: Hash of the whole file.
        heads: What was predicted.
        precision: Numbers that the network computed with.
        tile: Height and width of a tile.
        overlap: Pixels that neighbouring tiles share at least.
        device: ``cpu`` or ``cuda``.
        software: Versions of idfd and torch.
    """

    network: str
    checkpoint: Sha256
    heads: tuple[Head, ...]
    precision: str
    tile: int
    overlap: int
    device: str
    software: dict[str, str]


class Facts(Document, frozen=True, kw_only=True):
    """What was made of a photo, and how; it lies beside the pictures.

    Attributes:
        photo: The photo.
        recipe: How the pictures were made.
        width: Of the photo as it is seen upright; that of the depth map.
        height: Of it.
        outputs: The pictures, by file name.
    """

    SCHEMA: ClassVar[str] = "idfd/photo-prediction"
    VERSION: ClassVar[str] = "1.0.0"

    photo: FileReference
    recipe: Recipe
    width: int
    height: int
    outputs: tuple[FileReference, ...]


@dataclass(frozen=True)
class Outcome:
    """What became of a photo.

    Attributes:
        photo: Its file.
        state: ``made`` now, ``kept`` from an earlier run, or ``failed``.
        outputs: Files in the output folder.
        error: Why it failed.
        warning: Why its depth should be doubted.
    """

    photo: Path
    state: Literal["made", "kept", "failed"]
    outputs: tuple[Path, ...] = ()
    error: str | None = None
    warning: str | None = None


def predict_files(
    photos: Sequence[Path],
    checkpoint: Path,
    output: Path,
    *,
    heads: tuple[Head, ...] | None = None,
    device: str = "auto",
    precision: str = "fp32",
    tiling: Tiling = Tiling(),
    force: bool = False,
) -> list[Outcome]:
    """Predict photos, and write for each what the checkpoint can predict.

    ``NAME.depth.png`` holds depth in millimetres (16-bit, 0 is never written),
    ``NAME.depth-color.png`` the same for people, ``NAME.all_in_focus.jpg`` or ``.png`` the
    deblurred photo, ``NAME.defocus.png`` the diameter of the circle of confusion in hundredths of a
    pixel (16-bit), and ``NAME.prediction.json`` a :class:`Facts` document. A photo whose
    files are all there and were made in the same way is left as it is.

    Args:
        photos: JPEG, PNG, TIFF and raw files, or folders of them.
        checkpoint: Of ``idfd benchmark train``.
        output: Folder to write to.
        heads: What to predict; all that the checkpoint can where None.
        device: As for :func:`open_predictor`.
        precision: As for :func:`open_predictor`.
        tiling: How large photos are cut.
        force: Predict every photo anew.

    Returns:
        One outcome for each photo. A photo that cannot be used fails, and the others go on.

    Raises:
        InputError: There is no photo; two have one name; or the checkpoint, the device or the
            precision cannot be used.
        StorageError: The folder cannot be written to.
    """
    files = find_photos(photos)
    kind = choose_device(device)
    record = read_record(checkpoint)
    trained = record.data.photo_size
    recipe = Recipe(
        network=record.network.name,
        checkpoint=sha256_file(checkpoint),
        heads=heads or record.network.heads,
        precision=choose_precision(precision, kind),
        tile=tiling.side,
        overlap=tiling.overlap,
        device=kind,
        software=software(),
    )
    _prepare(output)

    @cache
    def predictor() -> Predictor:
        # Not opened where everything is there already.
        return open_predictor(
            checkpoint, heads, device=kind, precision=recipe.precision, tiling=tiling
        )

    outcomes = []
    alone = len(files) == 1
    for path in files if alone else track(files, len(files), "predict"):
        facts = None if force else _facts(path, output, recipe)
        if facts is not None:
            names = tuple(output / one.path for one in facts.outputs)
            warning = _doubt(facts.width, facts.height, trained)
            outcomes.append(Outcome(path, "kept", names, warning=warning))
            continue
        network = predictor()
        try:
            photo = open_photo(path)
            made = network.predict(photo.rgb, f"predict {path.name}" if alone else None)
            written = _write(path, photo, made, recipe, output)
            warning = _doubt(photo.rgb.shape[1], photo.rgb.shape[0], trained)
            outcomes.append(Outcome(path, "made", written, warning=warning))
        except StorageError:
            raise
        except IdfdError as error:
            error.where = error.where or str(path)
            outcomes.append(Outcome(path, "failed", error=str(error)))
    return outcomes


def _doubt(width: int, height: int, trained: tuple[int, int] | None) -> str | None:
    """A warning where the photo's scale is far from what the network was trained on."""
    if trained is None or 1 / LARGEST_SCALE <= max(width, height) / max(trained) <= LARGEST_SCALE:
        return None
    return (
        f"{width}x{height} pixels, and the network was trained on photos of "
        f"{trained[0]}x{trained[1]}: blur counts in pixels, so the depth is not to be trusted. "
        "Scale the photo to that size first"
    )


def find_photos(paths: Iterable[Path]) -> list[Path]:
    """Photos among files and in folders, sorted within each folder; no pictures made from them.

    Raises:
        InputError: There is none, or two would be written to the same files.
    """
    files: list[Path] = []
    for path in paths:
        files += sorted(_photos_in(path)) if path.is_dir() else [path]
    if not files:
        raise InputError(
            "there is no photo", limit=f"files with {', '.join(sorted(PHOTO_SUFFIXES))}"
        )
    name, count = Counter(path.stem for path in files).most_common(1)[0]
    if count > 1:
        same = [str(path) for path in files if path.stem == name]
        raise InputError(
            f"{count} photos are named '{name}': {', '.join(same[:2])}",
            limit="one photo of each name",
            remedy="Name the photos that you want, or predict them into different folders",
        )
    return files


def _photos_in(folder: Path) -> Iterable[Path]:
    for path in folder.iterdir():
        if path.suffix.lower() in PHOTO_SUFFIXES and not path.name.endswith(_MADE):
            yield path


def _prepare(folder: Path) -> None:
    """See that a folder can be written to before hours go into what it is to hold."""
    make_folder(folder)
    remove_leftovers(folder)
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise storage_error(error, folder) from None


def _facts(photo: Path, output: Path, recipe: Recipe) -> Facts | None:
    """Facts of an earlier run where all that it wrote is what this one would write."""
    try:
        facts = load(Facts, output / f"{photo.stem}{FACTS}")
        hashes = {photo: facts.photo.sha256}
        hashes |= {output / one.path: one.sha256 for one in facts.outputs}
        same = facts.recipe == recipe and all(
            sha256_file(path) == known for path, known in hashes.items()
        )
    except (InputError, SchemaError):
        return None
    return facts if same else None


def _write(
    path: Path, photo: Photo, made: Prediction, recipe: Recipe, output: Path
) -> tuple[Path, ...]:
    contents: dict[str, bytes] = {}
    if made.depth_m is not None:
        millimetres = np.clip(np.rint(made.depth_m * 1000), 1, MAX_DEPTH_MM).astype(np.uint16)
        contents[".depth.png"] = encode_png(millimetres)
        contents[".depth-color.png"] = encode_png(depth_picture(made.depth_m))
    if made.defocus_px is not None:
        hundredths = np.clip(np.rint(made.defocus_px * 100), 0, 65535).astype(np.uint16)
        contents[".defocus.png"] = encode_png(hundredths)
    if made.all_in_focus is not None:
        contents[f".all_in_focus{suffix_like(photo)}"] = encode_like(photo, made.all_in_focus)
    height, width = photo.rgb.shape[:2]
    facts = Facts(
        photo=_reference(path, photo.data),
        recipe=recipe,
        width=width,
        height=height,
        outputs=tuple(
            _reference(Path(path.stem + suffix), data) for suffix, data in contents.items()
        ),
    )
    for suffix, data in contents.items():
        write_bytes(output / f"{path.stem}{suffix}", data)
    # Last, so that it never speaks of pictures that are not there.
    write_bytes(output / f"{path.stem}{FACTS}", encode(facts))
    return tuple(output / one.path for one in facts.outputs)


def _reference(path: Path, data: bytes) -> FileReference:
    return FileReference(path=path.name, sha256=sha256_bytes(data), bytes=len(data))
