"""One writer a lake: build, nightly run, publish, forget and compaction take turns.

Epoch n is held by whoever creates `lock/<n>.json` first; the file carries the holder and a lease that a thread renews.
A holder that ended gives it back by `lock/<n>.released`; one that died is recognised at once on its own machine (its
process is gone) and by its lease elsewhere. The next epoch makes every commit of an older one fail (lake.py), so a
writer that only seemed dead can do no harm.
"""

from __future__ import annotations

import json
import os
import platform
import threading
import time
from dataclasses import asdict, dataclass

import psutil

from profiling.errors import LakeLockedError
from profiling.places import Place
from profiling.small_files import create_exclusively, replace
from ray_tasks.lake import Lake

LEASE_S = 60.0  # seconds; a writer on another machine is given up after this silence
LOOK_AGAIN_S = 2.0  # seconds between looks at a lake that another writer holds
RENEW_S = 15.0  # seconds between renewals: a quarter of the lease


@dataclass(frozen=True)
class Holder:
    """Who writes: a process of a machine, what it does, and until when its word counts."""

    command: str
    host: str
    pid: int
    started: float
    lease_until: float
    taken: float = 0.0  # seconds since 1970; 0 = not on record

    def alive(self) -> bool:
        """Whether the holder still writes: by its process on this machine, by its lease on another."""
        if self.host != _this_host():
            return time.time() < self.lease_until
        try:
            return bool(abs(psutil.Process(self.pid).create_time() - self.started) < 1.0)
        except psutil.NoSuchProcess:
            return False


class WriterLock:
    """Hold a lake for writing: `with WriterLock(lake, "kith build") as lake: …` gives the lake with its epoch.

    Parameters
    ----------
    command : what is done, for whoever finds the lake held.
    patience_s : seconds to wait for another writer.
    """

    def __init__(self, lake: Lake, command: str, patience_s: float = 0.0) -> None:
        self._lake, self._command, self._patience_s = lake, command, patience_s
        self._folder = lake.folder / "lock"
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.epoch = 0
        self._taken = 0.0

    def __enter__(self) -> Lake:
        deadline = time.monotonic() + self._patience_s
        while (holder := self._take()) is not None:
            if time.monotonic() >= deadline:
                who = f"{holder.command} (process {holder.pid} on {holder.host.split(' ')[0]})"
                raise LakeLockedError(f"{self._lake.folder}: is being written by {who}; wait for it or stop it")
            time.sleep(min(LOOK_AGAIN_S, max(0.0, deadline - time.monotonic())))
        return self._held()

    def _take(self) -> Holder | None:
        """Take the lake, or say who has it."""
        while True:
            epoch, holder = current_holder(self._lake)
            if holder is not None:
                return holder
            self.epoch, self._taken = epoch + 1, time.time()
            if create_exclusively(self._path("json"), json.dumps(asdict(self._me())).encode()):
                return None

    def _held(self) -> Lake:
        self._thread = threading.Thread(target=self._renew, name="lake-lease", daemon=True)
        self._thread.start()
        for path in self._folder.iterdir():
            if path.stem.isdigit() and int(path.stem) < self.epoch:
                path.unlink(missing_ok=True)
        return Lake(self._lake.folder, self._lake.buckets, self.epoch)

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        create_exclusively(self._path("released"), b"")

    def _renew(self) -> None:
        while not self._stop.wait(RENEW_S):
            replace(self._path("json"), json.dumps(asdict(self._me())).encode())

    def _me(self) -> Holder:
        pid = os.getpid()
        started = psutil.Process(pid).create_time()
        return Holder(self._command, _this_host(), pid, started, time.time() + LEASE_S, self._taken)

    def _path(self, suffix: str) -> Place:
        return self._folder / f"{self.epoch:010d}.{suffix}"


def current_holder(lake: Lake) -> tuple[int, Holder | None]:
    """The newest epoch (0 = never written) and its holder, None when the lake is free."""
    folder = lake.folder / "lock"
    epochs = sorted(int(path.stem) for path in folder.glob("[0-9]*.json"))
    if not epochs:
        return 0, None
    path = folder / f"{epochs[-1]:010d}.json"
    if path.with_suffix(".released").exists():
        return epochs[-1], None
    try:
        holder = Holder(**json.loads(path.read_text()))
    except FileNotFoundError:  # a newer writer came in between and tidied up
        return current_holder(lake)
    return epochs[-1], holder if holder.alive() else None


def _this_host() -> str:
    """The machine and the process namespace: the same pid in another container is another process."""
    try:
        namespace = os.readlink("/proc/self/ns/pid")
    except OSError:
        namespace = ""
    return f"{platform.node()} {namespace}".strip()
