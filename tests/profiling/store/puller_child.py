"""A process that pulls a store's generation into a cache; it kills itself at the n-th file that is put in its place."""

from __future__ import annotations

import os
import signal
import sys

from profiling.store import open_store
from profiling.store.arrow_store import ArrowStore
from profiling.store.cache import pull


def main(uri: str, folder: str, deadly: int) -> None:
    """Pull; `deadly` 0 lives."""
    linked = 0

    def count(event: str, _: object) -> None:
        nonlocal linked
        if event == "os.link":
            linked += 1
            if linked == deadly:
                os.kill(os.getpid(), signal.SIGKILL)

    source = open_store(uri)
    cache = ArrowStore.create(folder)
    sys.addaudithook(count)
    pull(source, cache, 0)
    source.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
