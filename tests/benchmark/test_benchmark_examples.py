from __future__ import annotations

import doctest
from types import ModuleType

import pytest

from idfd.benchmark import bootstrap, charts
from idfd.benchmark.metrics import depth, restoration
from idfd.benchmark.onnx import contract
from idfd.processing import pictures


@pytest.mark.parametrize("module", [bootstrap, charts, contract, depth, pictures, restoration])
def test_the_examples_in_the_docstrings_hold(module: ModuleType) -> None:
    found = doctest.testmod(module)
    assert found.attempted > 0
    assert found.failed == 0
