"""Fixtures that every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# Tests run side by side, one on each core; threads of torch that wait for each other there take
# minutes for what one does in seconds. It is read when torch is loaded, and by what tests start.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real photographs; tests that use it are skipped where it is missing."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("IDFD_DATA", default))
    if not folder.is_dir():
        pytest.skip(f"no real photographs at {folder}; set IDFD_DATA to the folder that holds them")
    return folder
