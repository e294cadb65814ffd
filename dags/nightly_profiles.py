"""The DAG of every night: the same stages over the snapshot of the day, computing only what changed."""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.sdk import DAG, AssetOrTimeSchedule, CronTriggerTimetable

from dags.approval import PUBLISH_VARIABLE, publish_tasks
from dags.assets import POPULATION
from dags.contradictions import refuse_contradictions
from dags.forms import NEVER, nightly_form
from dags.stage_tasks import DEFAULTS, LAKE, SETTINGS, STORE, BuildTemplates, generation_tasks

POPULATION_FOLDER = "{{ params.population or var.value.get('kith_population', '') }}"
NIGHTLY = "0 2 * * *"  # UTC
DOC = """
### Nightly profiles

Takes the population as it is tonight and makes its generation, with the settings and artefacts (name tables, cohorts,
calibration, scorer) of the newest generation of the lake; only a full rebuild makes new ones. The first night, in a
lake without a generation, is a full rebuild. What did not change is not computed again: photos that were seen, users
whose inputs are the same, round by round. The result of the task `partition` counts what was added, changed and is gone
(`difference`), those of the others the users `computed` (`scored` in rounds) and `copied`.

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
        population=POPULATION_FOLDER,
        lake=LAKE,
        more=("--nightly", SETTINGS),
        check=refuse_contradictions(publish, store, population=POPULATION_FOLDER, lake=LAKE),
    )
    publish_tasks(generation_tasks(told), told.lake, publish, store)
