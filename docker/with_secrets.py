"""Entry point of the image: variables from secret files, then the command itself.

No Ray starts without its token: a container listens to more than itself.
`NAME__FILE=/run/secrets/x` sets NAME to what the file holds; so no secret stands in the compose file or in the image.
Airflow's simple login opens its list of passwords for writing, which a secret is not: it gets a copy in memory.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

SUFFIX = "__FILE"
PASSWORDS = "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"
RAY_START = re.compile(r"\bray\s+start\b")  # also inside a line for a shell
PRIVATE = Path("/run/kith")  # a tmpfs


def resolve(environment: dict[str, str], private: Path = PRIVATE) -> dict[str, str]:
    """The command's environment.

    Raises
    ------
    SystemExit
        A file that a variable names cannot be read.
    """
    resolved = {name: value for name, value in environment.items() if not name.endswith(SUFFIX)}
    try:
        for name, path in environment.items():
            if name.endswith(SUFFIX):
                resolved[name.removesuffix(SUFFIX)] = Path(path).read_text(encoding="utf-8").strip()
        if PASSWORDS in resolved:
            copy = private / "passwords.json"
            shutil.copyfile(resolved[PASSWORDS], copy)
            copy.chmod(0o600)
            resolved[PASSWORDS] = str(copy)
    except OSError as error:
        raise SystemExit(
            f"{error.filename}: cannot be used ({error.strerror}); make the secrets with python docker/make_secrets.py"
        ) from None
    return resolved


def require_token(command: list[str], environment: dict[str, str]) -> None:
    """Make sure that a command does not start a Ray that answers anybody.

    Raises
    ------
    SystemExit
        It starts Ray, and there is no token or Ray would not ask for it.
    """
    asked = environment.get("RAY_AUTH_MODE") == "token" and environment.get("RAY_AUTH_TOKEN", "").strip()
    if RAY_START.search(" ".join(command)) and not asked:
        raise SystemExit(
            "ray start: no token; set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN__FILE, which docker/make_secrets.py makes"
        )


def main(command: list[str]) -> None:
    """Become the command."""
    if not command:
        raise SystemExit("with_secrets.py: give a command")
    environment = resolve(dict(os.environ))
    require_token(command, environment)
    os.execvpe(command[0], command, environment)  # noqa: S606 - no shell


if __name__ == "__main__":
    main(sys.argv[1:])
