"""One evaluation from a release on disk to results and pictures on disk."""

from __future__ import annotations

from pathlib import Path

from idfd.benchmark.evaluate import evaluate
from idfd.benchmark.models import Model, TrainableModel
from idfd.benchmark.protocol import DEFAULT, MaskKind, load_protocol
from idfd.benchmark.results import Results
from idfd.benchmark.thumbnails import Sketcher, pictures_folder
from idfd.errors import ReleaseError
from idfd.model.schema import encode
from idfd.model.triple import DepthKind
from idfd.release.reader import IDFD
from idfd.storage.durable import write_bytes


def choose_split(release: Path, split: str | None) -> str | None:
    """The split to score: the one asked for, else 'test', else all of a release without splits.

    Raises:
        ReleaseError: The release has splits, but none is called 'test' and none was asked for.
    """
    if split is not None:
        return split
    splits = IDFD.splits(release)
    if not splits:
        return None
    if "test" in splits:
        return "test"
    raise ReleaseError(
        "the release has no split 'test'",
        where=release,
        limit=f"one of {', '.join(splits)}",
        remedy="Choose one with --split",
    )


def fit(model: Model, release: Path, depth: DepthKind | None) -> None:
    """Let a model that needs it see the split 'train'; others are left alone.

    Raises:
        ReleaseError: The model needs training, and the release has no split 'train'.
    """
    if not isinstance(model, TrainableModel):
        return
    splits = IDFD.splits(release)
    if "train" not in splits:
        raise ReleaseError(
            f"model '{model.name}' needs a training split and the release has none",
            where=release,
            limit="a split called 'train'",
            remedy="Draw splits for the release, or score a model that is trained already",
        )
    with IDFD(release, split="train", depth=depth) as train:
        model.fit(train)


def run(
    release: Path,
    model: Model,
    *,
    split: str | None = None,
    depth: DepthKind | None = None,
    protocol: str = DEFAULT,
    mask: MaskKind | None = None,
    output: Path | None = None,
    pictures: bool = True,
    progress: bool = True,
) -> Results:
    """Fit where needed, score, and write results and pictures.

    Args:
        release: The release file.
        model: A model, or predictions from files.
        split: Split to score; see :func:`choose_split`.
        depth: Which depth maps are the truth; the release's default where None.
        protocol: Name of a protocol or path of a protocol file.
        mask: Replaces the protocol's mask.
        output: Results file to write; nothing is written where None.
        pictures: Store small pictures of some images beside ``output``.
        progress: Show progress on standard error.

    Raises:
        IdfdError: As for :func:`idfd.benchmark.evaluate.evaluate`, :func:`fit` and
            :func:`choose_split`, or the output cannot be written.
    """
    loaded = load_protocol(protocol)
    chosen = choose_split(release, split)
    fit(model, release, depth)
    with IDFD(release, split=chosen, depth=depth) as dataset:
        sketcher = Sketcher(dataset, model, loaded, mask)
        wanted = pictures and output is not None
        results = evaluate(
            dataset,
            model,
            loaded,
            mask=mask,
            on_image=sketcher.add if wanted else None,
            progress=progress,
        )
        if output is not None:
            write_bytes(output, encode(results))
            if pictures:
                sketcher.store(results, pictures_folder(output))
    return results
