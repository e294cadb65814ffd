"""How far a run is: bars on the terminal, and a note in the lake that `kith status` reads from elsewhere."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import psutil
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from profiling.places import by_name
from ray_tasks.lake import Lake

NOTE_EVERY_S = 1.0  # seconds between notes
USERS_TOLD = {
    "computed",
    "scored",
    "copied",
    "moved",
    "profiles",
    "margins_fell",
}  # counts of manifests
KEPT_NOTES = 20  # notes of older runs are deleted


@dataclass
class StageNote:
    """Progress of one stage: `done` of `total` units, of which `before` were done by earlier runs.

    `reasons` counts photos, `users` what a round made of its users, earlier runs included. `start_up` holds the seconds
    that went by before any work could begin, by what was started ("ray", "workers", "actors"); they lie within the
    stage.
    """

    unit: str
    total: int
    done: int
    before: int
    started: float
    ended: float | None = None
    reasons: dict[str, int] = field(default_factory=dict)
    users: dict[str, int] = field(default_factory=dict)
    start_up: dict[str, float] = field(default_factory=dict)

    def rate(self) -> float:
        """Units a second in this run."""
        elapsed = (self.ended or time.time()) - self.started
        return (self.done - self.before) / elapsed if elapsed > 0 else 0.0


class StageBar:
    """One stage's bar: `advance` what is committed, `under_way` what is seen but not committed."""

    def __init__(self, owner: RunProgress, note: StageNote, task: TaskID) -> None:
        self._owner, self._note, self._task = owner, note, task

    def advance(self, units: int, counts: Mapping[str, Any] | None = None) -> None:
        """Count committed units, and the reasons in a manifest's counts."""
        self._note.done += units
        self._owner.committed()
        for reason, count in (counts or {}).get("reasons", {}).items():
            self._note.reasons[reason] = self._note.reasons.get(reason, 0) + count
        self.tell(counts or {})
        self._owner.show(self._task, self._note, 0)

    def rate(self) -> float:
        """Units a second that this run committed."""
        return self._note.rate()

    def tell(self, counts: Mapping[str, Any]) -> None:
        """Take in what a manifest tells of its users."""
        for name in USERS_TOLD & counts.keys():
            self._note.users[name] = self._note.users.get(name, 0) + counts[name]

    @contextlib.contextmanager
    def starting(self, what: str) -> Iterator[None]:
        """Count the block's seconds as start-up of this stage."""
        begun = time.monotonic()
        try:
            yield
        finally:
            self._note.start_up[what] = self._note.start_up.get(what, 0.0) + time.monotonic() - begun

    def under_way(self, units: int) -> None:
        """Show units of work in hand on top of the committed ones."""
        self._owner.show(self._task, self._note, units)


class _Rate(TextColumn):
    def __init__(self) -> None:
        super().__init__("")

    def render(self, task: Any) -> Text:
        rate = task.fields.get("rate", 0.0)
        return Text(f"{rate:,.1f} {task.fields['unit']}/s" if rate else "", style="cyan")


class RunProgress:
    """The stages of one run, as bars and as a note.

    Parameters
    ----------
    lake : where the note goes.
    command : what runs, for people.
    console : where bars go; one that is no terminal gets a line a stage.
    """

    def __init__(self, lake: Lake, command: str, console: Console | None = None) -> None:
        self._lake, self._console = lake, console or Console(stderr=True, quiet=True)
        self._bars = Progress(
            SpinnerColumn(),
            TextColumn("[bold]{task.description:<10}"),
            BarColumn(),
            TextColumn("{task.completed:,.0f}/{task.total:,.0f} {task.fields[unit]}"),
            _Rate(),
            TimeRemainingColumn(compact=True),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        now = time.time()
        self._note: dict[str, Any] = {
            "command": command,
            "started": now,
            "imports": now - psutil.Process().create_time(),  # seconds from the process's start to here
            "state": "running",
            "epoch": lake.epoch,
            "committed": now,
        }
        self._stages: dict[str, StageNote] = {}
        self._name = f"runs/{time.time_ns():020d}.json"
        self._written = 0.0

    def __enter__(self) -> RunProgress:
        self._bars.start()
        self._write()
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        self._bars.stop()
        ends: dict[type[BaseException] | None, str] = {None: "done", KeyboardInterrupt: "stopped"}
        self._note |= {"state": ends.get(kind, "failed"), "ended": time.time()}
        self._write()
        for path in by_name((self._lake.folder / "runs").glob("*.json"))[:-KEPT_NOTES]:
            path.unlink(missing_ok=True)

    @contextlib.contextmanager
    def stage(self, name: str, total: int, unit: str, done: int = 0) -> Iterator[StageBar]:
        """A stage of `total` units, `done` of them before this run."""
        note = self._stages[name] = StageNote(unit, total, done, done, time.time())
        task = self._bars.add_task(name, total=total, completed=done, unit=unit, rate=0.0)
        try:
            yield StageBar(self, note, task)
        finally:
            note.ended = time.time()
            self._bars.stop_task(task)
            self._write()
        self.show(task, note, 0)
        if not self._console.is_terminal:
            rate = f", {note.rate():,.1f} {unit}/s" if note.done > note.before else ""
            self._console.print(f"{name}: {note.done:,} of {note.total:,} {unit}{rate}", highlight=False)

    def committed(self) -> None:
        """Something was committed now; until the first time, the run's start stands for it."""
        self._note["committed"] = time.time()

    def show(self, task: TaskID, note: StageNote, under_way: int) -> None:
        """Bring bar and note up to date."""
        self._bars.update(task, completed=min(note.done + under_way, note.total), rate=note.rate())
        if time.time() - self._written > NOTE_EVERY_S:
            self._write(note, under_way)

    def _write(self, current: StageNote | None = None, under_way: int = 0) -> None:
        stages = {}
        for name, note in self._stages.items():
            shown = asdict(note) | {"rate": note.rate()}
            if note is current:
                shown["under_way"] = under_way
            stages[name] = shown
        self._lake.write_note(self._name, self._note | {"stages": stages})
        self._written = time.time()
