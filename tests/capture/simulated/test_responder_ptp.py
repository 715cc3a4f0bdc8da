from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idfd.capture.simulated.nikon.codes import Format, Operation, Packet, PropertyCode
from idfd.capture.simulated.nikon.properties import Property, catalogue
from idfd.capture.simulated.nikon.ptp import (
    MAX_STRING,
    DataType,
    DeviceInfo,
    ObjectInfo,
    Request,
    StorageInfo,
    pack_array,
    pack_events,
    pack_packet,
    pack_string,
    pack_value,
    unpack_string,
    unpack_value,
)

RANGES = {
    DataType.INT8: (-(2**7), 2**7 - 1),
    DataType.UINT8: (0, 2**8 - 1),
    DataType.INT16: (-(2**15), 2**15 - 1),
    DataType.UINT16: (0, 2**16 - 1),
    DataType.UINT32: (0, 2**32 - 1),
    DataType.UINT64: (0, 2**64 - 1),
}
TEXT = st.text(st.characters(codec="utf-16", exclude_characters="\0"), max_size=120)


@given(TEXT)
def test_strings_come_back(text: str) -> None:
    data = pack_string(text)

    assert unpack_string(data) == text
    assert len(data) == 1 + 2 * data[0]


def test_a_string_is_counted_with_its_end_mark() -> None:
    assert pack_string("AB") == b"\x03A\0B\0\0\0"
    assert pack_string("") == b"\0"


def test_a_string_that_cannot_be_counted_is_refused() -> None:
    assert unpack_string(pack_string("x" * MAX_STRING)) == "x" * MAX_STRING
    with pytest.raises(ValueError, match="255 characters"):
        pack_string("x" * (MAX_STRING + 1))


@given(st.sampled_from(sorted(RANGES)), st.data())
def test_numbers_come_back(kind: DataType, data: st.DataObject) -> None:
    value = data.draw(st.integers(*RANGES[kind]))

    assert unpack_value(kind, pack_value(kind, value)) == value


@given(st.sampled_from([DataType.UINT16, DataType.UINT32]), st.data())
def test_arrays_are_counted(kind: DataType, data: st.DataObject) -> None:
    values = data.draw(st.lists(st.integers(*RANGES[kind]), max_size=20))

    packed = pack_array(kind, values)

    letter = {DataType.UINT16: "H", DataType.UINT32: "I"}[kind]
    assert list(struct.unpack(f"<I{len(values)}{letter}", packed)) == [len(values), *values]


@given(
    st.integers(0, 2**16 - 1),
    st.integers(0, 2**32 - 1),
    st.lists(st.integers(0, 2**32 - 1), max_size=5),
    st.booleans(),
)
def test_requests_are_read(code: int, transaction: int, values: list[int], sends: bool) -> None:
    body = struct.pack("<IHI", 2 if sends else 1, code, transaction)
    body += struct.pack(f"<{len(values)}I", *values)

    request = Request.unpack(body)

    assert request == Request(code, transaction, tuple(values), sends)
    assert request.parameter(len(values), default=7) == 7


def test_a_packet_counts_its_head() -> None:
    assert pack_packet(Packet.EVENT, b"abc") == struct.pack("<II", 11, 8) + b"abc"


def test_events_are_pairs() -> None:
    assert pack_events([(0x4002, 5)]) == struct.pack("<HHI", 1, 0x4002, 5)


def test_the_name_of_an_object_follows_fifty_two_bytes() -> None:
    info = ObjectInfo(0x10001, Format.JPEG, 1234, 60, 40, 9, "A.JPG", "20260102T030405")

    data = info.pack()

    assert struct.unpack_from("<IHHI", data) == (0x10001, 0x3801, 0, 1234)
    assert struct.unpack_from("<III", data, 26) == (60, 40, 24)
    assert struct.unpack_from("<I", data, 38) == (9,)
    assert unpack_string(data[52:]) == "A.JPG"


def test_the_label_of_a_card_follows_its_sizes() -> None:
    data = StorageInfo("card", capacity=10**12, free=10**11, shots_left=3).pack()

    assert struct.unpack_from("<QQI", data, 6) == (10**12, 10**11, 3)
    assert unpack_string(data[27:]) == "card"


def test_the_device_lists_what_it_can_do() -> None:
    info = DeviceInfo("D750", "V1", "77", [0x1001], [0x4002], [0x5007], [0x3801])

    data = info.pack()

    assert struct.unpack_from("<HIH", data) == (100, 10, 100)
    assert data.endswith(b"".join(map(pack_string, ("D750", "V1", "77"))))


def test_a_descriptor_lists_the_choices() -> None:
    item = Property(PropertyCode.F_NUMBER, DataType.UINT16, 280, (280, 1000))

    data = item.descriptor(writable=True)

    assert data == struct.pack("<HHBHHBHHH", 0x5007, 4, 1, 280, 280, 2, 2, 280, 1000)


def test_a_descriptor_gives_the_range_and_the_lock() -> None:
    item = Property(PropertyCode.BATTERY_LEVEL, DataType.UINT8, 90, limits=(1, 100, 1))

    data = item.descriptor(writable=False)

    assert data == struct.pack("<HHBBBBBBB", 0x5001, 2, 0, 90, 90, 1, 1, 100, 1)


def test_a_descriptor_keeps_the_factory_value() -> None:
    item = Property(PropertyCode.ISO, DataType.UINT16, 100)
    item.value = 400

    assert struct.unpack_from("<HH", item.descriptor(writable=True), 5) == (100, 400)


def test_every_property_has_a_value_that_it_offers() -> None:
    items = catalogue((600, 400), raw=True)

    assert set(items) == set(PropertyCode)
    assert [item.code for item in items.values() if not item.accepts(item.value)] == []


def test_without_raw_no_quality_makes_a_raw_file() -> None:
    item = catalogue((600, 400), raw=False)[PropertyCode.IMAGE_QUALITY]

    assert item.choices == (0, 1, 2)
    assert not item.accepts(7)


def test_operation_numbers_are_distinct() -> None:
    assert len(set(Operation)) == len(Operation.__members__)
