"""The DAG that people trigger: every stage of a whole rebuild, one Ray job a stage."""

from __future__ import annotations

from airflow.sdk import DAG

from dags.approval import publish_tasks
from dags.contradictions import refuse_contradictions
from dags.forms import rebuild_form
from dags.proposals import with_proposals
from dags.stage_tasks import DEFAULTS, BuildTemplates, generation_tasks

PUBLISH, STORE = "{{ params.publish }}", "{{ params.store or '' }}"
DOC = """
### Rebuild all profiles

Makes a **generation**: one profile for every user whose face was found in their own album.

Press *Trigger*, name the population and the lake, and leave the rest as it is. Every task is one Ray job; its log is
the task's log, and the Ray dashboard shows its actors while it runs.

| task | what it does |
| --- | --- |
| `partition` | checks the population, applies consent, sorts everything by user; all later tasks read this snapshot |
| `select` | each user's best photos, by metadata alone |
| `embed` | finds the faces and embeds them: the long one |
| `people` | birth years, gender and communities, from the graph |
| `cluster` | one cluster a person of each album |
| `round_0` … | who is the owner, with the friends' profiles of the last round; skipped once nobody moves |
| `broaden` | more photos for users without a leader |
| `audit` | counts, gates, and the generation itself |
| `gates` | fails, and so shows, when a gate has failed and nobody is to be asked |
| `approval` | asks a person, when that is wanted or a gate has failed (tab *Required actions*) |
| `publish` | into the profile store; readers change over when all of it is written and was read back |

**When a task fails** its last line says what to mend. *Clear* it afterwards: finished buckets are skipped. *Mark as
failed* stops its job. A lake that another run writes is waited for.
"""

with DAG(
    "rebuild_profiles",
    dag_display_name="Rebuild all profiles",
    description="A new generation of profiles for a whole population",
    doc_md=DOC,
    schedule=None,
    params=with_proposals(rebuild_form()),
    tags=["kith", "profiles"],
    max_active_runs=1,
    default_args=DEFAULTS,
):
    told = BuildTemplates(
        population="{{ params.population }}",
        lake="{{ params.lake }}",
        more=(
            "--model={{ params.model }}",
            "--photos-per-user={{ params.photos_per_user }}",
            "--rounds={{ params.rounds }}",
            "--users={{ params.users }}",
            "{{ '--set=scoring.precision=' ~ params.precision if params.precision is not none else '' }}",
            "--name={{ params.name }}",
            "{{ '--settings=' ~ params.settings if params.settings else '' }}",
            "{{ '--buckets=' ~ params.buckets if params.buckets else '' }}",
            "{{ '--retry-failed' if params.retry_failed else '' }}",
        ),
        check=refuse_contradictions(PUBLISH, STORE),
    )
    publish_tasks(generation_tasks(told), told.lake, PUBLISH, STORE)
