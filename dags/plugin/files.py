"""What the pages load beside themselves: one style sheet, one script, one picture; for logged-in users as well."""

from __future__ import annotations

from pathlib import Path

from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import APIRouter, Response

from profiling.report import script, style_sheet

HERE = Path(__file__).parent

router = APIRouter()


@router.get("/style.css")
def style(user: GetUserDep) -> Response:
    """The report's style sheet and the pages' own rules, as one."""
    return Response(style_sheet() + (HERE / "pages.css").read_text(encoding="utf-8"), media_type="text/css")


@router.get("/page.js")
def page_script(user: GetUserDep) -> Response:
    """The script of the similarity grid."""
    return Response(script(), media_type="text/javascript")


@router.get("/icon.svg")
def icon(user: GetUserDep) -> Response:
    """The picture beside the entry of the navigation."""
    return Response((HERE / "icon.svg").read_bytes(), media_type="image/svg+xml")
