"""Takes of one session: the exposure pair, the reference frame, and saving."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path

import msgspec

from idfd.capture.cameras import PhotoSettings
from idfd.capture.checking.pictures import read_reduced
from idfd.capture.checks import reference_frame
from idfd.capture.exposure import PairPlan, PairRequest, metered_exposure, plan_pair
from idfd.capture.rig import Place, Rig
from idfd.capture.session.reader import SessionReader
from idfd.capture.session.store import Session
from idfd.capture.take import TakeTiming, shoot_take
from idfd.errors import CameraError, IdfdError, InputError
from idfd.model.burst import Burst
from idfd.model.rig import ReferenceFrame
from idfd.model.session import SceneDocument, TakeRecord
from idfd.storage.bursts import read_burst

_METER_TRIES = 8
_SAME_EXPOSURE_STOPS = 0.2


class Shooter:
    """Shoots takes for a session, all with one exposure pair until the operator changes it.

    Args:
        session: The open session.
        rig: The connected rig.

    Attributes:
        timing: Where the time of the last take went, or None before the first.
    """

    def __init__(self, session: Session, rig: Rig) -> None:
        self.session = session
        self.rig = rig
        self.timing: TakeTiming | None = None
        self._request: PairRequest = rig.profile.pair
        self._plan: PairPlan | None = None
        self._calibration = known = session.calibration
        # With the frame of the calibration the very first take is checked too.
        self._reference: ReferenceFrame | None = known.reference if known is not None else None
        self._looked_back = self._reference is not None
        self._last_timestamp_us: int | None = None

    def plan(self) -> PairPlan:
        """The settings of both photos; found once and kept, so that all takes are alike.

        Raises:
            CameraError: ``refused`` or ``read_only``: the body does not offer such a pair.
        """
        if self._plan is None:
            # An empty request changes nothing and reads back what the body is set to.
            now = self.rig.photo.apply(PhotoSettings())
            self._plan = plan_pair(self._request, self.rig.photo.offers(), now.exposure_s)
        return self._plan

    def set_exposure(self, exposure_s: float) -> PairPlan:
        """Choose the shutter of the all-in-focus photo; the other follows.

        Raises:
            InputError: Not a time.
            CameraError: The body does not offer it, or none that gives equal exposure; the old
                plan stays.
        """
        if not (math.isfinite(exposure_s) and exposure_s > 0):
            raise InputError(f"{exposure_s:g} s is no exposure time", limit="a time such as 1/8")
        request = msgspec.structs.replace(self._request, exposure_s=exposure_s)
        self._plan = plan_pair(request, self.rig.photo.offers(), exposure_s)
        self._request = request
        return self._plan

    def meter(self, scene: SceneDocument) -> PairPlan:
        """Find the shutter by test shots of a scene at the small aperture; they are not kept.

        Raises:
            CameraError: The camera failed, or the body offers no pair for this light.
        """
        settings = self.plan().all_in_focus
        exposure = settings.exposure_s
        if exposure is None:
            raise CameraError(
                "the body's shutter is not known", cause="read_only", remedy="Put it in mode M"
            )
        offers = self.rig.photo.offers()
        self.rig.place(Place(scene.name, scene.group, scene.environment, 0))
        with tempfile.TemporaryDirectory(prefix="idfd-meter-") as folder:
            for number in range(_METER_TRIES):
                wanted = PhotoSettings(settings.f_number, exposure, settings.iso, format="jpeg")
                if "jpeg" not in offers.formats:
                    wanted = PhotoSettings(settings.f_number, exposure, settings.iso)
                self.rig.photo.apply(wanted)
                shot = self.rig.photo.capture(Path(folder), f"meter_{number}", wanted)
                photo = read_reduced(Path(folder) / shot.files[0].file.path)
                before, exposure = exposure, metered_exposure(photo.rgb, exposure, offers)
                if abs(math.log2(exposure / before)) < _SAME_EXPOSURE_STOPS:
                    break
        return self.set_exposure(exposure)

    def shoot(self, scene: SceneDocument) -> TakeRecord:
        """Shoot, check and save one take.

        Raises:
            CameraError: A device failed; nothing is saved.
            StorageError: The disk refuses; the message says whether the take is saved.
            InputError: A photo cannot be decoded; nothing is saved.
        """
        plan = self.plan()
        if not self._looked_back:
            self._reference = first_reference(self.session)
            self._looked_back = True
        with self.session.new_take(scene.name) as draft:
            result = shoot_take(
                self.rig,
                plan,
                draft,
                reference=self._reference,
                previous_timestamp_us=self._last_timestamp_us,
                calibration=self._calibration,
            )
            folder = draft.commit(result.record)
        self.timing = result.timing
        # A device that was stopped for the photos starts its clock anew.
        paused = self.rig.profile.burst.pause_infrared
        self._last_timestamp_us = None if paused else int(result.burst.timestamps_us[-1])
        if self._reference is None and result.record.verdict != "fail":
            self._reference = _reference(self.session, folder, result.record, result.burst)
        return result.record


def first_reference(session: SessionReader) -> ReferenceFrame | None:
    """The reference frame of a session: of its first take that did not fail and tells one."""
    for record in session.takes():
        item = record.file("depth", "burst")
        if record.verdict == "fail" or item is None:
            continue
        folder = session.find(record.id).folder
        try:
            burst = read_burst(folder / item.file.path)
        except IdfdError:
            # A damaged take is reported by 'idfd capture status'; the next one serves as well.
            continue
        # Only the first is read: a scene that tells nothing must not cost minutes at the start.
        return _reference(session, folder, record, burst)
    return None


def _reference(
    session: SessionReader, folder: Path, record: TakeRecord, burst: Burst
) -> ReferenceFrame | None:
    item = record.file("all_in_focus", "jpeg") or record.file("all_in_focus")
    if item is None:
        return None
    return reference_frame(
        folder / item.file.path, burst, record.all_in_focus.focal_length_mm, session.calibration
    )
