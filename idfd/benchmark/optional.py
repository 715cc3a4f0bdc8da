"""Packages that only some commands need."""

from __future__ import annotations

from importlib.util import find_spec

from idfd.errors import MissingDependencyError


def require(*packages: str, extra: str = "benchmark") -> None:
    """Check that optional packages are there, before they are imported.

    Args:
        packages: Names to import.
        extra: The extra of idfd that brings them.

    Raises:
        MissingDependencyError: Some are not installed; the message names them.
    """
    missing = [name for name in packages if find_spec(name) is None]
    if missing:
        raise MissingDependencyError(
            f"this needs the packages {', '.join(missing)}",
            remedy=f"Install them with 'pip install idfd[{extra}]'",
        )
