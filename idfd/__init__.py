"""idfd: capture, calibrate, curate, release and benchmark depth-from-defocus triples.

A *triple* is an all-in-focus photo, a naturally defocused photo of the same scene
and a depth map. ``from idfd import IDFD`` opens a release; nothing heavy is imported
before it is used.
"""

from typing import TYPE_CHECKING, Any

from idfd.version import __version__

__all__ = ["IDFD", "Triple", "__version__"]

if TYPE_CHECKING:
    from idfd.model.triple import Triple
    from idfd.release.reader import IDFD


def __getattr__(name: str) -> Any:
    # Lazy, because `idfd --help` must not pay for h5py and OpenCV.
    if name == "IDFD":
        from idfd.release.reader import IDFD

        return IDFD
    if name == "Triple":
        from idfd.model.triple import Triple

        return Triple
    raise AttributeError(f"module 'idfd' has no attribute {name!r}")
