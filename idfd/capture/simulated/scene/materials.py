"""Materials: albedo, gloss, and reflectance at the depth sensor's 850 nm.

Infrared values follow what is common in rooms: most dyes are transparent at 850 nm, so that dark
cloth and wood are bright there, while carbon black (plastic, rubber, velvet, anodised metal) and
glass stay dark and give no depth.
"""

from __future__ import annotations

from dataclasses import dataclass

from idfd.capture.simulated.scene.pigments import Colour, Texture, ink
from idfd.capture.simulated.scene.textures import texture


@dataclass(frozen=True)
class Material:
    """How a surface looks.

    Attributes:
        name: Such as ``oak``.
        pattern: Name of a pattern in :mod:`idfd.capture.simulated.scene.textures`.
        palette: Linear colours, darkest first where the pattern blends two.
        size_m: Metres that the texture covers before it repeats; 0 where meshes choose a window.
        gloss: See :class:`idfd.capture.simulated.scene.model.Surface`, as for the following.
        shininess: Exponent of the highlight.
        infrared: Reflectance at 850 nm.
        emission: Radiance of a white part of its texture.
        texels: Size of the texture, a power of two.
        seed: Chooses among textures of the pattern.
    """

    name: str
    pattern: str
    palette: tuple[Colour, ...]
    size_m: float = 0.6
    gloss: float = 0.0
    shininess: float = 30.0
    infrared: float = 0.5
    emission: float = 0.0
    texels: int = 512
    seed: int = 0

    def texture(self) -> Texture:
        """The texture, (texels, texels, 3) float32 linear albedo, read-only."""
        return texture(self.pattern, self.seed, self.palette, self.texels)


def _wood(name: str, dark: str, light: str, gloss: float = 0.12) -> Material:
    return Material(name, "wood", ink(dark, light), 0.7, gloss, 40.0, 0.6, texels=1024)


OAK = _wood("oak", "7a5330", "c89f6a")
WALNUT = _wood("walnut", "33211a", "74503a", 0.2)
PINE = _wood("pine", "b98a50", "e8cb98", 0.05)
ASH = _wood("ash", "9d8b72", "d9cbb4", 0.1)
WHITE_LACQUER = Material("white lacquer", "plain", ink("d2d0ca", "f4f2ee"), 0.4, 0.25, 60, 0.8)
GREY_LACQUER = Material("grey lacquer", "plain", ink("6d7478", "8b9296"), 0.4, 0.25, 60, 0.6)
NAVY_LACQUER = Material("navy lacquer", "plain", ink("1d2f45", "32496a"), 0.4, 0.3, 60, 0.35)
SAGE_LACQUER = Material("sage lacquer", "plain", ink("71806b", "95a58c"), 0.4, 0.2, 60, 0.6)
BLACK_PLASTIC = Material("black plastic", "plain", ink("0c0c0d", "2a2a2c"), 0.2, 0.2, 30, 0.04)
BLACK_VELVET = Material("black velvet", "weave", ink("040405", "1a1a1c"), 0.15, infrared=0.03)
RUBBER = Material("rubber", "plain", ink("101011", "242426"), 0.2, 0.05, 12, 0.05)
ANODISED = Material("anodised", "pegboard", ink("0e0f12", "2e3038"), 0.2, 0.35, 40, 0.06)
CHROME = Material("chrome", "brushed", ink("a3a7aa", "d0d2d4"), 0.2, 0.95, 400, 0.12)
STEEL = Material("steel", "brushed", ink("8e9296", "b6b9bc"), 0.25, 0.7, 120, 0.3)
BRASS = Material("brass", "brushed", ink("7d5a20", "d9b35c"), 0.3, 0.75, 150, 0.4)
BLACK_STEEL = Material("black steel", "brushed", ink("131415", "3a3c3e"), 0.3, 0.3, 50, 0.08)
BRONZE = Material("bronze", "marble", ink("2a1c12", "7b5b3a"), 0.4, 0.55, 60, 0.3)
CERAMIC = Material("ceramic", "terrazzo", ink("e9e4d8", "6b86a0", "8d9b7c"), 0.3, 0.6, 200, 0.7)
WHITE_MARBLE = Material("white marble", "marble", ink("e9e6df", "8f8f92"), 0.8, 0.4, 90, 0.75)
BLACK_MARBLE = Material("black marble", "marble", ink("17181a", "a9a59b"), 0.8, 0.6, 150, 0.1)
GRANITE = Material(
    "granite", "terrazzo", ink("3a3b3d", "8b8880", "17181a", "b9b2a4"), 0.3, 0.5, 120, 0.3
)
BLUE_GLAZE = Material("blue glaze", "marble", ink("123a5c", "6fa3bd"), 0.3, 0.7, 220, 0.5)
RED_GLAZE = Material("red glaze", "marble", ink("6e1f17", "c4623b"), 0.3, 0.6, 200, 0.6)
DARK_GLASS = Material("dark glass", "plain", ink("08090a", "141618"), 0.5, 0.9, 500, 0.05)
GREEN_GLASS = Material("green glass", "plain", ink("17301f", "3e6b4a"), 0.2, 0.9, 500, 0.1)
TERRACOTTA = Material("terracotta", "plaster", ink("7e3d22", "c47a52"), 0.3, infrared=0.6)
LEAF = Material("leaf", "leaf", ink("1c3d16", "79a04c"), 0.0, 0.15, 30, 0.55)
STEM = Material("stem", "wood", ink("2f3a1a", "6d7038"), 0.2, infrared=0.5)
SOIL = Material("soil", "terrazzo", ink("2a1d13", "4a3626", "7d6a52"), 0.15, infrared=0.3)
PAPER = Material(
    "paper", "labels",
    ink("e9dfc6", "b23a2e", "2c4f74", "d9a53f", "3f6b4d", "f3efe6", "232323"),
    0.0, 0.05, 20, 0.75, texels=1024,
)  # fmt: skip
PAPER_WHITE = Material("white paper", "plaster", ink("d8d2c4", "f6f3ec"), 0.3, infrared=0.8)
SPINES = Material(
    "book spines", "spines",
    ink("7a2b24", "27435f", "3c5a3f", "c9a25a", "e4d9bf", "1f1f22", "5d3a63", "a8552c"),
    0.0, 0.1, 30, 0.55, texels=1024,
)  # fmt: skip
PAGES = Material("pages", "brushed", ink("b9ad92", "e8dfca"), 0.03, infrared=0.75)
PAINTINGS = Material(
    "paintings", "paintings",
    ink("2f5d7c", "b5472f", "d8a748", "3e6a4a", "e6dcc3"),
    0.0, 0.1, 40, 0.6, texels=1024,
)  # fmt: skip
SCREEN = Material(
    "screen", "screens", ink("58a6ff", "7ee787", "ffa657", "d2a8ff", "e6edf3"),
    0.0, 0.6, 300, 0.05, emission=0.5,
)  # fmt: skip
BULB = Material("bulb", "plain", ink("fff0d6", "fff8ea"), 0.3, infrared=0.7, emission=2.5)
SHADE = Material("lamp shade", "weave", ink("d8c39a", "f2e4c4"), 0.15, infrared=0.6, emission=0.45)
DAYLIGHT = Material(
    "daylight", "outdoors", ink("a9c8ea", "f2f6fa", "2f4a2a", "86a05c"),
    0.0, 0.0, 30, 0.05, emission=0.9,
)  # fmt: skip


def paint(code_dark: str, code_light: str, seed: int = 0) -> Material:
    """Wall paint with a rolled texture."""
    return Material(
        "wall", "plaster", ink(code_dark, code_light), 0.8, infrared=0.75, texels=1024, seed=seed
    )


def wallpaper(ground: str, motif: str, seed: int) -> Material:
    """Printed wallpaper."""
    return Material(
        "wall", "wallpaper", ink(ground, motif), 0.8, infrared=0.7, texels=1024, seed=seed
    )


def cloth(name: str, pattern: str, codes: tuple[str, ...], size_m: float, seed: int) -> Material:
    """A textile: ``weave``, ``plaid`` or ``rug``; dyes do not show in the infrared."""
    return Material(name, pattern, ink(*codes), size_m, infrared=0.6, seed=seed)
