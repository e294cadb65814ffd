"""Glasses: two rims, a bridge and two arms, drawn as lines over the finished head."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import ImageDraw

from profiling.demo.identity import Identity
from profiling.demo.splatting import Canvas

ROUNDNESS = {"round": 2, "rect": 5, "cat": 3}  # exponent of the rim's superellipse
RIM_WIDTH = 0.29  # half head widths, as all lengths here
RIM_HEIGHT = {"round": 0.25, "rect": 0.2, "cat": 0.2}


def put_on_glasses(
    draw: ImageDraw.ImageDraw, person: Identity, turned: npt.NDArray[np.float32], canvas: Canvas
) -> None:
    """Draw the person's glasses, turned as the head is."""
    glasses = person.glasses
    red, green, blue = (int(255 * part) for part in glasses.colour)
    width = max(1, int(glasses.width * 2 * canvas.scale))
    for path in _paths(person):
        line = [canvas.project(point) for point in path @ turned.T]
        draw.line(line, fill=(red, green, blue, 255), width=width, joint="curve")


def _paths(person: Identity) -> list[npt.NDArray[np.float64]]:
    frame, (x, y) = person.glasses.frame, (person.eyes.x, person.eyes.y)
    around, power = np.linspace(0, 2 * np.pi, 40), 2 / ROUNDNESS[frame]
    rim_x = np.sign(np.cos(around)) * np.abs(np.cos(around)) ** power * RIM_WIDTH
    rim_y = np.sign(np.sin(around)) * np.abs(np.sin(around)) ** power * RIM_HEIGHT[frame]
    rim_y += (frame == "cat") * 0.12 * np.clip(rim_x, 0, 1)
    depth = 1.17 - 0.25 * np.clip(x + rim_x - 0.3, 0, 1)  # rims follow the face's curve
    paths = []
    for side in (-1, 1):
        paths.append(np.stack([side * (x + 0.02 + rim_x), y - 0.03 + rim_y, depth], -1))
        paths.append(np.array([[side * (x + 0.31), y + 0.04, 1.05], [side * person.skull.width * 1.02, y + 0.05, 0.1]]))
    paths.append(np.array([[0.27 - x, y + 0.02, 1.2], [0, y + 0.05, 1.27], [x - 0.27, y + 0.02, 1.2]]))
    return paths
