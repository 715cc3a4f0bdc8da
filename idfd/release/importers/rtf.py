"""RTF (D'Andrès et al., TIP 2016): 22 photos of a light-field camera with maps of blur.

``test/RTF/image/*`` and ``test/RTF/gt/*.mat`` in the archive of DMENet, there with a folder for
each level of added noise: ``image/{0,1,1.6}``, ``gt/{0,1,1.6}``. A ground truth is a MATLAB file
with the array ``blurMap``.

The map is clipped at 3.275 and divided by it, as the public evaluations do; the release marks it
as normalised. DMENet's evaluation says that 3.275 is the largest standard deviation of the
Gaussian, in pixels, but gets it from ``blurMap`` by a table of its own, so that the unit of
``blurMap`` itself could not be confirmed.

The names of the files could not be confirmed; a photo and a map belong together where their names
without suffix are equal. There is neither a sharp photo nor depth in the archive.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from idfd.errors import InputError
from idfd.model.triple import GivenDefocus
from idfd.release.download import dataset_source
from idfd.release.importers.audit import Audit
from idfd.release.importers.blur_sets import (
    BlurItem,
    blur_tasks,
    identifier,
    need_folders,
    none_usable,
    note_folder,
    note_orphans,
    photos_by_stem,
)
from idfd.release.importers.rgbd_sets import Frame, published_splits, scenes_of
from idfd.release.triple_folder import SetFacts, TripleTask
from idfd.storage.matlab import matlab_array

LAYOUT = "test/RTF/{image,gt}, or inside each of them a folder for each level of noise"
LARGEST_BLUR = 3.275
_HOME = "test/RTF"


def verify(source: Path) -> None:
    """Check that the folder holds the dataset.

    Raises:
        InputError: It does not; the error says what is there and how to get the dataset.
    """
    choices = [[f"{_HOME}/image", f"{_HOME}/gt"]]
    need_folders(source, choices, LAYOUT, dataset_source("rtf").instructions)


def triples(source: Path, noise: str = "0") -> tuple[SetFacts, Sequence[TripleTask]]:
    """The photos with their maps of blur, as triples without depth or sharp photo.

    Args:
        source: The folder that holds ``test``.
        noise: Level of added noise, where the set has a folder for each; 0 is none.

    Raises:
        InputError: No such level, no photo with a map, or a file cannot be read.
    """
    images, truth = source / _HOME / "image", source / _HOME / "gt"
    levels = sorted(path.name for path in images.iterdir() if path.is_dir())
    if levels and noise not in levels:
        raise InputError(
            f"there is no level of noise '{noise}'", where=images, limit=" or ".join(levels)
        )
    audit = Audit(source / _HOME)
    for level in levels:
        if level != noise:
            for folder in (images, truth):
                note_folder(audit, folder / level, f"another level; import it with noise={level}")
    chosen = noise if levels else "."
    photos = photos_by_stem(images / chosen)
    maps = photos_by_stem(truth / chosen, frozenset({".mat"}))
    both = [stem for stem in photos if stem in maps]
    note_orphans(audit, photos, both, "gt")
    note_orphans(audit, maps, both, "image")
    items = [
        BlurItem(
            Frame(id=identifier(stem), group=identifier(stem), split="test"),
            defocused=photos[stem],
            defocus=maps[stem],
        )
        for stem in both
    ]
    if not items:
        raise none_usable(source, LAYOUT)
    frames = [item.frame for item in items]
    audit.use(path for item in items for path in item.files.values())
    facts = SetFacts(
        name="rtf",
        title="RTF" if noise == "0" else f"RTF, noise {noise}",
        licence="not stated; ask the authors",
        citation=(
            "L. D'Andrès, J. Salvador, A. Kochale, S. Süsstrunk: Non-Parametric Blur Map "
            "Regression for Depth of Field Extension. IEEE Transactions on Image Processing, 2016"
        ),
        scenes=scenes_of(frames),
        splits=published_splits(frames, "all are for testing; each photo is its own group"),
        audit=audit.close(f"not part of the layout {LAYOUT}"),
    )
    given = GivenDefocus(
        origin=f"RTF, blurMap clipped at {LARGEST_BLUR} and divided by it", unit="normalised"
    )
    return facts, blur_tasks("rtf", source, items, given, decode_map)


def decode_map(data: bytes, path: Path) -> NDArray[np.float32]:
    """Decode a map of blur to [0, 1], (H, W) float32.

    Raises:
        InputError: Not a MATLAB file, or its ``blurMap`` is no map of numbers.
    """
    blur = matlab_array(data, "blurMap", path)
    if blur.ndim != 2:
        raise InputError(f"blurMap has shape {blur.shape}", where=path, limit="(H, W)")
    if not np.isfinite(blur).all() or blur.min() < 0:
        raise InputError(
            "blurMap holds values that are no blur", where=path, limit="finite, 0 or more"
        )
    return (np.minimum(blur, LARGEST_BLUR) / LARGEST_BLUR).astype(np.float32)
