"""Small random populations with everything an evaluation reads, drawn from a seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from profiling import tables
from profiling.evaluation import Generation, Truth, make_truth
from profiling.vectors import pack_vectors

DIM = 6
STATES = ("member", "member", "member", "noise", "duplicate", "nonface")
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class World:
    """The lake's tables and the truth of one small population."""

    generation: Generation
    truth: Truth


def draw_world(seed: int, users: int = 6, rounds: int = 2, uploads: int = 12) -> World:
    """Draw a population: ids far apart, rows in another order than ids, joint and faceless accounts, ties, NaN."""
    rng = np.random.default_rng(seed)
    ids = sorted(int(value) for value in rng.choice(2**62, users, replace=False))
    persons = {user: _persons(rng, user, ids) for user in ids}
    people = [*ids, -1, -2, -3]
    vectors = {person: rng.normal(size=DIM) for person in people}
    photos, true, found = _draw_photos(rng, {user: int(rng.integers(0, 6)) for user in ids}, people)
    owner_of = {photo["photo_id"]: photo["owner_id"] for photo in photos}
    members = [
        {"user_id": owner_of[row["photo_id"]], "photo_id": row["photo_id"], "face": row["face"], **_state(rng)}
        for row in found
    ]
    clusters = [{**row, "avatar": float(rng.choice([0, 0, 0.5, 1, np.nan]))} for row in _clusters(members)]
    scores = [[{**row, "weight": _weight(rng)} for row in clusters] for _ in range(rounds)]
    row_of = dict(zip(ids, rng.permutation(users).tolist(), strict=True))
    profiles = [_profiles(rng, ids, row_of, clusters) for _ in range(rounds)]
    edges = {(a, b) for a in range(users) for b in range(a) if rng.random() < 0.4}
    friends = sorted(pair for a, b in edges for pair in ((a, b), (b, a)))
    sent, sent_true, sent_found = _draw_photos(rng, {user: int(rng.integers(0, uploads // 3)) for user in ids}, people)
    uploaded = [
        {"upload_id": row["photo_id"], "uploader_id": row["owner_id"], **_lists(row, sent_true)} for row in sent
    ]
    generation = Generation(
        users=_table([{"user_id": user, "row": row_of[user]} for user in ids], tables.USERS),
        photos=_table(photos, tables.PHOTOS),
        friends=_table([{"row": a, "friend_row": b} for a, b in friends], tables.FRIENDS),
        seen=_table([row for row in photos if rng.random() < 0.9], tables.SEEN),
        faces=_faces(rng, found, vectors),
        members=_table(members, tables.MEMBERS),
        clusters=_table(clusters, tables.clusters_schema(DIM)),
        scores=[_table(rows, tables.SCORES) for rows in scores],
        profiles=profiles,
        upload_faces=_faces(rng, sent_found, vectors),
    )
    accounts = [
        {"user_id": user, "person_ids": persons[user], "kind": "ab"[user % 2], "split": ("train", "test")[n % 2]}
        for n, user in enumerate(ids)
    ]
    return World(generation, make_truth(pa.Table.from_pylist(accounts), _truth_faces(true), _uploads(uploaded)))


def _persons(rng: np.random.Generator, user: int, ids: list[int]) -> list[int]:
    return [[user], [user], [user, int(rng.choice(ids))], []][int(rng.integers(4))]


def _draw_photos(rng: np.random.Generator, count: dict[int, int], people: list[int]) -> tuple[Rows, Rows, Rows]:
    """Photos of up to three people side by side; nine of ten are found, and now and then something that is nobody."""
    photos, true, found = [], [], []
    for owner, number in count.items():
        for _ in range(number):
            photo_id = int(rng.integers(2**62))
            photos.append({"photo_id": photo_id, "owner_id": owner})
            boxes = []
            for place in range(int(rng.integers(0, 4))):
                person = owner if rng.random() < 0.5 else int(rng.choice(people))
                box = {"x": 0.3 * place, "y": 0.2, "w": 0.2, "h": 0.3}
                true.append({"photo_id": photo_id, "person_id": person, **box})
                if rng.random() < 0.9:
                    boxes.append({"person": person, **box, "x": box["x"] + float(rng.uniform(-0.03, 0.03))})
            if rng.random() < 0.3:
                boxes.append({"person": 0, "x": 0.3, "y": 0.7, "w": 0.2, "h": 0.2})
            found += [
                {"photo_id": photo_id, "face": face, **boxes[k]} for face, k in enumerate(rng.permutation(len(boxes)))
            ]
    return photos, true, found


def _state(rng: np.random.Generator) -> dict[str, Any]:
    state = str(rng.choice(STATES))
    return {"state": state, "cluster": int(rng.integers(0, 3)) if state in ("member", "duplicate") else -1}


def _clusters(members: Rows) -> Rows:
    counts: dict[tuple[int, int], int] = {}
    for row in members:
        if row["state"] == "member":
            key = (row["user_id"], row["cluster"])
            counts[key] = counts.get(key, 0) + 1
    return [{"user_id": user, "cluster": number, "faces": n} for (user, number), n in sorted(counts.items())]


def _weight(rng: np.random.Generator) -> float:
    return float(rng.choice([0.5, 1.0, 1.5, float("nan"), float(rng.normal())]))


def _profiles(rng: np.random.Generator, ids: list[int], row_of: dict[int, int], clusters: Rows) -> pa.Table:
    rows, vectors = [], rng.normal(size=(len(ids), 2, DIM))
    vectors /= np.linalg.norm(vectors, axis=2, keepdims=True)
    for user in ids:
        own = [row["cluster"] for row in clusters if row["user_id"] == user]
        chosen = [int(value) for value in rng.permutation(own)[: int(rng.integers(0, 3))]] + [-1, -1]
        rows.append(
            {
                "user_id": user,
                "row": row_of[user],
                "reason": "ok" if chosen[0] >= 0 else "no_margin",
                "leader": chosen[0],
                "second": chosen[1],
                "moved": bool(rng.random() < 0.5),
            }
        )
    order = np.argsort([row["row"] for row in rows])
    made = _table([rows[k] for k in order], tables.profiles_schema(DIM))
    for name, place in (("leader", 0), ("second", 1)):
        column = {"leader": "profile", "second": "second_profile"}[name]
        valid = np.array([rows[k][name] >= 0 for k in order])
        packed = pack_vectors(vectors[order, place], valid)
        made = made.set_column(made.column_names.index(column), column, packed)
    return made


def _faces(rng: np.random.Generator, found: Rows, vectors: dict[int, np.ndarray]) -> pa.Table:
    made = _table(found, tables.faces_schema(DIM))
    drawn = np.array([vectors.get(row["person"], rng.normal(size=DIM)) for row in found]).reshape(-1, DIM)
    drawn = drawn + 0.3 * rng.normal(size=drawn.shape)
    drawn /= np.maximum(np.linalg.norm(drawn, axis=1, keepdims=True), 1e-9)
    return made.set_column(made.column_names.index("embedding"), "embedding", pack_vectors(drawn))


def _table(rows: Rows, schema: pa.Schema) -> pa.Table:
    return pa.table({field.name: pa.array([row.get(field.name) for row in rows], field.type) for field in schema})


def _truth_faces(rows: Rows) -> pa.Table:
    names = ("photo_id", "person_id", "x", "y", "w", "h")
    kinds = [pa.int64()] * 2 + [pa.float32()] * 4
    return pa.table({n: pa.array([row[n] for row in rows], k) for n, k in zip(names, kinds, strict=True)})


def _lists(upload: dict[str, Any], true: Rows) -> dict[str, Any]:
    mine = [row for row in true if row["photo_id"] == upload["photo_id"]]
    return {"uri": "u.jpg", "person_ids": [r["person_id"] for r in mine], **{n: [r[n] for r in mine] for n in "xywh"}}


def _uploads(rows: Rows) -> pa.Table | None:
    kinds = {"upload_id": pa.int64(), "uploader_id": pa.int64(), "uri": pa.string(), "person_ids": pa.list_(pa.int64())}
    kinds |= {name: pa.list_(pa.float32()) for name in "xywh"}
    return pa.table({name: pa.array([row[name] for row in rows], kind) for name, kind in kinds.items()})
