"""Ray, started when the first job needs it: on this machine by default, or a cluster by its address."""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import secrets
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from profiling.errors import KithError, RayLostError
from ray_tasks.jobs import BucketJob, run_job
from ray_tasks.lake import Lake, Manifest
from ray_tasks.metrics import QUEUE, gauge
from ray_tasks.set_aside import forgive, note_failure

OBJECT_STORE_BYTES = 512 << 20  # chips and counts only: pixels and tables never enter the object store
TASK_RETRIES = 3  # times a job is tried again when its worker dies
KNOCK_S = 10.0  # seconds until an address counts as dead
SLOW = ("timed out during startup", "Failed to start GCS")  # Ray's words; its limit of 30 s cannot be set
WAKE_S = 20.0  # seconds until work begins with the workers that are there
LEAST_WAKE_S = 0.05  # seconds that a worker is held for, so that the next call goes to another one
JOBS_PER_CPU = 2  # in flight: one runs while the next one waits

Result = TypeVar("Result")

# Ray reads these when it is imported.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")


class RaySession:
    """A Ray that starts on first use and ends with the block.

    Parameters
    ----------
    address : of a running cluster; None starts one for this process alone, behind a token made on the spot.
    cpus : logical CPUs of a local Ray; None = all of the machine.
    """

    def __init__(self, address: str | None = None, cpus: int | None = None) -> None:
        self._address, self._cpus, self._started = address, cpus, False
        self._imported: set[str] = set()  # by the workers that there are

    def __enter__(self) -> RaySession:
        return self

    def __exit__(self, *error: object) -> None:
        if self._started:
            import ray

            ray.shutdown()

    def ray(self) -> Any:
        """The `ray` module, connected."""
        if self._address is None:
            require_token()
        import ray

        if not self._started:
            try:
                self._connect(ray)
            except Exception as error:  # a node that starts too slowly is a bare Exception of Ray's
                raise RayLostError(self._no_ray(error)) from None
            self._started = True
        return ray

    def cpus(self) -> int:
        """CPUs of the whole cluster, at least 1."""
        return max(1, int(self.ray().cluster_resources().get("CPU", 1)))

    def gpus(self) -> int:
        """GPUs of the whole cluster."""
        return int(self.ray().cluster_resources().get("GPU", 0))

    def wake(self, jobs: Sequence[BucketJob]) -> None:
        """Have the workers of a Ray of our own import what jobs need, and wait for them, `WAKE_S` seconds at most.

        The work itself would start them as well; apart from it, one sees what is start-up and what is work. On a
        cluster others may hold the CPUs: nobody waits for them.
        """
        if self._address is not None:
            return
        modules = sorted({job.compute.__module__ for job in jobs} - self._imported)
        if not modules:
            return
        self._imported |= set(modules)
        ray = self.ray()
        task = ray.remote(max_retries=TASK_RETRIES)(_import)
        # Ray hands alike calls to one worker, one after the other: each asks for a little less of a CPU than the last.
        calls = [task.options(name=f"wake-{k}", num_cpus=1 - k % 1000 / 10000) for k in range(self.cpus())]
        begun = [call.remote(modules) for call in calls]
        ray.wait(begun, num_returns=len(begun), timeout=WAKE_S)

    def workers_taken(self) -> None:
        """Actors took the worker processes for themselves: the next tasks get new ones."""
        self._imported.clear()

    def run(self, lake: Lake, jobs: Sequence[BucketJob], done: Callable[[Manifest], None]) -> dict[int, Manifest]:
        """Run jobs of one stage as Ray tasks, a bounded number at a time; `done` hears of each as it is committed."""
        results: dict[int, Manifest] = {}
        calls = [(f"{job.stage}-{job.bucket}", (str(lake.folder), lake.epoch, job)) for job in jobs]

        def failed(place: int, error: Exception) -> None:
            if not isinstance(error, KithError) or isinstance(error, RayLostError):
                note_failure(lake, jobs[place].stage, jobs[place].bucket, jobs[place].fingerprint, error)

        for place, manifest in self.each(_run_job, calls, failed):
            results[jobs[place].bucket] = manifest
            forgive(lake, manifest.stage, manifest.bucket)
            done(manifest)
        return results

    def each(
        self,
        function: Callable[..., Result],
        calls: Sequence[tuple[str, tuple[Any, ...]]],
        failed: Callable[[int, Exception], None] | None = None,
    ) -> Iterator[tuple[int, Result]]:
        """Call a module-level function as Ray tasks, a bounded number at a time.

        Parameters
        ----------
        function : gives the same whenever it is called again: a call is repeated when its worker dies.
        calls : what each is called for people, and its arguments.
        failed : hears of a call that failed, by its place, before the error is raised.

        Yields
        ------
        Place in `calls` and result, as they end.
        """
        ray = self.ray()
        task = ray.remote(max_retries=TASK_RETRIES, num_cpus=1)(function)
        waiting = list(reversed(list(enumerate(calls))))
        running: dict[Any, int] = {}
        limit = JOBS_PER_CPU * self.cpus()
        while waiting or running:
            while waiting and len(running) < limit:
                place, (name, arguments) = waiting.pop()
                running[task.options(name=name).remote(*arguments)] = place
            gauge(QUEUE, len(waiting), queue="jobs")
            ready, _ = ray.wait(list(running), num_returns=1)
            for reference in ready:
                place = running.pop(reference)
                try:
                    with readable_errors():
                        result = ray.get(reference)
                except Exception as error:
                    if failed is not None:
                        failed(place, error)
                    raise
                yield place, result

    def _no_ray(self, error: Exception) -> str:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        if self._address is None:
            return f"Ray did not start on this machine ({reason}); too busy, or short of memory? run this again"
        return f"Ray on {self._address} cannot be reached ({reason}); check --ray, or leave it out"

    def _connect(self, ray: Any) -> None:
        if self._address is not None:
            _knock(self._address)
            ray.init(address=self._address, log_to_driver=False, logging_level=logging.ERROR)
            return
        for last in (False, True):
            try:
                return self._start(ray)
            except Exception as error:  # Ray's own, bare: a node that a busy machine did not start within 30 s
                if last or not any(words in str(error) for words in SLOW):
                    raise
                ray.shutdown()

    def _start(self, ray: Any) -> None:
        ray.init(
            num_cpus=self._cpus,
            object_store_memory=OBJECT_STORE_BYTES,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )


def _knock(address: str) -> None:
    """Fail at once where nobody listens; Ray itself would try for minutes."""
    host, colon, port = address.rpartition(":")
    if colon and port.isdigit():
        socket.create_connection((host.rpartition("/")[2].strip("[]"), int(port)), timeout=KNOCK_S).close()


def require_token() -> None:
    """Have a local Ray answer this process and its children only.

    Ray's servers listen on all interfaces whatever the node's address; with token authentication they refuse whoever
    does not know a secret that is made here and passed on by the environment.
    """
    if "RAY_AUTH_MODE" not in os.environ:
        os.environ["RAY_AUTH_MODE"] = "token"
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)


@contextlib.contextmanager
def readable_errors() -> Iterator[None]:
    """Turn what Ray wraps around a worker's error back into the one line that the worker meant."""
    from ray.exceptions import RayActorError, RayError, RayTaskError, WorkerCrashedError

    try:
        yield
    except RayTaskError as error:
        if isinstance(error.cause, KithError):
            raise error.cause from None
        raise
    except (RayActorError, WorkerCrashedError) as error:
        reason = str(error).splitlines()[0][:200]
        raise RayLostError(
            f"a Ray worker died {TASK_RETRIES + 1} times on the same work ({reason}); run again"
        ) from None
    except RayError as error:
        reason = str(error).splitlines()[0][:200]
        raise RayLostError(f"Ray is gone ({reason}); run the same command again to go on") from None


def _import(modules: list[str]) -> None:
    began = time.monotonic()
    for name in modules:
        importlib.import_module(name)
    time.sleep(max(0.0, LEAST_WAKE_S - (time.monotonic() - began)))


def _run_job(folder: str, epoch: int | None, job: BucketJob) -> Manifest:
    return run_job(Lake.open(folder, epoch), job)
