"""Where images of a board lie: a capture session, or a folder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from idfd.calibration.views import CameraName
from idfd.errors import InputError, SchemaError
from idfd.model import schema
from idfd.model.camera import CameraSettings
from idfd.model.session import REJECTED, SCENES, SESSION, TAKE, FileKind, FileRole, TakeRecord
from idfd.storage.images import PHOTO_SUFFIXES
from idfd.storage.raw import RAW_SUFFIXES

BURST_SUFFIXES = frozenset({".h5", ".hdf5"})
_ROLES: Mapping[CameraName, tuple[FileRole, FileKind]] = {
    "photo": ("all_in_focus", "jpeg"),
    "defocused": ("defocused", "jpeg"),
    "depth": ("depth", "burst"),
}


@dataclass(frozen=True)
class ImageSource:
    """A file that should show the board.

    Attributes:
        view: Name of the stand of the board; cameras that saw the same one share it.
        camera: Which camera took it; None for a view that is left out as a whole.
        path: A photo, an infrared image, or a burst of the depth camera.
        name: The path as reports show it, relative to the session or folder.
        sha256: What the file must hash to, where a session knows.
        settings: What the photo was taken with, where a session knows.
        problem: Why it is not to be used.
    """

    view: str
    camera: CameraName | None
    path: Path
    name: str
    sha256: str | None = None
    settings: CameraSettings | None = None
    problem: str | None = None


def find_images(
    source: Path, patterns: Mapping[CameraName, str] | None = None
) -> tuple[ImageSource, ...]:
    """The images of a session, or of a folder.

    Of a session all takes are used but those that the operator rejected: checks of takes judge
    scenes, and a take that failed them may show a board perfectly well. In a folder the images of
    cameras are paired by what is left of their names without what all names of one camera begin and
    end with: ``left01.jpg`` and ``right01.jpg`` are both of view ``01``. Where each camera has one
    image, they are of one view.

    Args:
        source: A session's folder, or a folder of images.
        patterns: For a folder: files of each camera, as globs relative to it, such as
            ``{"photo": "f10/*.jpg", "depth": "ir/*.png"}``; by default all images are photos.

    Returns:
        Sources by view and camera; those with a ``problem`` are only there to be named.

    Raises:
        InputError: There is no such folder, or no image for one of the cameras; two images of one
            camera have the name of one view.
    """
    if not source.is_dir():
        raise InputError(
            "there is no such folder",
            where=source,
            limit="a capture session, or a folder of images of a board",
        )
    if patterns is None and (source / SESSION).exists():
        found = list(_of_session(source))
    else:
        found = list(_of_folder(source, patterns or {"photo": "*"}))
    return tuple(sorted(found, key=lambda item: (item.view, item.camera or "")))


def _of_session(session: Path) -> Iterator[ImageSource]:
    takes = sorted(
        folder
        for folder in (session / SCENES).glob("*/*")
        if folder.is_dir() and folder.name != REJECTED and not folder.name.startswith(".")
    )
    for folder in takes:
        name = folder.relative_to(session).as_posix()
        try:
            take = schema.load(TakeRecord, folder / TAKE)
        except (InputError, SchemaError) as error:
            yield ImageSource(folder.name, None, folder, name, problem=str(error))
            continue
        for camera, (role, kind) in _ROLES.items():
            item = take.file(role, kind)
            if item is None:
                problem = f"the take has no {kind} file of it"
                yield ImageSource(take.id, camera, folder, name, problem=problem)
                continue
            path = folder / item.file.path
            yield ImageSource(
                take.id,
                camera,
                path,
                path.relative_to(session).as_posix(),
                item.file.sha256,
                {"photo": take.all_in_focus, "defocused": take.defocused}.get(camera),
            )
    for folder in sorted((session / SCENES).glob(f"*/{REJECTED}/*")):
        name = folder.relative_to(session).as_posix()
        yield ImageSource(folder.name, None, folder, name, problem="rejected by the operator")


def _of_folder(folder: Path, patterns: Mapping[CameraName, str]) -> Iterator[ImageSource]:
    found = {camera: _matching(folder, camera, pattern) for camera, pattern in patterns.items()}
    # One image of each camera has no name in common with another of its own.
    single = len(found) > 1 and all(len(paths) == 1 for paths in found.values())
    for camera, paths in found.items():
        names = ["1"] if single else view_names(path.stem for path in paths)
        views: dict[str, Path] = {}
        for path, view in zip(paths, names, strict=True):
            if view in views:
                raise InputError(
                    f"{path.name} and {views[view].name} of the camera '{camera}' are both "
                    f"view '{view}'",
                    where=folder,
                    remedy="Narrow the pattern or rename one of them",
                )
            views[view] = path
            yield ImageSource(view, camera, path, path.relative_to(folder).as_posix())


def _matching(folder: Path, camera: CameraName, pattern: str) -> list[Path]:
    # The JPEG beside a raw file is the same view.
    developed = PHOTO_SUFFIXES - RAW_SUFFIXES
    suffixes = developed | BURST_SUFFIXES if camera == "depth" else developed
    paths = [
        path
        for path in sorted(folder.glob(pattern))
        if path.suffix.lower() in suffixes and path.is_file() and not path.name.startswith(".")
    ]
    if not paths:
        raise InputError(
            f"no file fits '{pattern}' for the camera '{camera}'",
            where=folder,
            limit=f"{', '.join(sorted(suffixes))} files",
            remedy="Give a pattern relative to the folder, such as 'left*.jpg'",
        )
    return paths


def view_names(stems: Iterable[str]) -> list[str]:
    """Names without what all of them begin and end with; words and numbers are not cut into.

    >>> view_names(["left01", "left02"])
    ['01', '02']
    """
    names = list(stems)
    if len(set(names)) < 2:
        return names
    start = _shared(names)
    rest = [name[start:] for name in names]
    end = _shared([name[::-1] for name in rest])
    short = [name[: len(name) - end] for name in rest]
    # A name that is a part of the others, such as 'board' beside 'board2', stays whole.
    return short if all(short) else names


def _shared(names: list[str]) -> int:
    """How many characters all names begin with, up to the end of a word or number."""
    first, last = min(names), max(names)
    same = [a == b for a, b in zip(first, last, strict=False)]
    length = (*same, False).index(False)
    while length and any(_inside_a_run(name, length) for name in names):
        length -= 1
    return length


def _inside_a_run(name: str, place: int) -> bool:
    around = name[place - 1 : place + 1]
    return len(around) == 2 and (around.isdecimal() or around.isalpha())
