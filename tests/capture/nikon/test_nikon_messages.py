"""What crosses the pipes between the driver and the camera's process."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idfd.capture.nikon.messages import (
    Close,
    Detect,
    Open,
    Preview,
    Read,
    Release,
    Request,
    Write,
    receive_request,
    send,
)

TEXTS = st.dictionaries(st.text(), st.text())
REQUESTS = st.one_of(
    st.builds(Open, port=st.none() | st.text(), command_s=st.floats(0, 99), originals=TEXTS),
    st.builds(Read, names=st.lists(st.text()).map(tuple)),
    st.builds(Write, values=TEXTS, strict=st.booleans()),
    st.builds(
        Release,
        folder=st.text(),
        stem=st.text(),
        files=st.integers(0, 3),
        release_s=st.floats(0, 99),
        download_s=st.floats(0, 99),
    ),
    st.just(Preview()),
    st.just(Detect()),
    st.builds(Close, restore=st.booleans()),
)


@given(st.lists(REQUESTS, max_size=5))
def test_requests_arrive_as_they_were_sent(requests: list[Request]) -> None:
    pipe = io.BytesIO()
    for request in requests:
        send(pipe, request)
    pipe.seek(0)
    assert [receive_request(pipe) for _ in requests] == requests
    assert receive_request(pipe) is None


def test_settings_are_set_in_the_order_given() -> None:
    """The exposure mode decides what else can be set."""
    pipe = io.BytesIO()
    send(pipe, Write(values={"z": "1", "a": "2", "m": "3"}))
    pipe.seek(0)
    request = receive_request(pipe)
    assert isinstance(request, Write)
    assert list(request.values) == ["z", "a", "m"]


@pytest.mark.parametrize("size", [0, 1, 3])
def test_a_torn_message_is_the_end(size: int) -> None:
    pipe = io.BytesIO()
    send(pipe, Preview())
    assert receive_request(io.BytesIO(pipe.getvalue()[:size])) is None
