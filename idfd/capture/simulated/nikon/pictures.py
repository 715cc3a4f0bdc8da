"""What the body sees, whatever that is.

Pictures come encoded, so that a source may encode one once and hand it out for many shots.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from idfd.capture.simulated.nikon.files import Sensor

MIDDLE_GREY = 0.18
LIVE_QUALITY = 80


@dataclass(frozen=True)
class Exposure:
    """What the light on the sensor depends on; the time is the true one, in seconds."""

    f_number: float
    exposure_s: float
    iso: int

    @property
    def amount(self) -> float:
        """Exposure up to a constant: time times sensitivity over the squared f-number."""
        return self.exposure_s * self.iso / self.f_number**2


class Pictures(ABC):
    """A source of pictures.

    Attributes:
        size: Width and height in pixels.
        sensor: How the raw values relate to light.
        focus_distance_m: Where the lens is focused, metres; None where there is no such thing.
    """

    size: tuple[int, int]
    sensor: Sensor
    focus_distance_m: float | None

    @abstractmethod
    def jpeg(self, exposure: Exposure, quality: int, release: int) -> bytes:
        """The photo as :func:`~.files.pack_photo` makes it; ``release`` counts the shots."""

    @abstractmethod
    def raw(self, exposure: Exposure, release: int) -> bytes:
        """The raw values as :func:`~.files.pack_mosaic` makes them."""

    @abstractmethod
    def live(self, exposure: Exposure) -> bytes:
        """A live frame as JPEG, about 640 pixels wide."""

    @abstractmethod
    def metered(self) -> float:
        """:attr:`Exposure.amount` that renders the scene's mean as middle grey."""

    @abstractmethod
    def place(self, environment: str, scene: str, view: int) -> None:
        """Stand the tripod somewhere else."""
