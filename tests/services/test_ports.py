"""Without a token or a login no port gives more than a health answer, a login or empty page, or Prometheus numbers."""

from __future__ import annotations

import re
import socket
import subprocess
import sys

import grpc
import pytest
import requests

from tests.services.conftest import ROOT, Stack, clean_environment
from tests.services.listening import HEALTH_METHODS, Listener, airflow_paths, listeners, ray_methods, ray_paths

pytestmark = [pytest.mark.airflow, pytest.mark.slow]

CLOSED = (401, 403, 404, 405, 503)  # 503: what a restarting server says
WAIT_S = 30
# What is open by intention, by what it is; everything else must be closed.
OPEN_OF_AIRFLOW = {
    "/api/v2/monitor/health": "health: states and times of Airflow's parts",
    "/api/v2/version": "Airflow's version",
    "/api/v2/auth/login": "sends to the login page",
    "/api/v2/auth/logout": "sends to the login page",
    "/execution/health": "health",
}
PAGES_OF_AIRFLOW = ("/", "/docs-of-nothing", "/dags", "/auth/login", "/auth/", "/kith-profiles")  # the empty frame
DESCRIPTIONS = (
    "/openapi.json",
    "/docs",
    "/redoc",
    "/auth/openapi.json",
    "/auth/docs",
    "/auth/redoc",
    "/execution/docs",
)
OPEN_OF_RAY = {
    "/": "the dashboard's empty frame, which asks for the token",
    "/favicon.ico": "its picture",
    "/api/authentication_mode": "that a token is asked for",
    "/api/gcs_healthz": "health",
    "/api/local_raylet_healthz": "health, of the node's agent",
    "/api/healthz": "health, of the node's agent",
}
SAMPLE = re.compile(r"[A-Za-z_:][\w:]*(\{.*\})? [-+\w.]+( \d+)?|#.*|")  # a line of Prometheus's text format
JOIN = """
import ray, sys
try:
    ray.init(sys.argv[1], log_to_driver=False, configure_logging=False)
except BaseException as error:
    print(type(error).__name__, str(error)[:300]); sys.exit(7)
print(ray.cluster_resources())
"""


def get(port: int, path: str) -> requests.Response:
    with requests.Session() as nobody:
        nobody.trust_env = False
        return nobody.get(f"http://127.0.0.1:{port}{path}", timeout=WAIT_S, allow_redirects=False)


def names_nobody(text: str, stack: Stack) -> bool:
    """Whether a text holds none of this installation's names: login, tokens, folders."""
    secrets = stack.home.secrets()
    return not any(word in text for word in (*secrets.values(), stack.plan.lake, stack.plan.population))


def test_everything_listens_on_loopback_alone(stack: Stack) -> None:
    found = listeners(stack)
    assert {stack.plan.airflow_port, stack.plan.ray_port, stack.plan.metrics_port} <= {each.port for each in found}
    for part in ("gcs_server", "raylet", "ray.util.client.server", "DashboardAgent", "RuntimeEnvAgent", "monitor"):
        assert any(part in each.owner for each in found), part
    assert [each for each in found if not each.is_loopback] == []


def test_airflow_gives_nothing_to_whoever_is_not_logged_in(stack: Stack) -> None:
    paths = [*airflow_paths(), *OPEN_OF_AIRFLOW]
    assert len(paths) > 90
    given = {}
    for path in paths:
        answer = get(stack.plan.airflow_port, path)
        if answer.status_code not in CLOSED:
            given[path] = answer.text
    assert set(given) <= set(OPEN_OF_AIRFLOW), set(given) - set(OPEN_OF_AIRFLOW)
    assert all(len(text) < 1000 and names_nobody(text, stack) for text in given.values())


def test_airflows_pages_are_one_empty_frame_and_descriptions_are_closed(stack: Stack) -> None:
    for path in PAGES_OF_AIRFLOW:
        answer = get(stack.plan.airflow_port, path)
        assert answer.status_code in (200, 307), path
        assert len(answer.text) < 1000, path
        assert names_nobody(answer.text, stack), path
    for path in DESCRIPTIONS:
        assert get(stack.plan.airflow_port, path).status_code == 404, path


def test_kiths_pages_and_tasks_ask_for_a_login(stack: Stack) -> None:
    for path in ("/kith/profiles", "/kith/runs/rebuild_profiles/none", "/kith/lakes/0/generations/0"):
        answer = get(stack.plan.airflow_port, path)
        assert answer.status_code in (302, 303, 307, 401, 403, 404), path
        assert names_nobody(answer.text, stack), path
    for path in ("/execution/connections/ray_default", "/execution/variables/kith_lake", "/execution/task-instances/1"):
        assert get(stack.plan.airflow_port, path).status_code in (*CLOSED, 422), path
    guess = {"username": "admin", "password": "admin"}
    answer = requests.post(f"{stack.plan.urls['Airflow']}/auth/token", json=guess, timeout=WAIT_S)
    assert answer.status_code == 401


def speaks_http(listener: Listener) -> bool:
    try:
        get(listener.port, "/")
    except requests.RequestException:
        return False
    return True


def test_ray_gives_nothing_to_whoever_has_no_token(stack: Stack) -> None:
    found = [each for each in listeners(stack) if each.port != stack.plan.airflow_port and speaks_http(each)]
    assert stack.plan.ray_port in {each.port for each in found}
    paths = ray_paths()
    assert len(paths) > 40
    for listener in found:
        numbers = get(listener.port, "/metrics")
        if numbers.ok:  # a server of Prometheus's numbers says the same whatever the path is
            assert all(SAMPLE.fullmatch(line) for line in numbers.text.splitlines()), listener
            assert names_nobody(numbers.text, stack), listener
            continue
        given = {path for path in paths if get(listener.port, path).status_code not in CLOSED}
        assert given <= set(OPEN_OF_RAY), listener


def test_only_these_ports_give_numbers(stack: Stack) -> None:
    giving = [each for each in listeners(stack) if speaks_http(each) and get(each.port, "/metrics").ok]
    owners = {each.port: each.owner for each in giving if each.port != stack.plan.airflow_port}
    assert stack.plan.metrics_port in owners
    assert all(re.search("DashboardAgent|monitor.py|dashboard.py", owner) for owner in owners.values()), owners


def test_no_grpc_method_of_ray_answers_without_a_token(stack: Stack) -> None:
    methods = ray_methods()
    assert len(methods) > 100
    answered: set[tuple[str, str]] = set()
    refused = 0
    for listener in [each for each in listeners(stack) if not speaks_http(each)]:
        with grpc.insecure_channel(f"127.0.0.1:{listener.port}") as channel:
            for method in methods:
                try:
                    channel.unary_unary(method)(b"", timeout=WAIT_S)
                    answered.add((listener.owner, method))
                except grpc.RpcError as error:
                    refused += error.code() is grpc.StatusCode.UNAUTHENTICATED
    assert {method for _, method in answered} <= set(HEALTH_METHODS), answered
    assert refused > len(methods) / 2


def test_whoever_sends_rubbish_is_told_nothing(stack: Stack) -> None:
    for listener in listeners(stack):
        with socket.create_connection(("127.0.0.1", listener.port), WAIT_S) as raw:
            raw.sendall(b"\x00\xff kith?\r\n\r\n")
            raw.settimeout(2)
            try:
                said = raw.recv(65536)
            except (TimeoutError, ConnectionError):
                said = b""
        assert len(said) < 600, listener
        assert names_nobody(said.decode(errors="replace"), stack), listener


@pytest.mark.parametrize("token", [None, "0" * 64])
def test_no_client_joins_without_the_token(stack: Stack, token: str | None) -> None:
    found = listeners(stack)
    client = next(each.port for each in found if "ray.util.client.server" in each.owner and not speaks_http(each))
    mode = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": token} if token else {"RAY_AUTH_MODE": "disabled"}
    done = subprocess.run(
        [sys.executable, "-c", JOIN, f"ray://127.0.0.1:{client}"],
        env=clean_environment() | mode,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 7, done.stdout + done.stderr
    assert re.search("ConnectionError|[Aa]uth|token", done.stdout), done.stdout  # refused, or never answered
