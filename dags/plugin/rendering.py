"""HTML out of templates: escaped, with addresses below wherever Airflow mounts the pages."""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import Request, status
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from profiling.report.charts import number, percent

TEMPLATES = Path(__file__).parent / "templates"
TITLES = {
    status.HTTP_401_UNAUTHORIZED: "Log in first",
    status.HTTP_403_FORBIDDEN: "Not allowed",
    status.HTTP_404_NOT_FOUND: "Not there",
    status.HTTP_409_CONFLICT: "Something changed meanwhile",
    status.HTTP_422_UNPROCESSABLE_CONTENT: "No such address",
}


def render(request: Request, template: str, code: int = status.HTTP_200_OK, **values: Any) -> HTMLResponse:
    """A page; `root` is the address that the pages are mounted at."""
    values["root"] = request.scope.get("root_path", "")
    return HTMLResponse(_environment().get_template(template).render(values), status_code=code)


def render_message(request: Request, code: int, text: str) -> HTMLResponse:
    """A page of one line."""
    return render(request, "message.html", code, title=TITLES.get(code, "This did not work"), text=text)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"percent": percent, "number": number, "count": lambda value: f"{value:,}", "when": _when}
    return environment


def _when(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(seconds))
