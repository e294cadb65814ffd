"""A process that compacts a lake, without Ray; it kills itself at the n-th file that appears or goes."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any, cast

from ray_tasks.compacting import compact
from ray_tasks.lake import Lake
from ray_tasks.lock import WriterLock
from ray_tasks.ray_session import RaySession
from tests.ray_tasks.lake_eraser_child import HereSession


def main(folder: str, size: int, deadly: int) -> None:
    """Compact; `deadly` 0 lives."""
    touched = 0

    def count(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal touched
        if event in ("os.link", "os.remove") and "/embed-" in str(arguments[0]) + str(arguments[1]):
            touched += 1
            if touched == deadly:
                os.kill(os.getpid(), signal.SIGKILL)

    with WriterLock(Lake.open(folder), "test") as held:
        sys.addaudithook(count)
        compact(held, cast("RaySession", HereSession()), size)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
