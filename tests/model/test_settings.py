from __future__ import annotations

from pathlib import Path

import pytest

from idfd.model.schema import Record
from idfd.model.settings import read_settings


class Inner(Record, frozen=True, kw_only=True):
    rate: float = 1.0
    name: str = ""


class Outer(Record, frozen=True, kw_only=True):
    inner: Inner = Inner()


@pytest.mark.parametrize(
    ("text", "rate"), [("2e-4", 2e-4), ("2.0e-4", 2e-4), ("-1E3", -1000.0), ("3", 3.0)]
)
def test_numbers_are_read_as_people_write_them(tmp_path: Path, text: str, rate: float) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(f"inner: {{rate: {text}, name: e5f}}")
    assert read_settings(Outer, file, "show").inner == Inner(rate=rate, name="e5f")
