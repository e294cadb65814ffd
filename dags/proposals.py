"""What a form proposes on a machine that knows: population, lake, store and settings from Airflow's environment."""

from __future__ import annotations

import os

from airflow.sdk import Param

VARIABLES = {  # by field; the pages read the same names
    "population": "KITH_POPULATION",
    "lake": "KITH_LAKE",
    "store": "KITH_STORE",
    "settings": "KITH_SETTINGS",
}


def with_proposals(form: dict[str, Param]) -> dict[str, Param]:
    """The form with defaults from the environment.

    A variable that is missing, or whose value the field itself would refuse, proposes nothing: whoever triggers the
    DAG is asked as before, and the DAG is parsed whatever the environment holds.
    """
    for field, variable in VARIABLES.items():
        if field in form and os.environ.get(variable):
            form[field].resolve(os.environ[variable], suppress_exception=True)
    return form
