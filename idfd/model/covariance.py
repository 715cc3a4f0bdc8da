"""Joint uncertainty of named parameters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from idfd.model.schema import Record


class Covariance(Record, frozen=True, kw_only=True):
    """Covariance of parameters that were estimated together.

    Attributes:
        names: Parameters, such as ``photo.fx``, in the order of the matrix.
        matrix: Symmetric and positive semi-definite, in the square of each parameter's unit.
    """

    names: tuple[str, ...]
    matrix: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        size = len(self.names)
        if len(set(self.names)) != size:
            raise ValueError("names repeat")
        if len(self.matrix) != size or any(len(row) != size for row in self.matrix):
            raise ValueError(f"the matrix must have {size} rows and columns, as there are names")
        matrix = np.array(self.matrix, np.float64).reshape(size, size)
        if not np.isfinite(matrix).all() or not np.allclose(matrix, matrix.T, rtol=1e-6):
            raise ValueError("the matrix is not finite and symmetric")

    @classmethod
    def of(cls, names: Sequence[str], matrix: NDArray[np.float64]) -> Covariance:
        """From an array, which is made symmetric."""
        rows = (matrix + matrix.T) / 2
        return cls(names=tuple(names), matrix=tuple(tuple(row) for row in rows.tolist()))

    def block(self, names: Sequence[str]) -> NDArray[np.float64]:
        """Covariance of some parameters, (N, N); parameters without an entry are exact (0)."""
        places = [self.names.index(name) if name in self.names else -1 for name in names]
        padded = np.pad(np.array(self.matrix, np.float64), (0, 1))
        return padded[np.ix_(places, places)]

    def deviation(self, name: str) -> float:
        """Standard deviation of a parameter; 0 for one without an entry."""
        return float(np.sqrt(self.block([name])[0, 0]))
