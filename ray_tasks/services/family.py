"""The processes that a home has started, found by a mark in their environment: however they were orphaned."""

from __future__ import annotations

import contextlib

import psutil

from ray_tasks.services.home import HOME_VARIABLE, SERVICE_VARIABLE, Home

SUPERVISOR_MODULE = "ray_tasks.services.supervisor"


def family(home: Home, service: str | None = None) -> list[psutil.Process]:
    """All living processes of this user that carry the home's mark, or one service's; this one left out."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            mark = process.environ()
            marked = mark.get(HOME_VARIABLE) == home.marker and service in (None, mark.get(SERVICE_VARIABLE))
            if marked and process.pid != psutil.Process().pid and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


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
    _, alive = psutil.wait_procs(processes, timeout=patience_s)
    for process in alive:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(alive, timeout=patience_s)
