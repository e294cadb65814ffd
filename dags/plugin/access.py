"""Who may open a page and who may change what readers get: as Airflow's auth manager says, for whichever it is."""

from __future__ import annotations

from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import requires_access_dag
from fastapi import HTTPException, Request, status

REBUILD, PUBLISH = "rebuild_profiles", "publish_profiles"  # DAGs whose rights the pages go by

# Whoever may look at the DAG that makes generations may look at generations.
may_look = requires_access_dag("GET", param_dag_id=REBUILD)
# Whoever may trigger the DAG that publishes may publish and roll back by a button.
must_publish = requires_access_dag("POST", DagAccessEntity.RUN, param_dag_id=PUBLISH)


def may_publish(request: Request, user: BaseUser) -> bool:
    """Whether to show buttons that `must_publish` would let through."""
    try:
        must_publish(request, user)
    except HTTPException as refusal:
        if refusal.status_code != status.HTTP_403_FORBIDDEN:
            raise
        return False
    return True
