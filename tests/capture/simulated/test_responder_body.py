from __future__ import annotations

import struct
import time

import pytest

from idfd.capture.simulated.nikon.body import Body, BodyOptions
from idfd.capture.simulated.nikon.codes import Event, Operation, PropertyCode, Response
from idfd.capture.simulated.nikon.faults import Delay, FaultQueue, Respond
from idfd.capture.simulated.nikon.pattern import PatternPictures
from idfd.capture.simulated.nikon.properties import BULB
from idfd.capture.simulated.nikon.ptp import Refusal, Request
from idfd.capture.simulated.nikon.store import CARD
from idfd.errors import InputError

TO_RAM = (0xFFFFFFFF, 1)
TO_CARD = (0xFFFFFFFF, 0)
RAW_AND_JPEG = 7


def make_body(**options: object) -> Body:
    return Body(PatternPictures((120, 80)), BodyOptions(real_time=False, **options))  # type: ignore[arg-type]


def ask(body: Body, operation: int, *parameters: int, data: bytes = b"") -> bytes:
    reply = body.perform(Request(operation, 1, parameters, bool(data)), data)
    reply.delivered()
    return b"".join(reply.data or ())


def refusal(body: Body, operation: int, *parameters: int, data: bytes = b"") -> Response:
    with pytest.raises(Refusal) as caught:
        ask(body, operation, *parameters, data=data)
    return caught.value.response


def shoot(body: Body, target: tuple[int, int]) -> None:
    ask(body, Operation.CAPTURE, *target)
    wait_until_ready(body)


def wait_until_ready(body: Body) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            ask(body, Operation.DEVICE_READY)
        except Refusal as error:
            if error.response != Response.BUSY:
                raise
            time.sleep(0.005)
        else:
            return
    raise AssertionError("the body stays busy")


def events(body: Body) -> list[tuple[int, int]]:
    data = ask(body, Operation.GET_EVENTS)
    (count,) = struct.unpack_from("<H", data)
    return [struct.unpack_from("<HI", data, 2 + 6 * k) for k in range(count)]


def test_a_pair_on_the_card_is_announced_together() -> None:
    body = make_body()
    body.settings.set(PropertyCode.IMAGE_QUALITY, RAW_AND_JPEG)

    shoot(body, TO_CARD)

    codes, handles = zip(*events(body), strict=True)
    assert codes == (Event.OBJECT_ADDED, Event.OBJECT_ADDED, Event.CAPTURE_COMPLETE)
    assert [body.store.get(h).info.name for h in handles[:2]] == ["DSC_0001.NEF", "DSC_0001.JPG"]
    assert events(body) == []


def test_a_pair_in_ram_is_announced_one_after_the_other() -> None:
    body = make_body()
    body.settings.set(PropertyCode.IMAGE_QUALITY, RAW_AND_JPEG)
    shoot(body, TO_RAM)

    ((code, first),) = events(body)
    assert code == Event.OBJECT_ADDED_IN_RAM
    raw = ask(body, Operation.GET_OBJECT, first)
    ((_, second),) = events(body)
    photo = ask(body, Operation.GET_OBJECT, second)
    complete = events(body)

    assert raw.startswith(b"II*\0")
    assert photo.startswith(b"\xff\xd8")
    assert complete == [(Event.CAPTURE_COMPLETE_IN_RAM, 0)]
    assert refusal(body, Operation.GET_OBJECT, first) == Response.INVALID_HANDLE


def test_a_file_left_in_ram_keeps_the_body_busy_until_the_next_session() -> None:
    body = make_body()
    shoot(body, TO_RAM)
    ((_, left),) = events(body)

    assert refusal(body, Operation.CAPTURE, *TO_RAM) == Response.BUSY
    ask(body, Operation.OPEN_SESSION, 1)

    assert refusal(body, Operation.GET_OBJECT, left) == Response.INVALID_HANDLE
    shoot(body, TO_RAM)
    ((code, _),) = events(body)
    assert code == Event.OBJECT_ADDED_IN_RAM


def test_settings_are_busy_while_the_shutter_is_open() -> None:
    body = Body(PatternPictures((120, 80)))
    ask(body, Operation.CAPTURE, *TO_CARD)

    aperture = struct.pack("<H", 280)
    assert refusal(body, Operation.DEVICE_READY) == Response.BUSY
    assert refusal(body, Operation.CAPTURE, *TO_CARD) == Response.BUSY
    busy = refusal(body, Operation.SET_PROPERTY, PropertyCode.F_NUMBER, data=aperture)
    wait_until_ready(body)
    ask(body, Operation.SET_PROPERTY, PropertyCode.F_NUMBER, data=aperture)

    assert busy == Response.BUSY
    assert body.settings.number(PropertyCode.F_NUMBER) == 280


def test_the_exposure_and_the_delay_take_their_time() -> None:
    body = Body(PatternPictures((120, 80)))
    body.settings.set(PropertyCode.EXPOSURE_DELAY, 2)
    start = time.monotonic()

    shoot(body, TO_CARD)

    assert 1.25 <= time.monotonic() - start < 5


def test_a_full_card_refuses_and_a_deleted_file_makes_room() -> None:
    body = make_body(card_bytes=40_000)
    left = body.shots.left
    shoot(body, TO_CARD)
    handle = events(body)[0][1]
    assert body.shots.left < left
    while body.shots.left:
        shoot(body, TO_CARD)

    assert refusal(body, Operation.CAPTURE, *TO_CARD) == Response.STORE_FULL
    ask(body, Operation.DELETE_OBJECT, handle)
    shoot(body, TO_CARD)


def test_a_shot_that_turns_out_too_large_for_the_card_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    body = make_body(card_bytes=30_000)
    body.settings.set(PropertyCode.IMAGE_QUALITY, RAW_AND_JPEG)
    assert body.shots.left == 1
    monkeypatch.setattr(body.pictures, "jpeg", lambda *_: bytes(20_000))

    ask(body, Operation.CAPTURE, *TO_CARD)
    with pytest.raises(Refusal) as caught:
        wait_until_ready(body)

    assert caught.value.response == Response.STORE_FULL
    assert events(body) == []
    assert body.store.free == 30_000


def test_a_picture_that_cannot_be_made_is_a_hardware_error(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    body = make_body()

    def fail(*_: object) -> bytes:
        raise InputError("the rig stands nowhere")

    monkeypatch.setattr(body.pictures, "jpeg", fail)
    ask(body, Operation.CAPTURE, *TO_CARD)
    with pytest.raises(Refusal) as caught:
        wait_until_ready(body)
    monkeypatch.undo()
    shoot(body, TO_CARD)

    assert caught.value.response == Response.HARDWARE_ERROR
    assert "the rig stands nowhere" in caplog.text


def test_bulb_is_refused() -> None:
    body = make_body()
    body.settings.set(PropertyCode.SHUTTER, BULB)

    assert refusal(body, Operation.CAPTURE, *TO_CARD) == Response.INVALID_STATUS


def test_a_turned_dial_is_announced() -> None:
    body = make_body()

    body.turn(PropertyCode.F_NUMBER, value=400, choices=[400, 560], read_only=True)

    assert events(body) == [(Event.PROPERTY_CHANGED, PropertyCode.F_NUMBER)]
    item = body.settings.properties[PropertyCode.F_NUMBER]
    assert (item.value, item.choices, item.writable) == (400, (400, 560), False)


def test_live_frames_need_live_view() -> None:
    body = make_body()
    assert refusal(body, Operation.GET_LIVE_VIEW_IMAGE) == Response.NOT_LIVE_VIEW
    assert refusal(body, Operation.MANUAL_FOCUS, 1, 1) == Response.NOT_LIVE_VIEW

    ask(body, Operation.START_LIVE_VIEW)

    assert ask(body, Operation.GET_LIVE_VIEW_IMAGE)[384:386] == b"\xff\xd8"
    ask(body, Operation.MANUAL_FOCUS, 1, 1)


def test_folders_lie_above_the_files() -> None:
    body = make_body()
    shoot(body, TO_CARD)
    file = events(body)[0][1]

    def listed(parent: int) -> list[int]:
        data = ask(body, Operation.GET_OBJECT_HANDLES, CARD, 0, parent)
        return list(struct.unpack(f"<{len(data) // 4}I", data)[1:])

    (root,) = listed(0xFFFFFFFF)
    (folder,) = listed(root)
    assert listed(folder) == [file]
    assert listed(0) == [root, folder, file]
    assert refusal(body, Operation.DELETE_OBJECT, folder) == Response.ACCESS_DENIED


@pytest.mark.parametrize(
    ("operation", "parameters", "response"),
    [
        (0x9999, (), Response.OPERATION_NOT_SUPPORTED),
        (Operation.GET_OBJECT_INFO, (5,), Response.INVALID_HANDLE),
        (Operation.GET_STORAGE_INFO, (5,), Response.INVALID_STORAGE),
        (Operation.GET_PROPERTY, (0x5555,), Response.PROPERTY_NOT_SUPPORTED),
        (Operation.SET_PROPERTY, (PropertyCode.SHUTTER,), Response.INVALID_PROPERTY_VALUE),
        (Operation.AUTOFOCUS, (), Response.INVALID_STATUS),
    ],
)
def test_what_cannot_be_done_is_refused(
    operation: int, parameters: tuple[int, ...], response: Response
) -> None:
    assert refusal(make_body(), operation, *parameters) == response


def test_faults_wait_for_their_operation_in_order() -> None:
    queue = FaultQueue()
    queue.add(Operation.CAPTURE, [Respond(Response.BUSY, times=2), Delay(1)])

    assert queue.take(Operation.GET_OBJECT) is None
    taken = [queue.take(Operation.CAPTURE) for _ in range(4)]

    assert taken == [Respond(Response.BUSY, times=2)] * 2 + [Delay(1), None]
