"""The log of a run: JSON lines, and TensorBoard where it is installed."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

LOG = "log.jsonl"


class Log:
    """Appends entries; a run that goes on continues the file after the last step it kept.

    Args:
        folder: Folder of the run.
        step: Step the run goes on from; entries of later steps, which a kill left, are dropped.
    """

    def __init__(self, folder: Path, step: int) -> None:
        self._path = folder / LOG
        kept = [line for line in _whole_lines(self._path) if json.loads(line)["step"] <= step]
        temporary = self._path.with_suffix(".new")
        temporary.write_text("".join(f"{line}\n" for line in kept))
        os.replace(temporary, self._path)
        self._file = self._path.open("a")
        self._board = _tensorboard(folder, step)

    def write(self, kind: str, step: int, values: dict[str, Any]) -> None:
        """Write an entry.

        Args:
            kind: ``train`` or ``validation``.
            step: Steps done.
            values: Numbers by name.
        """
        # JSON has no NaN.
        plain = {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in values.items()
        }
        self._file.write(json.dumps({"kind": kind, "step": step, **plain}) + "\n")
        self._file.flush()
        if self._board is not None:
            for name, value in values.items():
                self._board.add_scalar(f"{kind}/{name}", value, step)

    def close(self) -> None:
        """Close the files."""
        self._file.close()
        if self._board is not None:
            self._board.close()


def read_log(folder: Path) -> list[dict[str, Any]]:
    """Entries of a run's log, oldest first; a line that a kill cut off is left out."""
    return [json.loads(line) for line in _whole_lines(folder / LOG)]


def _whole_lines(path: Path) -> list[str]:
    if not path.exists():
        return []
    lines = path.read_text().split("\n")
    return [line for line in lines[:-1] if line]


def _tensorboard(folder: Path, step: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder / "tensorboard"), purge_step=step + 1)
