"""Whole photos in the profile store's benchmark: from bytes to names, against a circle of friends in a store."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image
from store_lookups import NOBODY, draw

from profiling.embedding import get_model
from profiling.recognition import Recognizer
from profiling.recognition_thresholds import Thresholds
from profiling.settings import Settings
from profiling.store.arrow_store import ArrowStore
from profiling.store.rows import stored_rows

FRIENDS = 200  # candidates of an uploader, at most: as many friends as a partition keeps
ONLINE_S = 0.120  # OK.ru 2018: a photo in their online service


def photo_seconds(folder: Path, photos: list[Path], turns: int) -> list[float]:
    """Seconds from a photo's bytes to names, against 200 candidates of a store."""
    settings = Settings()
    model = get_model(settings.embedding.model)
    store = ArrowStore.create(folder / "friends")
    circle = list(range(FRIENDS))
    begun = store.begin("g", model.vectors_id, model.dim, 1)
    rng = np.random.default_rng(2)
    table = draw(np.arange(FRIENDS), model.dim, 0)
    vectors = rng.normal(size=(FRIENDS, model.dim))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)
    column = pa.array([vector.tobytes() for vector in vectors], table.schema.field("profile").type)
    table = table.set_column(table.schema.get_field_index("profile"), "profile", column)
    table = table.set_column(1, "reason", pa.array(["ok"] * FRIENDS))
    store.write(begun, 0, stored_rows(table, NOBODY))
    store.activate(store.finish(begun), None)
    recognizer = Recognizer(store, lambda user: circle, settings, Thresholds(model.vectors_id, 10_000, {"0.001": 0.1}))
    data = [path.read_bytes() for path in photos]
    recognizer.recognize(data[0], 0)
    taken = []
    for _ in range(turns):
        for each in data:
            began = time.perf_counter()
            recognizer.recognize(each, 0)
            taken.append(time.perf_counter() - began)
    return taken


def photo_rows(taken: list[float]) -> list[dict[str, Any]]:
    """Rows of p50 and p99, beside the service that we mean to beat."""
    rows = []
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        seconds = float(np.quantile(taken, share))
        common = {"case": f"a whole photo, {name}", "spread": 0.0, "units": 1, "unit": "photos", "wanted": None}
        rows += [
            common | {"side": "kith", "median_s": round(seconds, 6), "ratio": None},
            common | {"side": "OK.ru 2018, as reported", "median_s": ONLINE_S, "ratio": round(ONLINE_S / seconds, 3)},
        ]
    return rows


def photo_fact(taken: list[float], photos: list[Path]) -> str:
    """The same in words, with what photos they were."""
    sizes = []
    for path in photos:
        with Image.open(path) as photo:
            sizes.append(photo.width * photo.height / 1e6)
    half, worst = (1000 * np.quantile(taken, share) for share in (0.5, 0.99))
    return (
        f"a whole photo, bytes to names against {FRIENDS} candidates, one process: p50 {half:.0f} ms, p99 "
        f"{worst:.0f} ms over {len(taken)} looks at {len(photos)} photos of {min(sizes):.2f} to {max(sizes):.2f} "
        f"megapixels, half of them over {np.median(sizes):.2f}; OK.ru 2018 reports 120 ms"
    )
