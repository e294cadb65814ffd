"""Nose, cheeks, folds and wrinkles, and what the skin shows: blush, freckles, moles, nostrils."""

from __future__ import annotations

import numpy as np

from profiling.demo.brushes import SHADE, Plane, bell, blend, darken, noise, ridge, soft_step
from profiling.demo.sculpture import Patch, Sculpture

WRINKLED_FOREHEAD = 0.1  # from this much wrinkles on
VISIBLE_FRECKLES = 0.05


def shape_forehead(head: Sculpture) -> None:
    """Horizontal wrinkles of people past 39."""
    old = head.person.wrinkles
    if old <= WRINKLED_FOREHEAD:
        return
    patch = head.patch(0.4, 1.0, 0.9)
    relief, waves = patch.relief, np.sin((patch.y + 0.02 * head.waviness[patch.where]) * 48) > 0.6
    relief -= 0.012 * old * waves * bell(patch.x, patch.y, (0, 0.72), 0.5, 0.2)


def shape_face(head: Sculpture) -> None:
    """Nose, sockets, brow ridge, cheek bones, folds and chin as relief; blush, freckles and moles as paint."""
    patch = head.patch(-1.45, 0.6, 1.25)
    _shape_nose(head, patch)
    _shape_sockets(head, patch)
    _shape_lower_face(head, patch)
    _paint_blush(head, patch)
    _paint_marks(head, patch)


def _shape_nose(head: Sculpture, patch: Patch) -> None:
    nose, tip, relief = head.person.nose, head.nose_tip, patch.relief
    x, side, y = patch.x, patch.side, patch.y
    top = head.person.eyes.y + 0.12
    down = np.clip((top - y) / (top - tip), 0, 1)  # 0 at the root, 1 at the tip
    height = nose.root + (nose.tip - nose.root) * down**1.4 + nose.bump * ridge(down - 0.45, 0.2)
    fade = np.exp(-((np.maximum(tip - y, 0) / 0.1) ** 2) - (np.maximum(y - top, 0) / 0.16) ** 2)
    height = height * fade
    relief += height * np.exp(-((x / (nose.bridge + (nose.width * 0.78 - nose.bridge) * down**2)) ** 2))
    wings = 0.1 * bell(side, y, (nose.width * 0.8, tip - 0.02), 0.08, 0.085)
    relief += wings + 0.04 * bell(x, y, (0, tip + 0.02), 0.11, 0.09)
    relief -= 0.06 * bell(side, y, (nose.width * 0.48, tip - 0.09 + nose.upturn), 0.05, 0.03)


def _shape_sockets(head: Sculpture, patch: Patch) -> None:
    eyes, skull, relief, side, y = head.person.eyes, head.person.skull, patch.relief, patch.side, patch.y
    hollow = eyes.socket * bell(side, y, (eyes.x * 0.95, eyes.y + 0.06), 0.24, 0.16)
    relief -= hollow - 0.075 * bell(side, y, (eyes.x, eyes.y), 0.15, 0.1)  # the eyeball fills it
    relief += skull.ridge * bell(side, y, (eyes.x * 0.9, eyes.y + head.person.brows.height), 0.3, 0.08)
    relief += skull.bone * (1 + head.view.smile) * bell(side, y, (0.6, eyes.y - 0.36), 0.2, 0.2)


def _shape_lower_face(head: Sculpture, patch: Patch) -> None:
    x, side, y, relief, tip, mouth = patch.x, patch.side, patch.y, patch.relief, head.nose_tip, head.mouth_y
    along = side - (head.person.nose.width + 0.06 + 0.42 * np.clip(tip - y, 0, 1))
    fold = ridge(along, 0.035) * soft_step(tip + 0.06 - y, 0.1) * soft_step(y - mouth + 0.03, 0.1)
    relief -= (0.012 + 0.03 * head.person.wrinkles + 0.03 * max(head.view.smile, 0)) * fold
    relief += 0.03 * bell(x, y, (0, mouth), 0.4, 0.25) - 0.02 * bell(x, y, (0, mouth + 0.16), 0.035, 0.06)
    relief -= 0.05 * bell(x, y, (0, mouth - 0.2), 0.2, 0.05)
    relief += 0.07 * bell(x, y, (0, -1.2 * head.person.skull.chin), 0.22, 0.14)


def _paint_blush(head: Sculpture, patch: Patch) -> None:
    x, side, y, eye_y = patch.x, patch.side, patch.y, head.person.eyes.y
    blush = 0.3 * bell(side, y, (0.55, eye_y - 0.42), 0.26, 0.22) + 0.3 * bell(x, y, (0, head.nose_tip), 0.16, 0.14)
    blush += 0.12 * bell(x, y, (0, -1.2), 0.3, 0.2)
    darken(patch.colours, head.person.skin.redness * patch.front * blush, (0.05, 0.32, 0.34))


def _paint_marks(head: Sculpture, patch: Patch) -> None:
    x, side, y, skin = patch.x, patch.side, patch.y, head.person.skin
    if skin.freckles > VISIBLE_FRECKLES:
        grain = noise(head.rng, x.shape, head.rows / 5, head.columns / 5)
        spots = soft_step(grain - 1.1, 0.3) * bell(side, y, (0.3, head.person.eyes.y - 0.35), 0.4, 0.25)
        blend(patch.colours, skin.freckles * 0.6 * spots, skin.colour * [0.7, 0.5, 0.4])
    for at_x, at_y, radius in skin.moles:
        spot: Plane = soft_step(radius - np.hypot(x - at_x, y - at_y), 0.012)
        blend(patch.colours, spot, skin.colour * 0.35)


def paint_nostrils(head: Sculpture) -> None:
    """The shadow under the nose and the two nostrils."""
    nose, tip = head.person.nose, head.nose_tip
    patch = head.patch(tip - 0.3, tip + 0.15, 0.6)
    darken(patch.colours, 0.25 * bell(patch.x, patch.y, (0, tip - 0.15), nose.width, 0.05), SHADE)
    at = (nose.width * 0.45, tip - 0.1 + nose.upturn)
    hole = bell(patch.side, patch.y, at, nose.width * 0.24, 0.026 + 0.3 * max(0, nose.upturn))
    blend(patch.colours, np.clip(1.1 * hole, 0, 0.9), head.person.skin.colour * [0.22, 0.14, 0.13])
