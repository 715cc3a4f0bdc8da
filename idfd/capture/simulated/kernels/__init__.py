"""The inner loops of the ray tracer, compiled by numba.

Importing this package imports numba; it is imported when something is rendered. The compiled code
is kept beside the modules, or in numba's cache folder where those are read-only. The loops avoid
array slices and small arrays, which cost more than the arithmetic.
"""

from __future__ import annotations

from idfd.capture.simulated.kernels.phasor import mix, returned
from idfd.capture.simulated.kernels.sampling import aim
from idfd.capture.simulated.kernels.shading import Beam, gather, shade
from idfd.capture.simulated.kernels.surface import Tables, facing

__all__ = ["Beam", "Tables", "aim", "facing", "gather", "mix", "returned", "shade"]
