"""What the naive script found, judged with the very functions that judge a generation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from timed_build import Quality

from profiling.evaluation import label_clusters, match_faces, read_truth
from profiling.evaluation.albums import read_albums, read_round, round_shares


def quality_of_naive(out: Path, population: Path) -> Quality:
    """Leaders, precision and coverage of the tables that `naive.py` wrote."""
    faces, clusters = pq.read_table(out / "faces.parquet"), pq.read_table(out / "clusters.parquet")
    photos = pq.read_table(population / "photos.parquet", columns=["photo_id", "owner_id"])
    truth = read_truth(population / "truth")
    labels = label_clusters(_members(faces), match_faces(faces, photos, truth.faces), truth.users)
    clusters = clusters.append_column("avatar", pa.nulls(len(clusters), pa.float32()))
    albums = read_albums(truth.users, truth.faces, photos, clusters, labels)
    leaders = clusters.filter(clusters["leader"])
    made = read_round(albums, _scores(clusters), _profiles(leaders), labels)
    return Quality.of(round_shares(albums, made, np.ones(len(albums.users), np.bool_)))


def _members(faces: pa.Table) -> pa.Table:
    state = pc.if_else(pc.greater_equal(faces["cluster"], 0), "member", "noise")
    return faces.select(["user_id", "photo_id", "face", "cluster"]).append_column("state", state)


def _scores(clusters: pa.Table) -> pa.Table:
    """The rule as a weight: a tagged photo outweighs any number of faces."""
    weight = np.asarray(clusters["tags"], np.float64) * 1e6 + np.asarray(clusters["faces"], np.float64)
    return clusters.select(["user_id", "cluster"]).append_column("weight", pa.array(weight))


def _profiles(leaders: pa.Table) -> pa.Table:
    rows = len(leaders)
    return pa.table(
        {
            "user_id": leaders["user_id"],
            "reason": pa.array(["ok"] * rows, pa.string()),
            "leader": leaders["cluster"],
            "second": pa.nulls(rows, pa.int16()),
        }
    )
