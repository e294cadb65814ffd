"""Answer a waiting approval as the UI does, by the API's own function: DAG_ID RUN_ID OPTION."""

from __future__ import annotations

import sys


def main(dag_id: str, run_id: str, option: str) -> None:
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from airflow.api_fastapi.core_api.datamodels.hitl import UpdateHITLDetailPayload
    from airflow.api_fastapi.core_api.routes.public.hitl import update_hitl_detail
    from airflow.utils.session import create_session

    with create_session() as session:
        update_hitl_detail(
            dag_id=dag_id,
            dag_run_id=run_id,
            task_id="approval",
            update_hitl_detail_payload=UpdateHITLDetailPayload(chosen_options=[option], params_input={}),
            user=SimpleAuthManagerUser(username="ada", role="admin"),
            session=session,
        )


if __name__ == "__main__":
    main(*sys.argv[1:4])
