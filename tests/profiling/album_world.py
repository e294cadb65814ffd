"""A small drawn population for the tests of clusters, rounds and training: vectors instead of pixels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from profiling import tables
from profiling.clusters import cluster_bucket
from profiling.selection import select_photos
from profiling.settings import ClusteringSettings
from profiling.vectors import pack_vectors

DIM = 32
EPS = 0.1  # cosine distance
NOISE = 0.035  # of a face around its person, a number: pairs of one person lie about .04 apart, of two about 1
YEAR = 2003


class Ruler:
    """What clustering reads of a calibration."""

    nonface_cut = 0.3

    def eps_for(self, people: Any) -> np.ndarray:
        return np.full(len(people), EPS, np.float32)


@dataclass(frozen=True)
class World:
    """Tables of one population, one bucket; user i (row i) has id 10 * i + 5 and is person i."""

    users: pa.Table
    photos: pa.Table
    tags: pa.Table
    seen: pa.Table
    faces: pa.Table
    people: pa.Table
    indptr: np.ndarray
    friend_rows: np.ndarray
    selection: pa.Table
    person: dict[tuple[int, int], int]  # (photo_id, face) -> person, -1 = no face

    def of_users(self, wanted: np.ndarray) -> World:
        """The same world cut to some users (rows, ascending), as a bucket would hold it."""
        ids = pa.array(np.asarray(self.users["user_id"])[wanted])
        photos = self.photos.filter(pc.is_in(self.photos["owner_id"], value_set=ids))
        near = photos["photo_id"].combine_chunks()
        lists = [self.friend_rows[self.indptr[row] : self.indptr[row + 1]] for row in wanted]
        return replace(
            self,
            users=self.users.take(pa.array(wanted)),
            people=self.people.take(pa.array(wanted)),
            photos=photos,
            tags=self.tags.filter(pc.is_in(self.tags["owner_id"], value_set=ids)),
            selection=self.selection.filter(pc.is_in(self.selection["owner_id"], value_set=ids)),
            seen=self.seen.filter(pc.is_in(self.seen["photo_id"], value_set=near)),
            faces=self.faces.filter(pc.is_in(self.faces["photo_id"], value_set=near)),
            indptr=np.cumsum([0, *map(len, lists)]),
            friend_rows=np.concatenate([*lists, np.zeros(0, np.int32)]).astype(np.int32),
        )

    def cluster(self, viral: pa.Table | None = None, **settings: Any) -> tuple[pa.Table, pa.Table]:
        """`cluster_bucket` on this world."""
        return cluster_bucket(
            self.users, self.photos, self.tags, self.selection, self.seen, self.faces, self.people, Ruler(),
            ClusteringSettings(**settings), viral,
        )  # fmt: skip

    def labels(self, members: pa.Table) -> pa.Table:
        """user_id, cluster, owner of every cluster: most members are the owner's person."""
        own: dict[tuple[int, int], list[bool]] = {}
        for row in members.filter(pc.equal(members["state"], "member")).to_pylist():
            key = (row["user_id"], row["cluster"])
            own.setdefault(key, []).append(self.person[row["photo_id"], row["face"]] == (row["user_id"] - 5) // 10)
        rows = [{"user_id": u, "cluster": c, "owner": sum(o) * 2 > len(o)} for (u, c), o in sorted(own.items())]
        schema = pa.schema([("user_id", pa.int64()), ("cluster", pa.int16()), ("owner", pa.bool_())])
        return pa.Table.from_pylist(rows, schema=schema)


def draw_world(seed: int = 1, users: int = 40, heavy: float = 0.2) -> World:
    """Albums of portraits, groups with friends, friends alone; a share `heavy` shows one friend more than the owner."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(users + 20, DIM))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    near = [sorted({(i + k) % users for k in (-7, -2, -1, 1, 2, 7)} - {i}) for i in range(users)]
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in ("photos", "tags", "seen", "faces")}
    person: dict[tuple[int, int], int] = {}
    vectors: list[np.ndarray] = []

    def shoot(owner: int, who: list[int], avatar: bool = False) -> None:
        photo_id = 1000 + len(rows["photos"])
        taken = np.datetime64(f"{YEAR}-01-01") + np.timedelta64(int(rng.integers(360)), "D")
        rows["photos"].append({
            "photo_id": photo_id, "owner_id": 10 * owner + 5, "uri": f"{photo_id}.jpg", "was_avatar": avatar,
            "taken_at": taken.astype("datetime64[us]").item(), "width": 800, "height": 600, "camera": None,
        })  # fmt: skip
        rows["seen"].append({
            "photo_id": photo_id, "version": 0, "reason": "ok" if who else "no_face", "faces": len(who),
            "perceptual_hash": int(rng.integers(2**63)), "content_hash": photo_id.to_bytes(16, "big"),
        })  # fmt: skip
        for face, each in enumerate(who):
            vector = centres[each] + NOISE * rng.normal(size=DIM)
            vectors.append((vector / np.linalg.norm(vector)).astype(np.float16))
            person[photo_id, face] = each
            box = {"x": 0.1 + 0.8 * face / len(who), "y": 0.2, "w": 0.5 / len(who), "h": 0.5}
            rows["faces"].append({
                "photo_id": photo_id, "face": face, **box, "score": 0.99, "landmarks": [0.0] * 10, "size": 100.0,
                "norm": 1.4, "sharpness": float(rng.uniform(50, 500)), "nonface_distance": 0.5,
                "age": 30.0 + each % 30, "female": 0.9 if each % 2 else 0.1,
            })  # fmt: skip
            if each < users and rng.random() < 0.1:
                named = {"photo_id": photo_id, "owner_id": 10 * owner + 5, "user_id": 10 * each + 5}
                rows["tags"].append(named | box | {"source": "manual"})

    for owner in range(users):
        strong = rng.random() < heavy
        for k in range(2 if strong else 4):
            shoot(owner, [owner], avatar=k == 0)
        for _ in range(2):
            shoot(owner, [owner, *rng.choice(near[owner], size=2, replace=False).tolist()])
        for _ in range(5 if strong else 1):
            shoot(owner, [near[owner][0] if strong else int(rng.choice(near[owner]))])
        shoot(owner, [users + int(rng.integers(20))])
        shoot(owner, [])
    ids = [10 * i + 5 for i in range(users)]
    made = {name: pa.Table.from_pylist(found, schema=getattr(tables, name.upper(), None) or _faces_schema())
            for name, found in rows.items()}  # fmt: skip
    embedding = pack_vectors(np.array(vectors))
    place = made["faces"].column_names.index("embedding")
    made["faces"] = made["faces"].set_column(place, "embedding", embedding)
    about = {"user_id": ids, "row": list(range(users))}
    return World(
        users=_table(about | {"consent": [True] * users}, tables.USERS),
        people=_table(
            about
            | {
                "birth_year": [float(YEAR - 30 - i % 30) for i in range(users)],
                "birth_year_confidence": [0.8] * users,
                "female": [0.95 if i % 2 else 0.05 for i in range(users)],
            },
            tables.PEOPLE,
        ),
        indptr=np.cumsum([0, *map(len, near)]),
        friend_rows=np.concatenate(near).astype(np.int32),
        selection=select_photos(made["photos"], made["tags"]),
        person=person,
        **made,
    )


def _faces_schema() -> pa.Schema:
    return tables.faces_schema(DIM)


def _table(columns: dict[str, list[Any]], schema: pa.Schema) -> pa.Table:
    length = len(next(iter(columns.values())))
    return pa.table([pa.array(columns.get(f.name, [None] * length), f.type) for f in schema], schema=schema)


def shuffled(table: pa.Table, seed: int = 3) -> pa.Table:
    """The same rows in another order."""
    return table.take(pa.array(np.random.default_rng(seed).permutation(len(table))))


def same_bits(one: pa.Table, other: pa.Table) -> bool:
    """Equal tables, NaN equal to NaN."""
    return one.schema == other.schema and [c.to_pylist() for c in map(_as_bits, one.columns)] == [
        c.to_pylist() for c in map(_as_bits, other.columns)
    ]


def _as_bits(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if not pa.types.is_floating(column.type):
        return column
    return pa.chunked_array([np.asarray(column.combine_chunks()).view(f"i{column.type.bit_width // 8}")])


def by_face(table: pa.Table, values: Any) -> dict[tuple[int, int], Any]:
    """Values of the rows of a table with photo_id and face, by these."""
    return dict(zip(zip(table["photo_id"].to_pylist(), table["face"].to_pylist(), strict=True), values, strict=True))


def changed(table: pa.Table, column: str, values: list[Any]) -> pa.Table:
    """The table with one column replaced."""
    place = table.column_names.index(column)
    return table.set_column(place, column, pa.array(values, table.schema.field(column).type))


def appended(table: pa.Table, rows: list[dict[str, Any]]) -> pa.Table:
    """The table with rows added."""
    return pa.concat_tables([table, pa.Table.from_pylist(rows, schema=table.schema)])
