"""Airflow's own application, asked over its REST API in this process by somebody who may do everything."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

OPEN = {  # of the environment, before Airflow is imported
    "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
} | (
    {}
    if any(each.name == "kith" for each in entry_points(group="airflow.plugins"))
    else {"AIRFLOW__CORE__PLUGINS_FOLDER": str(Path(__file__).parents[1] / "plugin" / "plugins_folder")}
)


@contextlib.contextmanager
def logged_in() -> Iterator[Any]:
    """A client of the application."""
    from airflow.api_fastapi.app import create_app
    from fastapi.testclient import TestClient

    with TestClient(create_app(apps="core")) as client:
        answer = client.get("/auth/token")
        assert answer.status_code == 201, answer.text
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        yield client
