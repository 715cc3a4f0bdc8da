from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import cv2
import numpy as np
import pytest
from fake_rig import FakeRig, camera_error, fake_rig

from idfd.capture.cameras import DepthFrame
from idfd.capture.operator.preview import feed as feeds
from idfd.capture.operator.preview.feed import Feed
from idfd.capture.operator.preview.frames import (
    Overlays,
    depth_facts,
    draw,
    draw_depth,
    focus_peaking,
    photo_facts,
    photo_frame,
)
from idfd.errors import InputError, MissingDependencyError

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
from idfd.capture.operator.preview.serve import preview_server


def jpeg(picture: np.ndarray[Any, Any]) -> bytes:
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()


def within(seconds: float, condition: Callable[[], object]) -> bool:
    """Whether a condition comes true within some seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.005)
    return False


def test_peaking_marks_what_is_in_focus() -> None:
    rng = np.random.default_rng(0)
    blocks = np.kron(rng.uniform(0, 255, (40, 60)), np.ones((10, 10))).astype(np.float32)
    blocks[:, 300:] = cv2.GaussianBlur(blocks, (0, 0), 3)[:, 300:]
    picture = np.repeat(blocks.astype(np.uint8)[..., None], 3, axis=2)
    marked = focus_peaking(picture)
    assert marked[:, :290].mean() > 0.05
    assert marked[:, 310:].mean() < 0.02 * marked[:, :290].mean()


def test_peaking_does_not_mark_noise() -> None:
    noise = np.random.default_rng(0).normal(128, 3, (200, 300, 3)).astype(np.uint8)
    assert focus_peaking(noise).mean() < 0.001


def test_overlays_are_drawn_as_asked() -> None:
    picture = np.full((120, 160, 3), 128, np.uint8)
    picture[:, 80:] = 255
    picture[:20] = 0
    frame = photo_frame(jpeg(picture))
    assert draw(frame, Overlays(peaking=False, zebra=False)) is frame.jpeg
    striped = photo_frame(draw(frame, Overlays(peaking=False, zebra=True))).rgb
    assert striped[60:, 100:].min() < 60
    assert striped[60:, 100:].max() > 240
    assert striped[60:, :60].std() < 3
    blue = striped[:16, :60].astype(int)
    assert (blue[..., 2] - blue[..., 0]).max() > 100


def test_facts_of_a_photo() -> None:
    picture = np.full((100, 200, 3), 128, np.uint8)
    picture[:, :50] = 255
    picture[:, 50:60] = 0
    facts = photo_facts(photo_frame(jpeg(picture)))
    assert facts["clipped"] == pytest.approx(0.25, abs=0.02)
    assert facts["dark"] == pytest.approx(0.05, abs=0.02)
    assert facts["size"] == [200, 100]
    assert [len(channel) for channel in facts["histogram"]] == [64] * 3
    assert sum(facts["histogram"][0]) == pytest.approx(1, abs=1e-3)


def test_facts_and_picture_of_depth() -> None:
    depth = np.zeros((60, 80), np.uint16)
    depth[:, 20:60] = 1000
    depth[:, 60:] = 5000
    frame = DepthFrame(depth, np.zeros_like(depth), 1)
    facts = depth_facts(frame, "NFOV_UNBINNED")
    assert facts["valid"] == pytest.approx(0.75)
    assert facts["in_range"] == pytest.approx(2 / 3)
    assert sum(facts["histogram"]) == pytest.approx(1, abs=1e-3)
    picture = photo_frame(draw_depth(frame)).rgb
    assert np.ptp(picture[:, :15].astype(int), axis=2).max() < 12  # grey: nothing there
    assert np.ptp(picture[:, 25:55].astype(int), axis=2).min() > 40


def test_nothing_valid_is_no_error() -> None:
    nothing = np.zeros((60, 80), np.uint16)
    facts = depth_facts(DepthFrame(nothing, nothing, 1), None)
    assert (facts["valid"], facts["in_range"]) == (0, 0)


def test_a_broken_frame_is_an_error_that_says_so() -> None:
    with pytest.raises(InputError, match="live frame"):
        photo_frame(b"\xff\xd8\xff broken")


@contextmanager
def running(feed: Feed[Any]) -> Iterator[Feed[Any]]:
    feed.start()
    try:
        yield feed
    finally:
        feed.stop()


def test_a_feed_numbers_frames_and_is_not_faster_than_asked() -> None:
    with running(Feed(lambda: b"x", lambda: None, fastest_hz=50)) as feed:
        assert within(3, lambda: feed.newest and feed.newest.number > 10)
        assert 0 < feed.frames_per_s <= 52


@pytest.mark.parametrize(
    ("cause", "connections"), [("busy", 0), ("timeout", 1), ("disconnected", 1), ("crashed", 1)]
)
def test_a_feed_outlives_errors(
    cause: str, connections: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "_PAUSE_AFTER_ERROR_S", 0.2)
    failing, connected = threading.Event(), []

    def read() -> bytes:
        if failing.is_set():
            raise camera_error(cause)
        return b"x"

    def connect() -> None:
        connected.append(1)
        failing.clear()

    with running(Feed(read, connect, 200)) as feed:
        assert within(3, lambda: feed.newest)
        failing.set()
        assert within(3, lambda: feed.error)
        assert f"the fake says {cause}" in str(feed.error)
        assert feed.newest is not None  # the last picture stays
        if not connections:
            failing.clear()
        assert within(3, lambda: feed.error is None)
    assert len(connected) == connections


@contextmanager
def serving(rig: FakeRig) -> Iterator[int]:
    with rig, preview_server(rig, 0) as (server, listening):
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        assert within(10, lambda: server.started)
        yield listening.getsockname()[1]
        server.should_exit = True
        thread.join(5)
        assert not thread.is_alive()


def get(port: int, path: str, **headers: str) -> tuple[int, http.client.HTTPMessage, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path, headers=headers)
    response = connection.getresponse()
    return response.status, response.headers, response.read()


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    rig = fake_rig(photo_size=(640, 424))
    rig.photo.settings = rig.photo.settings.__class__(10.0, 0.125, 100, "Daylight", "jpeg")
    with serving(rig) as found:
        yield found


def test_the_page_asks_nobody_else(port: int) -> None:
    status, headers, body = get(port, "/")
    text = body.decode()
    assert status == 200
    assert "http" not in text.replace("http-equiv", "")
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    for name in ("peaking", "zebra", "histogram", "depth", "valid"):
        assert f'id="{name}"' in text


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", ""])
@pytest.mark.parametrize("path", ["/", "/facts.json", "/photo.mjpg", "/depth.mjpg"])
def test_other_hosts_are_refused(host: str, path: str, port: int) -> None:
    assert get(port, path, Host=host)[0] == 400


@pytest.mark.parametrize("host", ["127.0.0.1:1", "localhost:1234"])
def test_loopback_names_are_answered(host: str, port: int) -> None:
    assert get(port, "/facts.json", Host=host)[0] == 200


def test_facts_of_both_cameras(port: int) -> None:
    assert within(5, lambda: json.loads(get(port, "/facts.json")[2])["depth"]["number"])
    facts = json.loads(get(port, "/facts.json")[2])
    assert facts["photo"]["size"] == [640, 424]
    assert facts["photo"]["error"] is None
    assert facts["depth"]["valid"] == pytest.approx(0.94, abs=0.02)
    assert facts["depth"]["range_mm"] == [500, 3860]


def frames_of(port: int, path: str, seconds: float) -> list[bytes]:
    """JPEG pictures that a stream sends in some time."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path)
    response = connection.getresponse()
    assert response.getheader("content-type") == "multipart/x-mixed-replace; boundary=frame"
    end, data = time.monotonic() + seconds, b""
    while time.monotonic() < end:
        data += response.read1()
    connection.close()
    parts = data.split(b"--frame\r\n")
    assert parts[0] == b""
    found = []
    for part in parts[1:-1]:
        head, _, body = part.partition(b"\r\n\r\n")
        assert b"Content-Type: image/jpeg" in head
        length = int(head.rpartition(b": ")[2])
        assert len(body) == length + 2
        found.append(body[:length])
    return found


@pytest.mark.parametrize("path", ["/photo.mjpg?peaking=1&zebra=1", "/depth.mjpg"])
def test_streams_send_ten_pictures_a_second(path: str, port: int) -> None:
    frames = frames_of(port, path, 2)
    assert len(frames) >= 20
    assert photo_frame(frames[-1]).rgb.shape[2] == 3


def test_a_slow_reader_gets_the_newest_frame(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/photo.mjpg")
    connection.getresponse()
    before = json.loads(get(port, "/facts.json")[2])["photo"]["number"]
    time.sleep(1)  # this reader takes nothing; the others go on
    after = json.loads(get(port, "/facts.json")[2])["photo"]["number"]
    connection.close()
    assert after - before > 10


def test_errors_of_a_camera_are_on_the_page() -> None:
    rig = fake_rig()
    rig.faults.fail("depth.preview", camera_error("claimed"), times=10_000)
    with serving(rig) as port:
        assert within(5, lambda: json.loads(get(port, "/facts.json")[2])["depth"]["error"])
        facts = json.loads(get(port, "/facts.json")[2])
    assert "Try it again" in facts["depth"]["error"]
    assert facts["photo"]["error"] is None


def test_a_taken_port_is_named(port: int) -> None:
    rig = fake_rig()
    with rig, pytest.raises(InputError, match=f"port {port}"), preview_server(rig, port):
        pass


def test_without_starlette_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "uvicorn", None)
    rig = fake_rig()
    needed = pytest.raises(MissingDependencyError, match=r"uvicorn.*idfd\[capture\]")
    with rig, needed, preview_server(rig, 0):
        pass


def test_the_rig_is_free_when_the_page_ends() -> None:
    rig = fake_rig()
    with serving(rig):
        assert rig.photo.connected
    assert not rig.photo.connected
