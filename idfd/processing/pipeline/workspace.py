"""One take on its way: files are read once and only when needed, results are kept by step."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from idfd.errors import IdfdError, InputError
from idfd.model import schema
from idfd.model.burst import Burst
from idfd.model.capture import Role
from idfd.model.curation import RECORD, TRIPLES, PairFit
from idfd.model.provenance import FileReference
from idfd.model.rig import RigCalibration
from idfd.model.stage import StageName, StageRecord
from idfd.processing.pipeline.tasks import TakeTask
from idfd.storage.bursts import decode_burst, decode_depth_frames
from idfd.storage.hashing import sha256_bytes
from idfd.storage.images import decode_depth, decode_photo, encode_png
from idfd.storage.places import open_place
from idfd.storage.raw import camera_white_balance, is_raw

STAGE_FOLDER = "stages"
_FIRST_OF_PAIR: dict[Role, Role] = {
    "defocused": "all_in_focus",
    "white_defocused": "white_all_in_focus",
}


class Workspace:
    """Inputs and results of one take; lives as long as its task.

    Args:
        task: The take.

    Attributes:
        records: Manifests of the steps that are done.
        memory: Results of steps that this process ran, so that the next need not read them.
    """

    def __init__(self, task: TakeTask) -> None:
        self.task = task
        self.source = open_place(task.root)
        self.output = open_place(task.output)
        self.stages = f"{STAGE_FOLDER}/{task.take.id}"
        self.triple = f"{TRIPLES}/{task.take.id}"
        self._photos: dict[Role, NDArray[Any]] = {}
        self.records: dict[StageName, StageRecord] = {}
        self.memory: dict[str, Any] = {}
        self.has_burst = "burst" in task.take.files

    # What the take was shot with.

    def where(self, role: Role) -> str:
        """The file of a role, for messages."""
        return f"{self.task.root}/{self.task.take.files[role].path}"

    def bytes_of(self, role: Role) -> bytes:
        """Content of the file of a role, checked against its hash."""
        reference = self.task.take.files[role]
        if "://" in reference.path:  # a calibration that lies elsewhere
            folder, _, name = reference.path.rpartition("/")
            return open_place(folder).read(name, reference.sha256)
        return self.source.read(reference.path, reference.sha256)

    def photo(self, role: Role) -> NDArray[Any]:
        """A photo, RGB (H, W, 3) uint8 or uint16; raw files share their pair's white balance."""
        if role not in self._photos:
            data, where = self.bytes_of(role), self.where(role)
            first = _FIRST_OF_PAIR.get(role)
            balance = None
            if first is not None and is_raw(where) and is_raw(self.where(first)):
                balance = camera_white_balance(self.bytes_of(first), self.where(first))
            self._photos[role] = decode_photo(data, where, balance)
        return self._photos[role]

    def given_map(self, role: Role) -> NDArray[np.uint16] | None:
        """A depth map on the photo's pixels that came with the take, or None."""
        if role not in self.task.take.files:
            return None
        return decode_depth(self.bytes_of(role), self.where(role))

    def depth_frames(self) -> NDArray[np.uint16]:
        """The depth frames of the burst alone, (N, H, W) uint16 mm."""
        return decode_depth_frames(self.bytes_of("burst"), self.where("burst"))

    @cached_property
    def burst(self) -> Burst:
        """The depth camera's frames, with all that came with them."""
        return decode_burst(self.bytes_of("burst"), self.where("burst"))

    @cached_property
    def rig(self) -> RigCalibration | None:
        """The rig's calibration; None where the take has none."""
        if "calibration" not in self.task.take.files:
            return None
        rig = schema.decode(RigCalibration, self.bytes_of("calibration"), self.where("calibration"))
        check_rig(rig, self.where("calibration"))
        return rig

    # What the keys of steps are made of.

    def hashes(self, *roles: Role) -> dict[str, str]:
        """Content hashes of those of some files that the take has."""
        files = self.task.take.files
        return {role: files[role].sha256 for role in roles if role in files}

    def keys(self, *stages: StageName) -> dict[str, str]:
        """Keys of those of some steps that the take goes through."""
        return {stage: self.records[stage].key for stage in stages if self.applies(stage)}

    def applies(self, stage: StageName) -> bool:
        """Whether the take goes through a step: a map that came with it is not denoised."""
        return stage != "denoise" or self.has_burst

    # What the steps left behind.

    @cached_property
    def _sizes(self) -> dict[str, int]:
        return {**self.output.sizes(self.stages), **self.output.sizes(self.triple)}

    @property
    def fit(self) -> PairFit:
        """What the step ``align`` found out."""
        found = self.records["align"].fit
        assert found is not None  # the step leaves one
        return found

    def is_done(self, stage: StageName, key: str) -> bool:
        """Whether a step's result is there and was made with a key."""
        name = f"{self.stages}/{stage}.json"
        if stage in self.task.forced or name not in self._sizes:
            return False
        try:
            found = schema.decode(StageRecord, self.output.read(name), name)
        except IdfdError:
            return False  # damaged or of another version: it is made again
        if found.key != key or any(
            self._sizes.get(file.path) != file.bytes for file in found.outputs
        ):
            return False
        self.records[stage] = found
        return True

    def finish(
        self, record: StageRecord, files: Mapping[str, bytes], instead_of: Sequence[str] = ()
    ) -> None:
        """Keep the result of a step: its files, then the manifest that vouches for them.

        Args:
            record: The manifest, without its outputs.
            files: Content by name within the output.
            instead_of: Files that a run with other settings may have left.
        """
        if any(name.startswith(f"{self.triple}/") for name in files):
            # Without its record a triple is none: nobody reads half of a new one.
            self._remove(f"{self.triple}/{RECORD}")
        for name in instead_of:
            if name not in files:
                self._remove(name)
        outputs = []
        for name, data in files.items():
            self.output.write(name, data, lasting=name.startswith(f"{self.triple}/"))
            outputs.append(FileReference(path=name, sha256=sha256_bytes(data), bytes=len(data)))
            self._sizes[name] = len(data)
        # NumPy's floats are Python's by inheritance, but not for JSON.
        measures = {what: float(value) for what, value in record.measures.items()}
        done = msgspec.structs.replace(record, outputs=tuple(outputs), measures=measures)
        name = f"{self.stages}/{record.stage}.json"
        data = schema.encode(done)
        self.output.write(name, data, lasting=False)
        self._sizes[name] = len(data)
        self.records[record.stage] = done

    def _remove(self, name: str) -> None:
        if self._sizes.pop(name, None) is not None:
            self.output.remove(name)

    def stored(self, stage: StageName, file: str) -> bytes:
        """A file that a step left behind, checked against its manifest.

        Raises:
            InputError: It has changed since.
        """
        for reference in self.records[stage].outputs:
            if PurePosixPath(reference.path).name == file:
                return self.output.read(reference.path, reference.sha256)
        raise InputError(
            f"step '{stage}' left no file {file}",
            where=self.task.take.id,
            remedy="Run the command again with --force",
        )


def pack(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Arrays by name as an NPZ file; the same arrays give the same bytes."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def unpack(data: bytes) -> dict[str, NDArray[Any]]:
    """Arrays of an NPZ file by name."""
    with np.load(io.BytesIO(data), allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def png(array: NDArray[Any]) -> bytes:
    """An array as PNG."""
    return encode_png(np.ascontiguousarray(array))


def check_rig(rig: RigCalibration, where: str) -> None:
    """Refuse a calibration that contradicts itself.

    Raises:
        InputError: Numbers that are not finite, or a blur model of another photo camera.
    """
    photo, blur = rig.photo, rig.blur
    for name, camera in (("photo", photo), ("depth", rig.depth)):
        numbers = (camera.fx, camera.fy, camera.cx, camera.cy, *camera.distortion)
        if not np.isfinite(numbers).all():
            raise InputError(
                f"the intrinsics of the {name} camera hold a number that is not finite",
                where=where,
                remedy="Calibrate the rig again with 'idfd calibrate solve'",
            )
    if not np.isfinite(rig.depth_to_photo.translation_mm).all():
        raise InputError(
            "the translation between the cameras is not finite",
            where=where,
            remedy="Calibrate the rig again with 'idfd calibrate solve'",
        )
    if blur is not None and not (
        (blur.width, blur.height) == (photo.width, photo.height)
        and np.allclose(blur.centre, (photo.cx, photo.cy), rtol=0, atol=1)
    ):
        raise InputError(
            f"the blur was fitted on photos of {blur.width}x{blur.height} with the principal "
            f"point ({blur.centre[0]:.1f}, {blur.centre[1]:.1f})",
            where=where,
            limit=f"{photo.width}x{photo.height} and ({photo.cx:.1f}, {photo.cy:.1f}) within a "
            "pixel, as the intrinsics of the photo camera",
            remedy="Fit it again with 'idfd calibrate defocus'",
        )
