"""The process of the body: serves it, and obeys commands until its standard input ends."""

from __future__ import annotations

import os
import sys
from typing import Any

import msgspec

from idfd.capture.simulated.nikon.body import Body, BodyOptions
from idfd.capture.simulated.nikon.control import (
    Answer,
    Clear,
    Command,
    Inject,
    Options,
    Place,
    ReadLog,
    Turn,
)
from idfd.capture.simulated.nikon.pattern import PatternPictures
from idfd.capture.simulated.nikon.pictures import Pictures
from idfd.capture.simulated.nikon.ptp import Refusal
from idfd.capture.simulated.nikon.rooms import WorldPictures
from idfd.capture.simulated.nikon.server import Server
from idfd.errors import IdfdError


def main() -> None:
    """Serve a body with the options of the first argument."""
    options = msgspec.json.decode(sys.argv[1], type=Options)
    # Nothing else may write where the parent reads answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    try:
        server = Server(Body(_pictures(options), _body_options(options)))
    except IdfdError as error:
        answers.write(msgspec.json.encode(Answer(error=str(error))) + b"\n")
        return
    server.start()
    answers.write(msgspec.json.encode(Answer(server.port)) + b"\n")
    for line in sys.stdin.buffer:
        try:
            answer = Answer(_obey(server, msgspec.json.decode(line, type=Command)))
        except (IdfdError, Refusal) as error:
            answer = Answer(error=str(error))
        answers.write(msgspec.json.encode(answer) + b"\n")
    # Threads that wait for the host must not keep the process.
    os._exit(0)


def _pictures(options: Options) -> Pictures:
    if options.source == "world":
        return WorldPictures(options.world or {})
    return PatternPictures(options.size, options.seed)


def _body_options(options: Options) -> BodyOptions:
    return BodyOptions(
        model=options.model,
        raw=options.raw,
        real_time=options.real_time,
        card_bytes=options.card_bytes,
    )


def _obey(server: Server, command: Command) -> Any:
    if isinstance(command, Inject):
        server.faults.add(command.operation, command.faults)
    elif isinstance(command, Clear):
        server.faults.clear()
    elif isinstance(command, ReadLog):
        return list(server.log)
    elif isinstance(command, Turn):
        server.body.turn(command.code, command.value, command.choices, command.read_only)
    elif isinstance(command, Place):
        server.body.pictures.place(command.environment, command.scene, command.view)
    return None


if __name__ == "__main__":
    main()
