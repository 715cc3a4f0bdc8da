"""The PTP/IP end of the body: sockets, packets, phases of an operation, and injected faults."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn

from idfd.capture.simulated.nikon.body import Body, Reply
from idfd.capture.simulated.nikon.codes import Operation, Packet, Response
from idfd.capture.simulated.nikon.faults import Delay, FaultQueue, Respond, Stall, Unplug
from idfd.capture.simulated.nikon.ptp import Refusal, Request, pack_packet

HOST = "127.0.0.1"
LOG_LENGTH = 10000
_CHUNK_BYTES = 1 << 20
_VERSION = 0x00010000
_BEFORE_SESSION = (Operation.GET_DEVICE_INFO, Operation.OPEN_SESSION)


class CableOut(Exception):  # noqa: N818
    """The connection is gone."""


class Server:
    """Serves one body to one host at a time.

    Args:
        body: What answers.

    Attributes:
        port: TCP port on the loopback interface.
        faults: What goes wrong.
        log: The last operations: name, parameters, response.
    """

    def __init__(self, body: Body) -> None:
        self.body = body
        self.faults = FaultQueue()
        self.log: deque[tuple[str, tuple[int, ...], str]] = deque(maxlen=LOG_LENGTH)
        self._listener = socket.create_server((HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        self._connections: list[socket.socket] = []
        self._unplugged_until = 0.0

    def start(self) -> None:
        """Accept connections, in threads that end with the process."""
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                # Unplugged: connections are refused until the cable is back.
                time.sleep(max(0.0, self._unplugged_until - time.monotonic()))
                self._listener = socket.create_server((HOST, self.port))
                continue
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            kind, _ = _receive(connection)
            if kind == Packet.INIT_COMMAND_REQUEST:
                self._connections = [connection]
                name = f"{self.body.options.model}\0".encode("utf-16-le")
                body = struct.pack("<I", 1) + bytes(16) + name + struct.pack("<I", _VERSION)
                connection.sendall(pack_packet(Packet.INIT_COMMAND_ACK, body))
                Session(self, connection).run()
            elif kind == Packet.INIT_EVENT_REQUEST:
                # Events are asked for on the other connection; this one only has to stay open.
                self._connections.append(connection)
                connection.sendall(pack_packet(Packet.INIT_EVENT_ACK, b""))
                while True:
                    _receive(connection)
        except (CableOut, OSError):
            connection.close()

    def unplug(self, seconds: float) -> None:
        """Break both connections; for a while nobody can connect."""
        sockets = list(self._connections)
        if seconds > 0:
            self._unplugged_until = time.monotonic() + seconds
            sockets.append(self._listener)
        for item in sockets:
            # Wakes the thread that waits on it, which closing does not; it may be gone already.
            with suppress(OSError):
                item.shutdown(socket.SHUT_RDWR)
            item.close()


class Session:
    """Operations of one host, in order.

    Args:
        server: The faults and the log.
        connection: The command connection.
    """

    def __init__(self, server: Server, connection: socket.socket) -> None:
        self._server = server
        self._connection = connection
        self._is_open = False

    def run(self) -> None:
        """Answer until the connection breaks.

        Raises:
            CableOut: It did.
        """
        while True:
            kind, body = _receive(self._connection)
            if kind == Packet.PING:
                self._connection.sendall(pack_packet(Packet.PONG, b""))
            elif kind == Packet.OPERATION:
                request = Request.unpack(body)
                self._answer(request, self._receive_data() if request.sends_data else b"")

    def _receive_data(self) -> bytes:
        data = b""
        while True:
            kind, body = _receive(self._connection)
            if kind in (Packet.DATA, Packet.END_DATA):
                data += body[4:]
            if kind == Packet.END_DATA:
                return data

    def _answer(self, request: Request, data: bytes) -> None:
        fault = self._server.faults.take(request.operation)
        limit: int | None = None
        if isinstance(fault, Delay):
            time.sleep(fault.seconds)
        elif isinstance(fault, (Stall, Unplug)):
            if fault.after_bytes is None:
                self._log(request, type(fault).__name__.upper())
                self._break(fault)
            limit = fault.after_bytes
        reply, response = Reply(), int(Response.OK)
        if isinstance(fault, Respond):
            response = fault.code
        else:
            try:
                reply = self._perform(request, data)
            except Refusal as refusal:
                response = refusal.response
        self._log(request, _name(Response, response))
        if reply.data is not None:
            self._send_data(request, reply.data, limit)
        if isinstance(fault, (Stall, Unplug)):
            self._break(fault)
        body = struct.pack("<HI", response, request.transaction)
        body += struct.pack(f"<{len(reply.parameters)}I", *reply.parameters)
        self._connection.sendall(pack_packet(Packet.RESPONSE, body))
        reply.delivered()

    def _perform(self, request: Request, data: bytes) -> Reply:
        if not self._is_open and request.operation not in _BEFORE_SESSION:
            raise Refusal(Response.SESSION_NOT_OPEN)
        if request.operation == Operation.OPEN_SESSION:
            if self._is_open:
                raise Refusal(Response.SESSION_ALREADY_OPEN)
            self._is_open = True
        elif request.operation == Operation.CLOSE_SESSION:
            self._is_open = False
        return self._server.body.perform(request, data)

    def _send_data(self, request: Request, parts: Sequence[bytes], limit: int | None) -> None:
        """Send the data in packets; with a limit, only so many bytes of them."""
        total = sum(map(len, parts))
        transaction = struct.pack("<I", request.transaction)
        start = transaction + struct.pack("<Q", total)
        self._connection.sendall(pack_packet(Packet.START_DATA, start))
        left = total if limit is None else min(limit, total)
        for part in parts:
            view = memoryview(part)[:left]
            left -= len(view)
            for begin in range(0, len(view), _CHUNK_BYTES):
                self._send_packet(Packet.DATA, transaction, view[begin : begin + _CHUNK_BYTES])
        if limit is None:
            self._send_packet(Packet.END_DATA, transaction, memoryview(b""))

    def _send_packet(self, kind: Packet, transaction: bytes, data: memoryview) -> None:
        self._connection.sendall(struct.pack("<II", len(data) + 12, kind) + transaction)
        self._connection.sendall(data)

    def _break(self, fault: Stall | Unplug) -> NoReturn:
        """Stop answering.

        Raises:
            CableOut: Always, when the stall is over or at once.
        """
        if isinstance(fault, Stall):
            self._server.faults.stall()
        else:
            self._server.unplug(fault.seconds)
        raise CableOut

    def _log(self, request: Request, response: str) -> None:
        name = _name(Operation, request.operation)
        self._server.log.append((name, request.parameters, response))


def _name(kind: type[Operation] | type[Response], code: int) -> str:
    try:
        return kind(code).name
    except ValueError:
        return f"0x{code:04x}"


def _receive(connection: socket.socket) -> tuple[int, bytes]:
    """Type and body of the next packet.

    Raises:
        CableOut: The connection ended.
    """
    length, kind = struct.unpack("<II", _receive_bytes(connection, 8))
    return kind, _receive_bytes(connection, length - 8)


def _receive_bytes(connection: socket.socket, count: int) -> bytes:
    data = bytearray()
    while len(data) < count:
        piece = connection.recv(count - len(data))
        if not piece:
            raise CableOut
        data += piece
    return bytes(data)
