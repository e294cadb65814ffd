"""Prepare a new Cassandra for profiles: a password of our own, then the keyspace and its tables, if they are missing.

python make_store.py HOST PORT PASSWORD_FILE DATACENTER:COPIES
"""

from __future__ import annotations

import subprocess
import sys

from secure import main as secure


def main(host: str, port: str, password_file: str, replication: str) -> int:
    """The exit code of the first step that fails, or 0."""
    store = f"cassandra://cassandra@{host}:{port}/kith"
    command = ["store", "create", "--store", store, "--replication", replication]
    return (
        secure(host, port, password_file)
        or subprocess.run([sys.executable, "-m", "ray_tasks", *command], check=False).returncode
    )


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
