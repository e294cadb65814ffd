"""A run of `rebuild_profiles` by the real scheduler, asked and told over REST, and its lake."""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil

from dags.operators.submission import TaskIdentity
from profiling.settings import load_settings
from tests.conftest import BUCKETS, Built
from tests.services.conftest import Stack, wait_until

DAG = "rebuild_profiles"
RUN_S = 1500.0  # seconds for a whole rebuild of nine users, with a death in it, on a busy machine
OVER = ("success", "failed")
LAST = "broaden"  # a job builds all that is missing up to its stage: cleared, this one does nearly everything
MOMENTS = (
    "embed-*/*/*.json",
    "people/*/*.json",
    "cluster/*/*.json",
    "score-0/*/*.json",
)  # manifests that a build commits


@dataclass(frozen=True)
class Rebuild:
    """One run of the DAG.

    Attributes
    ----------
    lake : the folder that it writes. undisturbed : a copy of it as the first, undisturbed try left it.
    tries : of every task that succeeded in that first try of all.
    """

    stack: Stack
    run_id: str
    lake: Path
    undisturbed: Path
    tries: dict[str, int] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """Of the run in Airflow's REST API."""
        return f"dags/{DAG}/dagRuns/{quote(self.run_id)}"

    def state(self) -> str:
        return str(self.stack.get(self.path)["state"])

    def tasks(self) -> dict[str, dict[str, Any]]:
        """Every task instance by the task's id."""
        return {each["task_id"]: each for each in self.stack.get(f"{self.path}/taskInstances")["task_instances"]}

    def result(self, task: str) -> Any:
        """What a task returned."""
        return self.stack.get(f"{self.path}/taskInstances/{task}/xcomEntries/return_value")["value"]

    def jobs(self, task: str) -> dict[int, str]:
        """State of a task's Ray jobs that the cluster knows, by their numbers."""
        prefix = TaskIdentity(DAG, self.run_id, task).prefix()
        known = self.stack.jobs()
        return {int(name.removeprefix(prefix)): known[name] for name in known if name.startswith(prefix)}

    def drivers(self) -> list[psutil.Process]:
        """The processes of its jobs that run."""
        found = []
        for process in self.stack.processes("-m ray_tasks build", "ray"):
            with contextlib.suppress(psutil.Error):
                if f"--lake={self.lake}" in process.cmdline():  # and so the command itself, not the shell around it
                    found.append(process)
        return found

    def clear(self, task: str) -> None:
        """Press Clear on a task and all after it."""
        told = {"dag_run_id": self.run_id, "task_ids": [task], "include_downstream": True}
        self.stack.post(f"dags/{DAG}/clearTaskInstances", told | {"dry_run": False, "only_failed": False})

    def again(self) -> int:
        """Cut the lake back to before the embed stage and let one task build it again; the number of its job."""
        shutil.rmtree(self.lake, ignore_errors=True)
        shutil.copytree(self.undisturbed, self.lake)
        for path in (self.lake / "manifests").iterdir():
            if not path.name.startswith(("partition", "select")):
                shutil.rmtree(path)
        for folder in ("generations", "clustered", "runs", "heartbeats"):
            shutil.rmtree(self.lake / folder, ignore_errors=True)
        for path in (self.lake / "rows").glob("profiles-*"):
            path.unlink()
        self.clear(LAST)
        return self.wait_for_job(LAST)

    def has_committed(self, what: str) -> bool:
        """Whether the build has come to one of `MOMENTS`."""
        return any((self.lake / "manifests").glob(what))

    def wait_for_job(self, task: str) -> int:
        """Wait until a task's job runs; its number."""
        found: list[int] = []

        def runs() -> bool:
            found[:] = [number for number, state in self.jobs(task).items() if state == "RUNNING"]
            return bool(found and self.drivers())

        wait_until(runs, RUN_S)
        return found[0]

    def finish(self) -> None:
        """Wait for the run's end, which must be success."""
        wait_until(lambda: self.state() in OVER, RUN_S)
        states = {name: (task["state"], task["try_number"]) for name, task in self.tasks().items()}
        assert self.state() == "success", states


def trigger(stack: Stack, built: Built, folder: Path) -> Rebuild:
    """Press Trigger with a form that says what `built` was made with."""
    settings = load_settings(built.settings)
    form = {
        "population": str(built.population),
        "lake": str(folder / "lake"),
        "photos_per_user": settings.selection.photos_per_user,
        "rounds": settings.scoring.rounds,
        "buckets": BUCKETS,
        "settings": str(built.settings),
    }
    run = stack.post(f"dags/{DAG}/dagRuns", {"logical_date": None, "conf": form})
    return Rebuild(stack, run["dag_run_id"], folder / "lake", folder / "undisturbed")
