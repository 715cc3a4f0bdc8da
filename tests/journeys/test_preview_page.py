"""The live page in a real browser, with the rendered rig."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="no Chromium (Debian: apt install chromium)"),
]


@pytest.fixture
def page() -> Iterator[str]:
    pytest.importorskip("gphoto2")
    pytest.importorskip("open3d")
    pytest.importorskip("starlette")
    idfd = Path(sys.executable).with_name("idfd")
    process = subprocess.Popen(
        [idfd, "capture", "preview", "--rig", "simulated", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    found = re.search(r"http://127\.0\.0\.1:\d+/", process.stdout.readline())
    assert found
    yield found[0]
    process.terminate()
    process.communicate(timeout=20)


def facts(page: str) -> dict[str, dict[str, object]]:
    with urllib.request.urlopen(f"{page}facts.json", timeout=5) as answer:
        found: dict[str, dict[str, object]] = json.load(answer)
    return found


def test_the_page_shows_both_cameras(page: str, tmp_path: Path) -> None:
    end = time.monotonic() + 60
    while not (facts(page)["photo"].get("number") and facts(page)["depth"].get("number")):
        assert time.monotonic() < end, facts(page)
        time.sleep(0.2)
    assert BROWSER is not None
    picture = tmp_path / "page.png"
    flags = (
        "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync "
        "--disable-background-networking --disable-component-update --window-size=1300,950 "
        "--timeout=5000"
    )
    subprocess.run(
        [BROWSER, *flags.split(), f"--user-data-dir={tmp_path / 'profile'}",
         f"--screenshot={picture}", page],
        check=True, timeout=90, capture_output=True,
    )  # fmt: skip
    shown = cv2.imread(str(picture))
    assert shown is not None
    photo, depth = shown[100:560, 20:740], shown[100:500, 800:1260]
    for part in (photo, depth):
        assert part.std() > 20, "nothing is shown"
    blue, _, red = (photo[..., k].astype(int) for k in range(3))
    assert np.mean((red > 200) & (blue < 90)) > 0.002, "no focus peaking"
