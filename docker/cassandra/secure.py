"""Give the user `cassandra` of a new server a password of our own in place of the one that everybody knows.

    python secure.py HOST PORT PASSWORD_FILE [SECONDS]

Waits until the server answers; run again, it changes nothing. Ends with 1 and a line where nobody answers in time.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

PATIENCE_S = 180.0  # seconds for a server's start
USUAL = "cassandra"  # the password of a server that was just made


def secure(host: str, port: int, password: str) -> bool:
    """True once the server takes the password; False while it does not answer."""
    from cassandra.auth import PlainTextAuthProvider
    from cassandra.cluster import Cluster, NoHostAvailable

    for known in (password, USUAL):
        cluster = Cluster([host], port=port, auth_provider=PlainTextAuthProvider("cassandra", known))
        try:
            session = cluster.connect()
            if known == password:
                return True
            session.execute("ALTER ROLE cassandra WITH PASSWORD = %s", (password,))
        except (NoHostAvailable, OSError):  # refuses the password, or is not there yet
            pass
        finally:
            cluster.shutdown()
    return False


def main(host: str, port: str, password_file: str, patience_s: str = str(PATIENCE_S)) -> int:
    """The command line; the exit code."""
    until = time.monotonic() + float(patience_s)
    password = Path(password_file).read_text(encoding="utf-8").strip()
    while not secure(host, int(port), password):
        if time.monotonic() > until:
            sys.stderr.write(f"cassandra: {host}:{port} did not answer, or refuses the password of {password_file}\n")
            return 1
        time.sleep(1)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
