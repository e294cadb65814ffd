"""A process that publishes generation `g<seed>`, tells each step on standard output, and dies by kill -9 at one."""

from __future__ import annotations

import os
import signal
import sys

from profiling.store import ProfileStore, StoredGeneration, open_store
from profiling.store.planning import bucket_rows
from tests.profiling.store.populations import BUCKETS, DIM, MODEL, draw_profiles, in_bucket

USERS = list(range(400))
DEADLY = sys.argv[4] if len(sys.argv) > 4 else ""


def tell(step: str) -> None:
    sys.stdout.write(f"{step}\n")
    sys.stdout.flush()
    if step == DEADLY:
        os.kill(os.getpid(), signal.SIGKILL)


def write(store: ProfileStore, seed: int, active: StoredGeneration | None, delta: bool) -> StoredGeneration:
    new = draw_profiles(USERS, seed)
    old = draw_profiles(USERS, int(active.id[1:])) if delta and active is not None else None
    begun = store.begin(f"g{seed}", MODEL, DIM, BUCKETS, active if delta else None)
    tell("begun")
    there = store.written(begun)
    for bucket in range(BUCKETS):
        if bucket not in there:
            before = None if old is None else in_bucket(old, bucket)
            store.write(begun, bucket, bucket_rows(in_bucket(new, bucket), before, store.forgotten()))
        tell(f"bucket {bucket}")
    return store.finish(begun)


def main(uri: str, seed: int, delta: bool) -> None:
    store = open_store(uri)
    tell("opened")
    active = store.active()
    ready = store.ready(f"g{seed}") or write(store, seed, active, delta)
    tell("finished")
    store.activate(ready, None if active is None else active.number)
    tell("active")
    store.close()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3] == "delta")
