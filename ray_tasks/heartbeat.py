"""A job that nobody follows any more stops itself: who started it renews a small file, and the job watches the file.

The file lies in the lake, which both sides see. A job that never saw it renewed is not watched: then its scheduler does
not see the lake, and silence says nothing. No clocks are compared: the watcher waits for the content to change.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping

from profiling.object_paths import ObjectPath
from profiling.places import Place, open_place
from profiling.small_files import replace

FOLDER = "heartbeats"  # in a lake
FILE_VARIABLE, LIMIT_VARIABLE = "KITH_HEARTBEAT", "KITH_HEARTBEAT_LIMIT_S"  # environment of the job
RENEW_S = 10.0  # seconds between beats, at most
LOOKS_A_LIMIT = 20  # how finely the limit is kept
GRACE_S = 60.0  # seconds to give the lake back; then the process ends whatever it is doing
ABANDONED = 75  # exit code then: another try may go on (EX_TEMPFAIL of sysexits.h)


class Heartbeat:
    """The side that follows a job: call `beat` often, it writes when it is time.

    Parameters
    ----------
    path : the file; nothing is written while its folder is not there. None = no heartbeat.
    """

    def __init__(self, path: Place | None, every_s: float = RENEW_S) -> None:
        self._path, self._every_s = path, every_s
        self._beaten, self._heard = -every_s, False

    def beat(self) -> None:
        """Renew the file. A folder that is gone or cannot be written is no error: the job is then not watched.

        A store that refuses the first beat is not asked again: without keys each refusal may take minutes.
        """
        now = time.monotonic()
        if self._path is None or now - self._beaten < self._every_s:
            return
        try:
            if not self._path.parent.is_dir():
                return
            replace(self._path, f"{os.getpid()} {time.time_ns()}".encode())
            self._heard = True
        except OSError:
            if not self._heard and isinstance(self._path, ObjectPath):
                self._path = None
        self._beaten = time.monotonic()

    def end(self) -> None:
        """The job has ended: take the file away."""
        if self._path is not None:
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)


@contextlib.contextmanager
def watched(environment: Mapping[str, str]) -> Iterator[None]:
    """Interrupt this process, as Ctrl-C would, when the heartbeat that its environment names falls silent."""
    path, limit = environment.get(FILE_VARIABLE), environment.get(LIMIT_VARIABLE)
    if not path or not limit:
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever started this process may have it ignored
    over = threading.Event()
    watcher = threading.Thread(
        target=_watch, args=(open_place(path), float(limit), over), name="heartbeat", daemon=True
    )
    watcher.start()
    try:
        yield
    finally:
        over.set()


def _watch(path: Place, limit_s: float, over: threading.Event) -> None:
    seen, heard = "", time.monotonic()
    while not over.wait(limit_s / LOOKS_A_LIMIT):
        content = _read(path)
        if content and content != seen:
            seen, heard = content, time.monotonic()
        if seen and time.monotonic() - heard > limit_s:
            sys.stderr.write(f"kith: nobody has followed this job for {limit_s:.0f} s; it stops itself\n")
            sys.stderr.flush()
            path.unlink(missing_ok=True)
            os.kill(os.getpid(), signal.SIGINT)
            if not over.wait(GRACE_S):
                os._exit(ABANDONED)
            return


def _read(path: Place) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
