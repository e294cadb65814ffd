"""Entry point of the image: variables from secret files, then the command itself.

`NAME__FILE=/run/secrets/x` sets NAME to what the file holds; so no secret stands in the compose file or in the image.
Airflow's simple login opens its list of passwords for writing, which a secret is not: it gets a copy in memory.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

SUFFIX = "__FILE"
PASSWORDS = "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"
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


if __name__ == "__main__":
    if len(sys.argv) < 2:
        raise SystemExit("with_secrets.py: give a command")
    os.execvpe(sys.argv[1], sys.argv[1:], resolve(dict(os.environ)))  # noqa: S606 - no shell
