"""A host's own copy of the generation that a store serves: the embedded store's files, filled from another store.

Segments keep their numbers, so what is there already is known, and a night's delta travels alone. Readers open the
folder as any embedded store. It hides whom the source hid when it was pulled last, and is as erased as the source was.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from profiling.errors import StoreError
from profiling.hashing import splitmix64
from profiling.small_files import create_exclusively
from profiling.small_files import replace as replace_file
from profiling.store.arrow_store import ArrowStore
from profiling.store.erasure import READERS_S
from profiling.store.interface import ProfileStore
from profiling.store.records import DROPPED, READY, WRITING, Counts, StoredGeneration
from profiling.store.rows import stored_schema

ABOUT = "cache.json"  # whose copy it is, and how often that was erased in place
HELD_ROWS = 500_000  # on their way from the source; beyond them buckets are put on disk
AGAIN = 3  # times that a pull follows a pointer that moves meanwhile


@dataclass(frozen=True)
class Pulled:
    """What one pull did: `fetched` numbers of segments with `rows` rows, `dropped` those that went."""

    generation: str
    number: int
    fetched: tuple[int, ...]
    rows: int
    dropped: tuple[int, ...]
    forgotten: int

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


def pull(source: ProfileStore, cache: ArrowStore, grace_s: float = READERS_S) -> Pulled:
    """Bring a cache to what the source serves; a pull that is killed is run again.

    Parameters
    ----------
    grace_s : seconds that readers of the cache have between the change of its pointer and the end of old files.

    Raises
    ------
    StoreError
        The folder is another store's cache, or a store of its own; the source serves nothing or changes all the time;
        the disk is full. Readers of the cache go on with what they had.
    """
    erased = _claim(source, cache)
    new = np.setdiff1d(source.forgotten(), cache.forgotten())
    if len(new):
        cache.forget(new.tolist())
    for _ in range(AGAIN):
        active = source.active()
        if active is None:
            raise StoreError(f"{source.name}: holds no active generation; kith publish one")
        head = source.head()
        fetched = [_fetch(source, cache, number) for number in active.segments]
        if source.head() == head:
            break
    else:
        raise StoreError(f"{source.name}: changed while it was read; pull again")
    if head.erased != erased:
        cache.erase(cache.forgotten().tolist())
    _activate(cache, active)
    dropped = _drop(cache, active, grace_s)
    _note(source, cache, head.erased)
    there = tuple(number for number, rows in zip(active.segments, fetched, strict=True) if rows is not None)
    return Pulled(active.id, active.number, there, sum(rows or 0 for rows in fetched), dropped, len(new))


def _claim(source: ProfileStore, cache: ArrowStore) -> int:
    """Make sure that the folder is a cache of this source; how often the source had been erased in place."""
    about = json.dumps({"source": source.name, "erased": source.head().erased}).encode()
    if not cache.generations():
        create_exclusively(cache.folder / ABOUT, about)
    try:
        known = json.loads((cache.folder / ABOUT).read_bytes())
    except FileNotFoundError:
        raise StoreError(f"{cache.folder}: is a store of its own and no cache; name another folder") from None
    if known["source"] != source.name:
        raise StoreError(f"{cache.folder}: is a cache of {known['source']}; name another folder for {source.name}")
    return int(known["erased"])


def _note(source: ProfileStore, cache: ArrowStore, erased: int) -> None:
    about = {"source": source.name, "erased": erased}
    replace_file(cache.folder / ABOUT, json.dumps(about).encode(), durable=True)


def _fetch(source: ProfileStore, cache: ArrowStore, number: int) -> int | None:
    """Rows of a segment that was copied; None when it was there."""
    record = source.find(number)
    known = next((each for each in cache.generations() if each.number == number), None)
    if known is not None and (known.id, known.created) != (record.id, record.created):
        raise StoreError(f"{cache.folder}: is a cache of another store of the same name; delete it and pull again")
    if known is not None and known.state == READY and len(cache.written(known)) == known.buckets:
        return None
    begun = replace(record, state=WRITING, replaced=None)
    if known is None:
        cache._reserve(begun)
    elif known.state != WRITING:
        cache._update(begun, known.state)
    cache._prepare(begun)
    found = _copy(source, cache, record)
    if record.state == READY and found != Counts(record.users, record.rows):
        cache._remove({number}, set())
        raise StoreError(
            f"{source.name}: {found.rows} rows of {record.id} were read where {record.rows} are; pull again"
        )
    cache._update(replace(begun, state=READY, users=found.users, rows=found.rows), WRITING)
    return found.rows


def _copy(source: ProfileStore, cache: ArrowStore, record: StoredGeneration) -> Counts:
    """Copy a segment's rows; they wait on disk, bucket by bucket, until they can be sorted."""
    there = cache.written(record)
    folder = cache.bucket_path(record.number, 0).parent / ".pulled"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        with cache._writable():
            folder.mkdir()
            for place, rows in enumerate(_gathered(source.read(record))):
                for bucket, mine in _by_bucket(rows, record.buckets):
                    path = folder / f"{bucket:06d}-{place:06d}"
                    with path.open("xb") as file, pa.ipc.new_file(file, mine.schema) as sink:
                        sink.write_table(mine)
        for bucket in range(record.buckets):
            if bucket not in there:
                pieces = [_read(path) for path in sorted(folder.glob(f"{bucket:06d}-*"))]
                there[bucket] = cache.write(record, bucket, _sorted(pieces, record.dim))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return sum(there.values(), Counts())


def _gathered(pieces: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Small tables made into some of `HELD_ROWS`."""
    held: list[pa.Table] = []
    for piece in pieces:
        held.append(piece)
        if sum(map(len, held)) >= HELD_ROWS:
            yield pa.concat_tables(held)
            held = []
    if held:
        yield pa.concat_tables(held)


def _by_bucket(rows: pa.Table, buckets: int) -> Iterator[tuple[int, pa.Table]]:
    place = splitmix64(np.asarray(rows["user_id"], np.int64)) & np.uint64(buckets - 1)
    order = np.argsort(place, kind="stable")
    found, starts = np.unique(place[order], return_index=True)
    for bucket, start, stop in zip(found.tolist(), starts, [*starts[1:], len(order)], strict=True):
        yield int(bucket), rows.take(pa.array(order[start:stop])).unify_dictionaries().combine_chunks()


def _read(path: Path) -> pa.Table:
    with pa.memory_map(str(path)) as source:
        return pa.ipc.open_file(source).read_all()


def _sorted(pieces: list[pa.Table], dim: int) -> pa.Table:
    rows = pa.concat_tables([stored_schema(dim).empty_table(), *pieces]).unify_dictionaries().combine_chunks()
    order = np.lexsort([np.asarray(rows["rank"]), np.asarray(rows["user_id"])])
    return rows.take(pa.array(order)).combine_chunks()


def _activate(cache: ArrowStore, active: StoredGeneration) -> None:
    now = cache.head().active
    mine = replace(cache.find(active.number), replaced=None)
    if now != active.number and not cache._swap(now, mine):
        raise StoreError(f"{cache.folder}: another pull changed it; pull again")


def _drop(cache: ArrowStore, active: StoredGeneration, grace_s: float) -> tuple[int, ...]:
    """Take away segments that the generation does not list, once readers had time to look again."""
    there = {int(path.name) for path in (cache.folder / "segments").iterdir() if path.name.isdigit()}
    old = there - set(active.segments)
    if old:
        time.sleep(grace_s)
        for each in cache.generations():
            if each.number in old and each.state != DROPPED:
                cache._update(replace(each, state=DROPPED), each.state)
        cache._remove(old, set())
    return tuple(sorted(old))
