"""The pages as one application: every route asks who is there, and every answer says what a browser may do with it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cache

from airflow.api_fastapi.core_api.security import get_user
from fastapi import Depends, FastAPI, Request, Response, status
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from dags.plugin import deeds, files, pages
from dags.plugin.access import may_look
from dags.plugin.rendering import render_message
from profiling.errors import KithError, LakeError, PassingError, StoreConflictError

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "style-src-attr 'unsafe-inline'",  # lengths of bars and places of crops; no style sheet can come in by it
        "img-src 'self' data:",  # crops travel inside the page that was asked for
        "form-action 'self'",
        "frame-ancestors 'self'",  # Airflow shows the pages in a frame of its own
        "base-uri 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "no-store",  # faces stay in no cache
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
LOGIN = "your login has ended or there was none; log in to Airflow and load this page again"
CODES: tuple[tuple[type[KithError], int], ...] = (  # the first that fits
    (StoreConflictError, status.HTTP_409_CONFLICT),
    (PassingError, status.HTTP_503_SERVICE_UNAVAILABLE),
    (LakeError, status.HTTP_404_NOT_FOUND),
    (KithError, status.HTTP_503_SERVICE_UNAVAILABLE),
)


@cache
def application() -> FastAPI:
    """The application; made once a process."""
    app = FastAPI(
        title="Kith",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        dependencies=[Depends(get_user), Depends(may_look)],
    )
    for router in (pages.router, deeds.router, files.router):
        app.include_router(router)
    app.add_exception_handler(KithError, _tell_error)
    app.add_exception_handler(HTTPException, _tell_refusal)
    app.add_exception_handler(RequestValidationError, _tell_nonsense)
    app.middleware("http")(_with_headers)
    return app


async def _with_headers(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    response = await call_next(request)
    response.headers.update(HEADERS)
    return response


def _tell_error(request: Request, error: Exception) -> Response:
    """An error of ours is one line."""
    code = next(code for kind, code in CODES if isinstance(error, kind))
    return render_message(request, code, str(error))


def _tell_refusal(request: Request, error: Exception) -> Response:
    """What Airflow refuses, in words."""
    code = error.status_code if isinstance(error, HTTPException) else status.HTTP_500_INTERNAL_SERVER_ERROR
    said = str(error.detail) if isinstance(error, HTTPException) else ""
    return render_message(request, code, LOGIN if code == status.HTTP_401_UNAUTHORIZED else said)


def _tell_nonsense(request: Request, error: Exception) -> Response:
    """An address or a form of which something is no id."""
    return render_message(
        request, status.HTTP_422_UNPROCESSABLE_CONTENT, "a part of the address or form is no id; go back to Profiles"
    )
