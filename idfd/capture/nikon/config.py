"""Configuration of the Nikon driver."""

from __future__ import annotations

from typing import Annotated

import msgspec

from idfd.model.schema import Record

Seconds = Annotated[float, msgspec.Meta(gt=0)]


class NikonConfig(Record, frozen=True, kw_only=True):
    """How to reach the body and how long to wait for it.

    Attributes:
        port: libgphoto2's port, such as ``usb:001,005`` or ``ptpip:192.168.1.1``; None takes the
            only camera on USB.
        virtual_folder: Folder of photos for libgphoto2's virtual camera, for tests; it hides
            real cameras.
        declared_aperture: The lens does not tell or take an aperture: the operator sets the ring,
            confirms, and the declared f-number is recorded.
        keep_on_card: Keep the files on the card too.
        focus: ``manual`` refuses to shoot with autofocus on, ``as_set`` leaves it.
        settle_s: Pause before each release, for vibrations, where the body offers no exposure
            delay or mirror-up.
        command_s: Longest time for a setting or a query.
        release_s: Longest time for a release, beside the exposure itself.
        download_s: Longest time for the files of one release.
    """

    port: str | None = None
    virtual_folder: str | None = None
    declared_aperture: bool = False
    keep_on_card: bool = True
    focus: str = "manual"
    settle_s: Annotated[float, msgspec.Meta(ge=0)] = 1.0
    command_s: Seconds = 15.0
    release_s: Seconds = 20.0
    download_s: Seconds = 60.0
