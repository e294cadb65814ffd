"""What to do when a task has failed: one line in its log, and in the scheduler's, that a person can act on."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.sdk import Context

REASON_LENGTH = 300  # characters
GENERAL = "mend what the line above says and Clear the task; finished buckets are skipped"
ADVICE = {
    "partition": "mend the population folder or its tables as the line above says, then Clear this task; "
    "where it is the form that the line is about, trigger a new run",
    "embed": "look at the Ray dashboard for dead workers or full disks, then Clear; finished parts are skipped",
    "gates": "open kith report LAKE, look at what the failed gate says, then build again or publish with approval",
    "approval": "nobody answered in time, or the task was ended: kith publish LAKE --approve publishes by hand",
    "publish": "readers still have the generation before; check the store, then Clear; written buckets are skipped",
    "erase": "whoever waits stays hidden; mend what the line above says, then Clear: the pass goes on where it was",
    "retire": "what is served stays; mend what the line above says, then Clear this task",
    "propose": "the scorer in use stays; look at the numbers in the log of task train",
}

log = logging.getLogger("kith.runbook")


def say_what_to_do(context: Context) -> None:
    """Airflow's callback of a task that has failed for good."""
    ti: Any = context["ti"]
    error = context.get("exception")
    said = " ".join(str(error).split())[:REASON_LENGTH] if error is not None else "no reason was given"
    advice = ADVICE.get(ti.task_id, GENERAL)
    log.error("%s, run %s: %s failed: %s; runbook: %s", ti.dag_id, ti.run_id, ti.task_id, said, advice)
