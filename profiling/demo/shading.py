"""Light on surfaces: one lamp at infinity, the room's ambient light, skin that scatters red, soft cast shadows."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from profiling.demo.brushes import Plane, soft_step
from profiling.demo.views import View

SCATTER = (1.1, 1.0, 0.96)  # per colour: above 1 the half-lit parts glow in it, as skin does in red
GLOSS = 18  # exponent of the highlight; small, because skin is matt
SHADOW_STEPS = (0.05, 0.1, 0.16, 0.24, 0.34)  # half head widths towards the lamp
SHADOW_DEPTH = 0.5  # share of the lamp's light that a cast shadow takes


@dataclass(frozen=True)
class Surface:
    """A grid of points: places [3, h, w], colours [3, h, w], and how far each faces the camera (-1 to 1) [h, w]."""

    points: Plane
    colours: Plane
    facing: Plane


@dataclass(frozen=True)
class Lighting:
    """The light of one shot."""

    lamp: npt.NDArray[np.float32]  # unit vector towards the lamp
    halfway: npt.NDArray[np.float32]  # between lamp and camera: where highlights are
    tint: tuple[float, float, float]
    key: float
    ambient: float


def light_of(view: View) -> Lighting:
    """The light of a view."""
    lamp = np.array([view.light_x, view.light_y, 1.0], np.float32)
    lamp /= np.linalg.norm(lamp)
    towards = lamp + np.array([0, 0, 1])
    halfway = (towards / np.linalg.norm(towards)).astype(np.float32)
    return Lighting(lamp, halfway, (1 + view.warmth, 1.0, 1 - view.warmth), view.key, view.ambient)


def rotation(view: View) -> npt.NDArray[np.float32]:
    """Matrix [3, 3] that turns a head by yaw, then pitch, then roll."""
    a, b, c = (math.radians(angle) for angle in (view.yaw, view.pitch, view.roll))
    yaw = np.array([[math.cos(a), 0, math.sin(a)], [0, 1, 0], [-math.sin(a), 0, math.cos(a)]])
    pitch = np.array([[1, 0, 0], [0, math.cos(b), -math.sin(b)], [0, math.sin(b), math.cos(b)]])
    roll = np.array([[math.cos(c), -math.sin(c), 0], [math.sin(c), math.cos(c), 0], [0, 0, 1]])
    turned: npt.NDArray[np.float32] = (roll @ pitch @ yaw).astype(np.float32)
    return turned


def turn(matrix: npt.NDArray[np.float32], points: Plane) -> Plane:
    """Points [3, h, w] rotated by `matrix`."""
    turned: Plane = np.tensordot(matrix, points, 1)
    return turned


def shade(
    light: Lighting,
    points: Plane,
    albedo: Plane,
    occlusion: Plane,
    gloss: float | Plane,
    shadow: float | Plane = 1.0,
    glint: float | Plane = 0.0,
) -> Surface:
    """Light a surface: `albedo` is its own colour, `occlusion` the share of all light that reaches each point,
    `shadow` the share of the lamp's, `gloss` the strength of highlights, `glint` light added as it is."""
    normal = _normals(points)
    lamp = np.clip(0.85 * np.tensordot(light.lamp, normal, 1) + 0.15, 0, 1)
    strength = occlusion * (light.ambient * (0.8 + 0.2 * normal[1]) + light.key * shadow * lamp)
    highlight = np.clip(np.tensordot(light.halfway, normal, 1), 0, 1) ** GLOSS
    highlight = gloss * light.key * highlight + 0.8 * glint
    lit = [
        albedo[k] * light.tint[k] * strength * (scatter - (scatter - 1) * strength) + highlight
        for k, scatter in enumerate(SCATTER)
    ]
    return Surface(points, np.stack(lit), normal[2])


def _normals(points: Plane) -> Plane:
    (ay, ax), (by, bx), (cy, cx) = (np.gradient(plane) for plane in points)
    normal = np.stack([bx * cy - cx * by, cx * ay - ax * cy, ax * by - bx * ay])
    unit: Plane = normal / np.maximum(np.sqrt((normal * normal).sum(0)), 1e-6)
    return unit


def cast_shadow(points: Plane, lamp: Plane) -> Plane:
    """Share of the lamp's light that reaches each point of a relief: march over the grid towards the lamp."""
    height, blocked = points[2], np.zeros_like(points[2])
    pitch_x = np.abs(np.gradient(points[0], axis=1)).mean()
    pitch_y = np.abs(np.gradient(points[1], axis=0)).mean()
    for reach in SHADOW_STEPS:
        rows, columns = round(float(lamp[1] * reach / pitch_y)), round(float(lamp[0] * reach / pitch_x))
        ahead = np.roll(height, (-rows, -columns), (0, 1))
        blocked = np.maximum(blocked, ahead - height - lamp[2] * reach)
    return 1 - SHADOW_DEPTH * soft_step(blocked - 0.03, 0.04)
