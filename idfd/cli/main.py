"""The ``idfd`` command: groups are imported when they are used, errors become one paragraph."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from typing import Any

import click

from idfd.errors import IdfdError
from idfd.version import __version__

# Each module imports nothing but click at its top, so that --help answers at once.
COMMANDS = {
    "capture": "capture",
    "calibrate": "calibrate",
    "process": "process",
    "release": "release",
    "benchmark": "benchmark",
    "doctor": "doctor",
    "demo": "demo",
    "version": "doctor",
}


class LazyGroup(click.Group):
    """A group whose commands live in modules that are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002, D102
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002, D102
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"idfd.cli.{COMMANDS[cmd_name]}")
        command = getattr(module, cmd_name)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Suggest the nearest command for a mistyped one."""
        import difflib

        if args and args[0] not in COMMANDS:
            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f" Did you mean '{near[0]}'?" if near else ""
            ctx.fail(f"No such command '{args[0]}'.{hint}")
        return super().resolve_command(ctx, args)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="idfd")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.pass_context
def cli(ctx: click.Context, debug: bool) -> None:
    """Capture, calibrate, curate, release and benchmark depth-from-defocus triples."""
    ctx.obj = {"debug": debug}


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 the work failed, 2 wrong usage."""
    args = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in args
    try:
        # --debug helps most when it is added at the end of the line that failed.
        result: Any = cli.main(
            [arg for arg in args if arg != "--debug"], prog_name="idfd", standalone_mode=False
        )
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo(
            "Stopped. What was finished is kept; the same command goes on from there.", err=True
        )
        sys.exit(1)
    except IdfdError as error:
        if debug:
            traceback.print_exc()
        click.echo(f"idfd: {error}", err=True)
        sys.exit(1)
    except ImportError as error:
        if debug:
            traceback.print_exc()
        click.echo(f"idfd: {_import_hint(error)}", err=True)
        sys.exit(1)
    except BrokenPipeError:  # the reader of our output, such as head, has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    sys.exit(result if isinstance(result, int) else 0)


def _import_hint(error: ImportError) -> str:
    text = str(error)
    if ".so" in text and (
        "libGL" in text or "libgthread" in text or "libxcb" in text or "cv2" in text
    ):
        return (
            f"OpenCV cannot be loaded ({text}). opencv-python needs system libraries that are "
            "missing here. Install them (Debian: 'apt install libgl1 libglib2.0-0'), or use the "
            "wheel that needs none: 'pip uninstall opencv-python && pip install "
            "opencv-python-headless'."
        )
    return f"a package cannot be imported ({text}). Install it, or install idfd again."
