"""A side of a benchmark in a process of its own, as it runs where it is used.

Side by side in one process, what one leaves in the allocator and in the libraries' caches slows the other, by how much
depends on who came first.
"""

from __future__ import annotations

import gc
import multiprocessing
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Self

from harness import Timed

Make = Callable[[], Callable[[Any], Any]]


class Apart:
    """A process that calls what `make`, a module's function, made there, on work that it is sent once.

    It ends with the block.
    """

    def __init__(self, make: Make) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, there = context.Pipe()
        self._process = context.Process(target=_serve, args=(make, there), daemon=True)
        self._process.start()
        there.close()
        self._sent = 0

    def work(self, work: Any) -> Callable[[], Timed]:
        """A call that does the work over there, and tells the answer with the seconds it took there."""
        place, self._sent = self._sent, self._sent + 1
        self._pipe.send((place, work))
        self._pipe.recv()

        def call() -> Timed:
            self._pipe.send((place, None))
            answer, seconds = self._pipe.recv()
            return Timed(answer, seconds)

        return call

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pipe.close()
        self._process.join(10)
        self._process.kill()


def _serve(make: Make, pipe: Connection) -> None:
    """Keep work that comes, do work that is named; until the other end closes."""
    do, kept = make(), {}
    while True:
        try:
            place, work = pipe.recv()
        except EOFError:
            return
        if work is not None:
            kept[place] = work
            pipe.send(None)
            continue
        gc.collect()
        started = time.perf_counter()
        answer = do(kept[place])
        pipe.send((answer, time.perf_counter() - started))
