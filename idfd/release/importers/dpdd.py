"""DPDD (Abuolaim and Brown, ECCV 2020): pairs at f/4 and f/22 of a camera with dual pixels.

``{train,val,test}_{c,l,r}/{source,target}/*.png``, 16 bits a channel in sRGB, 1680x1120. ``c`` is
the combined view, which is what a common camera sees, and the one read here; ``l`` and ``r`` are
the two halves of the pixels.

The two photos of a pair are two captures with names of their own (``1P0A0917`` blurred,
``1P0A0916`` sharp). The public readers pair them in sorted order, so one missing file would shift
all that follow. Here they are paired by their capture numbers.

Values of 16 bits become 8 bits by ``round(v / 257)``, as a release holds 8. Scenes are not
published, so each pair is its own group. There is neither depth nor a map of blur.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from idfd.model.camera import CameraSettings
from idfd.release.download import dataset_source
from idfd.release.importers.audit import Audit
from idfd.release.importers.blur_sets import (
    BlurItem,
    blur_tasks,
    lone_frame,
    need_folders,
    none_usable,
    note_folder,
    note_orphans,
    photos_by_stem,
)
from idfd.release.importers.rgbd_sets import published_splits, scenes_of
from idfd.release.triple_folder import SetFacts, TripleTask

LAYOUT = "{train,val,test}_c/{source,target}/*.png"
PUBLISHED = {"train": 350, "val": 74, "test": 76}
CAPTURES_APART = 3
"""Two captures of a pair are numbered 1 or 2 apart; the limit is that of the public readers."""

_CAMERA = "Canon EOS 5D Mark IV"
_WIDE, _SMALL = (CameraSettings(f_number=n, camera=_CAMERA) for n in (4.0, 22.0))
_NUMBER = re.compile(r"^(.*?)(\d+)$")


def verify(source: Path) -> None:
    """Check that the folder holds the dataset.

    Raises:
        InputError: It does not; the error says what is there and how to get the dataset.
    """
    choices = [[f"{split}_c/source", f"{split}_c/target"] for split in PUBLISHED]
    need_folders(source, choices, LAYOUT, dataset_source("dpdd").instructions)


def triples(source: Path) -> tuple[SetFacts, Sequence[TripleTask]]:
    """The pairs, as triples without depth.

    Args:
        source: The folder that holds ``train_c``, ``val_c`` and ``test_c``.

    Raises:
        InputError: No pair, or a file cannot be read.
    """
    audit = Audit(source)
    items: list[BlurItem] = []
    for split, published in PUBLISHED.items():
        wide = photos_by_stem(source / f"{split}_c" / "source")
        small = photos_by_stem(source / f"{split}_c" / "target")
        pairs = pair_captures(list(wide), list(small))
        note_orphans(audit, wide, pairs, "sharp capture next to")
        note_orphans(audit, small, pairs.values(), "blurred capture next to")
        items += [
            BlurItem(
                lone_frame(split, a),
                defocused=wide[a],
                all_in_focus=small[b],
                wide=_WIDE,
                small=_SMALL,
            )
            for a, b in pairs.items()
        ]
        if pairs and len(pairs) != published:
            reason = f"it gives {len(pairs)} pairs; the published split has {published}"
            audit.add("unexpected", [source / f"{split}_c"], reason)
        for view, name in (("l", "left"), ("r", "right")):
            reason = f"the {name} view; the combined view is read"
            note_folder(audit, source / f"{split}_{view}", reason)
    if not items:
        raise none_usable(source, LAYOUT)
    frames = [item.frame for item in items]
    audit.use(path for item in items for path in item.files.values())
    facts = SetFacts(
        name="dpdd",
        title="DPDD, Canon, combined view",
        licence="not stated for the photos; the authors' repository is under MIT",
        citation="A. Abuolaim, M. S. Brown: Defocus Deblurring Using Dual-Pixel Data. ECCV, 2020",
        scenes=scenes_of(frames),
        splits=published_splits(frames, "published splits; scenes are not published"),
        audit=audit.close(f"not part of the layout {LAYOUT}"),
    )
    return facts, blur_tasks("dpdd", source, items)


def pair_captures(
    wide: Sequence[str], small: Sequence[str], limit: int = CAPTURES_APART
) -> dict[str, str]:
    """Pair captures in order: as many pairs as can be, and of these the nearest numbers.

    Sorted order is the same where no file is missing, and a missing file costs its own pair only.

    Args:
        wide: Names such as ``1P0A0917``; the same name on both sides is a pair too.
        small: Names of the other side.
        limit: Largest difference of the numbers of a pair.

    Returns:
        Name in ``small`` by name in ``wide``.
    """
    wide, small = sorted(wide, key=_capture), sorted(small, key=_capture)
    # best[i][j]: pairs among the first i and j names, and their total difference, negated.
    best = [[(0, 0.0)] * (len(small) + 1) for _ in range(len(wide) + 1)]
    for i, a in enumerate(wide):
        for j, b in enumerate(small):
            apart = _apart(a, b)
            skip = max(best[i][j + 1], best[i + 1][j])
            pairs, total = best[i][j]
            best[i + 1][j + 1] = max(skip, (pairs + 1, total - apart)) if apart <= limit else skip
    found: dict[str, str] = {}
    i, j = len(wide), len(small)
    while i and j:
        if best[i][j] == best[i - 1][j]:
            i -= 1
        elif best[i][j] == best[i][j - 1]:
            j -= 1
        else:
            i, j = i - 1, j - 1
            found[wide[i]] = small[j]
    return dict(sorted(found.items()))


def _capture(name: str) -> tuple[str, int]:
    match = _NUMBER.match(name)
    return (match[1], int(match[2])) if match else (name, 0)


def _apart(a: str, b: str) -> float:
    (series, first), (other, second) = _capture(a), _capture(b)
    return abs(first - second) if series == other else float("inf")
