"""The compose file, the Dockerfiles and what they mount, checked by schema and linter: no engine runs here."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
ONCE = {"airflow-init", "cassandra-init"}  # services that end by themselves


@pytest.fixture(scope="module")
def compose() -> dict[str, dict[str, dict]]:
    return yaml.safe_load((DOCKER / "compose.yaml").read_text())


def test_the_compose_file_fits_the_specifications_schema() -> None:
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run([*check, DOCKER / "compose.yaml"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["Dockerfile", "cassandra/Dockerfile"])
def test_the_linter_has_nothing_to_say_of_a_dockerfile(name: str) -> None:
    linter = shutil.which("hadolint", path=str(Path(sys.executable).parent)) or shutil.which("hadolint")
    if linter is None:
        pytest.skip("hadolint is missing: its package has no build for this machine")
    done = subprocess.run([linter, DOCKER / name], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_nothing_is_published_beyond_loopback(compose) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports), ports


def test_who_publishes_nothing_reaches_nothing_outside(compose) -> None:
    assert compose["networks"]["inside"]["internal"] is True
    for name, service in compose["services"].items():
        assert ("outside" in service["networks"]) == bool(service.get("ports")), name


def test_every_service_says_whether_it_is_well(compose) -> None:
    for name, service in compose["services"].items():
        assert ("healthcheck" in service) != (name in ONCE), name


def test_every_secret_is_made_and_no_password_stands_in_the_file(compose, tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    subprocess.run([sys.executable, DOCKER / "make_secrets.py", folder], check=True, capture_output=True)
    made = {path.name for path in folder.iterdir()}
    assert made == set(compose["secrets"])
    assert {Path(secret["file"]).name for secret in compose["secrets"].values()} == made
    for name, service in compose["services"].items():
        for variable, value in service.get("environment", {}).items():
            if re.search("PASSWORD|SECRET|TOKEN|KEY|CONN", variable):
                assert str(value).startswith("/run/secrets/"), f"{name}: {variable}"
                assert Path(value).name in service["secrets"], f"{name}: {variable}"


def test_secrets_that_are_there_stay_and_those_of_one_server_agree(tmp_path: Path) -> None:
    make = [sys.executable, DOCKER / "make_secrets.py", tmp_path]
    subprocess.run(make, check=True, capture_output=True)
    first = {path.name: path.read_text() for path in tmp_path.iterdir()}
    (tmp_path / "sql_alchemy_conn").unlink()
    subprocess.run(make, check=True, capture_output=True)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == first
    assert first["postgres_password"] in first["sql_alchemy_conn"]
    assert json.loads(first["ray_connection"])["password"] == first["ray_token"]
    assert len(set(first.values())) == len(first)
    assert tmp_path.stat().st_mode & 0o777 == 0o700


def test_secrets_become_variables_of_the_command_only(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s3cret\n")
    script = [
        sys.executable,
        DOCKER / "with_secrets.py",
        sys.executable,
        "-c",
        "import json, os; print(json.dumps(dict(os.environ)))",
    ]
    done = subprocess.run(script, env={"A__FILE": str(secret)}, capture_output=True, text=True, check=True)
    environment = json.loads(done.stdout)
    assert environment["A"] == "s3cret"
    assert "A__FILE" not in environment
    lost = subprocess.run(script, env={"A__FILE": "/nowhere"}, capture_output=True, text=True, check=False)
    assert lost.returncode == 1
    assert lost.stderr.startswith("/nowhere: cannot be used")
    assert lost.stderr.count("\n") == 1


def test_what_is_mounted_from_here_is_here(compose) -> None:
    for name, service in compose["services"].items():
        for volume in service.get("volumes", []):
            place = volume.split(":")[0]
            if place.startswith("./"):
                assert (DOCKER / place).is_dir(), f"{name}: {place}"
    for name, service in compose["services"].items():
        for word in map(str, service.get("command", [])):
            if word.startswith("/opt/kith/"):
                assert (ROOT / word.removeprefix("/opt/kith/")).exists(), f"{name}: {word}"


def test_the_image_has_the_users_of_the_login_that_the_secrets_are_for(compose) -> None:
    users = compose["services"]["api-server"]["environment"]["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS"]
    sys.path.insert(0, str(DOCKER))
    try:
        from make_secrets import LOGINS
    finally:
        sys.path.remove(str(DOCKER))
    assert dict(user.split(":") for user in users.split(",")) == LOGINS
