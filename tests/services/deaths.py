"""Deaths by kill -9 among the processes of `kith up`, at random moments that a seed brings back."""

from __future__ import annotations

import logging
import os
import random
import re
import time
from collections.abc import Callable

import psutil

from tests.services.conftest import Stack, wait_until

SEED = int(os.environ.get("KITH_SEED") or random.SystemRandom().randrange(1 << 32))  # of all random moments of a run
WORKER = re.compile(r"ray::(?!EmbedActor|JobSupervisor|DashboardAgent|RuntimeEnv)")  # not what runs jobs

chance = random.Random(SEED)
log = logging.getLogger(__name__)


def kill_at_random(find: Callable[[], list[psutil.Process]], within_s: float) -> psutil.Process:
    """Kill -9 one of the processes that `find` finds, at a random moment of the next `within_s` seconds."""
    wait_until(find)
    time.sleep(chance.uniform(0.0, within_s))
    wait_until(find)
    victim = chance.choice(sorted(find(), key=lambda process: process.pid))
    log.warning("KITH_SEED=%d kills process %d: %s", SEED, victim.pid, " ".join(victim.cmdline())[:200])
    victim.kill()
    return victim


def ray_workers(stack: Stack) -> list[psutil.Process]:
    """Detectors, and the processes that run tasks or wait for one."""
    return [each for each in stack.processes("ray::", "ray") if WORKER.match(" ".join(each.cmdline()))]


def ray_head(stack: Stack) -> list[psutil.Process]:
    """The process that keeps the cluster's state, and the one that started it."""
    return [*stack.processes("gcs_server", "ray"), *stack.processes("ray start --head", "ray")]


def scheduler(stack: Stack) -> list[psutil.Process]:
    """Airflow's scheduler without its children."""
    found = stack.processes("airflow scheduler", "scheduler")
    return [each for each in found if each.ppid() not in {other.pid for other in found}]


def task_processes(stack: Stack) -> list[psutil.Process]:
    """The process that runs a task's code, without the executor's worker around it."""
    found = stack.processes("airflow worker -- ", "scheduler")
    return [each for each in found if "LocalExecutor" not in " ".join(each.cmdline())]
