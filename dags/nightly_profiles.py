"""The DAG of every night: the same stages over the snapshot of the day, computing only what changed."""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.sdk import DAG, AssetOrTimeSchedule, CronTriggerTimetable

from dags.approval import PUBLISH_VARIABLE, publish_tasks
from dags.assets import POPULATION
from dags.contradictions import refuse_contradictions
from dags.forms import NEVER, nightly_form
from dags.stage_tasks import DEFAULTS, LAKE, SETTINGS, STORE, BuildTemplates, generation_tasks

NIGHTLY = "0 2 * * *"  # UTC
DOC = """
### Nightly profiles

Takes the population as it is tonight and makes its generation. What did not change since the last run is found by its
fingerprint and not computed again: photos that were seen, buckets that nobody touched, users whose inputs are the same.

It reads Airflow's variables (*Admin → Variables*): `kith_population` and `kith_lake`, and, where they are set,
`kith_settings` (a TOML file), `kith_publish` (never, after approval, automatic) and `kith_store`. The form replaces
them for one run. It also starts when the asset `kith_population` is
updated. A rebuild in the same lake is waited for.
"""

with DAG(
    "nightly_profiles",
    dag_display_name="Nightly profiles",
    description="A generation of tonight's population: only what changed is computed",
    doc_md=DOC,
    schedule=AssetOrTimeSchedule(timetable=CronTriggerTimetable(NIGHTLY, timezone="UTC"), assets=POPULATION),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    params=nightly_form(),
    tags=["kith", "profiles", "nightly"],
    max_active_runs=1,
    default_args=DEFAULTS,
):
    publish = f"{{{{ params.publish or var.value.get('{PUBLISH_VARIABLE}', '{NEVER}') }}}}"
    store = f"{{{{ {STORE} }}}}"
    told = BuildTemplates(
        population="{{ params.population or var.value.kith_population }}",
        lake=LAKE,
        more=(SETTINGS,),
        check=refuse_contradictions(publish, store),
    )
    publish_tasks(generation_tasks(told), told.lake, publish, store)
