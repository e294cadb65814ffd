"""The similarity grid: every face against every face, as one small exact picture."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from profiling.report.crops import png_uri
from profiling.report.data import UserStory
from profiling.report.ordering import in_turn
from profiling.tables import NO_CLUSTER

GRID_FACES = 32  # a side; more would shrink the faces on the axes below what one recognises
COLOURS = np.array(  # nine equidistant points of matplotlib's viridis (CC0), dark = unlike
    [
        (68, 1, 84), (71, 45, 123), (59, 82, 139), (44, 114, 142), (33, 145, 140),
        (40, 174, 128), (94, 201, 98), (173, 220, 48), (253, 231, 37),
    ]
)  # fmt: skip
STEP = 0.05  # the scale begins at a multiple of it
RARE = 2.0  # per cent of the pairs may lie below the scale's beginning

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Grid:
    """`order` [k] indexes the story's faces; `cosines` are int16 thousandths, row by row, little endian, base64."""

    order: npt.NDArray[np.intp]
    picture: str
    cosines: str
    within: float  # mean cosine of two faces of one cluster; NaN without such a pair
    between: float  # of two faces of different clusters, or of none


def cosines_of(story: UserStory, order: npt.NDArray[np.intp] | None = None) -> Floats:
    """Cosine of every pair of faces, float64 [n, n]."""
    vectors = np.nan_to_num(np.asarray(story.vectors, np.float64))
    vectors = vectors if order is None else vectors[order]
    length = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.finfo(np.float64).tiny)
    unit = vectors / length
    cosines: Floats = np.clip(unit @ unit.T, -1.0, 1.0)
    return cosines


def scale_start(stories: Sequence[UserStory]) -> float:
    """Where the colours begin, common to all users: nearly all pairs lie above, up to 1."""
    pairs = [cosines_of(story)[np.triu_indices(len(story.labels), 1)] for story in stories]
    together = np.concatenate(pairs) if pairs else np.zeros(0)
    if len(together) == 0:
        return 0.0
    return max(-1.0, min(1.0 - STEP, math.floor(np.percentile(together, RARE) / STEP) * STEP))


def make_grid(story: UserStory, start: float) -> Grid:
    """The grid of at most `GRID_FACES` faces, the leader's first, with colours from cosine `start` to 1."""
    order = in_turn(story.labels, GRID_FACES, first=(story.leader, story.second))
    cosines = cosines_of(story, order)
    labels = np.asarray(story.labels)[order]
    upper = np.triu(np.ones(cosines.shape, np.bool_), 1)
    same = (labels[:, None] == labels[None, :]) & (labels != NO_CLUSTER)[:, None]
    thousandths = np.rint(cosines * 1000).astype("<i2")
    return Grid(
        order=order,
        picture=png_uri(colour((cosines - start) / (1 - start))) if len(order) else "",
        cosines=base64.b64encode(thousandths.tobytes()).decode("ascii"),
        within=_mean(cosines[upper & same]),
        between=_mean(cosines[upper & ~same]),
    )


def colour(shares: Floats) -> npt.NDArray[np.uint8]:
    """Colours uint8 [..., 3] of shares 0 to 1 of the scale; others take its ends."""
    place = np.clip(shares, 0, 1) * (len(COLOURS) - 1)
    low = np.minimum(place.astype(np.int64), len(COLOURS) - 2)
    part = (place - low)[..., None]
    mixed: npt.NDArray[np.uint8] = np.rint(COLOURS[low] * (1 - part) + COLOURS[low + 1] * part).astype(np.uint8)
    return mixed


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else float("nan")
