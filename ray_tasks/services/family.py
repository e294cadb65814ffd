"""The processes that a home has started, found by a mark in their environment: however they were orphaned."""

from __future__ import annotations

import contextlib
import os
import time

import psutil

from ray_tasks.services.home import HOME_VARIABLE, SERVICE_VARIABLE, Home

SUPERVISOR_MODULE = "ray_tasks.services.supervisor"
LOOK_S = 0.1  # seconds between looks at what ends


def family(home: Home, service: str | None = None) -> list[psutil.Process]:
    """All living processes that carry the home's mark, or one service's, and their descendants; this one left out."""
    parents: dict[int, int] = {}
    living: dict[int, psutil.Process] = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.status() != psutil.STATUS_ZOMBIE:
                parents[process.pid], living[process.pid] = process.ppid(), process
    found = {pid for pid, process in living.items() if _is_marked(process, home, service)}
    while born := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= born
    return [living[pid] for pid in sorted(found - {os.getpid()})]


def supervisor(home: Home) -> psutil.Process | None:
    """The process that watches over the others, if it lives."""
    for process in family(home):
        with contextlib.suppress(psutil.Error):
            if SUPERVISOR_MODULE in process.cmdline():
                return process
    return None


def end(processes: list[psutil.Process], patience_s: float) -> None:
    """Ask processes to end, and kill those that have not after a while."""
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.terminate()
    for process in wait(processes, patience_s):
        with contextlib.suppress(psutil.Error):
            process.kill()
    wait(processes, patience_s)


def wait(processes: list[psutil.Process], patience_s: float) -> list[psutil.Process]:
    """Wait until processes have ended; those that have not. A zombie has: not every machine's first process reaps."""
    until = time.monotonic() + patience_s
    while (alive := [process for process in processes if _lives(process)]) and time.monotonic() < until:
        time.sleep(LOOK_S)
    return alive


def _is_marked(process: psutil.Process, home: Home, service: str | None) -> bool:
    try:
        mark = process.environ()
    except (psutil.Error, OSError):
        return False
    return mark.get(HOME_VARIABLE) == home.marker and service in (None, mark.get(SERVICE_VARIABLE))


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False
