"""A social network at the level of clusters, with truth, as a lake that the score stage runs on.

    python benchmarks/simulator.py FOLDER --users 100000 --buckets 8

Writes what partition, select, people, cluster and co_occurrence would have committed, bucket by bucket, so that no more
than a bucket is in memory, and beside the lake, a file a bucket, the truth: which cluster is the owner.
`change` commits the clusters anew as a night would that brought a share of the users another photo.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from simulated_albums import OWNER, STRANGERS, Albums, FaceModel, draw_albums, draw_evidence
from simulated_network import Network

from profiling import tables
from profiling.hashing import splitmix64
from profiling.vectors import pack_vectors
from ray_tasks.lake import Lake, Manifest
from ray_tasks.stages.context import Manifests

STAGES = ("partition", "select", "people", "cluster", "co_occurrence")
PHOTOS_BESIDE = 5  # photos of an album that show no cluster
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Simulation:
    """A drawn population and the lake that holds it."""

    folder: Path
    users: int
    buckets: int
    seed: int = 1

    @cached_property
    def lake(self) -> Lake:
        """Made when it is first asked for."""
        return Lake.create(self.folder / "lake", self.buckets)

    @cached_property
    def network(self) -> Network:
        """Who knows whom."""
        return Network(self.users, self.buckets, self.seed, self.folder)

    @cached_property
    def faces(self) -> FaceModel:
        """How far people are apart."""
        return FaceModel()

    @cached_property
    def people(self) -> npt.NDArray[np.float16]:
        """The true vector of every user by row, then of every stranger; a file, memory-mapped."""
        path, firsts = self.folder / "people.npy", [*self.network.firsts.tolist(), self.users + STRANGERS]
        if not path.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            dim = len(self.faces.people(0, 1, self.seed)[0])
            drawn = np.lib.format.open_memmap(path, "w+", np.float16, (firsts[-1], dim))
            for first, last in pairwise(firsts):
                drawn[first:last] = self.faces.people(first, last - first, self.seed)
        found: npt.NDArray[np.float16] = np.load(path, mmap_mode="r")
        return found

    def write(self, buckets: Sequence[int] | None = None) -> dict[str, Manifests]:
        """Commit all stages of some buckets (None = all); what is committed already stays."""
        found: dict[str, Manifests] = {stage: {} for stage in STAGES}
        for bucket in range(self.buckets) if buckets is None else buckets:
            done = {stage: self.lake.find(stage, bucket, self.mark(stage)) for stage in STAGES}
            if None in done.values() or not self._truth(bucket).exists():
                drawn = Bucket.draw(self, bucket)
                for stage, manifest in done.items():
                    done[stage] = manifest or self._commit(stage, bucket, self.mark(stage), drawn)
                np.save(self._truth(bucket), drawn.owners())
            for stage, manifest in done.items():
                assert manifest is not None
                found[stage][bucket] = manifest
        return found

    def change(self, share: float) -> Manifests:
        """Clusters in which a share of the users have one more photo; the same rows otherwise."""
        mark, found = self.mark("cluster", share), {}
        for bucket in range(self.buckets):
            done = self.lake.find("cluster", bucket, mark)
            found[bucket] = done or self._commit("cluster", bucket, mark, Bucket.draw(self, bucket, share))
        return found

    def truth(self) -> npt.NDArray[np.int16]:
        """The cluster that is the owner, by row; -1 = there is none."""
        found: npt.NDArray[np.int16] = np.concatenate([np.load(self._truth(b)) for b in range(self.buckets)])
        return found

    def _truth(self, bucket: int) -> Path:
        return self.folder / f"truth-{bucket:05d}.npy"

    def mark(self, stage: str, changed: float = 0.0) -> str:
        """The fingerprint of a stage's results."""
        return f"simulated-{stage}-{self.users}-{self.seed}-{changed:g}"

    def _commit(self, stage: str, bucket: int, mark: str, drawn: Bucket) -> Manifest:
        made = drawn.tables()[stage]
        with self.lake.attempt(stage, bucket, mark) as attempt:
            for name, table in made.items():
                attempt.write(name, table)
            return attempt.commit({"users": len(drawn.user_id), "friends": len(drawn.friends)})


@dataclass(frozen=True)
class Bucket:
    """The users of one bucket: their friends, albums, evidence and centroids."""

    first: int
    user_id: Ints
    indptr: Ints
    friends: npt.NDArray[np.int32]
    albums: Albums
    evidence: dict[str, npt.NDArray[np.float32]]
    centroids: npt.NDArray[np.float16]
    more: Ints  # photos beyond those drawn, [clusters]

    @classmethod
    def draw(cls, of: Simulation, bucket: int, changed: float = 0.0) -> Bucket:
        """Draw a bucket; `changed` is the share of users with one more photo of every cluster."""
        first, last = of.network.firsts[bucket : bucket + 2].tolist()
        indptr, friends = of.network.friends(bucket)
        rng = np.random.default_rng([of.seed, 3, bucket])
        albums = draw_albums(first, indptr, friends, rng)
        evidence = draw_evidence(albums, rng)
        who = np.where(albums.kind == 2, of.users + albums.who, albums.who)
        people = of.people[who].astype(np.float32)
        centroids = of.faces.centroids(people, albums.faces, rng)
        by_lot = splitmix64(np.arange(first, last) + (of.seed << 40))
        more = (by_lot < np.uint64(changed * 2**64))[albums.owner].astype(np.int64) if changed else 0 * albums.owner
        if changed:
            anew = of.faces.centroids(people, albums.faces + 1, np.random.default_rng([of.seed, 4, bucket]))
            centroids[more > 0] = anew[more > 0]
            evidence["size"] = np.log1p(albums.faces + more).astype(np.float32)
        return cls(first, of.network.user_ids[first:last], indptr, friends, albums, evidence, centroids, more)

    def owners(self) -> npt.NDArray[np.int16]:
        """The cluster that is the owner, [users]; -1 = none."""
        found = np.full(len(self.user_id), -1, np.int16)
        mine = self.albums.kind == OWNER
        found[self.albums.owner[mine]] = self.albums.number[mine]
        return found

    def tables(self) -> dict[str, dict[str, pa.Table]]:
        """What each stage writes."""
        rows = np.arange(self.first, self.first + len(self.user_id), dtype=np.int32)
        about = {"user_id": self.user_id, "row": rows}
        album, photo = self._photos()
        friendships = {"row": np.repeat(rows, np.diff(self.indptr)), "friend_row": self.friends}
        selection = {"owner_id": self.user_id[album], "photo_id": photo, "rank": photo & 0xFFF}
        users = about | {"consent": np.ones(len(rows), np.bool_)}
        looked = {"photo_id": photo, "reason": np.full(len(photo), "ok", object), "faces": np.ones(len(photo), int)}
        return {
            "partition": {"users": _table(users, tables.USERS), "friends": _table(friendships, tables.FRIENDS)},
            "select": {"selection": _table(selection, tables.SELECTION)},
            "people": {"people": _table(about, tables.PEOPLE)},
            "cluster": {
                "clusters": self._clusters(),
                "members": self._members(),
                "looked": _table(looked, tables.SEEN),
            },
            "co_occurrence": {"co_occurrence": _table(self._keys() | self.evidence, tables.CO_OCCURRENCE)},
        }

    def _keys(self) -> dict[str, npt.NDArray[np.generic]]:
        return {"user_id": self.user_id[self.albums.owner], "cluster": self.albums.number}

    def _clusters(self) -> pa.Table:
        faces = self.albums.faces + self.more
        columns = (
            self._keys() | self.evidence | {"row": self.first + self.albums.owner, "faces": faces, "photos": faces}
        )
        columns["spread"] = np.full(len(faces), 0.02)
        schema = tables.clusters_schema(self.centroids.shape[1])
        return _table(columns | {"centroid": pack_vectors(self.centroids)}, schema)

    def _photos(self) -> tuple[Ints, Ints]:
        """Place of the owner and id of every photo, ascending."""
        count = self.albums.photos + PHOTOS_BESIDE
        album = np.repeat(np.arange(len(count)), count)
        return album, ((self.first + album) << 12) + np.arange(len(album)) - (np.cumsum(count) - count)[album]

    def _members(self) -> pa.Table:
        """A row for every face: those of clusters, on one photo after another."""
        faces = self.albums.faces
        cluster = np.repeat(np.arange(len(faces)), faces)
        owner = self.albums.owner[cluster]
        start = np.searchsorted(owner, np.arange(len(self.user_id)))
        nth, photos = np.arange(len(owner)) - start[owner], self.albums.photos[owner]
        columns = {
            "user_id": self.user_id[owner],
            "photo_id": ((self.first + owner) << 12) + nth % photos,
            "face": nth // photos,
            "cluster": self.albums.number[cluster],
            "state": np.full(len(owner), "member", object),
        }
        order = np.lexsort((columns["face"], columns["photo_id"]))
        return _table({name: column[order] for name, column in columns.items()}, tables.MEMBERS)


def _table(columns: dict[str, object], schema: pa.Schema) -> pa.Table:
    """Columns of a schema, null where there are none."""
    length = len(next(iter(columns.values())))  # type: ignore[arg-type]
    made = []
    for field in schema:
        given = columns.get(field.name)
        if isinstance(given, np.ndarray):
            made.append(pa.array(given).cast(field.type))
        else:
            made.append(given if given is not None else pa.nulls(length, field.type))
    return pa.table(made, schema=schema)


def main() -> None:
    """Write a lake."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--buckets", type=int, default=8)
    given = parser.parse_args()
    Simulation(given.folder, given.users, given.buckets).write()


if __name__ == "__main__":
    main()
