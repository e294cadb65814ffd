"""The folder of a machine's services: what they keep, who may log in, and whether they run."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from profiling.errors import KithError
from profiling.small_files import replace

HOME_VARIABLE, SERVICE_VARIABLE = "KITH_SERVICES_HOME", "KITH_SERVICE"  # marks in the environment of what was started
EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - compared, not bound
LOGIN = "admin"  # the one user of Airflow's simple login, with all rights


class ServicesError(KithError):
    """Services cannot be started or stopped; the line says which, and what to do."""


@dataclass(frozen=True)
class Plan:
    """What was asked for: where services listen and what they may take.

    Attributes
    ----------
    host : address that Airflow and Ray's dashboard listen on.
    airflow_port, ray_port, metrics_port : of Airflow's pages, of Ray's dashboard and jobs, of Ray's metrics.
    cpus : logical CPUs that Ray lends to work.
    ray_folder : Ray's sessions; short, since the paths of sockets have 107 characters at most.
    population, lake, store, settings : proposed by the form; the last is a TOML file or empty.
    token : whether Ray asks for one.
    """

    host: str
    airflow_port: int
    ray_port: int
    metrics_port: int
    cpus: int
    ray_folder: str
    population: str
    lake: str
    store: str
    settings: str = ""
    token: bool = True

    @property
    def near_host(self) -> str:
        """Where this machine itself reaches the services."""
        return "127.0.0.1" if self.host in EVERYWHERE else self.host

    @property
    def urls(self) -> dict[str, str]:
        """What a person opens, by what it is."""
        return {
            "Airflow": f"http://{self.near_host}:{self.airflow_port}",
            "Ray": f"http://{self.near_host}:{self.ray_port}",
            "Metrics": f"http://127.0.0.1:{self.metrics_port}/metrics",
        }

    @property
    def proposals(self) -> dict[str, str]:
        """Variables from which the form takes what it proposes, and the pages which lake and store they show."""
        return {
            "KITH_POPULATION": self.population,
            "KITH_LAKE": self.lake,
            "KITH_STORE": self.store,
            "KITH_SETTINGS": self.settings,
        }


class Home:
    """The folder itself, open to its owner only.

    Parameters
    ----------
    folder : made when it is not there.

    Raises
    ------
    ServicesError
        The folder cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        try:
            for place in (self.folder, self.airflow, self.logs):
                place.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise ServicesError(
                f"{folder}: cannot be made ({error.strerror}); name another folder with --home"
            ) from None
        self.folder.chmod(0o700)

    @property
    def airflow(self) -> Path:
        """AIRFLOW_HOME."""
        return self.folder / "airflow"

    @property
    def logs(self) -> Path:
        """What the services say, a file each."""
        return self.folder / "logs"

    @property
    def passwords(self) -> Path:
        """Airflow's list of passwords, as its simple login reads it."""
        return self.airflow / "passwords.json"

    @property
    def marker(self) -> str:
        """Value of `HOME_VARIABLE` in the environment of all that was started from here, however it was orphaned."""
        return str(self.folder)

    def secrets(self) -> dict[str, str]:
        """Keys and tokens, made at random once; `password` is the login's."""
        path = self.folder / "secrets.json"
        if not path.exists():
            made = {
                "password": secrets.token_urlsafe(16),
                "ray_token": secrets.token_hex(32),
                "fernet_key": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
                "jwt_secret": secrets.token_urlsafe(48),
                "api_secret_key": secrets.token_urlsafe(48),
            }
            write_private(path, made)
        return dict(json.loads(path.read_text(encoding="utf-8")))

    def save(self, plan: Plan) -> None:
        """Keep the plan for the supervisor and for `kith down`, and the password where Airflow reads it."""
        write_private(self.passwords, {LOGIN: self.secrets()["password"]})
        write_private(self.folder / "plan.json", asdict(plan))

    def tell_once(self) -> str | None:
        """The password, at the first call in this folder's life; afterwards None: it is in the file."""
        told = self.folder / "password-told"
        if told.exists():
            return None
        told.touch(mode=0o600)
        return self.secrets()["password"]

    @contextmanager
    def alone(self) -> Iterator[None]:
        """One start at a time.

        Raises
        ------
        ServicesError
            Another process starts services from here just now.
        """
        with open(self.folder / "start.lock", "wb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise ServicesError(f"{self.folder}: another kith up starts services from here; wait for it") from None
            yield

    def plan(self) -> Plan | None:
        """The plan of the last start, if there was one."""
        try:
            return Plan(**json.loads((self.folder / "plan.json").read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def forget_plan(self) -> None:
        """After all has ended."""
        (self.folder / "plan.json").unlink(missing_ok=True)


def write_private(path: Path, content: dict[str, Any]) -> None:
    """JSON that its owner alone can read, whole or not at all."""
    before = os.umask(0o077)
    try:
        replace(path, json.dumps(content, indent=1).encode())
    finally:
        os.umask(before)
    path.chmod(0o600)
