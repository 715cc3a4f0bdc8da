"""Classical methods and small networks that every model should beat.

Each module is one family. Those here need nothing but numpy; the others are imported by name.
"""

from idfd.benchmark.baselines.trivial import Identity, MedianDefocus, MedianDepth

__all__ = ["Identity", "MedianDefocus", "MedianDepth"]
