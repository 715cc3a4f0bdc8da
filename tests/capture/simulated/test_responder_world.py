"""The simulated body before the simulated rooms."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from responder_host import Host, connected

from idfd.capture.simulated.nikon.process import ResponderProcess
from idfd.errors import InputError
from idfd.storage.color import linear_from_uint8
from idfd.storage.images import read_photo

pytest.importorskip("gphoto2")
pytestmark = pytest.mark.skipif(find_spec("open3d") is None, reason="needs open3d to render")

SETTINGS = (("f/10", "1/4"), ("f/2.8", "1/50"))


@pytest.fixture
def host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Host, ResponderProcess]]:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("VCAMERADIR", raising=False)
    world = {"quality": "tiny", "seed": 3, "cache": str(tmp_path / "cache")}
    with ResponderProcess("world", world=world, real_time=False) as body:
        body.place("kitchen", "one", 0)
        with connected(body.port) as host:
            host.set("capturetarget", "Memory card")
            host.set("imagequality", "JPEG Fine")
            yield host, body


def shoot(host: Host, setting: tuple[str, str], folder: Path) -> NDArray[np.float32]:
    host.set("f-number", setting[0])
    host.set("shutterspeed2", setting[1])
    (path,) = host.capture(files=1)
    return linear_from_uint8(read_photo(host.download(path, folder)))


def test_rooms_are_photographed(host: tuple[Host, ResponderProcess], tmp_path: Path) -> None:
    camera, body = host
    small, large = (shoot(camera, setting, tmp_path) for setting in SETTINGS)
    again = shoot(camera, SETTINGS[1], tmp_path)
    body.place("kitchen", "one", 1)
    elsewhere = shoot(camera, SETTINGS[1], tmp_path)

    assert small.shape == (400, 600, 3)
    # The corners are darker at f/2.8, and neither clipping nor noise may count.
    centre = (slice(150, 250), slice(200, 400))
    unclipped = np.maximum(small, large)[centre].max(axis=2) < 0.9
    ratio = large[centre][unclipped].mean() / small[centre][unclipped].mean()
    assert abs(np.log2(ratio)) < 0.05
    noise = np.abs(again - large).mean()
    assert 0 < noise < 0.02
    assert np.abs(elsewhere - large).mean() > 3 * noise


def test_a_camera_that_stands_nowhere_says_so(tmp_path: Path) -> None:
    world = {"quality": "tiny", "cache": str(tmp_path)}
    with ResponderProcess("world", world=world) as body, pytest.raises(InputError, match="attic"):
        body.place("attic", "one", 0)
