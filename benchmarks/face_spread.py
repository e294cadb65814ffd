"""How far apart faces of one person and of two are, measured on a lake of people with truth, for the simulator.

    python benchmarks/face_spread.py LAKE POPULATION --out benchmarks/simulated_faces.json

A face is who stands in the population's truth if the two boxes overlap by half. Of people with four faces and more it
writes the mean of all people, the spread of people around it and of faces around their person, in the axes in which
the people differ most, and quantiles of cosine distances between two faces of one person and of two.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from profiling.embedding import get_model
from profiling.vectors import unpack_vectors
from ray_tasks.generation_tables import GenerationTables
from ray_tasks.generations import find_generation
from ray_tasks.lake import Lake

LEAST_FACES = 4  # of a person
OVERLAP = 0.5  # of two boxes, intersection over union
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
PAIRS = 1_600_000  # drawn; one in as many as there are people is of one person
PAIRS_A_PIECE = 50_000
Floats = npt.NDArray[np.float64]


def people_of(faces: pa.Table, truth: pa.Table) -> npt.NDArray[np.int64]:
    """The person on each face, int64 [faces], 0 = not known."""
    boxes: dict[int, list[dict[str, Any]]] = {}
    for row in truth.to_pylist():
        boxes.setdefault(row["photo_id"], []).append(row)
    found = np.zeros(len(faces), np.int64)
    for at, face in enumerate(faces.select(["photo_id", "x", "y", "w", "h"]).to_pylist()):
        best = max(boxes.get(face["photo_id"], []), key=lambda real: _overlap(real, face), default=None)
        if best is not None and _overlap(best, face) >= OVERLAP:
            found[at] = best["person_id"]
    return found


def _overlap(one: dict[str, Any], other: dict[str, Any]) -> float:
    wide = min(one["x"] + one["w"], other["x"] + other["w"]) - max(one["x"], other["x"])
    high = min(one["y"] + one["h"], other["y"] + other["h"]) - max(one["y"], other["y"])
    both = max(wide, 0.0) * max(high, 0.0)
    return float(both / (one["w"] * one["h"] + other["w"] * other["h"] - both))


def spread_of(vectors: Floats, person: npt.NDArray[np.int64]) -> dict[str, Any]:
    """Mean, and standard deviations of people and of their faces by axis; vectors are unit length."""
    known, place, count = np.unique(person, return_inverse=True, return_counts=True)
    usable = (known != 0) & (count >= LEAST_FACES)
    centre = np.stack([vectors[place == k].mean(axis=0) for k in np.flatnonzero(usable)])
    mean, count = centre.mean(axis=0), count[usable]
    kept = usable[place]
    number = np.cumsum(usable)[place[kept]] - 1
    off = vectors[kept] - centre[number]
    within = off.T @ off / (kept.sum() - len(centre))
    between = np.cov(centre.T) - within * np.mean(1 / count)  # what the few faces of a mean add to its spread
    size, axes = np.linalg.eigh(between)
    order = np.argsort(-size)
    return {
        "people": len(centre),
        "faces": int(kept.sum()),
        "mean": (mean @ axes[:, order]).round(5).tolist(),
        "person": np.sqrt(np.maximum(size[order], 0)).round(5).tolist(),
        "face": np.sqrt(np.diag(axes.T @ within @ axes)[order]).round(5).tolist(),
        "distances": distances(vectors[kept], number),
    }


def distances(
    vectors: Floats, person: npt.NDArray[np.int64], pairs: int = PAIRS, seed: int = 0
) -> dict[str, list[float]]:
    """Quantiles (`QUANTILES`) of the cosine distance of two faces of one person, and of two people."""
    rng = np.random.default_rng(seed)
    one, other = rng.integers(0, len(vectors), (2, pairs))
    pieces = (slice(at, at + PAIRS_A_PIECE) for at in range(0, pairs, PAIRS_A_PIECE))
    apart = 1 - np.concatenate([np.einsum("nd,nd->n", vectors[one[piece]], vectors[other[piece]]) for piece in pieces])
    same, real = person[one] == person[other], one != other
    chosen = {"one person": same & real, "two people": ~same}
    return {name: np.quantile(apart[which], QUANTILES).round(4).tolist() for name, which in chosen.items()}


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lake", type=Path)
    parser.add_argument("population", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    lake = Lake.open(given.lake)
    read = GenerationTables(lake, find_generation(lake))
    model = get_model(read.settings.embedding.model)
    faces = read.faces(model.dim)
    person = people_of(faces, pq.read_table(given.population / "truth" / "faces.parquet"))
    vectors = unpack_vectors(faces["embedding"]).astype(np.float64)
    found = spread_of(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), person)
    given.out.write_text(json.dumps({"model": model.id, "quantiles": QUANTILES} | found, indent=1) + "\n")


if __name__ == "__main__":
    main()
