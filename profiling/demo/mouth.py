"""The mouth: lips that a smile bends and widens, teeth when it opens, the line between, the shadow below."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from profiling.demo.brushes import SHADE, Plane, bell, blend, darken, ridge, soft_step
from profiling.demo.identity import Rgb
from profiling.demo.sculpture import Patch, Sculpture

LIPSTICK = np.array([0.62, 0.2, 0.22])
TEETH = (0.86, 0.83, 0.78)
INSIDE = (0.18, 0.06, 0.06)
TEETH_SHOW = 0.012  # opening of the mouth, in half head widths


@dataclass(frozen=True)
class _Lips:
    """Heights of the lips' edges over a patch, and `across`: 0 in the middle of the mouth, 1 at its corner."""

    across: Plane
    middle: Plane
    upper_edge: Plane
    upper_inner: Plane
    lower_inner: Plane
    lower_edge: Plane


def shape_mouth(head: Sculpture) -> None:
    """Shape and paint the mouth."""
    patch = head.patch(head.mouth_y - 0.32, head.mouth_y + 0.3, 0.8)
    lips = _place_lips(head, patch)
    y, gap, relief = patch.y, head.view.open, patch.relief
    upper, lower = 0.06 * ridge(y - lips.middle - 0.05, 0.045), 0.07 * ridge(y - lips.middle + 0.065 + gap, 0.055)
    relief += np.exp(-(lips.across**4)) * (upper + lower - 0.05 * ridge(y - lips.middle, 0.02))
    _paint_lips(head, patch, lips)


def _place_lips(head: Sculpture, patch: Patch) -> _Lips:
    mouth, smile, gap = head.person.mouth, head.view.smile, head.view.open
    across = patch.side / head.mouth_width
    taper = np.clip(1 - across**2, 0, 1)
    bend = np.minimum(across, 1.4)
    middle = head.mouth_y + 0.055 * smile * bend**2 - 0.012 * np.cos(3 * bend)
    bow = 1 - mouth.bow * (0.35 * ridge(patch.x, 0.06) - 0.15 * ridge(patch.side - 0.1, 0.06))
    upper_inner, lower_inner = middle + gap * 0.4 * taper, middle - gap * 0.6 * taper
    return _Lips(
        across=across,
        middle=middle,
        upper_edge=upper_inner + mouth.upper * (1 - 0.2 * max(smile, 0)) * taper**0.75 * bow,
        upper_inner=upper_inner,
        lower_inner=lower_inner,
        lower_edge=lower_inner - mouth.lower * taper**0.6,
    )


def _lip_colour(head: Sculpture) -> Rgb:
    skin = head.person.skin.colour
    bare = skin * [0.86, 0.58, 0.56]
    colour: Rgb = bare + head.person.mouth.redness * 0.45 * (LIPSTICK * (0.55 + 0.6 * skin.mean()) - bare)
    return colour


def _paint_lips(head: Sculpture, patch: Patch, lips: _Lips) -> None:
    y, colours, gap, skin = patch.y, patch.colours, head.view.open, head.person.skin.colour
    red = soft_step(np.minimum(lips.upper_edge - y, y - lips.lower_edge)) * (lips.across < 1.02)
    blend(colours, red * 0.85, _lip_colour(head))
    darken(colours, red * (y > lips.middle), (0.18, 0.18, 0.18))  # the upper lip faces down
    inside = soft_step(np.minimum(lips.upper_inner - y, y - lips.lower_inner) + 0.004, 0.012) * (lips.across < 1)
    blend(colours, inside, INSIDE)
    if gap > TEETH_SHOW:
        teeth = soft_step(np.minimum(lips.upper_inner - 0.004 - y, y - lips.lower_inner - gap * 0.3), 0.008)
        blend(colours, teeth * soft_step(0.85 - lips.across, 0.1), TEETH)
    line = 0.7 * ridge(y - lips.middle, 0.013) * soft_step(1.03 - lips.across, 0.05) * (1 - inside)
    blend(colours, line, skin * [0.3, 0.16, 0.16])
    darken(colours, 0.2 * bell(patch.x, y, (0, head.mouth_y - 0.21), 0.2, 0.045), SHADE)
