"""The file that hands a fitted lens from calibration to processing."""

from __future__ import annotations

from typing import ClassVar

from idfd.model.calibration import BlurRow
from idfd.model.defocus import DefocusModel
from idfd.model.provenance import Provenance
from idfd.model.schema import Document


class LensBlur(Document, frozen=True, kw_only=True):
    """How a lens blurs, fitted to photos of scenes.

    Attributes:
        blur: The lens, on the pixels of the whole photo.
        fitted_to: Name of the set of photos.
        triples: The triples that took part.
        rows: Blur of each patch of the fit.
        warnings: What a user should know.
        provenance: Code and settings.
    """

    SCHEMA: ClassVar[str] = "idfd/lens-blur"
    VERSION: ClassVar[str] = "1.0.0"

    blur: DefocusModel
    fitted_to: str
    triples: tuple[str, ...]
    rows: tuple[BlurRow, ...]
    warnings: tuple[str, ...] = ()
    provenance: Provenance
