"""The Airflow connection of type `ray`: where the Jobs API of a cluster is, and its token."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowException, AirflowFailException

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ray.job_submission import JobDetails, JobSubmissionClient

DEFAULT_PORT = 8265  # the Ray dashboard's, which serves the Jobs API
CONNECT_S = 5.0  # seconds for a connection to the head node
ANSWER_S = 30.0  # seconds for an answer; a submission waits for the job's supervisor to be placed
STOP_S = 2.0  # seconds for a stop: Airflow kills a task 5 s after it asked it to end
REDIRECTIONS = ("RAY_ADDRESS", "RAY_API_SERVER_ADDRESS")  # Ray lets these win over the address that it is given


class RayUnreachableError(AirflowException):
    """The cluster did not answer; a later try may find it."""


class RayJobGoneError(AirflowException):
    """The cluster answers and does not know the job: it was started anew."""


class RayHook(BaseHook):
    """Talk to a cluster's Jobs API.

    Parameters
    ----------
    ray_conn_id : connection with host, port (8265 unless given) and, as password, the cluster's token. Its extra may
        hold `tls` (true for https) and `python` (the interpreter of jobs on the head node, `python` unless given).
    """

    conn_name_attr = "ray_conn_id"
    default_conn_name = "ray_default"
    conn_type = "ray"
    hook_name = "Ray"

    def __init__(self, ray_conn_id: str = default_conn_name) -> None:
        super().__init__()
        self.ray_conn_id = ray_conn_id
        connection = self.get_connection(ray_conn_id)
        extra = connection.extra_dejson
        scheme = "https" if extra.get("tls") else "http"
        self.address = f"{scheme}://{connection.host or '127.0.0.1'}:{connection.port or DEFAULT_PORT}"
        self.python = str(extra.get("python") or "python")
        self._token = connection.password

    def get_conn(self, answer_s: float = ANSWER_S) -> JobSubmissionClient:
        """A client whose every request ends: connected and greeted within the given seconds."""
        from ray.job_submission import JobSubmissionClient

        class PromptClient(JobSubmissionClient):
            """Ray's own waits for an answer without end."""

            def _do_request(self, method: str, endpoint: str, **options: Any) -> Any:
                return super()._do_request(method, endpoint, timeout=(CONNECT_S, answer_s), **options)

        headers = {"Authorization": f"Bearer {self._token}"} if self._token else None
        with self._answers(), _as_told():
            return PromptClient(self.address, headers=headers)

    def seal(self, secret: str) -> str:
        """A secret for a job's environment that only this cluster's jobs can open.

        Raises
        ------
        AirflowFailException
            The connection has no token to seal it with.
        """
        if not self._token:
            raise AirflowFailException(
                f"connection {self.ray_conn_id!r} has no token, so no password can be sent to a job; set the cluster's "
                "token as its password, or name the store by its address and set KITH_CASSANDRA_PASSWORD on the nodes"
            )
        from ray_tasks.sealing import seal

        return seal(secret, self._token)

    def jobs(self) -> dict[str, str]:
        """State of every submitted job that the cluster knows, by submission id."""
        with self._answers():
            return {job.submission_id: str(job.status) for job in self.get_conn().list_jobs() if job.submission_id}

    def submit(self, submission_id: str, command: str, environment: dict[str, str], metadata: dict[str, str]) -> None:
        """Start a job under an id that no job had before."""
        with self._answers():
            self.get_conn().submit_job(
                entrypoint=command,
                submission_id=submission_id,
                runtime_env={"env_vars": environment} if environment else None,
                metadata=metadata,
            )

    def details(self, client: JobSubmissionClient, submission_id: str) -> JobDetails:
        """State, message and exit code of a job.

        Raises
        ------
        RayJobGoneError
            The cluster knows no such job.
        RayUnreachableError
            The cluster does not answer.
        """
        with self._answers(submission_id):
            return client.get_job_info(submission_id)

    def stop(self, submission_id: str) -> None:
        """Ask a job to end; Ray kills it 3 s later if it has not. A job that is unknown or has ended is no error."""
        try:
            with self._answers(submission_id):
                self.get_conn(STOP_S).stop_job(submission_id)
        except RayJobGoneError:
            return

    @contextmanager
    def _answers(self, submission_id: str = "") -> Iterator[None]:
        """Turn what Ray's client raises into one line."""
        from ray.exceptions import AuthenticationError
        from requests import RequestException

        where = f"connection {self.ray_conn_id!r}: Ray at {self.address}"
        try:
            yield
        except AuthenticationError:
            raise AirflowException(f"{where} refuses the token; the connection's password must be its token") from None
        except (RequestException, OSError) as error:
            raise RayUnreachableError(f"{where} does not answer ({type(error).__name__}); is the cluster up?") from None
        except RuntimeError as error:
            if submission_id and "status code 404" in str(error):
                raise RayJobGoneError(f"{where} does not know job {submission_id}; it was started anew") from None
            reason = str(error).strip().splitlines()[-1][:300]
            raise RayUnreachableError(f"{where} answered: {reason}") from None


@contextmanager
def _as_told() -> Iterator[None]:
    """Keep Ray from replacing the connection's address by one of the environment."""
    hidden = {name: os.environ.pop(name) for name in REDIRECTIONS if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(hidden)
