"""The process behind `kith up`: starts the services, starts again whichever ends, and ends all when it is told to.

python -m ray_tasks.services.supervisor HOME
"""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from ray_tasks.services.commands import Service, environment, preparations, services
from ray_tasks.services.family import end, family
from ray_tasks.services.home import SERVICE_VARIABLE, Home, ServicesError
from ray_tasks.services.ports import require_ports

LOOK_S = 0.5  # seconds between looks at the children
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 30.0  # seconds before a service is started again; doubled while it keeps failing
STEADY_S = 60.0  # seconds after which a service counts as well again
STOP_S = 15.0  # seconds that all have to end by themselves

log = logging.getLogger("kith.services")


@dataclass
class Child:
    """A service and its process of now."""

    service: Service
    process: subprocess.Popen[bytes]
    started: float
    wait_s: float = FIRST_WAIT_S


class Supervisor:
    """Watches over the services of one home until `stop`."""

    def __init__(self, home: Home) -> None:
        plan = home.plan()
        if plan is None:
            raise ServicesError(f"{home.folder}: holds no plan; start services with kith up")
        self._home, self._plan, self._services = home, plan, services(plan)
        self._environment = environment(home, plan)
        self._children: list[Child] = []
        self._stopping = False

    def run(self) -> None:
        """Prepare, start, watch; returns after `stop` once everything has ended."""
        try:
            for command in preparations():
                self._prepare(command)
            plan = self._plan  # Airflow's tables took half a minute: somebody may have come to listen there
            require_ports(plan.host, plan.airflow_port, plan.ray_port, plan.metrics_port)
            for service in self._services:
                if not self._stopping:
                    self._children.append(Child(service, self._start(service), time.monotonic()))
            while not self._stopping:
                for child in self._children:
                    self._look_after(child)
                time.sleep(LOOK_S)
        finally:
            end(family(self._home), STOP_S)
            log.info("all services have ended")

    def stop(self, signum: int = 0, frame: FrameType | None = None) -> None:
        """Have `run` end."""
        self._stopping = True

    def _prepare(self, command: tuple[str, ...]) -> None:
        if self._stopping:
            return
        with open(self._home.logs / "prepare.log", "ab") as output:
            done = subprocess.run(command, env=self._environment, stdout=output, stderr=output, check=False)
        if done.returncode:
            raise ServicesError(f"{' '.join(command[2:])} failed; see {self._home.logs / 'prepare.log'}")

    def _start(self, service: Service) -> subprocess.Popen[bytes]:
        log.info("starting %s", service.name)
        command, variables = service.launch()
        with open(self._home.logs / f"{service.name}.log", "ab") as output:
            return subprocess.Popen(
                command,
                env=self._environment | variables | {SERVICE_VARIABLE: service.name},
                cwd=self._home.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def _look_after(self, child: Child) -> None:
        code, lived = child.process.poll(), time.monotonic() - child.started
        if code is None:
            if lived > STEADY_S:
                child.wait_s = FIRST_WAIT_S
        elif lived > child.wait_s:
            log.warning("%s ended with %d; starting it again", child.service.name, code)
            if child.service.whole:
                end(family(self._home, child.service.name), STOP_S)
            child.process, child.started = self._start(child.service), time.monotonic()
            child.wait_s = min(2 * child.wait_s, LONGEST_WAIT_S)


def main(folder: str) -> int:
    """Run until SIGTERM or SIGINT; the exit code."""
    home = Home(Path(folder))
    logging.basicConfig(
        filename=home.logs / "supervisor.log",
        filemode="w",  # of this start alone: its last error is what kith up says
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(message)s",
    )
    try:
        supervisor = Supervisor(home)
        signal.signal(signal.SIGTERM, supervisor.stop)
        signal.signal(signal.SIGINT, supervisor.stop)
        supervisor.run()
    except ServicesError as error:
        log.error("%s", error)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
