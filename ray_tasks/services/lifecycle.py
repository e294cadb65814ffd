"""Start all services of a home and wait until they answer; end all that were started from it, and nothing else."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import psutil

from ray_tasks.services import family
from ray_tasks.services.health import READY_DAG, AirflowApi, missing
from ray_tasks.services.home import HOME_VARIABLE, Home, Plan, ServicesError

PATIENCE_S = 180.0  # seconds until everything must answer; 60 are usual on two cores
STOP_S = 40.0  # seconds the supervisor has: it gives its children 15, and 15 more to those that it kills
LOOK_S = 1.0
LONGEST_ERROR = 300  # characters of a log's line
LOOKS_BAD = re.compile(r"\[error|\[critical|[A-Z]\w*Error\b|Errno")


def start(home: Home, plan: Plan, say: Callable[[str], None], patience_s: float = PATIENCE_S) -> None:
    """Start a supervisor that outlives this process, and wait; what was started is ended where it does not answer.

    Parameters
    ----------
    say : told what is waited for.

    Raises
    ------
    ServicesError
        Something runs from this home already, or did not answer in time.
    """
    require_stopped(home)
    home.save(plan)
    with open(home.logs / "supervisor.err", "wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", family.SUPERVISOR_MODULE, str(home.folder)],
            env=_python_path(dict(os.environ)) | {HOME_VARIABLE: home.marker},
            cwd=home.folder,
            stdin=subprocess.DEVNULL,
            stdout=errors,
            stderr=errors,
            start_new_session=True,
        )
    try:
        _wait(home, plan, process, say, patience_s)
    except BaseException:
        stop(home)
        raise
    for dag in (READY_DAG, "train_scorer"):  # they run when somebody asks; the nightly one waits for its variables
        AirflowApi(home, plan).call("PATCH", f"dags/{dag}", json={"is_paused": False})


def require_stopped(home: Home) -> None:
    """Make sure that nothing runs from a home.

    Raises
    ------
    ServicesError
        Something does.
    """
    if family.family(home):
        raise ServicesError(f"{home.folder}: services run from here already; end them first: kith down")


def stop(home: Home) -> int:
    """End what was started from a home; how many processes there were.

    Raises
    ------
    ServicesError
        A process cannot be ended.
    """
    running = family.family(home)
    watching = family.supervisor(home)
    if watching is not None:
        with contextlib.suppress(psutil.Error):
            watching.terminate()
        family.wait([watching], STOP_S)
    until = time.monotonic() + STOP_S
    while left := family.family(home):  # a supervisor that was killed left them; a dying one may start another
        if time.monotonic() > until:
            raise ServicesError(
                f"process {left[0].pid} ({left[0].name()}) does not end; end it and call kith down again"
            )
        family.end(left, LOOK_S)
    plan = home.plan()
    if plan is not None:
        shutil.rmtree(plan.ray_folder, ignore_errors=True)
    home.forget_plan()
    return len(running)


def _wait(
    home: Home, plan: Plan, process: subprocess.Popen[bytes], say: Callable[[str], None], patience_s: float
) -> None:
    began, told = time.monotonic(), ""
    while absent := missing(home, plan):
        if process.poll() is not None:
            raise ServicesError(f"{_last_error(home)}; logs are in {home.logs}")
        if time.monotonic() - began > patience_s:
            raise ServicesError(
                f"{', '.join(absent)} did not answer within {patience_s:.0f} s{_restarts(home)}; "
                f"see the logs in {home.logs}"
            )
        if ", ".join(absent) != told:
            told = ", ".join(absent)
            say(f"waiting for {told}")
        time.sleep(LOOK_S)


def _last_error(home: Home) -> str:
    lines = _log(home, "supervisor").splitlines()
    said = (line.split(" ERROR ")[-1] for line in reversed(lines) if " ERROR " in line)
    return next(said, "the services were ended while they started")


def _restarts(home: Home) -> str:
    """Which service was started again most often, and the last error in its log; empty where none was."""
    ended = re.findall(r" WARNING (\S+) ended with", _log(home, "supervisor"))
    if not ended:
        return ""
    name, times = Counter(ended).most_common(1)[0]
    errors = [line.strip() for line in _log(home, name).splitlines() if LOOKS_BAD.search(line)]
    last = f": {errors[-1][:LONGEST_ERROR]}" if errors else ""
    return f" ({name} ended {times} times{last})"


def _log(home: Home, name: str) -> str:
    log = home.logs / f"{name}.log"
    return log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""


def _python_path(environment: dict[str, str]) -> dict[str, str]:
    """So that the supervisor, which starts in another folder, imports the same code."""
    root = str(Path(__file__).parents[2])
    known = environment.get("PYTHONPATH", "")
    return environment | {"PYTHONPATH": os.pathsep.join(filter(None, [root, known]))}
