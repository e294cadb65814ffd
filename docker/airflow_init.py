"""Prepare Airflow's database: its tables and the pools that the DAGs name. Run again, it changes nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

POOLS = Path(__file__).parents[1] / "dags" / "pools.json"


def main() -> int:
    """The exit code of the first command that fails, or 0."""
    for command in (["db", "migrate"], ["pools", "import", str(POOLS)]):
        done = subprocess.run([sys.executable, "-m", "airflow", *command], check=False)
        if done.returncode:
            sys.stderr.write(f"airflow {' '.join(command)} failed; look at what it says above\n")
            return done.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
