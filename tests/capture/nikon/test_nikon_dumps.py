"""Reading 'gphoto2 --list-all-config' dumps."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idfd.capture.nikon.dumps import parse_dump, read_dump
from idfd.errors import InputError

NEW = b"""Camera summary:
Manufacturer: Nikon Corporation
Current: not a widget
/main/status/cameramodel
Label: Camera Model
Readonly: 0
Type: TEXT
Current: Z 6
END
/main/capturesettings/f-number
Label: F-Number
Readonly: 1
Type: RADIO
Current: f/4
Choice: 0 f/4
Choice: 1 f/4.5
END
/main/actions/viewfinder
Readonly: 0
Type: TOGGLE
Current: 0
END
"""

OLD_GERMAN = """Kamerazusammenfassung:
/main/settings/artist
Label: Künstler
Type: TEXT
Current: Jürgen
/main/settings/autofocus
Type: RADIO
Current: Aus
Choice: 0 An
Choice: 1 Aus
/main/capturesettings/f-number
Type: RADIO
Current: f/3,5
Choice: 0 f/3,5
Choice: 1 f/4
/main/capturesettings/f-number
Type: RADIO
Current: f/0
Choice: 0 f/0
"""


def test_current_dumps_say_what_is_read_only() -> None:
    widgets = parse_dump(NEW)
    assert list(widgets) == ["cameramodel", "f-number", "viewfinder"]
    aperture = widgets["f-number"]
    assert (aperture.kind, aperture.value, aperture.read_only) == ("radio", "f/4", True)
    assert aperture.choices == ("f/4", "f/4.5")
    assert widgets["viewfinder"].value == "0"


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_old_localised_dumps_in_any_encoding(encoding: str, newline: str) -> None:
    widgets = parse_dump(OLD_GERMAN.replace("\n", newline).encode(encoding))
    assert widgets["artist"].value == "Jürgen"
    assert widgets["autofocus"].choices == ("On", "Off")
    assert widgets["autofocus"].value == "Off"
    assert widgets["autofocus"].read_only is None
    # The second widget of one name is the movie aperture.
    assert widgets["f-number"].choices == ("f/3,5", "f/4")


def test_what_is_no_dump_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "dump.txt"
    file.write_text("hello")
    with pytest.raises(InputError, match="list-all-config"):
        read_dump(file)
    with pytest.raises(InputError, match="cannot be read"):
        read_dump(tmp_path / "none.txt")


@given(st.binary())
def test_no_bytes_break_the_parser(data: bytes) -> None:
    assert "cameramodel" in parse_dump(NEW + data + b"\n" + NEW)
