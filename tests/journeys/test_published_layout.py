"""The maintainer's path for a dataset in its published layout, with known truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from published_set.scenes import write_published_layout

from idfd.cli.main import main
from idfd.model import schema
from idfd.model.triple import TripleRecord
from idfd.processing.photos.transform import map_points


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as caught:
        main([str(argument) for argument in arguments])
    return int(str(caught.value.code))


def test_curation_recovers_the_rendered_geometry(tmp_path: Path) -> None:
    """Every pair's transform is found to 0.3 px."""
    views = write_published_layout(tmp_path / "photos", scenes=9)
    truth = {
        stamp.replace("-", "").replace(":", "").split(".")[0]: view.transform
        for stamp, view in views.items()
    }
    collection, triples = tmp_path / "collection", tmp_path / "triples"
    assert run("release", "import", "dfd-indoor", tmp_path / "photos", "-o", collection) == 0
    assert run("process", collection, "-o", triples) == 0
    corners = np.array([[0, 0], [479, 0], [0, 319], [479, 319]])
    errors = []
    for path in (triples / "triples").glob("*/triple.json"):
        found = schema.load(TripleRecord, path)
        moved = map_points(found.transform, corners)
        difference = moved - map_points(truth[found.id], corners)
        errors.append(np.linalg.norm(difference, axis=1).max())
    assert len(errors) == 9
    assert max(errors) < 0.3
