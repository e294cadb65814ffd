"""A drawn population one day later: photos come, go and change, friendships and tags go, somebody withdraws consent.

And a day after that: somebody joins, somebody leaves.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Day:
    """What happened: ids of photos, users and pairs."""

    added: frozenset[int]
    deleted: frozenset[int]
    replaced: frozenset[int]
    untagged: frozenset[int]
    parted: tuple[int, int]
    withdrawn: int


def read(population: Path, name: str) -> Rows:
    return list(pq.read_table(population / f"{name}.parquet").to_pylist())


def next_day(population: Path, folder: Path) -> Day:
    """Write the population of the next day into `folder`; a picture that was sent becomes a new photo, or new bytes."""
    shutil.copytree(population, folder)
    tables = {name: read(population, name) for name in ("users", "photos", "tags", "friendships")}
    consent = {row["user_id"] for row in tables["users"] if row["consent"] is not False}
    owners = sorted({row["owner_id"] for row in tables["photos"]} & consent)
    uploads = [row["uri"] for row in read(population, "truth/uploads")]
    withdrawn = owners[-1]
    active = owners[:-1]
    albums = {owner: [row["photo_id"] for row in tables["photos"] if row["owner_id"] == owner] for owner in active}
    full = sorted(active, key=lambda owner: -len(albums[owner]))
    deleted, replaced = {albums[full[0]][1], albums[full[1]][2]}, {albums[full[2]][0]}
    photos = [row for row in tables["photos"] if row["photo_id"] not in deleted]
    for row in photos:
        if row["photo_id"] in replaced:
            row |= {"uri": uploads[0], "version": 1}
    first = max(row["photo_id"] for row in photos) + 1000
    new = [
        {"photo_id": first + k, "owner_id": owner, "uri": uri}
        for k, (owner, uri) in enumerate(zip(full[3:5], uploads[1:], strict=False))
    ]
    named = [row for row in tables["tags"] if row["photo_id"] not in deleted]
    untagged = {next(row["photo_id"] for row in named if row["photo_id"] in albums[full[5]])}
    pair = next(row for row in tables["friendships"] if withdrawn not in row.values())
    schemas = {name: pq.read_schema(population / f"{name}.parquet") for name in tables}
    tables |= {
        "users": [row | ({"consent": False} if row["user_id"] == withdrawn else {}) for row in tables["users"]],
        "photos": [*photos, *new],
        "tags": [row for row in named if row["photo_id"] not in untagged],
        "friendships": [row for row in tables["friendships"] if row != pair],
    }
    for name, rows in tables.items():
        pq.write_table(pa.Table.from_pylist(rows, schemas[name]), folder / f"{name}.parquet")
    return Day(
        frozenset(row["photo_id"] for row in new),
        frozenset(deleted),
        frozenset(replaced),
        frozenset(untagged),
        (pair["user_a"], pair["user_b"]),
        withdrawn,
    )


def day_of_comings_and_goings(population: Path, folder: Path) -> tuple[int, int]:
    """Write a population that one user joins, with photos and friends, and another leaves; their ids.

    The newcomer's id is the lowest of all, so that the rows of others are numbered anew.
    """
    shutil.copytree(population, folder)
    tables = {name: read(population, name) for name in ("users", "photos", "tags", "friendships")}
    active = sorted({row["owner_id"] for row in tables["photos"]})
    joins, leaves = min(row["user_id"] for row in tables["users"]) - 1, active[0]
    gone = {row["photo_id"] for row in tables["photos"] if row["owner_id"] == leaves}
    first = max(row["photo_id"] for row in tables["photos"]) + 1000
    uploads = [row["uri"] for row in read(population, "truth/uploads")]
    photos = [{"photo_id": first + k, "owner_id": joins, "uri": uri} for k, uri in enumerate(uploads[3:6])]
    friends = [{"user_a": joins, "user_b": user} for user in active[1:5]]
    like = next(row for row in tables["users"] if row["user_id"] == active[1])
    changed = {
        "users": [row for row in tables["users"] if row["user_id"] != leaves] + [like | {"user_id": joins}],
        "photos": [row for row in tables["photos"] if row["photo_id"] not in gone] + photos,
        "tags": [row for row in tables["tags"] if row["photo_id"] not in gone and leaves not in row.values()],
        "friendships": [row for row in tables["friendships"] if leaves not in row.values()] + friends,
    }
    for name, rows in changed.items():
        pq.write_table(
            pa.Table.from_pylist(rows, pq.read_schema(population / f"{name}.parquet")), folder / f"{name}.parquet"
        )
    return joins, leaves
