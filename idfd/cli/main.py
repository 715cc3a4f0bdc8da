"""The ``idfd`` command: groups are imported when they are used, errors become one paragraph."""

from __future__ import annotations

import os
import sys
import traceback
from typing import Any

import click

from idfd.cli.lazy import LazyGroup
from idfd.errors import IdfdError
from idfd.version import __version__

# Each module imports nothing but click at its top, so that --help answers at once.
COMMANDS = {
    "capture": "idfd.cli.capture",
    "calibrate": "idfd.cli.calibrate",
    "process": "idfd.cli.process",
    "release": "idfd.cli.release",
    "benchmark": "idfd.cli.benchmark",
    "doctor": "idfd.cli.doctor",
    "demo": "idfd.cli.demo",
    "version": "idfd.cli.doctor",
}


@click.group(
    cls=LazyGroup, modules=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]}
)
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
