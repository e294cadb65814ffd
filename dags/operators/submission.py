"""What a Ray job is called and what it runs: ids that count attempts, and a command that no value can break out of."""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

ACTIVE = frozenset({"PENDING", "RUNNING"})  # states of a Ray job that can still be followed
HASH_DIGITS = 16  # hexadecimal: 64 bits, so that a million tasks meet by chance with probability 3e-8
NAME_LENGTH = 60  # characters of an id that people read; the id is also a file's name on the head node

_ODD = re.compile(r"[^A-Za-z0-9_.-]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True)
class TaskIdentity:
    """The task instance that a job belongs to, whatever its try."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int = -1

    def prefix(self) -> str:
        """Begin of this task instance's submission ids: a name to read and a hash that tells it from all others."""
        parts = (self.dag_id, self.run_id, self.task_id, str(self.map_index))
        digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:HASH_DIGITS]
        name = _ODD.sub("-", f"{self.dag_id}.{self.task_id}")[:NAME_LENGTH]
        return f"{name}-{digest}-"

    def metadata(self) -> dict[str, str]:
        """What the Ray dashboard shows of the task."""
        return {
            "dag_id": self.dag_id,
            "run_id": self.run_id,
            "task_id": self.task_id,
            "map_index": str(self.map_index),
        }


@dataclass(frozen=True)
class Attempt:
    """One job of a task: its number from 1, its submission id, and whether it runs already."""

    number: int
    submission_id: str
    running: bool


def choose_attempt(prefix: str, stored: int, jobs: Mapping[str, str]) -> Attempt:
    """The job to follow or to submit next.

    Parameters
    ----------
    prefix : begin of the task's submission ids.
    stored : number of the last attempt that Airflow remembers, 0 for none.
    jobs : state of every job that the cluster knows, by submission id.

    Returns
    -------
    The newest job that is pending or running; else a new one, numbered after all that were ever used: Ray takes no id
    again, in whatever state its job ended, and an id that Ray has forgotten may have left a log of that name.
    """
    numbers = {int(end): state for job, state in jobs.items() if (end := job.removeprefix(prefix)) != job and _is(end)}
    running = [number for number, state in numbers.items() if state in ACTIVE]
    number = max(running) if running else max([stored, *numbers]) + 1
    return Attempt(number, f"{prefix}{number}", bool(running))


def entrypoint(python: str, module: str, arguments: Sequence[object]) -> str:
    """The command of a job, quoted for the shell that Ray starts it with.

    Raises
    ------
    ValueError
        An argument is no text, or holds control characters, which no path and no name of ours needs.
    """
    words = [python, "-m", module, *arguments]
    for word in words:
        if not isinstance(word, str):
            raise ValueError(f"argument {word!r} is no text; render it before it becomes a command")
        if _CONTROL.search(word):
            raise ValueError(f"argument {word!r} holds control characters; give a plain path, name or number")
    return shlex.join(str(word) for word in words)


def _is(text: str) -> bool:
    return text.isascii() and text.isdigit()
