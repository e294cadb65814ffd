"""The face profiles that people write today, in one script: the peer that `bench_end_to_end.py` sets beside ours.

    python benchmarks/naive.py POPULATION --out FOLDER [--workers 2]

facenet-pytorch's MTCNN, one photo at a time; dlib's five landmarks and descriptor, one face at a time; scikit-learn's
DBSCAN an album; the cluster with most tags of the owner leads, else the largest; joblib shares the albums out. Photos
of owners without consent are left out, as Kith does. Writes `faces` and `clusters` as Parquet, which `naive_quality.py`
judges like a generation, and prints seconds as JSON: of the work, and of the start-up before it (imports and weights in
every worker).
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from joblib import Parallel, delayed

EPS = 0.07  # cosine distance; the best of .05 to .10 in steps of .01 for this rule on the dev population
MIN_SAMPLES = 2
MIN_SCORE = 0.9  # of a detection, as Kith's clustering.min_score
MAX_SIDE = 1024  # pixels, as Kith's decoding.max_side
MIN_SIDE = 20  # pixels; facenet-pytorch breaks on less
LONGEST_LOAD_S = 1.0  # both workers take one of the loads, for each lasts at least so long

Row = dict[str, Any]


@functools.cache
def networks() -> tuple[Any, Any, Any]:
    """Detector, landmark predictor and descriptor network, once a process."""
    import importlib.util

    import dlib
    import torch
    from facenet_pytorch import MTCNN

    torch.set_num_threads(1)
    spec = importlib.util.find_spec("face_recognition_models")
    assert spec is not None
    models = Path(str(spec.origin)).parent / "models"
    shape = dlib.shape_predictor(str(models / "shape_predictor_5_face_landmarks.dat"))
    network = dlib.face_recognition_model_v1(str(models / "dlib_face_recognition_resnet_model_v1.dat"))
    return MTCNN(keep_all=True, device="cpu"), shape, network


def load(_: int) -> bool:
    """Load the networks of a worker."""
    begun = time.monotonic()
    networks()
    time.sleep(max(0.0, LONGEST_LOAD_S - (time.monotonic() - begun)))
    return True


def find_faces(path: Path) -> list[Row]:
    """Boxes relative to the photo, scores and unit vectors of one photo."""
    import dlib
    from PIL import Image, ImageOps

    detector, shape, network = networks()
    image = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
    image.thumbnail((MAX_SIDE, MAX_SIDE))
    if min(image.size) < MIN_SIDE:
        return []
    boxes, scores = detector.detect(image)
    pixels, rows = np.asarray(image), []
    for box, score in zip([] if boxes is None else boxes, scores, strict=False):
        x0, y0, x1, y1 = (round(float(value)) for value in box)
        points = shape(pixels, dlib.rectangle(x0, y0, x1, y1))
        vector = np.asarray(network.compute_face_descriptor(pixels, points))
        w, h = image.size
        place = {"x": box[0] / w, "y": box[1] / h, "w": (box[2] - box[0]) / w, "h": (box[3] - box[1]) / h}
        rows.append({**place, "score": float(score), "vector": vector / np.linalg.norm(vector)})
    return rows


def read_album(owner: int, photos: list[tuple[int, str]], tagged: set[int], folder: Path) -> list[Row]:
    """All faces of an album with their cluster (-1 = none), and on how many of its photos the owner is tagged."""
    from sklearn.cluster import DBSCAN

    faces = []
    for photo, uri in photos:
        try:
            found = find_faces(folder / uri)
        except OSError:
            continue  # a broken photo: the script goes on
        faces += [{"user_id": owner, "photo_id": photo, "face": k, **row} for k, row in enumerate(found)]
    good = [row for row in faces if row["score"] >= MIN_SCORE]
    labels = [-1] * len(good)
    if good:
        vectors = np.stack([row["vector"] for row in good])
        labels = DBSCAN(eps=EPS, min_samples=MIN_SAMPLES, metric="cosine").fit_predict(vectors).tolist()
    for row, label in zip(good, labels, strict=True):
        row["cluster"] = label
    return [{**row, "tagged": row["photo_id"] in tagged} for row in faces]


def choose_leaders(faces: list[Row]) -> list[Row]:
    """One row a cluster: faces, photos with a tag of the owner, and whether it leads its album."""
    clusters: dict[tuple[int, int], Row] = {}
    for row in faces:
        if (cluster := row.get("cluster", -1)) >= 0:
            key = row["user_id"], cluster
            one = clusters.setdefault(key, {"user_id": key[0], "cluster": cluster, "faces": 0, "tags": 0})
            one["faces"] += 1
            one["tags"] += row["tagged"]
    best: dict[int, Row] = {}
    for one in clusters.values():
        leader = best.get(one["user_id"])
        if leader is None or (one["tags"], one["faces"]) > (leader["tags"], leader["faces"]):
            best[one["user_id"]] = one
    return [{**one, "leader": one is best[one["user_id"]]} for one in clusters.values()]


def albums(folder: Path) -> list[tuple[int, list[tuple[int, str]], set[int]]]:
    """Owner, photos and the photos that are tagged with the owner, an album each."""
    users = pq.read_table(folder / "users.parquet").to_pylist()
    willing = {row["user_id"] for row in users if row.get("consent") is not False}
    photos: dict[int, list[tuple[int, str]]] = {user: [] for user in sorted(willing)}
    for row in pq.read_table(folder / "photos.parquet", columns=["photo_id", "owner_id", "uri"]).to_pylist():
        if row["owner_id"] in photos:
            photos[row["owner_id"]].append((row["photo_id"], row["uri"]))
    tags: dict[int, set[int]] = {}
    if (folder / "tags.parquet").exists():
        for row in pq.read_table(folder / "tags.parquet", columns=["photo_id", "user_id", "source"]).to_pylist():
            if row["source"] != "rejected":
                tags.setdefault(row["user_id"], set()).add(row["photo_id"])
    return [(owner, listed, tags.get(owner, set())) for owner, listed in photos.items()]


def write(out: Path, faces: list[Row], clusters: list[Row]) -> None:
    """The tables that are judged."""
    out.mkdir(parents=True, exist_ok=True)
    kept = ("user_id", "photo_id", "face", "x", "y", "w", "h", "score", "cluster")
    rows = [{name: row.get(name, -1) for name in kept} for row in faces]
    kinds = [pa.int64(), pa.int64(), pa.int16(), *[pa.float32()] * 5, pa.int16()]
    pq.write_table(pa.Table.from_pylist(rows, pa.schema(list(zip(kept, kinds, strict=True)))), out / "faces.parquet")
    schema = pa.schema(
        [("user_id", pa.int64()), ("cluster", pa.int16()), ("faces", pa.int32()), ("tags", pa.int32()),
         ("leader", pa.bool_())]
    )  # fmt: skip
    pq.write_table(pa.Table.from_pylist(clusters, schema), out / "clusters.parquet")


def main() -> None:
    """Read all albums, and say how long it took."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("population", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    begun = time.monotonic()
    work = albums(given.population)
    with Parallel(n_jobs=given.workers, batch_size=1, pre_dispatch=given.workers) as parallel:
        parallel(delayed(load)(k) for k in range(given.workers))
        started = time.monotonic()
        read = parallel(delayed(read_album)(*each, given.population) for each in work)
    faces = [row for album in read for row in album]
    write(given.out, faces, choose_leaders(faces))
    told = {"seconds": time.monotonic() - started, "start_up": started - begun, "faces": len(faces)}
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    import naive  # joblib's workers find the functions by this name; those of `__main__` are not there

    naive.main()
