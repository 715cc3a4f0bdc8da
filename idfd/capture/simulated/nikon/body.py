"""The body: it answers the operations of the protocol."""

from __future__ import annotations

import struct
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from idfd.capture.simulated.nikon.codes import (
    Event,
    Format,
    Operation,
    PropertyCode,
    Response,
)
from idfd.capture.simulated.nikon.pictures import Pictures
from idfd.capture.simulated.nikon.properties import Property
from idfd.capture.simulated.nikon.ptp import (
    DataType,
    DeviceInfo,
    Refusal,
    Request,
    pack_array,
    pack_events,
    unpack_value,
)
from idfd.capture.simulated.nikon.settings import Settings
from idfd.capture.simulated.nikon.shots import Shots
from idfd.capture.simulated.nikon.store import CARD, Store

LIVE_PERIOD_S = 1 / 30
_LIVE_HEAD_BYTES = 384
_MANUAL_FOCUS = 1


@dataclass(frozen=True)
class Reply:
    """Data and parameters of a response; the data are the parts in a row.

    ``delivered`` is called when the host has everything.
    """

    data: Sequence[bytes] | None = None
    parameters: tuple[int, ...] = ()
    delivered: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class BodyOptions:
    """What the body is.

    Attributes:
        model: As in the description of the device.
        serial: Serial number.
        raw: It offers NEF files.
        real_time: Exposures and delays take their time.
        card_bytes: Capacity of the card, which lives in memory.
    """

    model: str = "D750"
    serial: str = "6012345"
    raw: bool = True
    real_time: bool = True
    card_bytes: int = 4 << 30


class Body:
    """A Nikon that is made of software.

    Args:
        pictures: What it sees.
        options: What it is.
    """

    def __init__(self, pictures: Pictures, options: BodyOptions = BodyOptions()) -> None:
        self.pictures = pictures
        self.options = options
        self.settings = Settings(pictures, options.raw)
        self.store = Store(options.card_bytes, f"100N{options.model[:4]}")
        self.shots = Shots(
            pictures, self.settings, self.store, (options.model, options.serial), options.real_time
        )
        self._lock = threading.RLock()
        self._next_live = 0.0
        self._handlers: dict[int, Callable[[Request, bytes], Reply]] = {
            Operation.GET_DEVICE_INFO: self._device_info,
            Operation.OPEN_SESSION: self._open_session,
            Operation.CLOSE_SESSION: lambda *_: Reply(),
            Operation.GET_STORAGE_IDS: lambda *_: Reply([pack_array(DataType.UINT32, [CARD])]),
            Operation.GET_STORAGE_INFO: self._storage_info,
            Operation.GET_NUM_OBJECTS: self._count_objects,
            Operation.GET_OBJECT_HANDLES: self._object_handles,
            Operation.GET_OBJECT_INFO: self._object_info,
            Operation.GET_OBJECT: self._object,
            Operation.GET_THUMB: self._thumbnail,
            Operation.DELETE_OBJECT: self._delete,
            Operation.DELETE_RAM_IMAGE: self._delete,
            Operation.GET_PROPERTY_DESCRIPTOR: self._descriptor,
            Operation.GET_PROPERTY: self._get,
            Operation.SET_PROPERTY: self._set,
            Operation.CHANGE_CAMERA_MODE: self._change_mode,
            Operation.AUTOFOCUS: self._autofocus,
            Operation.MANUAL_FOCUS: self._manual_focus,
            Operation.INITIATE_CAPTURE: lambda *_: self._release(to_ram=False),
            Operation.CAPTURE_TO_RAM: lambda *_: self._release(to_ram=True),
            Operation.AUTOFOCUS_AND_CAPTURE_TO_RAM: lambda *_: self._release(to_ram=True),
            Operation.CAPTURE: lambda r, _: self._release(to_ram=r.parameter(1) == 1),
            Operation.GET_EVENTS: lambda *_: Reply([pack_events(self.shots.events())]),
            Operation.DEVICE_READY: self._ready,
            Operation.START_LIVE_VIEW: lambda *_: self._switch_live_view(1),
            Operation.END_LIVE_VIEW: lambda *_: self._switch_live_view(0),
            Operation.GET_LIVE_VIEW_IMAGE: self._live_frame,
        }

    def perform(self, request: Request, data: bytes) -> Reply:
        """Do what the host asks for.

        Raises:
            Refusal: The body does not do it, with the response.
        """
        handler = self._handlers.get(request.operation)
        if handler is None:
            raise Refusal(Response.OPERATION_NOT_SUPPORTED)
        with self._lock:
            return handler(request, data)

    def turn(
        self,
        code: int,
        value: int | str | None = None,
        choices: Sequence[int | str] | None = None,
        read_only: bool | None = None,
    ) -> None:
        """Change a property at the body itself, as an operator does; the host is told.

        Raises:
            Refusal: There is no such property.
        """
        with self._lock:
            item = self.settings.get(code)
            if choices is not None:
                item.choices = tuple(choices)
            if read_only is not None:
                item.writable = not read_only
            if value is not None:
                self.settings.assign(item, value)
        self.shots.announce(Event.PROPERTY_CHANGED, code)

    def _device_info(self, *_: object) -> Reply:
        info = DeviceInfo(
            model=self.options.model,
            version="V1.00",
            serial=self.options.serial,
            operations=list(self._handlers),
            events=list(Event),
            properties=list(self.settings.properties),
            formats=list(Format),
        )
        return Reply([info.pack()])

    def _open_session(self, *_: object) -> Reply:
        # The host before may have gone without a word.
        self.settings.host_controls = False
        self.shots.forget()
        return self._switch_live_view(0)

    def _storage_info(self, request: Request, _: bytes) -> Reply:
        if request.parameter(0) != CARD:
            raise Refusal(Response.INVALID_STORAGE)
        return Reply([self.store.describe(self.shots.left).pack()])

    def _count_objects(self, request: Request, _: bytes) -> Reply:
        return Reply(parameters=(len(self._listed(request)),))

    def _object_handles(self, request: Request, _: bytes) -> Reply:
        return Reply([pack_array(DataType.UINT32, self._listed(request))])

    def _listed(self, request: Request) -> list[int]:
        return self.store.handles(kind=request.parameter(1), parent=request.parameter(2))

    def _object_info(self, request: Request, _: bytes) -> Reply:
        return Reply([self.store.get(request.parameter(0)).info.pack()])

    def _object(self, request: Request, _: bytes) -> Reply:
        handle = request.parameter(0)
        item = self.store.get(handle)
        if item.info.storage == CARD:
            return Reply(item.parts)
        return Reply(item.parts, delivered=lambda: self._fetched_from_ram(handle))

    def _thumbnail(self, request: Request, _: bytes) -> Reply:
        self.store.get(request.parameter(0))
        raise Refusal(Response.NO_THUMBNAIL)

    def _delete(self, request: Request, _: bytes) -> Reply:
        handle = request.parameter(0)
        if self.store.get(handle).info.storage == CARD:
            self.store.delete(handle)
        else:
            self._fetched_from_ram(handle)
        return Reply()

    def _fetched_from_ram(self, handle: int) -> None:
        # A file leaves the RAM with its transfer, so that deleting it afterwards fails.
        with self._lock:
            self.store.delete(handle)
            self.shots.show_next_in_ram()

    def _descriptor(self, request: Request, _: bytes) -> Reply:
        item = self._property(request)
        return Reply([item.descriptor(self.settings.is_writable(item))])

    def _get(self, request: Request, _: bytes) -> Reply:
        return Reply([self._property(request).pack()])

    def _property(self, request: Request) -> Property:
        item = self.settings.get(request.parameter(0))
        if item.code == PropertyCode.SHOTS_LEFT:
            item.value = self.shots.left
        return item

    def _set(self, request: Request, data: bytes) -> Reply:
        item = self._property(request)
        if self.shots.busy:
            raise Refusal(Response.BUSY)
        try:
            value = unpack_value(item.kind, data)
        except struct.error:
            raise Refusal(Response.INVALID_PROPERTY_VALUE) from None
        self.settings.set(item.code, value)
        return Reply()

    def _change_mode(self, request: Request, _: bytes) -> Reply:
        self.settings.host_controls = request.parameter(0) == 1
        return Reply()

    def _autofocus(self, *_: object) -> Reply:
        if self.settings.number(PropertyCode.FOCUS_MODE) == _MANUAL_FOCUS:
            raise Refusal(Response.INVALID_STATUS)
        return Reply()

    def _manual_focus(self, *_: object) -> Reply:
        if not self._is_live:
            raise Refusal(Response.NOT_LIVE_VIEW)
        return Reply()

    def _release(self, to_ram: bool) -> Reply:
        self.shots.release(to_ram)
        return Reply()

    def _ready(self, *_: object) -> Reply:
        self.shots.ready()
        return Reply()

    @property
    def _is_live(self) -> bool:
        return self.settings.number(PropertyCode.LIVE_VIEW) == 1

    def _switch_live_view(self, state: int) -> Reply:
        self.settings.properties[PropertyCode.LIVE_VIEW].value = state
        return Reply()

    def _live_frame(self, *_: object) -> Reply:
        if not self._is_live:
            raise Refusal(Response.NOT_LIVE_VIEW)
        time.sleep(max(0.0, self._next_live - time.monotonic()))
        self._next_live = time.monotonic() + LIVE_PERIOD_S
        return Reply([bytes(_LIVE_HEAD_BYTES), self.pictures.live(self.settings.exposure())])
