"""A pool of processes that decode photos and may die: a hostile photo costs itself, never its actor.

Threads of the pool each talk to one child at a time and wait without the GIL, so photos are decoded while the caller
computes. It imports no Ray: it works inside an actor, in a test and on its own.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from types import TracebackType

from profiling.decoding import DecodedPhoto, PhotoRefused
from profiling.settings import DecodingSettings
from ray_tasks.decoder_process import CHILD_MODULE, DecoderDied, DecoderProcess

LOOK_AHEAD = 2  # photos a child that are decoded or in work beyond the one the caller holds
LEAST_LOOK_AHEAD = 16  # photos in all, so that one child fills a detector's next batch meanwhile: 50 MB at 1024 pixels


class DecoderPool:
    """Decode photos in `processes` child processes.

    Parameters
    ----------
    processes : children, at least 1; each takes one photo at a time, and about 80 MB of memory of its own.
    folder : the population folder, for relative URIs.
    settings : `timeout_s` and `memory_mb` bound what one photo may take.
    child_module : the module that a child runs as its main program; another one is for tests.

    Notes
    -----
    A photo whose child dies, takes too long or runs out of memory is tried once more in a fresh child, alone: no other
    photo of this pool is decoded meanwhile. So a photo's outcome does not depend on its company, and a kill from
    outside (the kernel's when memory ends, an operator's) costs no photo.
    """

    def __init__(
        self, processes: int, folder: str, settings: DecodingSettings, child_module: str = CHILD_MODULE
    ) -> None:
        if processes < 1:
            raise ValueError("a pool needs at least one process")
        self._processes = processes
        self._children = [DecoderProcess(folder, settings, child_module) for _ in range(processes)]
        self._idle: queue.SimpleQueue[DecoderProcess] = queue.SimpleQueue()
        self._turns = _Turns()
        self._threads = ThreadPoolExecutor(processes, thread_name_prefix="decoder")
        try:
            # Children start in the pool's threads, which live as long as the pool: the kernel ends a child when the
            # very thread that started it ends.
            for started in [self._threads.submit(child.start) for child in self._children]:
                started.result()
        except BaseException:
            self.close()
            raise
        for child in self._children:
            self._idle.put(child)

    def decode(self, uris: Sequence[str]) -> Iterator[tuple[int, DecodedPhoto | PhotoRefused]]:
        """Yield (index, photo or why there is none) for each URI, in the order given.

        At most `LOOK_AHEAD` photos a process, and `LEAST_LOOK_AHEAD` in all, are held beyond the one that was yielded.
        An iterator that is not read to its end drops what it had begun.
        """
        begun: deque[Future[DecodedPhoto | PhotoRefused]] = deque()
        try:
            index = 0
            ahead = max(LOOK_AHEAD * self._processes, LEAST_LOOK_AHEAD)
            for uri in uris:
                begun.append(self._threads.submit(self._decode, uri))
                if len(begun) > ahead:
                    yield index, begun.popleft().result()
                    index += 1
            while begun:
                yield index, begun.popleft().result()
                index += 1
        finally:
            for future in begun:
                future.cancel()

    def pids(self) -> tuple[int, ...]:
        """Process ids of the children that run now."""
        return tuple(pid for child in self._children if (pid := child.pid) is not None)

    def close(self) -> None:
        """End all children at once; photos in work are lost. Twice is once."""
        for child in self._children:
            child.kill()
        self._threads.shutdown(wait=True, cancel_futures=True)
        for child in self._children:
            child.close()

    def __enter__(self) -> DecoderPool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _decode(self, uri: str) -> DecodedPhoto | PhotoRefused:
        child = self._idle.get()
        try:
            try:
                with self._turns.shared():
                    return child.decode(uri)
            except DecoderDied:
                child.start()
            with self._turns.alone():
                return child.decode(uri)
        except DecoderDied as death:
            return death.refusal
        finally:
            self._idle.put(child)


class _Turns:
    """A lock that many may share or one may hold alone; who wants to be alone goes before those who come later."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._sharing = 0
        self._waiting = 0  # for being alone
        self._lonely = False

    @contextmanager
    def shared(self) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: not self._lonely and not self._waiting)
            self._sharing += 1
        try:
            yield
        finally:
            with self._changed:
                self._sharing -= 1
                self._changed.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        with self._changed:
            self._waiting += 1
            self._changed.wait_for(lambda: not self._lonely and not self._sharing)
            self._waiting -= 1
            self._lonely = True
        try:
            yield
        finally:
            with self._changed:
                self._lonely = False
                self._changed.notify_all()
