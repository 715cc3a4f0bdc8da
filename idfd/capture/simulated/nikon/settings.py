"""The dials of the body: what can be set in which mode, and the exposure that results."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from fractions import Fraction

from idfd.capture.simulated.nikon.codes import PropertyCode, Response
from idfd.capture.simulated.nikon.pictures import Exposure, Pictures
from idfd.capture.simulated.nikon.properties import BULB, Property, catalogue, shutter_fraction
from idfd.capture.simulated.nikon.ptp import Refusal

MANUAL, PROGRAM, APERTURE_PRIORITY, SHUTTER_PRIORITY = 1, 2, 3, 4
_SHUTTERS = (PropertyCode.SHUTTER, PropertyCode.EXPOSURE_TIME)
_DELAYS_S = (3.0, 2.0, 1.0, 0.0)
_JPEG_QUALITIES = {0: 80, 1: 90, 2: 95, 5: 80, 6: 90, 7: 95}
_RAW = (4, 5, 6, 7)


class Settings:
    """The properties and the rules between them.

    Args:
        pictures: Meters the light for the automatic modes.
        raw: NEF files are offered.

    Attributes:
        host_controls: The host may change the exposure program.
    """

    def __init__(self, pictures: Pictures, raw: bool = True) -> None:
        self.properties = catalogue(pictures.size, raw)
        self.host_controls = False
        self._pictures = pictures
        self._clock_ahead = timedelta()

    def get(self, code: int) -> Property:
        """A property with its present value.

        Raises:
            Refusal: The body has no such property.
        """
        try:
            item = self.properties[code]
        except KeyError:
            raise Refusal(Response.PROPERTY_NOT_SUPPORTED) from None
        if code == PropertyCode.DATE_TIME:
            item.value = f"{self.now():%Y%m%dT%H%M%S}"
        elif code in (*_SHUTTERS, PropertyCode.F_NUMBER):
            self.expose_automatically()
        return item

    def is_writable(self, item: Property) -> bool:
        """Whether the host may set a property in the present mode."""
        program = self.number(PropertyCode.EXPOSURE_PROGRAM)
        if item.code in _SHUTTERS:
            return item.writable and program in (MANUAL, SHUTTER_PRIORITY)
        if item.code == PropertyCode.F_NUMBER:
            return item.writable and program in (MANUAL, APERTURE_PRIORITY)
        if item.code == PropertyCode.EXPOSURE_PROGRAM:
            return item.writable and self.host_controls
        return item.writable

    def set(self, code: int, value: int | str) -> None:
        """Set a property from the host.

        Raises:
            Refusal: There is no such property, it is locked, or the value is not offered.
        """
        item = self.get(code)
        if not self.is_writable(item):
            raise Refusal(Response.ACCESS_DENIED)
        if not item.accepts(value):
            raise Refusal(Response.INVALID_PROPERTY_VALUE)
        self.assign(item, value)

    def assign(self, item: Property, value: int | str) -> None:
        """Give a property a value, and what depends on it."""
        item.value = value
        shutter, tenths = (self.properties[code] for code in _SHUTTERS)
        # Both properties are the same dial; bulb has no number of tenths.
        if item is shutter and value in shutter.choices:
            index = min(shutter.choices.index(value), len(tenths.choices) - 1)
            tenths.value = tenths.choices[index]
        elif item is tenths:
            shutter.value = shutter.choices[tenths.choices.index(value)]
        elif item.code == PropertyCode.DATE_TIME:
            self._clock_ahead = datetime.strptime(str(value), "%Y%m%dT%H%M%S") - datetime.now()

    def expose_automatically(self) -> None:
        """Outside M, turn the shutter, or in S the aperture, until the mean is middle grey."""
        program = self.number(PropertyCode.EXPOSURE_PROGRAM)
        if program == MANUAL:
            return
        in_s = program == SHUTTER_PRIORITY
        dial = self.properties[PropertyCode.F_NUMBER if in_s else PropertyCode.SHUTTER]
        target = self._pictures.metered()

        def error(choice: int | str) -> float:
            dial.value = choice
            return abs(math.log2(self.exposure().amount / target))

        self.assign(dial, min((c for c in dial.choices if c != BULB), key=error))

    def exposure(self) -> Exposure:
        """What the settings let through.

        The names of the shutter are rounded; the true time is the third of a stop next to it.
        """
        exposure_s = 2 ** (round(3 * math.log2(self.nominal_exposure())) / 3)
        f_number = self.number(PropertyCode.F_NUMBER) / 100
        return Exposure(f_number, exposure_s, self.number(PropertyCode.ISO))

    def nominal_exposure(self) -> Fraction:
        """The name of the shutter, seconds."""
        return shutter_fraction(self.number(PropertyCode.SHUTTER))

    @property
    def delay_s(self) -> float:
        """Pause between the mirror and the shutter."""
        return _DELAYS_S[self.number(PropertyCode.EXPOSURE_DELAY)]

    @property
    def jpeg_quality(self) -> int | None:
        """Quality of the JPEG file; None where none is made."""
        return _JPEG_QUALITIES.get(self.number(PropertyCode.IMAGE_QUALITY))

    @property
    def makes_raw(self) -> bool:
        """Whether a NEF file is made."""
        return self.number(PropertyCode.IMAGE_QUALITY) in _RAW

    def number(self, code: PropertyCode) -> int:
        """A numeric property as it stands."""
        return int(self.properties[code].value)

    def now(self) -> datetime:
        """The clock of the body, local time."""
        return datetime.now() + self._clock_ahead
