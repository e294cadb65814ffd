"""Who a drawn person is: some sixty numbers that stay the same on every photo (`genes.draw_identity` draws them).

Lengths are in half head widths: x right, y up, z towards the camera, eyes near y = 0. Colours run from 0 to 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Rgb: TypeAlias = npt.NDArray[np.float64]  # three numbers, 0 to 1


@dataclass(frozen=True)
class Skin:
    """Colour of the skin, freckles and redness (0 to 1), and moles as x, y, radius."""

    colour: Rgb
    freckles: float
    redness: float
    moles: tuple[tuple[float, float, float], ...]


@dataclass(frozen=True)
class Skull:
    """Form of the head: width, taper and bluntness of the jaw, chin, crown, cheeks, fat, squareness, brows, bones."""

    width: float
    taper: float
    jaw: float
    chin: float
    crown: float
    cheek: float
    fat: float
    square: float
    ridge: float
    bone: float


@dataclass(frozen=True)
class Eyes:
    """Place (x, y), half width, half opening and slant of the eyes, their colour and the skin around them."""

    x: float
    y: float
    width: float
    opening: float
    tilt: float
    iris: Rgb
    crease: float
    socket: float
    liner: float
    bags: float


@dataclass(frozen=True)
class Brows:
    """Height above the eyes, thickness, arch, slant, half length, density (0 to 1) and colour."""

    height: float
    thickness: float
    arch: float
    tilt: float
    length: float
    density: float
    colour: Rgb


@dataclass(frozen=True)
class Nose:
    """Length from the eyes to the tip, width at the wings and the bridge, height of tip and root, nostrils, bump."""

    length: float
    width: float
    bridge: float
    tip: float
    root: float
    upturn: float
    bump: float


@dataclass(frozen=True)
class Mouth:
    """Height, half width, thickness of the two lips, depth of the bow (0 to 1), redness (0 to 1)."""

    y: float
    width: float
    upper: float
    lower: float
    bow: float
    redness: float


@dataclass(frozen=True)
class Hair:
    """Style, colour, height of the hairline, side of the parting (-1 to 1), volume, waviness (0 to 1)."""

    style: str
    colour: Rgb
    line: float
    parting: float
    volume: float
    wave: float


@dataclass(frozen=True)
class Glasses:
    """Frame ("no", "round", "rect", "cat"), its colour and half its thickness."""

    frame: str
    colour: Rgb
    width: float


@dataclass(frozen=True)
class Identity:
    """One drawn person. `wrinkles` runs from 0 (35 years and younger) to 1; `build` scales neck and shoulders."""

    seed: int
    man: bool
    age: float
    wrinkles: float
    skin: Skin
    skull: Skull
    eyes: Eyes
    brows: Brows
    nose: Nose
    mouth: Mouth
    hair: Hair
    beard: str
    glasses: Glasses
    cloth: Rgb
    build: float
