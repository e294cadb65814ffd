"""One person from the shoulders up: head, ears, neck, clothes, hair behind the head, glasses."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw
from scipy.ndimage import uniform_filter

from profiling.demo.brushes import Plane, blend, noise, soft_step
from profiling.demo.eyes import shape_eyes
from profiling.demo.glasses import put_on_glasses
from profiling.demo.hair import LONG_STYLES, grow_beard, grow_hair
from profiling.demo.identity import Identity
from profiling.demo.mouth import shape_mouth
from profiling.demo.sculpture import Sculpture, carve_skull
from profiling.demo.shading import Lighting, Surface, cast_shadow, light_of, rotation, shade, turn
from profiling.demo.skin import paint_nostrils, shape_face, shape_forehead
from profiling.demo.splatting import Canvas, splat
from profiling.demo.views import View

SCALE = 0.53  # half head width over head width, and a little more, so that shrinking smooths
SCALE_RANGE = (40.0, 88.0)  # pixels of half a head width: smaller loses features, larger costs time
BACK_HAIR = ("long", "longfringe", "bun")
OCCLUSION = (0.62, 1.12)  # darkest hollow, lightest bump


@dataclass(frozen=True)
class Bust:
    """An RGBA picture, and in it left eye, right eye, nose, left and right corner of the mouth (image order)."""

    picture: Image.Image
    landmarks: npt.NDArray[np.float64]  # [5, 2] pixels


@dataclass(frozen=True)
class _Head:
    surface: Surface
    landmarks: list[Plane]  # five points [3]


def draw_bust(person: Identity, view: View, size: float = 160) -> Bust:
    """Draw a person whose head is `size` pixels wide."""
    canvas = Canvas.blank(float(np.clip(size * SCALE, *SCALE_RANGE)))
    rng, light, turned = np.random.default_rng(view.seed), light_of(view), rotation(view)
    _paint_shoulders(canvas, person, view, light, rng)
    if person.hair.style in BACK_HAIR:
        _paint_back_hair(canvas, person, view, light, rng)
    surfaces = [_shape_neck(canvas.scale, person, light, turned)]
    if person.hair.style not in LONG_STYLES:
        surfaces += [_shape_ear(canvas.scale, person, light, turned, side) for side in (-1, 1)]
    head = _shape_head(canvas.scale, person, view, light, turned)
    splat(canvas, [*surfaces, head.surface])
    picture = canvas.picture()
    if person.glasses.frame != "no":
        put_on_glasses(ImageDraw.Draw(picture), person, turned, canvas)
    shrink = size / (2 * canvas.scale)
    picture = picture.resize((round(canvas.width * shrink), round(canvas.height * shrink)), Image.Resampling.LANCZOS)
    return Bust(picture, np.array([canvas.project(point) for point in head.landmarks]) * shrink)


def _paint_shoulders(canvas: Canvas, person: Identity, view: View, light: Lighting, rng: np.random.Generator) -> None:
    """Clothes, flat: their folds are noise."""
    first = int(canvas.centre[1] + 1.4 * canvas.scale)
    x, y = (plane[first:] for plane in canvas.plane_coordinates())
    collar = 0.22 * np.clip(1 - np.abs(x) / 0.7, 0, 1)
    edge = -1.6 - 0.5 * (np.abs(x) / (2 * person.build)) ** 2.2 - collar
    lamp = np.clip(0.75 + 0.18 * x * view.light_x - 0.1 * np.abs(x), 0, 1)
    brightness = (light.ambient + light.key * lamp) * (1 + 0.06 * noise(rng, x.shape, 4, 12))
    for k in range(3):
        canvas.planes[k, first:] = person.cloth[k] * light.tint[k] * brightness
    canvas.planes[3, first:] = soft_step(edge - y) * soft_step(2.15 * person.build - np.abs(x))


def _paint_back_hair(canvas: Canvas, person: Identity, view: View, light: Lighting, rng: np.random.Generator) -> None:
    """Hair that falls behind the head, flat, rolled with the head."""
    hair, roll = person.hair, math.radians(view.roll)
    origin = rotation(view) @ np.array([0, 0, -0.35], np.float32)
    middle = canvas.centre[0]
    columns = slice(int(middle - 1.9 * canvas.scale), int(middle + 1.9 * canvas.scale))
    x, y = (plane[:, columns] for plane in canvas.plane_coordinates())
    x, y, planes = x - origin[0], y - origin[1], canvas.planes[:, :, columns]
    x, y = x * math.cos(roll) + y * math.sin(roll), y * math.cos(roll) - x * math.sin(roll)
    low = -0.9 if hair.style == "bun" else -1.9 - 0.5 * hair.wave
    wide = 1.12 * np.sqrt(np.clip(1 - (np.clip(y, 0, 2) / 1.55) ** 2, 0, 1))
    wide += (0.12 + 0.1 * hair.wave * np.sin(4 * y)) * np.clip(-y, 0, 1) - 0.02
    ends = low + 0.15 * noise(rng, (1, x.shape[1]), 2, 40)
    ragged = wide + 0.03 * noise(rng, (canvas.height, 1), canvas.height / 8, 2)
    mask = soft_step(ragged - np.abs(x), 0.03) * soft_step(y - ends, 0.08) * (y < 1.5)
    strands = 0.62 + 0.18 * noise(rng, x.shape, 9, x.shape[1] / 3)
    brightness = strands * (light.ambient + 0.55 * light.key)
    blend(planes, mask, [hair.colour[k] * light.tint[k] * brightness for k in range(3)])
    planes[3] = np.maximum(planes[3], mask)


def _shape_neck(scale: float, person: Identity, light: Lighting, turned: npt.NDArray[np.float32]) -> Surface:
    """A cylinder whose upper end follows the head; darker under the chin."""
    angle = np.radians(np.linspace(-95, 95, int(1.6 * scale), dtype=np.float32))[None]
    y = np.linspace(-1.95, -0.85, int(0.9 * scale), dtype=np.float32)[:, None]
    radius = 0.53 * person.build
    points: Plane = np.stack([radius * np.sin(angle) + 0 * y, y + 0 * angle, radius * np.cos(angle) - 0.12 + 0 * y])
    shift = turned @ np.array([0, -1.0, 0], np.float32) + np.array([0, 1.0, 0], np.float32)
    points = points + shift[:, None, None] * np.clip((y + 2.1) / 1.1, 0, 1)
    skin = np.broadcast_to(person.skin.colour[:, None, None], points.shape)
    return shade(light, points, skin, 1 - 0.6 * np.clip((y + 1.8) / 0.45, 0, 1) + 0 * angle, 0.05)


def _shape_ear(scale: float, person: Identity, light: Lighting, turned: npt.NDArray[np.float32], side: int) -> Surface:
    """Half an ellipsoid at one side of the head (-1 left, 1 right)."""
    points_around = int(0.5 * scale)
    around = np.linspace(0, 2 * np.pi, points_around, dtype=np.float32)[None]
    out = np.linspace(0.02, 1.5, points_around // 2, dtype=np.float32)[:, None]
    ux, uy = np.cos(around) * np.cos(out), np.sin(around) * np.cos(out)
    away = person.skull.width * 0.97 + 0.12 * np.sin(out) - 0.06 * ux
    points: Plane = np.stack([side * away, -0.06 + 0.27 * uy, -0.05 + 0.14 * ux])
    skin = (person.skin.colour * [1, 0.9, 0.88])[:, None, None] + np.zeros_like(points)
    points = turn(turned, points[:, :, ::-1] if side > 0 else points)
    return shade(light, points, skin, 0.55 + 0.35 * np.cos(out) + 0 * around, 0.1)


def _shape_head(scale: float, person: Identity, view: View, light: Lighting, turned: npt.NDArray[np.float32]) -> _Head:
    """The head with all its features; the order of the steps is the order of the paint."""
    head = carve_skull(person, view, scale)
    shape_forehead(head)
    shape_face(head)
    grow_beard(head)
    shape_mouth(head)
    paint_nostrils(head)
    glint = shape_eyes(head)
    hair, volume = grow_hair(head)
    z = head.z + head.relief
    grow = 1 + volume / np.maximum(np.sqrt(head.x * head.x + head.y * head.y + z * z), 0.3)
    bumps = head.relief - uniform_filter(head.relief, int(0.14 * scale))
    occlusion = np.clip(1 + 2.2 * bumps, *OCCLUSION)
    points: Plane = np.stack([head.x * grow, head.y * grow, z * grow])
    shadow = cast_shadow(points, turned.T @ light.lamp)
    points = turn(turned, points)
    surface = shade(light, points, head.colours, occlusion, 0.1 + 0.1 * hair, shadow, glint)
    return _Head(surface, [points[:, row, column] for row, column in _landmarks(head)])


def _landmarks(head: Sculpture) -> list[tuple[int, int]]:
    """Grid points of the eyes, the tip of the nose and the corners of the mouth."""
    eyes, width = head.person.eyes, head.mouth_width * 0.97
    corner = head.mouth_y + 0.05 * head.view.smile
    places = [(-eyes.x, eyes.y), (eyes.x, eyes.y), (0, head.nose_tip), (-width, corner), (width, corner)]
    return [head.point(x, y) for x, y in places]
