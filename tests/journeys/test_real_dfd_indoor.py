"""The maintainer's path on real photographs: import, curate, build, verify."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from idfd.model import schema
from idfd.model.capture import Collection
from idfd.model.triple import TripleRecord
from idfd.processing.photos.transform import map_points
from idfd.processing.pipeline.run import process
from idfd.processing.pipeline.sources import collection_source
from idfd.release.build import build_release
from idfd.release.importers import import_dataset
from idfd.release.reader import IDFD
from idfd.release.verify import verify_release
from idfd.storage.images import read_photo

pytestmark = [pytest.mark.real, pytest.mark.slow]


def phase_correlation_shifts(first: np.ndarray, second: np.ndarray) -> list[float]:
    """Independent of the toolkit: OpenCV's phase correlation on patches of 128 pixels."""
    grey = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float64) for image in (first, second)]
    window = cv2.createHanningWindow((128, 128), cv2.CV_64F)
    shifts = []
    for y in range(0, grey[0].shape[0] - 127, 64):
        for x in range(0, grey[0].shape[1] - 127, 64):
            patches = [image[y : y + 128, x : x + 128] for image in grey]
            if min(float(patch.std()) for patch in patches) < 8:
                continue
            (dx, dy), response = cv2.phaseCorrelate(
                patches[0] - patches[0].mean(), patches[1] - patches[1].mean(), window
            )
            if response > 0.3:
                shifts.append(float(np.hypot(dx, dy)))
    return shifts


def test_dfd_indoor_from_photographs_to_a_verified_release(real_data: Path, tmp_path: Path) -> None:
    collection = import_dataset("dfd_indoor", real_data / "pairs/dfd_indoor", tmp_path / "col")
    assert isinstance(collection, Collection)
    assert collection.splits is not None
    assert [(s.name, len(s.takes)) for s in collection.splits.splits] == [
        ("train", 81),
        ("test", 28),
    ]
    assert sorted(entry.kind for entry in collection.audit) == ["orphan", "orphan"]
    curation = process(collection_source(collection), tmp_path / "triples").curation
    assert curation is not None
    assert not curation.failed
    assert len(curation.triples) == 109
    records = (tmp_path / "triples/triples").glob("*/triple.json")
    fits = [schema.load(TripleRecord, path) for path in records]
    before = np.mean([fit.measures["psnr_before"] for fit in fits])
    after = np.mean([fit.measures["psnr_after"] for fit in fits])
    assert before == pytest.approx(25.92, abs=0.01)
    assert after >= 31.5
    shifts = []
    for folder in (tmp_path / "triples/triples").iterdir():
        photos = [read_photo(folder / f"{name}.png") for name in ("all_in_focus", "defocused")]
        shifts += phase_correlation_shifts(photos[0], photos[1])
    assert len(shifts) > 2000
    assert np.median(shifts) <= 0.25
    # Nothing is warped locally: the map of every pair is its global model and nothing else.
    for fit in fits:
        moved = map_points(fit.transform, np.array([[0, 0], [644, 0], [0, 431], [644, 431]]))
        assert np.abs(moved - [[0, 0], [644, 0], [0, 431], [644, 431]]).max() < 20
    release = tmp_path / "dfd-indoor.h5"
    build_release(tmp_path / "triples", release, version="1.0.0")
    report = verify_release(release)
    assert report.ok
    # The published split cuts one inferred view group; the audit must say so.
    assert {finding.check for finding in report.findings} <= {"scene leaks", "near duplicates"}
    assert any(finding.check == "scene leaks" for finding in report.findings)
    with IDFD(release, split="test") as test:
        assert len(test) == 28
        assert test.depth_kind == "inpainted"
        assert test[0].all_in_focus.shape[:2] == curation.size[::-1] if curation.size else False
