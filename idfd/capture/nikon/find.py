"""Which cameras are there, and which programs hold them."""

from __future__ import annotations

from pathlib import Path

from idfd.capture.nikon.config import NikonConfig

UNMOUNT = (
    "Unmount it ('gio mount --unmount-scheme gphoto2', or Eject in the file manager), close photo "
    "programs, and turn off the desktop's automatic mounting of cameras"
)

# /proc/*/comm holds the first 15 characters.
_HOLDERS = {
    "gvfs-gphoto2-vo": "gvfs-gphoto2-volume-monitor (the desktop)",
    "gvfsd-gphoto2": "gvfsd-gphoto2 (the file manager)",
    "gvfsd-mtp": "gvfsd-mtp (the file manager)",
    "kiod5": "kiod (the KDE file manager)",
    "gphoto2": "gphoto2",
    "darktable": "darktable",
    "digikam": "digiKam",
    "entangle": "Entangle",
    "shotwell": "Shotwell",
    "rapid-photo-dow": "Rapid Photo Downloader",
}


def find_cameras(config: NikonConfig | None = None) -> list[tuple[str, str]]:
    """Model and port of every camera on USB (or the virtual one of ``config``).

    Raises:
        CameraError: ``driver`` (python-gphoto2 is missing), ``timeout``, ``crashed``.
    """
    from idfd.capture.nikon.client import Client
    from idfd.capture.nikon.messages import Detect

    config = config or NikonConfig()
    client = Client(config.virtual_folder)
    try:
        return [(model, port) for model, port in client.ask(Detect(), config.command_s)]
    finally:
        client.stop(restore=False)


def claimed_by(proc: Path = Path("/proc")) -> list[str]:
    """Running programs that are known to hold cameras; with their process numbers."""
    found = []
    for path in sorted(proc.glob("[0-9]*/comm")):
        try:
            name = path.read_text().strip()
        except OSError:
            continue  # It ended meanwhile.
        if name in _HOLDERS:
            found.append(f"{_HOLDERS[name]}, process {path.parent.name}")
    return found
