"""The real photos that the benchmarks of vision look at, and how many of the known faces a detector finds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
from PIL import Image
from real_populations import SHARED

from profiling.evaluation.matching import MIN_OVERLAP, intersection_over_union, pair_best_first

DATA = SHARED / "data"
FOLDERS = ("albums", "group_photos")  # photos as people take them

Photo = npt.NDArray[np.uint8]
Boxes = npt.NDArray[np.float64]
Find = Callable[[Photo], npt.NDArray[np.float32]]


def large_photos(side: int, count: int) -> list[Photo]:
    """`count` photos, spread over the folders, whose longer side is `side` pixels or more, scaled down to it."""
    paths = sorted(path for folder in FOLDERS for path in (DATA / folder).rglob("*.jpg"))
    large = [path for path in paths if max(_size(path)) >= side]
    chosen = large[:: max(1, len(large) // count)][:count]
    return [_scaled(path, side) for path in chosen]


def tile_busy_photo(tiles: int, side: int) -> Photo:
    """A mosaic of `tiles` x `tiles` small faces in `side` pixels: more candidates than any photo of the folders has."""
    paths = sorted((DATA / "lfw_dev").glob("*/*_0001.jpg"))[: tiles * tiles]
    small = [np.asarray(Image.open(path).convert("RGB").resize((side // tiles, side // tiles))) for path in paths]
    rows = [np.concatenate([small[(row * tiles + k) % len(small)] for k in range(tiles)], 1) for row in range(tiles)]
    return np.ascontiguousarray(np.concatenate(rows, 0))


def known_faces(population: Path, count: int) -> list[tuple[Photo, Boxes]]:
    """`count` photos with their true boxes [n, 4] x0, y0, x1, y1 in pixels, spread over the population."""
    photos = pq.read_table(population / "photos.parquet", columns=["photo_id", "uri"]).to_pylist()
    truth: dict[int, list[list[float]]] = {}
    for face in pq.read_table(population / "truth" / "faces.parquet").to_pylist():
        truth.setdefault(face["photo_id"], []).append([face[key] for key in "xywh"])
    found = []
    for row in [row for row in photos if row["photo_id"] in truth][:: max(1, len(photos) // count)][:count]:
        photo = np.asarray(Image.open(population / row["uri"]).convert("RGB"))
        places = np.array(truth[row["photo_id"]]) * np.tile(photo.shape[1::-1], 2)
        found.append((photo, np.concatenate([places[:, :2], places[:, :2] + places[:, 2:]], 1)))
    return found


def recall(find: Find, faces: Sequence[tuple[Photo, Boxes]]) -> float:
    """Share of the true faces that a detector's boxes meet one to one, greedily by overlap."""
    met = sum(_meet(np.asarray(find(photo), float).reshape(-1, 4), boxes) for photo, boxes in faces)
    return met / sum(len(boxes) for _, boxes in faces)


def _meet(found: Boxes, true: Boxes) -> int:
    one, other = (each.ravel() for each in np.indices((len(found), len(true))))
    sized = [np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], 1) for boxes in (found, true)]
    overlap = intersection_over_union(sized[0][one], sized[1][other])
    near = overlap >= MIN_OVERLAP
    return len(pair_best_first(one[near], other[near], overlap[near]))


def _size(path: Path) -> tuple[int, int]:
    with Image.open(path) as photo:
        return photo.size


def _scaled(path: Path, side: int) -> Photo:
    with Image.open(path) as photo:
        share = side / max(photo.size)
        size = (round(photo.width * share), round(photo.height * share))
        return np.asarray(photo.convert("RGB").resize(size, Image.Resampling.LANCZOS))
