"""A Cassandra 5 of one node on loopback, from the server's Maven artifacts: for tests and for trying Kith out.

    python docker/cassandra/server.py start [--home FOLDER] [--port PORT] [--storage-port PORT] [--snapshots]
    python docker/cassandra/server.py stop [--home FOLDER]

`start` returns when the server answers; the password of its user `cassandra` is made anew and is in FOLDER/password.
Java 17 and Maven must be there; where they, or the jars, are missing it exits with 3, so that tests can skip.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from secure import secure

HERE = Path(__file__).parent
HOME = HERE.parents[1] / ".cassandra"
HEAP = "1g"
PATIENCE_S = 180.0  # seconds for a start on two busy cores; 15 are usual
STOP_S = 30.0  # seconds until a server that does not stop is killed
MISSING = 3  # exit code: Java, Maven or the jars are not there
EXPORTS = (  # what Cassandra's own start script opens for Java 17
    "java.base/jdk.internal.misc java.base/java.lang.ref java.management.rmi/com.sun.jmx.remote.internal.rmi "
    "java.rmi/sun.rmi.registry java.rmi/sun.rmi.server java.sql/java.sql jdk.unsupported/sun.misc"
)
OPENS = (
    "java.base/java.io java.base/java.lang java.base/java.lang.module java.base/java.lang.reflect java.base/java.net "
    "java.base/java.nio java.base/java.util java.base/java.util.concurrent java.base/java.util.concurrent.atomic "
    "java.base/jdk.internal.loader java.base/jdk.internal.math java.base/jdk.internal.module "
    "java.base/jdk.internal.ref java.base/jdk.internal.reflect java.base/jdk.internal.util.jar java.base/sun.nio.ch "
    "jdk.management/com.sun.management.internal"
)


def say(line: str) -> None:
    """A line for people."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def fetch_jars() -> Path:
    """The server's jars, fetched by Maven once a checkout, also where two servers start at once."""
    jars = HOME / "lib"
    jars.mkdir(parents=True, exist_ok=True)
    with (jars / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (jars / ".complete").exists():
            run_maven(jars)
    return jars


def run_maven(jars: Path) -> None:
    """Fetch the jars, or end with what is missing."""
    if shutil.which("mvn") is None:
        sys.stderr.write("cassandra: Maven (mvn) is missing; on Debian: apt-get install maven\n")
        sys.exit(MISSING)
    goal = "org.apache.maven.plugins:maven-dependency-plugin:copy-dependencies"
    options = ["-q", "-B", "-f", str(HERE / "pom.xml"), "-DincludeScope=runtime", f"-DoutputDirectory={jars}"]
    done = subprocess.run(["mvn", *options, goal], check=False, stdout=sys.stderr)  # noqa: S607 - wherever it is
    if done.returncode:
        sys.stderr.write("cassandra: Maven cannot fetch the server's jars; look at what it says above\n")
        sys.exit(MISSING)
    (jars / ".complete").touch()


def write_configuration(home: Path, port: int, storage_port: int, snapshots: bool) -> None:
    """cassandra.yaml and logback.xml of one server."""
    text = (HERE / "cassandra.yaml.in").read_text()
    places = {"HOME": str(home), "CQL_PORT": str(port), "STORAGE_PORT": str(storage_port)}
    places["AUTO_SNAPSHOT"] = "true" if snapshots else "false"  # a dropped base must be gone
    for name, value in places.items():
        text = text.replace(f"@{name}@", value)
    (home / "cassandra.yaml").write_text(text)
    shutil.copy(HERE / "logback.xml", home / "logback.xml")


def java_command(home: Path, jars: Path) -> list[str]:
    """What starts the daemon in the foreground."""
    agent = next(jars.glob("jamm-*.jar"))
    flags = [f"--add-exports={name}=ALL-UNNAMED" for name in EXPORTS.split()]
    flags += [f"--add-opens={name}=ALL-UNNAMED" for name in OPENS.split()]
    settings = {
        "cassandra.config": f"file://{home}/cassandra.yaml",
        "logback.configurationFile": f"{home}/logback.xml",
        "cassandra.storagedir": str(home),
        "cassandra-foreground": "yes",
        "cassandra.skip_wait_for_gossip_to_settle": "0",
        "cassandra.superuser_setup_delay_ms": "0",
        "cassandra.ring_delay_ms": "100",
        "java.net.preferIPv4Stack": "true",
    }
    flags += [f"-D{name}={value}" for name, value in settings.items()]
    memory = [f"-Xms{HEAP}", f"-Xmx{HEAP}", "-XX:+UseG1GC", "-XX:+ExitOnOutOfMemoryError", f"-javaagent:{agent}"]
    return ["java", *memory, *flags, "-cp", f"{home}:{jars}/*", "org.apache.cassandra.service.CassandraDaemon"]


def start(home: Path, port: int, storage_port: int, snapshots: bool) -> None:
    """Start a server that outlives this process, and wait until it answers with its own password."""
    if shutil.which("java") is None:
        sys.stderr.write("cassandra: Java 17 is missing; on Debian: apt-get install openjdk-17-jre-headless\n")
        sys.exit(MISSING)
    jars = fetch_jars()
    home.mkdir(parents=True, exist_ok=True)
    home.chmod(0o700)
    lock = os.open(home / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:  # the server inherits the lock: two servers on one folder destroy each other's commit log
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.stderr.write(f"cassandra: a server runs in {home} already; make cassandra-stop ends it\n")
        sys.exit(1)
    write_configuration(home, port, storage_port, snapshots)
    with (home / "log").open("ab") as log:
        process = subprocess.Popen(
            java_command(home, jars), stdout=log, stderr=log, start_new_session=True, pass_fds=[lock]
        )
    (home / "pid").write_text(str(process.pid))
    os.close(lock)
    set_password(home, port, process)
    say(f"Cassandra answers on 127.0.0.1:{port} (process {process.pid}); its password is in {home}/password")
    say(f"export KITH_CASSANDRA_PASSWORD=$(cat {home}/password)")
    say(f"kith store create --store cassandra://cassandra@127.0.0.1:{port}/kith --replication datacenter1:1")


def set_password(home: Path, port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait for the server, and replace the default password by a new one if that was not done before."""
    path = home / "password"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(24))
    password = path.read_text()
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        if listens(port) and secure("127.0.0.1", port, password):
            return
        time.sleep(0.5)
    stop(home)
    sys.stderr.write(f"cassandra: did not answer within {PATIENCE_S:.0f} s; see {home}/log\n")
    sys.exit(1)


def listens(port: int) -> bool:
    """Whether anybody listens on a port of loopback."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def stop(home: Path) -> bool:
    """End the server of a folder, if it is the one that its pid file names; False when none ran."""
    try:
        pid = int((home / "pid").read_text())
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError):
        return False
    if str(home).encode() not in command:
        return False
    os.kill(pid, signal.SIGTERM)
    until = time.monotonic() + STOP_S
    while time.monotonic() < until:
        if not holds_lock(home):
            return True
        time.sleep(0.1)
    os.kill(pid, signal.SIGKILL)
    return True


def holds_lock(home: Path) -> bool:
    """Whether a server still has the folder: its lock goes with its last thread."""
    with (home / "lock").open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=["start", "stop"])
    parser.add_argument("--home", type=Path, default=HOME)
    parser.add_argument("--port", type=int, default=9042)
    parser.add_argument("--storage-port", type=int, default=7000)
    parser.add_argument("--snapshots", action="store_true", help="keep a copy of every table that is dropped")
    given = parser.parse_args()
    home = given.home.absolute()
    if given.what == "start":
        start(home, given.port, given.storage_port, given.snapshots)
    else:
        say("Cassandra stopped" if stop(home) else f"no Cassandra runs in {home}")


if __name__ == "__main__":
    main()
