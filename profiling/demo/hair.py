"""Beard and the hair of the scalp: where it grows, how it falls, how much it stands out."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import uniform_filter

from profiling.demo.brushes import Plane, blend, noise, soft_step
from profiling.demo.identity import Hair
from profiling.demo.sculpture import Sculpture

LONG_STYLES = ("long", "longfringe")
FRINGE_STYLES = ("fringe", "longfringe")


def grow_beard(head: Sculpture) -> None:
    """Stubble, full beard, goatee or moustache; nothing for people without."""
    fine = noise(head.rng, head.x.shape, head.rows / 2, head.columns / 2)
    kind = head.person.beard
    if kind == "no":
        return
    side, y, mouth = np.abs(head.x), head.y, head.mouth_y
    where = _beard_area(head, kind) * np.clip(0.85 + 0.35 * fine, 0, 1) * head.front
    lips = soft_step(0.1 - np.abs(y - mouth), 0.03) * soft_step(head.mouth_width * 0.95 - side, 0.05)
    where = where * (1 - lips)
    blend(head.colours, where, head.person.hair.colour * 0.8)
    head.relief += (0.008 * fine + 0.05 * (kind != "stubble")) * where


def _beard_area(head: Sculpture, kind: str) -> Plane:
    side, y, mouth, turn = np.abs(head.x), head.y, head.mouth_y, np.abs(head.angle)
    edge = np.interp(turn, [0, 0.45, 0.9, 1.15, 1.35], [mouth + 0.1, mouth + 0.06, -0.62, -0.35, 0.1])
    cheeks = soft_step(edge.astype(np.float32) - y, 0.06) * soft_step(1.42 - turn, 0.06)
    line = 0.085 - np.abs(y - mouth - 0.12 + 0.35 * np.clip(side - 0.12, 0, 1))
    moustache = soft_step(line, 0.03) * soft_step(head.mouth_width + 0.05 - side, 0.04)
    if kind == "moustache":
        return 0.92 * moustache
    if kind == "goatee":
        chin = soft_step(0.3 - np.hypot(head.x * 0.9, (y - mouth + 0.28) * 0.85), 0.05)
        return 0.9 * np.maximum(chin, moustache)
    return (0.92 if kind == "full" else 0.35) * np.maximum(cheeks, moustache)


def grow_hair(head: Sculpture) -> tuple[Plane, Plane]:
    """Paint the hair of the scalp; return its mask (0 to 1) and how far it stands out (share of the radius)."""
    hair, y = head.person.hair, head.y
    head.relief *= head.front
    if hair.style == "bald":
        return np.zeros_like(head.x), np.zeros_like(head.x)
    line = _hairline(head)
    mask = soft_step(y - line, 0.05)
    strand = 0.6 * noise(head.rng, y.shape, 10 + 30 * hair.wave, head.columns / 2.2)
    strand = strand + 0.5 * noise(head.rng, y.shape, 4, head.columns / 9)
    lift = hair.volume * (0.6 + 0.8 * np.clip(y, 0, 1)) + 0.1 * (not head.person.man) + 0.012 * strand
    volume = soft_step(y - line - 0.08, 0.16) * lift
    volume = uniform_filter(volume, max(3, int(0.1 * head.pixels)))
    mask = np.maximum(mask, soft_step(volume - 0.025, 0.02))
    blend(head.colours, mask, hair.colour[:, None, None].astype(np.float32) * (1 + 0.22 * strand))
    head.relief *= 1 - 0.7 * mask
    return mask, volume


def _hairline(head: Sculpture) -> Plane:
    """Height of the hairline around the head, [1, columns]."""
    hair, shape = head.person.hair, (1, head.columns)
    degrees = np.abs(np.degrees(head.angle)) + 3 * noise(head.rng, shape, 2, 60)
    angles, heights = _hairline_knots(hair, head.person.man)
    line: Plane = np.interp(degrees, angles, heights).astype(np.float32) + 0.035 * noise(head.rng, shape, 2, 90)
    if hair.style in ("swept", "long"):
        aside = np.clip((np.degrees(head.angle) - 60 * hair.parting) / 40, -1.5, 1.5)
        line += 0.14 * np.sin(aside) ** 2 * (degrees < 55)
    return line


def _hairline_knots(hair: Hair, man: bool) -> tuple[list[float], list[float]]:
    """The hairline as heights at angles (degrees) from the middle of the forehead to behind the ear."""
    top = hair.line
    angles: list[float] = [0, 22, 38, 52, 66, 76, 92]
    heights = [top, top, top - 0.06, top - 0.3, 0.25, -0.2 if man else -0.05, -0.9]
    if hair.style == "recede":
        angles, heights[:3] = [0, 10, 30, 55, 70, 76, 92], [top + 0.18, top + 0.23, top + 0.32]
    if hair.style in FRINGE_STYLES:
        heights[:4] = [0.55 - 0.1 * hair.wave, 0.55, 0.52, 0.45]
    if hair.style in LONG_STYLES:
        angles[4:], heights[4:] = [60, 66, 92], [-0.2, -1.6, -1.8]
    return angles, heights
