"""What `kith up` does not start is said in one line, before anything has started."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ray_tasks.cli import main
from ray_tasks.services import family
from ray_tasks.services.commands import services
from ray_tasks.services.home import Home, Plan, ServicesError
from tests.ports import free_ports
from tests.services.conftest import OUTER, ROOT, UP_S, clean_environment, wait_until

WITH_SECRETS = ROOT / "docker" / "with_secrets.py"


@pytest.fixture(scope="module")
def taken() -> Iterator[int]:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        yield holder.getsockname()[1]


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """A command line that is refused in one line: what it says."""

    def run(*arguments: str | Path) -> str:
        monkeypatch.setattr(sys, "argv", ["kith", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr().err
        assert ended.value.code == 2
        assert said.startswith("kith: ")
        assert said.count("\n") == 1
        return said

    return run


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (["--host=0.0.0.0", "--no-token"], "without a token"),
        (["--host=::", "--no-token"], "without a token"),
        (["--host=everywhere"], "is no address"),
        (["--host=203.0.113.7"], "cannot be listened on"),
        (["--airflow-port={taken}"], "choose another with --airflow-port"),
        (["--metrics-port={taken}"], "choose another with --metrics-port"),
        (["--airflow-port=17", "--ray-port=17"], "17"),
        (["--population=/nowhere"], "holds no users"),
    ],
)
def test_a_refusal_is_one_line_and_starts_nothing(
    told: list[str], said: str, taken: int, tmp_path: Path, refused: Callable[..., str]
) -> None:
    named = [each.format(taken=taken) for each in told]
    chosen = {each.split("=")[0] for each in named}
    free = dict(zip(OUTER, free_ports(len(OUTER)), strict=True))
    others = [f"--{name}={port}" for name, port in free.items() if f"--{name}" not in chosen]
    assert said in refused("up", "--home", tmp_path / "home", *others, *named)
    assert family.family(Home(tmp_path / "home")) == []
    assert not (tmp_path / "home" / "plan.json").exists()


@pytest.mark.slow
def test_a_port_that_is_taken_while_tables_are_made_is_one_line(tmp_path: Path, drawn: Path) -> None:
    port, *more = free_ports(3)
    told = [f"--airflow-port={port}", f"--ray-port={more[0]}", f"--metrics-port={more[1]}", f"--population={drawn}"]
    command = [sys.executable, "-m", "ray_tasks", "up", "--home", str(tmp_path / "home"), *told]
    with (
        subprocess.Popen(command, env=clean_environment(), stderr=subprocess.PIPE, text=True) as up,
        socket.socket() as other,
    ):
        wait_until((tmp_path / "home" / "logs" / "prepare.log").exists)
        other.bind(("127.0.0.1", port))
        other.listen()
        _, said = up.communicate(timeout=UP_S)
    assert up.returncode == 2
    assert said.splitlines()[-1].startswith(f"kith: 127.0.0.1:{port}: cannot be listened on")
    assert "--airflow-port" in said
    assert family.family(Home(tmp_path / "home")) == []


def test_a_home_that_cannot_be_made_is_one_line(tmp_path: Path, refused: Callable[..., str]) -> None:
    (tmp_path / "file").write_text("")
    assert "--home" in refused("up", "--home", tmp_path / "file" / "home")
    assert "--home" in refused("down", "--home", tmp_path / "file" / "home")


def test_one_start_at_a_time(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    with home.alone(), pytest.raises(ServicesError, match="another kith up"), Home(tmp_path / "home").alone():
        pytest.fail("two at once")
    with home.alone():
        pass


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "2001:db8::1"])  # noqa: S104 - refused, not bound
def test_no_plan_however_it_was_written_starts_ray_beyond_loopback_without_a_token(host: str) -> None:
    plan = Plan(host, 1, 2, 3, 1, "/tmp/r", "/p", "/l", "arrow:///s", token=False)  # noqa: S108 - never made
    with pytest.raises(ServicesError, match="without a token"):
        services(plan)


def test_ray_listens_on_loopback_whatever_the_host_of_the_pages_is() -> None:
    plan = Plan("0.0.0.0", 1, 2, 3, 1, "/tmp/r", "/p", "/l", "arrow:///s")  # noqa: S104, S108 - looked at, not bound
    command = services(plan)[0].command
    assert "--node-ip-address=127.0.0.1" in command
    assert "--dashboard-host=0.0.0.0" in command


@pytest.mark.parametrize("line", [["ray", "start", "--head"], ["bash", "-c", "true; ray  start --address=head:6379"]])
@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"RAY_AUTH_MODE": "token"},
        {"RAY_AUTH_TOKEN": "t" * 40},
        {"RAY_AUTH_MODE": "disabled", "RAY_AUTH_TOKEN": "t"},
    ],
)
def test_no_container_starts_ray_without_a_token(line: list[str], variables: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, WITH_SECRETS, *line],
        env=clean_environment() | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("ray start: no token")


def test_a_container_with_a_token_runs_its_command(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t" * 40 + "\n")
    told = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN__FILE": str(tmp_path / "token")}
    done = subprocess.run(
        [sys.executable, WITH_SECRETS, "echo", "ray", "start"],
        env=clean_environment() | told,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == "ray start\n"
