"""Eyes and brows: bags and crow's feet, lids, white, iris and pupil, lashes, the glint of the lamp."""

from __future__ import annotations

import numpy as np

from profiling.demo.brushes import SHADE, Plane, bell, blend, darken, noise, ridge, soft_step
from profiling.demo.sculpture import Patch, Sculpture

WHITE = np.array([0.9, 0.88, 0.86])
PUPIL = (0.02, 0.02, 0.02)
LASHES = (0.07, 0.05, 0.045)


def shape_eyes(head: Sculpture) -> Plane:
    """Shape and paint the eyes and brows; return where the lamp glints in them (0 to 1, [rows, columns])."""
    patch = head.patch(head.person.eyes.y - 0.3, head.person.eyes.y + 0.55, 1.1)
    _shape_surroundings(head, patch)
    _paint_brows(head, patch)
    glint = np.zeros_like(head.x)
    glint[patch.where] = _paint_eyeballs(head, patch)
    return glint


def _shape_surroundings(head: Sculpture, patch: Patch) -> None:
    eyes, old, side, y, relief = head.person.eyes, head.person.wrinkles, patch.side, patch.y, patch.relief
    bags = (0.12 * eyes.bags + 0.22 * old) * bell(side, y, (eyes.x, eyes.y - 0.13), 0.17, 0.05)
    darken(patch.colours, 0.28 * bell(side, y, (eyes.x * 0.8, eyes.y + 0.02), 0.22, 0.12) + bags, SHADE)
    relief -= 0.03 * old * bell(side, y, (eyes.x, eyes.y - 0.14), 0.16, 0.03)
    crows_feet = np.sin((y + 0.02 * head.waviness[patch.where]) * 70) > 0.5
    relief += 0.01 * old * crows_feet * bell(side, y, (eyes.x + 0.28, eyes.y), 0.08, 0.1)


def _paint_brows(head: Sculpture, patch: Patch) -> None:
    brows, eyes = head.person.brows, head.person.eyes
    along = (patch.side - eyes.x * 0.98) / brows.length
    middle = eyes.y + brows.height + head.view.brow + brows.arch * (1 - (along - 0.25) ** 2)
    middle = middle + brows.tilt * along * 0.5
    thick = brows.thickness * (1 - 0.65 * np.clip(along, 0, 1))
    shape = soft_step(thick - np.abs(patch.y - middle)) * soft_step(1 - np.abs(along), 0.1)
    grain = noise(head.rng, patch.x.shape, head.rows / 3, head.columns / 2)
    blend(patch.colours, shape * np.clip(brows.density + 0.3 * grain, 0.2, 1), brows.colour)


def _paint_eyeballs(head: Sculpture, patch: Patch) -> Plane:
    """Lids, eyeballs and lashes; returns where the lamp glints in them."""
    eyes, view, colours = head.person.eyes, head.view, patch.colours
    across = (patch.side - eyes.x) / eyes.width
    rise = patch.y - eyes.y - eyes.tilt * (patch.side - eyes.x)
    taper = np.clip(1 - across**2, 0, 1)
    opening = eyes.opening * view.lid * (1 - 0.15 * max(view.smile, 0))
    lid, low = opening * 1.15 * taper**0.6 * (1 - 0.12 * across), -opening * 0.8 * taper**0.8
    crease = rise - lid - eyes.crease * np.clip(1.1 - 0.5 * across**2, 0, 1)
    darken(colours, 0.45 * ridge(crease, 0.014) * (np.abs(across) < 1.15), (1, 1, 1))
    white = soft_step(np.minimum(lid - rise, rise - low), 0.012) * (np.abs(across) < 1.02)
    blend(colours, white, WHITE * (0.82 + 0.1 * head.person.skin.colour.mean()))
    rim = 0.4 * ridge(lid - rise, 0.03) + 0.25 * np.minimum(np.abs(across), 1) ** 3
    darken(colours, white * rim, (1, 1, 1))
    aside = patch.side - eyes.x - np.sign(patch.x) * 0.4 * view.gaze_x * eyes.width
    from_pupil = np.hypot(aside, rise - 0.01 - 0.1 * view.gaze_y)
    for radius, paint in ((0.085, eyes.iris * 0.6), (0.068, eyes.iris * 1.05), (0.038, PUPIL)):
        blend(colours, white * soft_step(radius - from_pupil, 0.013), paint)
    lashes = ridge(rise - lid - 0.006, 0.013 + 0.008 * eyes.liner) * (np.abs(across) < 1.08)
    lashes += 0.45 * ridge(rise - low, 0.01) * (np.abs(across) < 0.98)
    blend(colours, np.clip(lashes * (0.75 + 0.25 * eyes.liner), 0, 0.95), LASHES)
    lamp = patch.x - np.sign(patch.x) * eyes.x - 0.02 - 0.03 * np.sign(view.light_x)
    glint: Plane = soft_step(0.016 - np.hypot(lamp, rise - 0.035), 0.008) * white
    return glint
