"""An S3 of the tests' own: moto's server, beside our environment because its botocore needs an older dateutil."""

from __future__ import annotations

import fcntl
import itertools
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

ROOT = Path(__file__).parents[1]
ENVIRONMENT = ROOT / ".moto"  # made once, kept
MOTO = "moto[s3,server]==5.2.5"
HOME_VARIABLE = "KITH_MOTO"  # an environment that holds moto already
CHILD = Path(__file__).with_name("object_server_child.py")
STOP_S = 10
BUCKETS = itertools.count()


def moto_python() -> Path:
    """The Python of moto's environment; the test is skipped where it cannot be made."""
    pytest.importorskip("obstore")
    if HOME_VARIABLE in os.environ:
        return Path(os.environ[HOME_VARIABLE], "bin", "python")
    python = ENVIRONMENT / "bin" / "python"
    ENVIRONMENT.mkdir(exist_ok=True)
    with open(ENVIRONMENT / "lock", "w") as lock:  # processes of tests beside each other make one
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (ENVIRONMENT / "made").exists():
            make_environment(python)
    return python


def make_environment(python: Path) -> None:
    """Install moto, or skip."""
    for command in (
        ["venv", "--allow-existing", str(ENVIRONMENT)],
        ["pip", "install", "--python", str(python), MOTO],
    ):
        done = subprocess.run([sys.executable, "-m", "uv", *command], capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"moto's server cannot be installed: {done.stderr.strip().splitlines()[-1:]}")
    (ENVIRONMENT / "made").touch()


@contextmanager
def run_server(*options: str) -> Iterator[str]:
    """A server, and its URL; ended afterwards."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    server = subprocess.Popen(
        [moto_python(), CHILD, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment,
        cwd=ENVIRONMENT.parent,
    )
    assert server.stdout is not None
    try:
        port = server.stdout.readline().strip()
        assert port.isdigit(), "moto's server did not start"
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(STOP_S)


def settings_for(url: str) -> dict[str, str]:
    """The environment of whoever uses the server."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "tests",
        "AWS_SECRET_ACCESS_KEY": "tests",
        "AWS_REGION": "us-east-1",
        "AWS_ALLOW_HTTP": "true",
    }


def new_bucket(url: str) -> str:
    """The URL of an empty bucket; its name was never used by this process."""
    name = f"kith-{os.getpid()}-{next(BUCKETS)}"
    requests.put(f"{url}/{name}", timeout=30).raise_for_status()
    return f"s3://{name}"


@pytest.fixture(scope="session")
def object_server() -> Iterator[str]:
    """An S3 that this process and its children find by their environment."""
    with run_server() as url, pytest.MonkeyPatch.context() as patch:
        for name, value in settings_for(url).items():
            patch.setenv(name, value)
        yield url


@pytest.fixture
def bucket(object_server: str) -> str:
    """The URL of an empty bucket."""
    return new_bucket(object_server)


@pytest.fixture(params=["disk", pytest.param("objects", marks=pytest.mark.slow)])
def lake_folder(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a new lake can lie, on a disk and in an object store."""
    if request.param == "disk":
        return str(tmp_path / "lake")
    return f"{request.getfixturevalue('bucket')}/some/lake"
