"""One place of the tripod, and what was rendered there; each thing when it is first asked for."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass
from functools import cached_property

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from idfd.capture.simulated import photo as film
from idfd.capture.simulated.depth_sensor import DepthView
from idfd.capture.simulated.mount import COLOUR, Mount, beside, colour_pose
from idfd.capture.simulated.scene.model import SceneModel
from idfd.capture.simulated.tracer import TracedScene
from idfd.storage.images import encode_jpeg

_COLOUR_LOOKS = 3


@dataclass(frozen=True)
class Placement:
    """Where the tripod stands: an environment, a scene (one room), and a view of it."""

    environment: str
    scene: str
    view: int = 0


class Stand:
    """A scene before the rig.

    Args:
        scene: What there is.
        placement: What it is called.
        mount: The rig.
        texture_px: Longest side of textures.
        depth_samples: Rays per pixel of the depth camera.
        colour_step: The Kinect's colour image is rendered at every so many pixels.
        seed: Seed of the noise.
    """

    def __init__(
        self,
        scene: SceneModel,
        placement: Placement,
        mount: Mount,
        *,
        texture_px: int,
        depth_samples: int,
        colour_step: int,
        seed: int,
    ) -> None:
        self.scene = scene
        self.placement = placement
        self.depth_pose = beside(scene.pose, mount.depth_to_photo)
        self._camera = mount.depth
        self._texture_px = texture_px
        self._depth_samples = depth_samples
        self._colour_step = colour_step
        self._identity = _identity(scene)
        self._seed = (seed, zlib.crc32(self._identity.encode()))

    @cached_property
    def traced(self) -> TracedScene:
        """The scene, ready for rays."""
        return TracedScene(self.scene, self._texture_px)

    @cached_property
    def depth(self) -> DepthView:
        """What the depth camera sees."""
        seed = self.noise_seed("depth")
        return DepthView(self.traced, self._camera, self.depth_pose, self._depth_samples, seed)

    @cached_property
    def colour(self) -> bytes:
        """What the Kinect's colour camera sees, as JPEG; exposed as the photos are by default."""
        step = self._colour_step
        camera = msgspec.structs.replace(
            COLOUR,
            width=COLOUR.width // step,
            height=COLOUR.height // step,
            fx=COLOUR.fx / step,
            fy=COLOUR.fy / step,
            cx=(COLOUR.cx + 0.5) / step - 0.5,
            cy=(COLOUR.cy + 0.5) / step - 0.5,
        )
        light = self.traced.radiance(camera, colour_pose(self.depth_pose), 2, _COLOUR_LOOKS)
        size = (COLOUR.width, COLOUR.height)
        full = np.asarray(cv2.resize(light, size, interpolation=cv2.INTER_LINEAR), np.float32)
        gain = np.full(size[::-1], film.exposure_factor(10, 0.25, 100), np.float32)
        return encode_jpeg(film.develop(full, gain, 400, self.noise_seed("colour")), 90)

    def noise_seed(self, what: str, number: int = 0) -> tuple[int, ...]:
        """Seed of one thing's noise here."""
        return (*self._seed, zlib.crc32(what.encode()), number)

    def key(self, *parts: object) -> str:
        """Name of something rendered here, which changes with all that it depends on."""
        return hashlib.sha256(f"{self._identity}{self._texture_px}{parts}".encode()).hexdigest()


def _identity(scene: SceneModel) -> str:
    """Hash of all that a scene looks like; of textures every 16th row, for they are large."""
    digest = hashlib.sha256(repr((scene.lights, scene.ambient, scene.name)).encode())
    arrays: list[NDArray[np.generic]] = [scene.pose.rotation, scene.pose.translation]
    for surface in scene.surfaces:
        finish = (
            surface.gloss,
            surface.shininess,
            surface.infrared,
            surface.toner,
            surface.emission,
        )
        digest.update(repr((surface.name, finish, surface.smooth)).encode())
        arrays += [surface.vertices, surface.triangles, surface.uv, surface.texture[::16]]
    for array in arrays:
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
