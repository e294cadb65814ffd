"""An approval that whoever watches the lake can see: how long it has waited is noted there, and an alert counts it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import ApprovalOperator

from profiling.places import open_place
from ray_tasks.asking import forget_question, note_question

if TYPE_CHECKING:
    from airflow.sdk import Context


class GenerationApproval(ApprovalOperator):
    """Asks a person to approve a generation.

    Parameters
    ----------
    lake, generation : templates. A lake that this machine does not see gets no note.
    """

    template_fields = (*ApprovalOperator.template_fields, "lake", "generation")

    def __init__(self, *, lake: str, generation: str, **options: Any) -> None:
        super().__init__(**options)
        self.lake, self.generation = lake, generation

    def execute(self, context: Context) -> Any:
        """Note the question, then wait for the answer."""
        if not note_question(open_place(self.lake), _run(context), self.generation):
            self.log.warning("no note of the question in %s: it is not seen from here, so no alert counts", self.lake)
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """The answer is there, or nobody gave one in time."""
        forget_question(open_place(self.lake), _run(context))
        return super().execute_complete(context, event)


def no_answer(context: Context) -> None:
    """Airflow's callback of an approval that failed or was ended: nobody waits any more."""
    task: Any = context["task"]
    forget_question(open_place(task.lake), _run(context))


def _run(context: Context) -> str:
    ti: Any = context["ti"]
    return f"{ti.dag_id} {ti.run_id}"
