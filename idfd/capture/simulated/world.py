"""The world in front of the simulated rig: what each camera would see, and what is there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.capture.session.boards import BOARD_SCENES
from idfd.capture.simulated import photo as film
from idfd.capture.simulated.cache import Half, RenderCache, default_folder
from idfd.capture.simulated.lens import WIDEST_F_NUMBER, Lens
from idfd.capture.simulated.mount import COLOUR, DEPTH_TO_COLOUR, SERIAL, mount_of
from idfd.capture.simulated.scene.model import SceneModel
from idfd.capture.simulated.stand import Placement, Stand
from idfd.capture.simulated.tracer import Pupil, Window
from idfd.capture.simulated.truth import Truth
from idfd.errors import InputError
from idfd.model.board import Board
from idfd.model.rig import RigCalibration

__all__ = ["QUALITIES", "Placement", "Quality", "World"]

RENDERER = 1
"""Goes up when the same scene would look different, so that cached light is not used again."""
LIVE_WIDTH = 640
_LIVE_SAMPLES = 3


@dataclass(frozen=True)
class Quality:
    """How finely the world is rendered.

    Attributes:
        width: Width of a photo, pixels.
        height: Height of a photo.
        samples: Rays per pixel at f/2.8; fewer at smaller apertures.
        fewest: Rays per pixel at small apertures.
        looks: Rays per ray of a photo that look whether light reaches what it met.
        depth_samples: Rays per pixel of the depth camera.
        texture_px: Longest side of textures.
        colour_step: The Kinect's colour image is rendered at every so many pixels.
    """

    width: int
    height: int
    samples: int
    fewest: int
    looks: int
    depth_samples: int
    texture_px: int
    colour_step: int

    def samples_at(self, f_number: float) -> int:
        """Rays per pixel at an aperture."""
        return max(self.fewest, round(self.samples * WIDEST_F_NUMBER / f_number))


QUALITIES = {
    "tiny": Quality(600, 400, 4, 4, 2, 4, 512, 2),
    "draft": Quality(960, 640, 6, 4, 2, 4, 1024, 2),
    "small": Quality(1500, 1000, 14, 7, 2, 6, 2048, 1),
    "board": Quality(1800, 1200, 8, 6, 1, 8, 2048, 2),
    "full": Quality(6016, 4016, 32, 12, 1, 8, 4096, 1),
}


class World:
    """Rendered rooms, as both cameras of the rig see them.

    The same arguments give the same pictures. Nothing moves between two calls of :meth:`place`;
    frames and releases differ by noise only.

    Args:
        quality: A preset of :data:`QUALITIES`, or settings of one's own.
        seed: Seed of the rooms and of the noise.
        focus_distance_m: Where the lens is focused.
        cache: Folder for rendered light; None is ``$XDG_CACHE_HOME/idfd/render``.
        rig: Number of the rig, see :func:`~.mount.mount_of`.
        board: What is held before the rig in the environment ``board``.

    Raises:
        InputError: There is no such quality.
        MissingDependencyError: Open3D or numba is missing (at the first placement).
    """

    black_level = film.BLACK_LEVEL
    raw_gains = film.RAW_GAINS

    def __init__(
        self,
        quality: Quality | str = "tiny",
        seed: int = 0,
        focus_distance_m: float = 0.8,
        cache: Path | None = None,
        rig: int = 0,
        board: Board | None = None,
    ) -> None:
        if isinstance(quality, str):
            if quality not in QUALITIES:
                raise InputError(
                    f"there is no quality '{quality}'", limit=f"one of {', '.join(QUALITIES)}"
                )
            quality = QUALITIES[quality]
        self.quality = quality
        self.seed = seed
        self.mount = mount_of(rig)
        self.lens = self.mount.lens(quality.width, quality.height, focus_distance_m)
        self.board = board
        self._cache = RenderCache(cache or default_folder())
        self._stand: Stand | None = None
        self._kept: dict[str, Half] = {}
        self._live_frames = 0

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of a photo, pixels."""
        return self.quality.width, self.quality.height

    @property
    def focus_distance_m(self) -> float:
        """Where the lens is focused."""
        return self.lens.focus_distance_m

    def place(self, placement: Placement) -> None:
        """Move the rig to another room, or to another view of one.

        In the environment ``board`` somebody holds the world's board before it, in each view in
        another way.

        Raises:
            InputError: There is no such environment, or the world has no board.
        """
        from idfd.capture.simulated.scene.rooms import build_scene

        if placement.environment == BOARD_SCENES:
            scene = self._held_board(placement.view)
        else:
            scene = build_scene(placement.environment, placement.scene, placement.view, self.seed)
        self.show(scene, placement)

    def show(self, scene: SceneModel, placement: Placement | None = None) -> None:
        """Put a scene of one's own before the rig."""
        self._kept.clear()
        self._live_frames = 0
        self._stand = Stand(
            scene,
            placement or Placement(scene.environment, scene.name),
            self.mount,
            texture_px=self.quality.texture_px,
            depth_samples=self.quality.depth_samples,
            colour_step=self.quality.colour_step,
            seed=self.seed,
        )

    def photo(
        self,
        f_number: float,
        exposure_s: float,
        iso: float,
        release: int,
        window: Window | None = None,
        shake_px: tuple[float, float] = (0.0, 0.0),
    ) -> NDArray[np.uint8]:
        """A photo, (H, W, 3) uint8 sRGB.

        Args:
            f_number: Aperture.
            exposure_s: Shutter.
            iso: Sensitivity.
            release: Number of the release, which seeds the noise.
            window: Part of the photo; None is all of it.
            shake_px: How far the picture is shifted, as by a touched tripod.
        """
        window = window or (0, 0, *self.size)
        radiance: film.Radiance = self._radiance(self.lens, f_number, window)
        if shake_px != (0.0, 0.0):
            radiance = _shifted(radiance, shake_px)
        gain = self._gain(self.lens, f_number, exposure_s, iso, window)
        return film.develop(radiance, gain, iso, self._here().noise_seed("photo", release))

    def raw(
        self,
        f_number: float,
        exposure_s: float,
        iso: float,
        release: int,
        window: Window | None = None,
    ) -> NDArray[np.uint16]:
        """The raw values of a photo under an RGGB filter, 14 bits, (H, W) uint16."""
        window = window or (0, 0, *self.size)
        radiance = self._radiance(self.lens, f_number, window)
        gain = self._gain(self.lens, f_number, exposure_s, iso, window)
        return film.mosaic(radiance, gain, iso, self._here().noise_seed("photo", release))

    def live(self, f_number: float, exposure_s: float, iso: float) -> NDArray[np.uint8]:
        """A live frame, (h, 640, 3) uint8 sRGB."""
        height = round(LIVE_WIDTH * self.lens.height / self.lens.width)
        lens = replace(self.lens, width=LIVE_WIDTH, height=height)
        window = (0, 0, LIVE_WIDTH, height)
        radiance = self._radiance(lens, f_number, window, _LIVE_SAMPLES)
        self._live_frames += 1
        seed = self._here().noise_seed("live", self._live_frames)
        return film.develop(
            radiance, self._gain(lens, f_number, exposure_s, iso, window), iso, seed
        )

    def light(
        self, f_number: float, exposure_s: float, iso: float, window: Window | None = None
    ) -> NDArray[np.float32]:
        """Linear sRGB without noise, 1 at clipping, (H, W, 3) float32; see :meth:`photo`."""
        window = window or (0, 0, *self.size)
        gain = self._gain(self.lens, f_number, exposure_s, iso, window)
        return self._radiance(self.lens, f_number, window) * gain[..., None]

    def depth_frames(self, count: int, first: int) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
        """Frames of the depth camera: depth in mm (0 = none) and infrared, (count, 576, 640) each.

        Frame ``first`` of a placement is always the same.
        """
        return self._here().depth.frames(count, first)

    def colour(self) -> bytes:
        """What the Kinect's colour camera sees, 1280 by 720, as JPEG."""
        return self._here().colour

    def truth(self) -> Truth:
        """What is truly there."""
        stand = self._here()
        depth = 1000 * stand.traced.depth(self.lens.intrinsics, stand.scene.pose)
        return Truth(
            environment=stand.placement.environment,
            scene=stand.placement.scene,
            view=stand.placement.view,
            seed=self.seed,
            lens=self.lens,
            photo_pose=stand.scene.pose,
            depth_pose=stand.depth_pose,
            rig=self.calibration(),
            photo_depth=np.where(np.isfinite(depth), depth, 0).astype(np.float32),
            kinect_depth=stand.depth.geometry(),
        )

    def calibration(self) -> RigCalibration:
        """The exact geometry and blur of the rig."""
        return RigCalibration(
            photo=self.lens.intrinsics,
            depth=self.mount.depth,
            depth_to_photo=self.mount.depth_to_photo,
            focus_distance_m=self.lens.focus_distance_m,
            origin="simulated",
            blur=self.lens.blur(WIDEST_F_NUMBER),
        )

    def factory_calibration(self) -> bytes:
        """The Kinect's factory calibration, as its device would hold it."""
        from idfd.calibration.kinect_factory import make_factory_calibration

        return make_factory_calibration(self.mount.depth, COLOUR, DEPTH_TO_COLOUR, SERIAL)

    def _held_board(self, view: int) -> SceneModel:
        from idfd.capture.simulated.scene.board_views import held
        from idfd.capture.simulated.scene.boards import board_scene

        if self.board is None:
            raise InputError(
                "the simulated rig has no board", remedy="Give one with --board BOARD.json"
            )
        pose = held(self.board, view, self.seed, self.lens.intrinsics, self.mount)
        return board_scene(self.board, pose)

    def _here(self) -> Stand:
        if self._stand is None:
            raise InputError(
                "the simulated rig stands nowhere", remedy="Place it before a photo is taken"
            )
        return self._stand

    def _gain(
        self, lens: Lens, f_number: float, exposure_s: float, iso: float, window: Window
    ) -> NDArray[np.float32]:
        """Factor from radiance to levels of which 1 is clipping, (h, w) float32."""
        factor = np.float32(film.exposure_factor(f_number, exposure_s, iso))
        return lens.vignetting(f_number, window) * factor

    def _radiance(
        self, lens: Lens, f_number: float, window: Window, samples: int | None = None
    ) -> Half:
        stand, looks = self._here(), self.quality.looks
        samples = samples or self.quality.samples_at(f_number)
        key = stand.key(RENDERER, lens, f_number, samples, looks, window)
        if key not in self._kept:
            light = self._cache.get(key)
            if light is None:
                pupil = Pupil(lens.aperture_m(f_number), lens.focus_distance_m)
                light = stand.traced.radiance(
                    lens.intrinsics, stand.scene.pose, samples, looks, pupil, window
                ).astype(np.float16)
                self._cache.put(key, light)
            self._kept[key] = light
        return self._kept[key]


def _shifted(radiance: film.Radiance, by_px: tuple[float, float]) -> NDArray[np.float32]:
    shift = np.array([[1, 0, by_px[0]], [0, 1, by_px[1]]], np.float64)
    moved = cv2.warpAffine(
        radiance.astype(np.float32),
        shift,
        radiance.shape[1::-1],
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REFLECT,
    )
    return np.maximum(np.asarray(moved, np.float32), 0)
