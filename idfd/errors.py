"""The one family of errors: what happened, where, the limit that was broken, the remedy."""

from __future__ import annotations

from pathlib import Path


class IdfdError(Exception):
    """An error a user can act on.

    Args:
        what: What happened, with the offending value, as a sentence without a full stop.
        where: The file, array or field it happened at.
        limit: What would have been accepted.
        remedy: What the reader can do now.
    """

    def __init__(
        self,
        what: str,
        *,
        where: str | Path | None = None,
        limit: str | None = None,
        remedy: str | None = None,
    ) -> None:
        super().__init__(what)
        self.what = what
        self.where = None if where is None else str(where)
        self.limit = limit
        self.remedy = remedy

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}." if self.where else f"{self.what}."
        if self.limit:
            text += f" Expected {self.limit}."
        if self.remedy:
            text += f" {self.remedy}" if self.remedy.endswith("?") else f" {self.remedy}."
        return text

    def __reduce__(self) -> tuple[object, ...]:
        # Errors cross process pools, and default pickling drops keyword-only arguments.
        return _rebuild, (type(self), self.what, self.where, self.limit, self.remedy)


def _rebuild(
    kind: type[IdfdError], what: str, where: str | None, limit: str | None, remedy: str | None
) -> IdfdError:
    return kind(what, where=where, limit=limit, remedy=remedy)


class InputError(IdfdError):
    """A file or a value given by the user cannot be used."""


class SchemaError(IdfdError):
    """A document does not follow its schema, or follows one this version cannot read."""


class StorageError(IdfdError):
    """Something could not be written or read back."""


class ReleaseError(IdfdError):
    """A release is damaged or does not hold what was asked of it."""


class MissingDependencyError(IdfdError):
    """An optional package is needed for what was asked."""


class CameraError(IdfdError):
    """A camera did not do what it was asked to.

    ``cause`` is a short code that programs can act on: ``absent``, ``claimed`` (another program
    holds the device), ``permission``, ``busy``, ``out_of_focus``, ``store_full``, ``timeout``,
    ``disconnected``, ``crashed`` (the process that talks to the camera died), ``refused`` (a value
    the body does not offer), ``read_only``, ``mismatch`` (the file is not what was asked for),
    ``stale``, ``end`` (of a recording), ``driver`` (a library is missing) or ``failed``.
    """

    def __init__(
        self,
        what: str,
        *,
        cause: str = "failed",
        where: str | Path | None = None,
        limit: str | None = None,
        remedy: str | None = None,
    ) -> None:
        super().__init__(what, where=where, limit=limit, remedy=remedy)
        self.cause = cause

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild_camera, (self.what, self.cause, self.where, self.limit, self.remedy)


def _rebuild_camera(
    what: str, cause: str, where: str | None, limit: str | None, remedy: str | None
) -> CameraError:
    return CameraError(what, cause=cause, where=where, limit=limit, remedy=remedy)
