"""What another team's DAGs would be: they follow a generation and its publication; nothing runs in a process."""

from __future__ import annotations

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG

from dags.assets import GENERATION, PUBLISHED

for name, asset in (("follow_generation", GENERATION), ("follow_published", PUBLISHED)):
    with DAG(name, schedule=[asset], is_paused_upon_creation=False) as dag:
        EmptyOperator(task_id="nothing")
    globals()[name] = dag
