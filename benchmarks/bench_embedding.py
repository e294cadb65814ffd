"""Faces a second of dlib's network and EdgeFace-XS, beside ONNX Runtime, OpenVINO, dlib's wheel, timm and PyTorch.

    python benchmarks/bench_embedding.py [--repeats 7] [--tiny]

Every side starts from the same uint8 chips of real faces (../shared, LFW; of noise with --tiny) and ends with unit
vectors, which are compared. Seconds are processor time where one thread runs, so that other work on the machine does
not count, and wall time where two do. Quality stands beside our rows: of all pairs of the faces of people with eight
photos or more, the share of pairs of one person above the cosine that one in a thousand pairs of two people reaches.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import embedding_engines as engines
import numpy as np
import torch
from embedding_engines import Chips, Engine, Vectors
from harness import Case, Side, Timed, options, require, run
from PIL import Image
from real_populations import SHARED

from profiling.alignment import cut_chips
from profiling.detection import Detector
from profiling.embedding import ModelEntry, get_model
from profiling.embedding.embedder import BATCH
from profiling.embedding.identities import fit_thresholds, pair_similarities
from profiling.embedding.registry import MODELS_FOLDER, find_weights
from profiling.errors import ModelError
from profiling.settings import DetectionSettings, Precision

MODELS = ("dlib", "edgeface-xs")
FACES = 64  # of a turn
PHOTOS_A_PERSON = 4  # of the people with eight photos and more: 134 people, 536 photos
LEAST_PHOTOS = 8
DLIBS_SHARE = 1 / 8  # dlib's wheel does a dozen faces a second
NAIVE_SHARE = 1 / 8  # at two threads: on a busy machine small operators wait for each other at every turn
ALIKE: dict[Precision, float] = {"float32": 0.999, "bfloat16": 0.995}  # least cosine between two sides
WANTED = {"ONNX Runtime": 1.0, "PyTorch, one by one": 1.5}

Faces = tuple[Chips, np.ndarray[Any, np.dtype[np.int64]]]  # chips and their people


def real_faces(shared: Path = SHARED) -> dict[str, Faces]:
    """Chips for each network of the same photos, the face nearest to the middle, and who is on them."""
    folders = sorted(each for each in (shared / "data" / "lfw_dev").iterdir() if each.is_dir())
    photos = [sorted(folder.glob("*.jpg")) for folder in folders]
    chosen = [
        (path, who) for who, own in enumerate(photos) if len(own) >= LEAST_PHOTOS for path in own[:PHOTOS_A_PERSON]
    ]
    detector = Detector.load(DetectionSettings(), "cpu", "float32")
    marks, pixels, people = [], [], []
    for start in range(0, len(chosen), BATCH):
        part = chosen[start : start + BATCH]
        read = [np.asarray(Image.open(path).convert("RGB")) for path, _ in part]
        for found, photo, (_, who) in zip(detector.detect(read), read, part, strict=True):
            if len(found.scores):
                middle = np.array(photo.shape[1::-1]) / 2
                away = np.linalg.norm((found.boxes[:, :2] + found.boxes[:, 2:]) / 2 - middle, axis=1)
                marks.append(found.landmarks[away.argmin()][None])
                pixels.append(photo)
                people.append(who)
    cut = {m: np.concatenate([cut_chips(p, at, get_model(m).chip) for p, at in zip(pixels, marks, strict=True)])
           for m in MODELS}  # fmt: skip
    return {model: (chips, np.array(people)) for model, chips in cut.items()}


def noise(faces: int) -> dict[str, Faces]:
    """Chips without a face, for a run that only shows that it runs."""
    random = np.random.default_rng(0)
    sizes = {model: get_model(model).chip.size for model in MODELS}
    return {m: (random.integers(0, 256, (faces, s, s, 3), np.uint8), np.arange(faces) // 2) for m, s in sizes.items()}


def quality(vectors: Vectors, exact: Vectors, people: np.ndarray[Any, Any]) -> dict[str, str]:
    """Of our vectors: true accepts at one false in a thousand, and the least cosine with float32's."""
    same, different = pair_similarities(vectors, people)
    accepted = (same >= fit_thresholds(different)["0.001"]).mean()
    told = {"true accepts at 0.1 % false": f"{accepted:.2%} of {len(same):,} pairs"}
    return told | {"least cosine with float32": f"{(vectors * exact).sum(axis=1).min():.5f}"}


def timed(engine: Engine, chips: Chips, threads: int, told: dict[str, str] | None = None) -> Callable[[], Timed]:
    """A side: the engine on these chips with so many threads."""

    def call() -> Timed:
        torch.set_num_threads(threads)
        clock = time.process_time if threads == 1 else time.perf_counter
        started = clock()
        vectors = engine(chips)
        return Timed(vectors, clock() - started, told or {})

    return call


def alike(least: float) -> Callable[..., None]:
    """Compares all sides' vectors with ours."""

    def same(ours: Vectors, *others: Vectors) -> None:
        for other in others:
            cosine = (ours[: len(other)] * other).sum(axis=1).min()
            assert cosine >= least, f"cosine {cosine:.6f}"

    return same


def peers(entry: ModelEntry, threads: int, precision: Precision) -> list[tuple[str, Engine, float]]:
    """Name, engine and the share of the faces that it gets. ONNX Runtime has no bfloat16 on a CPU."""
    found = [("OpenVINO", engines.openvino(entry, threads, precision), 1.0)]
    if precision == "bfloat16":
        return found
    found.insert(0, ("ONNX Runtime", engines.onnx_runtime(entry, threads), 1.0))
    found.append(("PyTorch, one by one", engines.one_by_one(entry), 1.0 if threads == 1 else NAIVE_SHARE))
    if entry.id == "dlib":
        return [*found, ("dlib's wheel", engines.dlibs_wheel(entry), DLIBS_SHARE)] if threads == 1 else found
    found.append(("ONNX Runtime, vector alone", engines.onnx_runtime(entry, threads, features=False), 1.0))
    return [*found, ("timm's forward", engines.timm_forward(entry), 1.0)]


def cases(model: str, faces: Faces, count: int, at: tuple[int, ...] = (1, 2)) -> list[Case]:
    """All cases of a network: float32 and bfloat16, each at so many threads."""
    entry, (chips, people), found = get_model(model), faces, []
    ours: dict[Precision, Engine] = {
        "float32": engines.kith(model, "float32"),
        "bfloat16": engines.kith(model, "bfloat16"),
    }
    exact, turn = ours["float32"](chips), chips[:count]
    for precision, engine in ours.items():
        told = quality(engine(chips), exact, people)
        for threads in at:
            sides = [Side("kith", timed(engine, turn, threads, told))]
            for name, peer, share in peers(entry, threads, precision):
                sides.append(Side(name, timed(peer, turn[: max(1, round(share * len(turn)))], threads), share))
            wanted = WANTED if (precision, threads) == ("float32", 1) else {}
            clock = "processor time" if threads == 1 else "wall time"
            name = f"{entry.title}, {precision}, {threads} thread{'s' * (threads > 1)} ({clock})"
            found.append(Case(name, len(turn), "faces", sides, alike(ALIKE[precision]), wanted))
    return found


def usable(model: str) -> bool:
    """Whether the network's weights are here."""
    try:
        find_weights(get_model(model))
    except ModelError:
        return False
    return True


def main(arguments: list[str] | None = None) -> list[dict[str, Any]]:
    """Measure, print, keep; the rows."""
    parser = options(__doc__ or "")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=MODELS)
    parser.add_argument("--threads", nargs="+", type=int, choices=(1, 2), default=(1, 2))
    given: argparse.Namespace = parser.parse_args(arguments)
    require("onnx", "onnxruntime", "openvino", "dlib")
    os.environ.setdefault(MODELS_FOLDER, str(SHARED / "data" / "weights"))
    if given.tiny:
        torch.set_num_threads(1)
    faces = noise(BATCH) if given.tiny else real_faces()
    count = BATCH if given.tiny else FACES
    every = [
        case
        for model in given.models
        if usable(model)
        for case in cases(model, faces[model], count, tuple(given.threads))
    ]
    return run("embedding", "Embedding: chips to vectors on a CPU", every, given)


if __name__ == "__main__":
    main()
