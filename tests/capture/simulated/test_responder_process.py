from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from idfd.capture.simulated.nikon.faults import Stall
from idfd.capture.simulated.nikon.process import ResponderProcess
from idfd.errors import CameraError, InputError


def is_open(port: str) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", int(port.split(":")[2])), timeout=2):
            return True
    except OSError:
        return False


def test_it_listens_until_it_is_stopped() -> None:
    with ResponderProcess() as body:
        assert body.port.startswith("ptpip:127.0.0.1:")
        assert is_open(body.port)

    assert not is_open(body.port)


def test_it_obeys_and_logs_nothing_unasked() -> None:
    with ResponderProcess() as body:
        body.fault(0x9207, Stall())
        body.fault("get_object", Stall())
        body.place("kitchen", "one", 0)
        body.clear_faults()

        assert body.log() == []


def test_names_that_do_not_exist_are_refused_with_one_that_does() -> None:
    with ResponderProcess() as body:
        with pytest.raises(InputError, match="GET_OBJECT"):
            body.fault("GETOBJECT", Stall())
        with pytest.raises(InputError, match="F_NUMBER"):
            body.set_property("FNUMBER", 280)
        with pytest.raises(InputError, match="PROPERTY_NOT_SUPPORTED"):
            body.set_property(0x5555, 280)


def test_a_dead_process_is_told() -> None:
    with ResponderProcess() as body:
        os.kill(body.pid, signal.SIGKILL)

        with pytest.raises(CameraError) as caught:
            body.log()

        assert caught.value.cause == "crashed"


def test_a_world_that_cannot_be_made_is_told() -> None:
    with pytest.raises(InputError, match="gigantic"):
        ResponderProcess("world", world={"quality": "gigantic"})


def test_it_dies_with_its_parent() -> None:
    script = (
        "import os\n"
        "from idfd.capture.simulated.nikon.process import ResponderProcess\n"
        "print(ResponderProcess().port, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    parent = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, check=False)
    port = parent.stdout.decode().strip()

    deadline = time.monotonic() + 10
    while is_open(port) and time.monotonic() < deadline:
        time.sleep(0.05)

    assert parent.returncode == -9
    assert not is_open(port)
