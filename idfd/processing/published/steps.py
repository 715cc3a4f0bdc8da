"""The authors' steps, as their public scripts have them, faults included.

Depth goes to the Kinect's own colour camera, is in-painted there, and is bent to the photo with
one homography and linear interpolation, which mixes depths at edges and knows no parallax. A
square is squeezed to 640 by 480. The two photos are neither aligned nor matched in brightness, and
each is stretched to its own full range. ``docs/published-preset.md`` says what that costs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.errors import InputError
from idfd.model.rig import RigCalibration
from idfd.model.triple import MAX_DEPTH_MM, Crop, DepthSource
from idfd.processing.depth.denoise import DenoiseConfig
from idfd.processing.depth.fuse import FuseConfig
from idfd.processing.depth.maps import DepthMap
from idfd.processing.depth.register import RegisterConfig, register
from idfd.processing.published.coherence import CoherenceConfig, inpaint_coherent
from idfd.processing.published.crop import PublishedCrop, choose_crop
from idfd.processing.published.homography import Homography, HomographyConfig, find_homography

MODE_OF_BURST = DenoiseConfig(
    fuse=FuseConfig(method="mode", least_share=0.5, largest_spread_mm=None),
    flying=None,
    smooth=None,
)
"""The published denoising: a pixel with values in 20 of the authors' 40 frames or fewer stays
empty, any other gets the mode of its values. They took it after moving each frame to the colour
camera; here it comes before."""


@dataclass(frozen=True)
class PublishedConfig:
    """Settings of the published pipeline.

    :data:`MODE_OF_BURST` comes before.

    Attributes:
        method: How zeros are filled: ``coherence`` as published, or ``telea``, OpenCV's fast
            marching method (Telea 2004), the nearest one that a library keeps.
        coherence: Settings of the former; the radius is that of both.
        homography: Settings of the registration.
        mesh: Where depth is cut on its way to the colour camera.
        side_share: Side of the square crop as a share of the photo's shorter side: 1050 of 1536.
        width: Of the result, pixels.
        height: Of the result.
    """

    method: Literal["coherence", "telea"] = "coherence"
    coherence: CoherenceConfig = CoherenceConfig()
    homography: HomographyConfig = HomographyConfig()
    mesh: RegisterConfig = RegisterConfig()
    side_share: float = 1050 / 1536
    width: int = 640
    height: int = 480

    def __post_init__(self) -> None:
        if not 0 < self.side_share <= 1 or min(self.width, self.height) < 1:
            raise ValueError(
                f"published: a crop of {self.side_share:g} of the photo, {self.width}x{self.height}"
                "; give a share above 0 and up to 1, and at least 1x1"
            )


@dataclass(frozen=True)
class PublishedTriple:
    """What the published pipeline makes of a take.

    Attributes:
        all_in_focus: RGB, (height, width, 3) uint8.
        defocused: RGB of the same shape.
        depth: Without in-painting.
        depth_inpainted: With it; its ``source`` tells which pixels are mixed with filled ones.
        crop: Where the pixels lie in the all-in-focus photo, by the homography.
        homography: From the Kinect's colour image to the photo.
    """

    all_in_focus: NDArray[np.uint8]
    defocused: NDArray[np.uint8]
    depth: DepthMap
    depth_inpainted: DepthMap
    crop: PublishedCrop
    homography: Homography


def register_published(
    depth: DepthMap,
    colour: NDArray[np.uint8],
    colour_rig: RigCalibration,
    photo: NDArray[Any],
    config: PublishedConfig = PublishedConfig(),
) -> tuple[Homography, DepthMap]:
    """Depth on the Kinect's colour camera, and the homography that leads on to the photo.

    Args:
        depth: On the depth camera's pixels.
        colour: The Kinect's colour image, (h, w, 3) uint8 RGB.
        colour_rig: The rig whose photo camera is the colour camera; see
            :func:`~idfd.processing.published.colour.kinect_colour`.
        photo: The all-in-focus photo, (H, W, 3) RGB.
        config: Settings.

    Raises:
        InputError: A size differs from the calibration's, or too few features match.
    """
    camera = colour_rig.photo
    if colour.shape[:2] != (camera.height, camera.width):
        raise InputError(
            f"the colour image is {colour.shape[1]}x{colour.shape[0]}",
            limit=f"{camera.width}x{camera.height}, as in the calibration",
        )
    whole = Crop(x=0, y=0, width=camera.width, height=camera.height)
    on_colour = register(depth, colour_rig, whole, config.mesh)
    return find_homography(colour, photo, config.homography), on_colour


def inpaint_published(depth: DepthMap, config: PublishedConfig = PublishedConfig()) -> DepthMap:
    """Fill every pixel without depth, also outside of what the depth camera saw.

    Raises:
        InputError: No pixel has depth.
    """
    known = depth.depth > 0
    values = np.rint(depth.depth).astype(np.uint16)
    if config.method == "coherence":
        filled = inpaint_coherent(values, config.coherence)
    else:
        holes = (~known).astype(np.uint8)
        filled = np.asarray(
            cv2.inpaint(values, holes, config.coherence.radius, cv2.INPAINT_TELEA), np.uint16
        )
    source = np.where(known, depth.source, np.uint8(DepthSource.IN_PAINTED))
    source[filled == 0] = DepthSource.NONE
    return DepthMap(filled.astype(np.float32), source)


def warp_published(
    depth: DepthMap, homography: NDArray[np.float64], crop: PublishedCrop
) -> DepthMap:
    """Bend depth to the photo, and squeeze the crop of it.

    Linear interpolation and the mean over areas mix depths with each other and with the zeros of
    holes, as published. Values are rounded to whole millimetres after each, as they were stored.

    Args:
        depth: On the colour camera's pixels.
        homography: (3, 3), from there to the photo.
        crop: What of the photo is kept.

    Returns:
        On the crop's pixels. ``source`` is ``IN_PAINTED`` wherever a filled pixel had a part.
    """
    into_window = np.array([[1, 0, -crop.x], [0, 1, -crop.y], [0, 0, 1]]) @ homography
    squeeze = PublishedCrop(x=0, y=0, side=crop.side, width=crop.width, height=crop.height)

    def moved(plane: NDArray[np.float32]) -> NDArray[np.float32]:
        window = cv2.warpPerspective(
            plane, into_window, (crop.side, crop.side), flags=cv2.INTER_LINEAR
        )
        return np.asarray(np.rint(squeeze.resample(np.rint(window))), np.float32)

    # The mark is as large as a depth can be, so that rounding does not lose a small part.
    mark = np.float32(MAX_DEPTH_MM)
    painted = moved(np.where(depth.source == DepthSource.IN_PAINTED, mark, np.float32(0))) > 0
    values = moved(depth.depth)
    source = np.where(painted, DepthSource.IN_PAINTED, DepthSource.FUSED).astype(np.uint8)
    source[values == 0] = DepthSource.NONE
    return DepthMap(values, source)


def normalise_published(photo: NDArray[Any], crop: PublishedCrop) -> NDArray[np.uint8]:
    """Squeeze the crop of a photo, and stretch it to its own full range.

    ``255·(v − min) / (max − min)`` with the least and greatest value of the image over all
    channels; a blank image becomes black.

    Args:
        photo: (H, W, 3) RGB, uint8 or uint16.
        crop: What of it is kept.

    Returns:
        (height, width, 3) uint8.
    """
    image = crop.resample(photo).astype(np.float64)
    low = image.min()
    return np.rint(255 * (image - low) / max(image.max() - low, 1)).astype(np.uint8)


def make_published(
    depth: DepthMap,
    colour: NDArray[np.uint8],
    colour_rig: RigCalibration,
    all_in_focus: NDArray[Any],
    defocused: NDArray[Any],
    config: PublishedConfig = PublishedConfig(),
) -> PublishedTriple:
    """All steps of a take after the mode of its burst.

    Args:
        depth: On the depth camera's pixels.
        colour: The Kinect's colour image, (h, w, 3) uint8 RGB.
        colour_rig: The rig whose photo camera is the colour camera.
        all_in_focus: RGB, (H, W, 3) uint8 or uint16.
        defocused: RGB of the same size.
        config: Settings.

    Raises:
        InputError: The photos differ in size, no depth, or too few features match.
    """
    if all_in_focus.shape != defocused.shape:
        raise InputError(
            f"the photos have shapes {all_in_focus.shape} and {defocused.shape}",
            limit="two photos of one size",
            remedy="Check that both come from the same camera and orientation",
        )
    homography, on_colour = register_published(depth, colour, colour_rig, all_in_focus, config)
    height, width = all_in_focus.shape[:2]
    seen = cv2.warpPerspective(
        (on_colour.depth > 0).astype(np.uint8), homography.matrix, (width, height),
        flags=cv2.INTER_NEAREST,
    )  # fmt: skip
    crop = choose_crop(seen > 0, config.side_share, config.width, config.height)
    filled = inpaint_published(on_colour, config)
    return PublishedTriple(
        all_in_focus=normalise_published(all_in_focus, crop),
        defocused=normalise_published(defocused, crop),
        depth=warp_published(on_colour, homography.matrix, crop),
        depth_inpainted=warp_published(filled, homography.matrix, crop),
        crop=crop,
        homography=homography,
    )
