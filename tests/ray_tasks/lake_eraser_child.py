"""A process that erases a lake's forgotten, without Ray; it kills itself at the n-th table that is replaced."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

from ray_tasks.forgetting import erase_users
from ray_tasks.lake import Lake
from ray_tasks.ray_session import RaySession


class HereSession:
    """Does in this process, one after the other, what Ray would do in many."""

    def each(self, function: Callable[..., Any], calls: Sequence[tuple[str, tuple[Any, ...]]]) -> Iterator[Any]:
        """As `RaySession.each`."""
        for place, (_, arguments) in enumerate(calls):
            yield place, function(*arguments)


def main(folder: str, deadly: int) -> None:
    """Erase; `deadly` 0 lives."""
    replaced = 0

    def count(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal replaced
        if event == "os.rename" and str(arguments[1]).endswith(".parquet"):
            replaced += 1
            if replaced == deadly:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    erase_users(Lake.open(folder), None, cast("RaySession", HereSession()))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
