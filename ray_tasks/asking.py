"""That a person was asked to approve a generation, noted in its lake, so that whoever watches the lake knows it.

Airflow's side writes and takes away the note; a lake that Airflow does not see gets none, as with heartbeats.
"""

from __future__ import annotations

import contextlib
import json
import time

from profiling.places import Place, by_name
from profiling.small_files import create_exclusively

FOLDER = "asked"  # in a lake


def note_question(lake: Place, run: str, generation: str) -> bool:
    """Note once that run `run` asks; the time of the first note stays. False when the lake is not seen from here."""
    try:
        if not (lake / "lake.json").exists():
            return False
        asked = {"run": run, "generation": generation, "asked_at": time.time()}
        create_exclusively(_path(lake, run), json.dumps(asked).encode())
    except OSError:
        return False
    return True


def forget_question(lake: Place, run: str) -> None:
    """The question was answered, or nobody waits for the answer any more. A lake that is not seen has no note of it."""
    with contextlib.suppress(OSError):
        _path(lake, run).unlink(missing_ok=True)


def open_questions(lake: Place) -> dict[str, float]:
    """By generation, when its oldest open question was asked, in seconds since 1970."""
    found: dict[str, float] = {}
    for path in by_name((lake / FOLDER).glob("*.json")):
        asked = json.loads(path.read_text())
        found[asked["generation"]] = min(asked["asked_at"], found.get(asked["generation"], asked["asked_at"]))
    return found


def _path(lake: Place, run: str) -> Place:
    safe = "".join(letter if letter.isalnum() else "-" for letter in run)
    return lake / FOLDER / f"{safe}.json"
