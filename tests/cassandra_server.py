"""A Cassandra of the tests' own: started on free ports, killed and started again, ended with the tests."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.ports import free_ports

SCRIPT = Path(__file__).parents[1] / "docker" / "cassandra" / "server.py"
MISSING = 3  # exit code of the script where Java or Maven is not there


@dataclass(frozen=True)
class CassandraServer:
    """One server; `password` is that of its user cassandra."""

    home: Path
    port: int
    storage_port: int

    def start(self, *options: str) -> None:
        """Start it, or skip the test with the script's reason where that cannot be."""
        ports = ["--port", str(self.port), "--storage-port", str(self.storage_port)]
        command = [sys.executable, str(SCRIPT), "start", "--home", str(self.home), *ports, *options]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == MISSING:
            pytest.skip(done.stderr.strip().splitlines()[-1])
        assert done.returncode == 0, done.stderr + "\n".join((self.home / "log").read_text().splitlines()[-20:])

    def kill(self) -> None:
        """Kill it as a power cut would."""
        process = self._process()
        process.send_signal(signal.SIGKILL)
        process.wait(30)

    @contextlib.contextmanager
    def paused(self, seconds: float) -> Iterator[None]:
        """Have it stand still for some seconds, as on a machine that is overwhelmed; it goes on at the end at last."""
        process = self._process()
        process.suspend()
        timer = threading.Timer(seconds, process.resume)
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            process.resume()

    def limit_files(self, size: int) -> None:
        """Let none of its files grow beyond some bytes, as on a full disk, until it is started again."""
        self._process().rlimit(psutil.RLIMIT_FSIZE, (size, size))

    def _process(self) -> psutil.Process:
        process = psutil.Process(int((self.home / "pid").read_text()))
        assert str(self.home) in " ".join(process.cmdline())
        return process

    def stop(self) -> None:
        """End it."""
        subprocess.run([sys.executable, str(SCRIPT), "stop", "--home", str(self.home)], check=True, capture_output=True)

    @property
    def password(self) -> str:
        """Of its user cassandra."""
        return (self.home / "password").read_text()

    def uri(self, keyspace: str) -> str:
        """Of a store in it; the password comes from the environment."""
        return f"cassandra://cassandra@127.0.0.1:{self.port}/{keyspace}"


def run_server(home: Path) -> CassandraServer:
    """Start a server, and let this process and its children know its password."""
    server = CassandraServer(home, *free_ports(2))
    server.start()
    os.environ["KITH_CASSANDRA_PASSWORD"] = server.password
    return server
