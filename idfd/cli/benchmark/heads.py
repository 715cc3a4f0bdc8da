"""What ``--heads`` may say."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from idfd.benchmark.network.config import Head

BUILT: dict[str, list[Head]] = {
    "depth": ["depth"],
    "aif": ["aif"],
    "both": ["depth", "aif"],
    "defocus": ["defocus", "aif"],
}
"""Heads of a network that is trained. A map of defocus is learned beside the all-in-focus photo."""
KEPT: dict[str, tuple[Head, ...]] = {
    "depth": ("depth",),
    "aif": ("aif",),
    "both": ("depth", "aif"),
    "defocus": ("defocus",),
}
"""Heads of a checkpoint that are used."""
