"""Compaction: the parts of many nights become few, and faces of photos that are gone leave the files.

A nightly run adds a part a bucket. Here the rows that still speak for a photo are written into new parts, sorted and
cut as a first build cuts them; then the old parts go. Between the two a photo stands in an old and a new part with the
same bits, so readers see one lake before, after and in between, and a run that is killed is gone on with.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from profiling.digests import digest_rows
from profiling.tallies import count_values
from ray_tasks.generations import Generation, generations
from ray_tasks.lake import Lake, Manifest, fingerprint
from ray_tasks.ray_session import RaySession
from ray_tasks.retiring import FACES, FIRST
from ray_tasks.stages.face_parts import LOOKED_AT

KEY = ("photo_id", "version")

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Compacted:
    """What one run did: parts before and after, photos whose faces left the files."""

    before: int = 0
    after: int = 0
    photos_gone: int = 0

    def __add__(self, other: Compacted) -> Compacted:
        return Compacted(self.before + other.before, self.after + other.after, self.photos_gone + other.photos_gone)

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


def compact(lake: Lake, session: RaySession, photos_per_part: int) -> Compacted:
    """Merge the parts of every bucket that has more than it needs, or that holds photos which are gone.

    Parameters
    ----------
    lake : held for writing. photos_per_part : photos of a new part, at most.

    Notes
    -----
    A photo is there, in its version, while the snapshot of the newest generation holds it, or a later snapshot, whose
    generation is still on its way. Older generations keep their profiles and lose the faces of photos that are gone.
    A bucket's faces must fit in memory, as for the stage cluster.
    """
    finished = generations(lake)
    newest = finished[-1] if finished else None
    calls = [
        (f"compact-{bucket}", (str(lake.folder), lake.epoch, bucket, newest, photos_per_part))
        for bucket in range(lake.buckets)
    ]
    done = sum((found for _, found in session.each(_compact_bucket, calls)), Compacted())
    lake.sweep()
    return done


def _compact_bucket(folder: str, epoch: int | None, bucket: int, newest: Generation | None, size: int) -> Compacted:
    lake = Lake.open(folder, epoch)
    there = _photos_there(lake, bucket, newest)
    stages = sorted(path.name for path in (lake.folder / "manifests").glob(f"{FACES}*"))
    return sum((_compact_parts(lake, stage, bucket, there, size) for stage in stages), Compacted())


def _photos_there(lake: Lake, bucket: int, newest: Generation | None) -> pa.Table:
    """Ids and versions of the photos of the newest generation's snapshot and of all later ones."""
    snapshots = lake.results("partition", bucket)
    if newest is not None:
        since = newest.manifest(lake, "partition", bucket).created
        snapshots = [each for each in snapshots if each.created >= since]
    tables = [lake.read(each, "photos", list(KEY)) for each in snapshots]
    empty = pa.table({name: pa.array([], pa.int64()) for name in KEY})
    return pa.concat_tables([empty, *tables]).group_by(list(KEY)).aggregate([])


def _compact_parts(lake: Lake, stage: str, bucket: int, there: pa.Table, size: int) -> Compacted:
    parts = lake.results(stage, bucket)
    seen = [lake.read(part, "seen") for part in parts]
    speaks = _speakers(seen, there)
    gone = sum(len(table) for table in seen) - sum(len(rows) for rows in speaks)
    kept = [table.take(pa.array(rows)) for table, rows in zip(seen, speaks, strict=True)]
    pieces = list(_pieces(kept, size))
    if not gone and len(parts) <= len(pieces):
        return Compacted(len(parts), len(parts))
    faces = [_of_photos(lake.read(part, "faces"), table) for part, table in zip(parts, kept, strict=True)]
    made = {_commit(lake, stage, bucket, piece, faces, _first(parts)) for piece in pieces}
    for part in parts:
        if part.fingerprint not in made:
            lake.delete(part)
    names = {pair for table in kept for pair in _pairs(table)}
    lost = {pair for table in seen for pair in _pairs(table)} - names
    return Compacted(len(parts), len(made), len(lost))


def _speakers(seen: list[pa.Table], there: pa.Table) -> list[Ints]:
    """For each part the rows that speak for a photo that is there: of several one that could be read, else the oldest.

    It is what `FaceParts` asks for, so that nothing changes for it.
    """
    known = set(_pairs(there))
    found: dict[tuple[int, int], tuple[bool, int, int]] = {}
    for number, table in enumerate(seen):
        reasons = table["reason"].to_pylist()
        for row, (pair, reason) in enumerate(zip(_pairs(table), reasons, strict=True)):
            mine = (reason not in LOOKED_AT, number, row)
            if pair in known and mine < found.get(pair, (True, len(seen), 0)):
                found[pair] = mine
    rows: list[list[int]] = [[] for _ in seen]
    for _, number, row in found.values():
        rows[number].append(row)
    return [np.array(sorted(each), np.int64) for each in rows]


def _pairs(table: pa.Table) -> list[tuple[int, int]]:
    return list(zip(table["photo_id"].to_pylist(), table["version"].fill_null(0).to_pylist(), strict=True))


def _pieces(kept: list[pa.Table], size: int) -> Iterator[tuple[pa.Table, Ints]]:
    """Rows of `seen` for each new part, in photo order, and which old part each row is from; no photo twice in one."""
    if not kept:
        return
    whole = pa.concat_tables(kept)
    part = np.repeat(np.arange(len(kept)), [len(table) for table in kept])
    order = np.lexsort((whole["version"].to_numpy(), whole["photo_id"].to_numpy()))
    whole, part = whole.take(pa.array(order)), part[order]
    ids = whole["photo_id"].to_numpy()
    turn = np.arange(len(ids)) - np.searchsorted(ids, ids)  # 0 for the first version of a photo, 1 for the next
    for rank in np.unique(turn).tolist():
        rows = np.flatnonzero(turn == rank)
        for start in range(0, len(rows), size):
            piece = rows[start : start + size]
            yield whole.take(pa.array(piece)), part[piece]


def _of_photos(faces: pa.Table, seen: pa.Table) -> pa.Table:
    """The faces of some photos of a part, which holds a photo once."""
    return faces.filter(pa.array(np.isin(faces["photo_id"].to_numpy(), seen["photo_id"].to_numpy())))


def _first(parts: Iterable[Manifest]) -> float:
    """When the oldest of the parts was looked at."""
    return min(float(part.counts.get(FIRST, part.created)) for part in parts)


def _commit(
    lake: Lake, stage: str, bucket: int, piece: tuple[pa.Table, Ints], faces: list[pa.Table], first: float
) -> str:
    """Write a new part, unless a run before this one did; returns its fingerprint."""
    seen, source = piece
    content = digest_rows(*(seen[name] for name in (*KEY, "reason", "content_hash")))
    mark = fingerprint(compacted=hashlib.blake2b(content.tobytes(), digest_size=16).hexdigest(), stage=stage)
    if lake.find(stage, bucket, mark) is not None:
        return mark
    ids = seen["photo_id"].to_numpy()
    own = [
        table.filter(pa.array(np.isin(table["photo_id"].to_numpy(), ids[source == number])))
        for number, table in enumerate(faces)
    ]
    rows = pa.concat_tables(own).sort_by([("photo_id", "ascending"), ("face", "ascending")])
    counts = {"photos": len(seen), "faces": len(rows), "reasons": count_values(seen["reason"]), FIRST: first}
    with lake.attempt(stage, bucket, mark) as attempt:
        attempt.write("faces", rows)
        attempt.write("seen", seen)
        attempt.commit(counts)
    return mark
