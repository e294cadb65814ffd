"""What Airflow finds by the entry point `airflow.plugins`: where the pages are mounted and where they are linked.

Every process of Airflow loads this, so the pages themselves are imported by the first request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.plugins_manager import AirflowPlugin

from dags.plugin.closed import Closed
from dags.wordings import teach_wordings

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

PREFIX = "/kith"


async def pages(scope: Scope, receive: Receive, send: Send) -> None:
    """The pages as an ASGI application."""
    from anyio.to_thread import run_sync

    application = await run_sync(_application)
    await application(scope, receive, send)


def _application() -> ASGIApp:
    from dags.plugin.app import application

    return application()


APPLICATIONS: list[dict[str, Any]] = [{"app": pages, "url_prefix": PREFIX, "name": "Kith"}]
MIDDLEWARES: list[dict[str, Any]] = [{"middleware": Closed, "name": "Kith closes Airflow's descriptions"}]
VIEWS: list[dict[str, Any]] = [  # addresses are relative to Airflow's own
    {
        "name": "Profiles",
        "href": "kith/profiles",
        "destination": "nav",
        "url_route": "kith-profiles",
        "icon": "kith/icon.svg",
        "nav_top_level": True,
    },
    {
        "name": "Generation",
        "href": "kith/runs/{DAG_ID}/{RUN_ID}",
        "destination": "dag_run",
        "url_route": "kith-generation",
        "icon": "kith/icon.svg",
    },
]


teach_wordings()  # the api-server refuses what forms refuse, and knows no DAG file


class KithPlugin(AirflowPlugin):
    """The pages, a tab of DAG runs, an entry of the navigation, and what is closed."""

    name = "kith"
    fastapi_apps = APPLICATIONS
    fastapi_root_middlewares = MIDDLEWARES
    external_views = VIEWS
