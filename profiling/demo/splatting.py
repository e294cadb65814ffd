"""From lit surfaces to pixels: project every point, fill gaps between neighbours, let nearer points win."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from profiling.demo.brushes import Plane
from profiling.demo.shading import Surface

CAMERA_DISTANCE = 9  # half head widths: a portrait lens
WIDTH, HEIGHT = 5.0, 4.7  # of the picture of a bust, half head widths
CENTRE_X, CENTRE_Y = 2.5, 1.95  # of the head in that picture, from the left and from the top
GAP_PIXELS = 1.7  # neighbours farther apart than a splat's two pixels leave holes
GAP_LIMIT = 0.2  # half head widths: farther apart they are an edge, not a gap
FILLERS = (0.2, 0.4, 0.6, 0.8)  # places of the points put into a gap
DEPTH_STEPS = 4000  # per half head width; sorting 16-bit integers is what makes this fast
BEHIND = 16000  # depth steps added so that points behind the head stay positive
FACING = -0.05  # points that face away more than this are not drawn


@dataclass
class Canvas:
    """A picture in the making: `planes` [4, height, width] red, green, blue and coverage, 0 to 1."""

    scale: float  # pixels per half head width
    planes: Plane

    @classmethod
    def blank(cls, scale: float) -> Canvas:
        """An empty canvas that a bust fits on."""
        return cls(scale, np.zeros((4, int(HEIGHT * scale), int(WIDTH * scale)), np.float32))

    @property
    def height(self) -> int:
        """Pixels."""
        return int(self.planes.shape[1])

    @property
    def width(self) -> int:
        """Pixels."""
        return int(self.planes.shape[2])

    @property
    def centre(self) -> tuple[float, float]:
        """Pixel of the head's middle."""
        return CENTRE_X * self.scale, CENTRE_Y * self.scale

    def plane_coordinates(self) -> tuple[Plane, Plane]:
        """x and y of every pixel [height, width] in half head widths."""
        y, x = np.mgrid[0 : self.height, 0 : self.width].astype(np.float32)
        return (x - self.centre[0]) / self.scale, (self.centre[1] - y) / self.scale

    def project(self, point: npt.ArrayLike) -> tuple[float, float]:
        """Pixel (x, y) at which a point [3] appears."""
        x, y, z = np.asarray(point)
        (cx, cy), scale = self.centre, self.scale
        grow = scale * CAMERA_DISTANCE / (CAMERA_DISTANCE - z)
        return float(cx + grow * x), float(cy - grow * y)

    def picture(self) -> Image.Image:
        """The canvas as an RGBA image."""
        bands = (np.clip(self.planes, 0, 1) * 255).astype(np.uint8)
        return Image.merge("RGBA", [Image.fromarray(band) for band in bands])


def splat(canvas: Canvas, surfaces: Sequence[Surface]) -> None:
    """Draw the surfaces onto the canvas, each point as two by two pixels, farther ones first."""
    points = np.concatenate([cloud for surface in surfaces for cloud in _project(canvas, surface)], axis=1)
    width, height = canvas.width, canvas.height
    x, y, depth, facing = points[0], points[1], points[2], points[6]
    inside = (x > 1) & (x < width - 2) & (y > 1) & (y < height - 2)
    keep = np.flatnonzero((facing > FACING) & inside)
    order = keep[np.argsort((depth[keep] * DEPTH_STEPS + BEHIND).astype(np.uint16), kind="stable")]
    pixel = (x[order] - 0.5).astype(np.int32) + width * (y[order] - 0.5).astype(np.int32)
    nearest = np.full(height * width, -1, np.int32)
    nearest[pixel[:, None] + np.array([0, 1, width, width + 1], np.int32)] = order[:, None]  # the last one stays
    flat, hit = canvas.planes.reshape(4, -1), np.flatnonzero(nearest >= 0)
    flat[:3, hit], flat[3, hit] = points[3:6, nearest[hit]], 1


def _project(canvas: Canvas, surface: Surface) -> list[Plane]:
    """The surface's points as rows x, y, depth, red, green, blue, facing; those put into gaps first."""
    (cx, cy), scale, place = canvas.centre, canvas.scale, surface.points
    grow = CAMERA_DISTANCE / (CAMERA_DISTANCE - place[2])
    x, y = cx + scale * grow * place[:1], cy - scale * grow * place[1:2]
    grid = np.concatenate([x, y, place[2:], surface.colours, surface.facing[None]])
    clouds: list[Plane] = []
    for low, high in ((grid[:, :, :-1], grid[:, :, 1:]), (grid[:, :-1], grid[:, 1:])):
        apart = np.maximum(np.abs(high[0] - low[0]), np.abs(high[1] - low[1]))
        gap = (apart > GAP_PIXELS) & (apart < GAP_LIMIT * scale) & (np.maximum(low[6], high[6]) > 0)
        start, end = low[:, gap], high[:, gap]
        clouds += [start + share * (end - start) for share in FILLERS]
    return [*clouds, grid.reshape(7, -1)]
