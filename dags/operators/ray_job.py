"""The operator: one Airflow task is one Ray job at a time, found again after any death of Airflow's."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from dags.operators.job_log import REASON_LENGTH, LogLines, LogTail
from dags.operators.ray_hook import RayHook, RayJobGoneError, RayUnreachableError
from dags.operators.store_connection import connect_store
from dags.operators.submission import Attempt, TaskIdentity, choose_attempt, entrypoint
from profiling.places import open_place
from ray_tasks.heartbeat import FILE_VARIABLE, LIMIT_VARIABLE, RENEW_S, Heartbeat

if TYPE_CHECKING:
    from airflow.sdk import Context
    from ray.job_submission import JobDetails

STORE_KEY = "ray_attempt"  # in Airflow's task state store: number of the last job submitted
DRAIN_S = 10.0  # seconds for the rest of the log once a job has ended
ABANDON_S = 1800.0  # Airflow misses a dead task after 2 to 5 minutes; the rest is for a person to start it again
ASK_AGAIN_S = 2.0  # seconds until a cluster that did not answer is asked again
BEATS = 10  # at least, while a job would wait for one
FATAL_EXIT_CODES = (2,)  # of the command line: something that a person must mend, so that another try cannot help


class RayJobOperator(BaseOperator):
    """Run `python -m MODULE ARGUMENTS…` as a job of a Ray cluster.

    The submission id is made of DAG, run, task and map index and the number of the attempt. A job of this task that is
    pending or running is followed again, whoever submitted it: a retry after the worker or the scheduler died, for
    example. Otherwise a new attempt is submitted, after a Clear too: finished work is skipped by the job itself.

    Parameters
    ----------
    arguments : of the module, templated one by one, so that no value becomes two; what renders to nothing is left out.
        `--store=connection://ID` is a profile store that an Airflow connection names, see `store_connection`.
    module : what Python runs.
    ray_conn_id : see `RayHook`.
    environment : variables of the job, templated. They are shown on the Ray dashboard: no secrets.
    poll_s : seconds between looks at the job's state.
    patience_s : seconds that the cluster may be silent, at the start too, before this try fails; a job goes on, and the
        next try finds it.
    fatal_exit_codes : exit codes after which no other try is made.
    heartbeat_folder : folder that the job sees too, templated; while it is there, a file in it is renewed as long as
        this task follows the job, and the job stops itself after `abandon_after_s` seconds of silence. Empty = never.
    abandon_after_s : longer than Airflow needs to find out that a task died and to begin its next try.

    Returns
    -------
    The JSON document that ends the job's log, None when there is none.
    """

    template_fields: Sequence[str] = ("arguments", "environment", "heartbeat_folder")
    ui_color = "#d7e8f7"

    def __init__(
        self,
        *,
        arguments: Sequence[str],
        module: str = "ray_tasks",
        ray_conn_id: str = RayHook.default_conn_name,
        environment: Mapping[str, str] | None = None,
        poll_s: float = 1.0,
        patience_s: float = 300.0,
        fatal_exit_codes: Sequence[int] = FATAL_EXIT_CODES,
        heartbeat_folder: str = "",
        abandon_after_s: float = ABANDON_S,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.arguments = list(arguments)
        self.module = module
        self.ray_conn_id = ray_conn_id
        self.environment = dict(environment or {})
        self.poll_s = poll_s
        self.patience_s = patience_s
        self.fatal_exit_codes = tuple(fatal_exit_codes)
        self.heartbeat_folder, self.abandon_after_s = heartbeat_folder, abandon_after_s
        self._job: Attempt | None = None
        self._hook: RayHook | None = None
        self._killed = False

    def execute(self, context: Context) -> Any:
        """Submit the job or find it running, follow it to its end, return its result."""
        hook = self._hook = RayHook(self.ray_conn_id)
        while True:
            job = self._begin(hook, context)
            lines = LogLines(self.log.info)
            try:
                details = self._follow(hook, job.submission_id, lines)
            except (AirflowException, ConnectionError):
                raise  # the cluster is silent or has lost the job, or Airflow has lost this process: the next try looks
            except BaseException:  # a timeout, Ctrl-C: whatever ends this task ends its job
                self.on_kill()
                raise
            if not self._stopped_by_another_try(job, details):
                return self._result(job.submission_id, details, lines)
            self.log.info("Ray job %s was stopped with the try that began it: going on in another", job.submission_id)

    def on_kill(self) -> None:
        """Stop the job. Called inside a signal handler, so it must be quick and must not log."""
        self._killed = True
        if self._hook is not None and self._job is not None:
            with suppress(AirflowException):
                self._hook.stop(self._job.submission_id)

    def _begin(self, hook: RayHook, context: Context) -> Attempt:
        """Find the running job, or count on and submit; the number is stored before Ray hears of it."""
        ti = context["ti"]
        identity = TaskIdentity(ti.dag_id, ti.run_id, ti.task_id, -1 if ti.map_index is None else ti.map_index)
        store = context["task_state_store"]
        stored = store.get(STORE_KEY, 0)
        job = choose_attempt(identity.prefix(), stored if isinstance(stored, int) else 0, self._known_jobs(hook))
        store.set(STORE_KEY, job.number)
        if job.running:
            self.log.info("Ray job %s runs already: following it", job.submission_id)
            self._job = job
            return job
        arguments, secret = connect_store([part for part in self.arguments if part != ""], hook)
        command = entrypoint(hook.python, self.module, arguments)
        self.log.info("Ray job %s on %s: %s", job.submission_id, hook.address, command)
        self._job = job
        hook.submit(job.submission_id, command, self.environment | self._watch(job) | secret, identity.metadata())
        if self._killed:  # while the submission was on its way
            self.on_kill()
        return job

    def _known_jobs(self, hook: RayHook) -> dict[str, str]:
        """The cluster's jobs; a head node that is being started again is waited for."""
        deadline = time.monotonic() + self.patience_s
        while True:
            try:
                return hook.jobs()
            except RayUnreachableError as error:
                if time.monotonic() > deadline:
                    raise
                self.log.warning("%s; asking again", error)
                time.sleep(self.poll_s + ASK_AGAIN_S)

    def _stopped_by_another_try(self, job: Attempt, details: JobDetails) -> bool:
        """Whether a job that an earlier try began was stopped while this one followed it.

        A scheduler that takes over from a dead one begins a new try first and ends the old one, whose process may live
        on, seconds later; the same happens on Clear of a running task.
        """
        return job.running and str(details.status) == "STOPPED" and not self._killed

    def _watch(self, job: Attempt) -> dict[str, str]:
        """What tells a job to stop itself once nobody follows it."""
        if not self.heartbeat_folder:
            return {}
        path = f"{self.heartbeat_folder}/{job.submission_id}"
        return {FILE_VARIABLE: path, LIMIT_VARIABLE: str(self.abandon_after_s)}

    def _follow(self, hook: RayHook, submission_id: str, lines: LogLines) -> JobDetails:
        """Write the log until the job has ended."""
        client = hook.get_conn()
        path = open_place(self.heartbeat_folder) / submission_id if self.heartbeat_folder else None
        heartbeat = Heartbeat(path, min(RENEW_S, self.abandon_after_s / BEATS))
        tail = LogTail(client, submission_id)
        tail.start()
        heard = time.monotonic()
        try:
            while True:
                heartbeat.beat()
                try:
                    details = hook.details(client, submission_id)
                    heard = time.monotonic()
                    if details.status.is_terminal():
                        heartbeat.end()
                        lines.feed(tail.stop(DRAIN_S))
                        lines.close()
                        return details
                except RayJobGoneError:
                    heartbeat.end()
                    raise
                except RayUnreachableError:
                    if time.monotonic() - heard > self.patience_s:
                        raise
                lines.feed(tail.take(self.poll_s))
        finally:
            tail.stop()

    def _result(self, submission_id: str, details: JobDetails, lines: LogLines) -> Any:
        """What the job returned.

        Raises
        ------
        AirflowException
            It did not succeed: one line with the reason.
        AirflowFailException
            The same, not to be tried again: its exit code says that this cannot help, or a person stopped it.
        """
        state = str(details.status)
        if state == "SUCCEEDED":
            return lines.document()
        if state == "STOPPED" and self._killed:
            raise AirflowException(f"Ray job {submission_id} was stopped because this task was")
        if state == "STOPPED":
            raise AirflowFailException(f"Ray job {submission_id} was stopped by somebody; Clear the task to go on")
        code = details.driver_exit_code
        reason = lines.reason() if code is not None else " ".join((details.message or "Ray gave no reason").split())
        text = f"Ray job {submission_id} failed (exit code {code}): {reason[:REASON_LENGTH]}"
        raise AirflowFailException(text) if code in self.fatal_exit_codes else AirflowException(text)


__all__ = ["RayJobGoneError", "RayJobOperator", "RayUnreachableError"]
