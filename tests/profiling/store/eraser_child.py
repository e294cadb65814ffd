"""A process that erases users from a store; it kills itself at the n-th file that takes another's place."""

from __future__ import annotations

import os
import signal
import sys

from profiling.store import open_store


def main(uri: str, deadly: int, users: list[int]) -> None:
    """Erase; `deadly` 0 lives."""
    replaced = 0

    def count(event: str, _: object) -> None:
        nonlocal replaced
        if event == "os.rename":
            replaced += 1
            if replaced == deadly:
                os.kill(os.getpid(), signal.SIGKILL)

    store = open_store(uri)
    sys.addaudithook(count)
    store.erase(users)
    store.close()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), [int(each) for each in sys.argv[3:]])
