"""Whether the services answer: what `kith up` waits for."""

from __future__ import annotations

from collections.abc import Callable

import requests

from ray_tasks.services.home import LOGIN, Home, Plan

ANSWER_S = 5.0  # seconds for an answer
READY_DAG = "rebuild_profiles"  # the DAG that people trigger; others are parsed with it
PARTS = ("metadatabase", "scheduler", "dag_processor", "triggerer")  # of Airflow, as its health page names them


class AirflowApi:
    """Airflow's REST API, with the login of a home.

    Parameters
    ----------
    home, plan : of services that run.
    answer_s : seconds for an answer.
    """

    def __init__(self, home: Home, plan: Plan, answer_s: float = ANSWER_S) -> None:
        self._answer_s = answer_s
        self._url, self._password = plan.urls["Airflow"], home.secrets()["password"]
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy between loopback and loopback

    def call(self, method: str, path: str, **options: object) -> requests.Response:
        """An answer of `/api/v2/PATH`; logs in first, and again where the login has expired."""
        for fresh in (False, True):
            if fresh or "Authorization" not in self._session.headers:
                self._log_in()
            answer = self._session.request(method, f"{self._url}/api/v2/{path}", timeout=self._answer_s, **options)  # type: ignore[arg-type]
            if answer.status_code != requests.codes.unauthorized:
                break
        return answer

    def _log_in(self) -> None:
        answer = self._session.post(
            f"{self._url}/auth/token", json={"username": LOGIN, "password": self._password}, timeout=self._answer_s
        )
        answer.raise_for_status()
        self._session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"


def missing(home: Home, plan: Plan) -> list[str]:
    """Names of what does not answer yet: parts of Airflow, Ray's jobs, Ray's metrics, the DAGs."""
    api = AirflowApi(home, plan)
    token = {"Authorization": f"Bearer {home.secrets()['ray_token']}"}
    checks: dict[str, Callable[[], bool]] = {
        "Ray": lambda: _get(f"{plan.urls['Ray']}/api/version", token).ok,
        "Ray's node": lambda: "ALIVE" in _get(f"{plan.urls['Ray']}/api/v0/nodes", token).text,
        "Ray's jobs": lambda: _get(f"{plan.urls['Ray']}/api/jobs/", token).ok,
        "metrics": lambda: _get(plan.urls["Metrics"]).ok,
    }
    absent = [name for name, check in checks.items() if not _holds(check)]
    parts: dict[str, dict[str, object]] = {}
    if _holds(lambda: bool(parts.update(_get(f"{plan.urls['Airflow']}/api/v2/monitor/health").json()) or parts)):
        absent += [name for name in PARTS if parts.get(name, {}).get("status") != "healthy"]
    else:
        absent.append("api-server")
    if not absent and not _holds(lambda: api.call("GET", f"dags/{READY_DAG}").ok):
        absent.append("DAGs")
    return absent


def _get(url: str, headers: dict[str, str] | None = None) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.get(url, headers=headers, timeout=ANSWER_S)


def _holds(check: Callable[[], bool]) -> bool:
    try:
        return check()
    except (requests.RequestException, ValueError):
        return False
