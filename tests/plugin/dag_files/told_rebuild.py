"""A rebuild that says which generation it made: what the tab of a run finds in Airflow's database, without the work."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, Param, task


@task
def audit(generation: str) -> dict[str, Any]:
    """The result of the last stage, as far as the pages read it."""
    return {"generation": generation, "stage": "audit"}


with DAG("rebuild_profiles", params={"lake": Param("/"), "store": Param(""), "generation": Param("")}):
    audit("{{ params.generation }}")
