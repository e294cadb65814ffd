"""What single fields of a form cannot see: answers that do not go together, refused before the first job."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from airflow.sdk.exceptions import AirflowFailException

from dags.forms import NEVER, PUBLISHING

if TYPE_CHECKING:
    from airflow.sdk import Context


Check = Callable[["Context"], None]


def refuse_contradictions(publish: str, store: str, **needed: str) -> Check:
    """A check before the first task; what it refuses is one line and is not tried again.

    Parameters
    ----------
    publish, store : templates of when to publish and of the store's address. needed : as `refuse_unnamed` has it.
    """
    unnamed = refuse_unnamed(**needed)

    def check(context: Context) -> None:
        unnamed(context)
        wanted, address = _rendered(publish, context), _rendered(store, context)
        refusal = find_contradiction(wanted, address, bool(context["params"]["dry_run"]), context["params"]["publish"])
        if refusal:
            raise AirflowFailException(refusal)

    return check


def refuse_unnamed(**needed: str) -> Check:
    """A check that the places of a run are named, by its form or by a variable.

    Parameters
    ----------
    needed : by field of the form, the template that must not render to nothing.
    """

    def check(context: Context) -> None:
        for field, text in needed.items():
            if not _rendered(text, context):
                raise AirflowFailException(
                    f"no {field} is named; set the Airflow variable kith_{field} or fill in the form"
                )

    return check


def _rendered(text: str, context: Context) -> str:
    return str(context["task"].render_template(text, context)).strip()


def find_contradiction(publish: str, store: str, dry_run: bool, said: str | None) -> str | None:
    """The first thing that does not go together, in a sentence.

    Parameters
    ----------
    publish : what holds, from form or variable. said : what the form itself says, None = nothing.
    """
    if publish not in PUBLISHING:
        return f"publish is {publish!r}; choose {', '.join(PUBLISHING)} in the form or in the variable kith_publish"
    if dry_run:
        if said in (None, NEVER):
            return None
        return f"a dry run makes no generation that could be published; choose publish = {NEVER}, or no dry run"
    if publish != NEVER and not store:
        return f"publish is {publish!r}, but no profile store is named; give one in the form"
    return None
