"""What Airflow tells anybody of itself, kept from those who are not logged in: descriptions of its interfaces.

They name no user, but what may be tried is nobody's business. Airflow's setting closes the first of them only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

DESCRIPTIONS = ("/openapi.json", "/docs", "/redoc", "/docs/oauth2-redirect")  # as FastAPI names them
PARTS = ("", "/auth", "/execution")  # Airflow's applications; Kith's own has none
CLOSED = frozenset(f"{part}{page}" for part in PARTS for page in DESCRIPTIONS)


class Closed:
    """ASGI middleware: 404 for `CLOSED`, whoever asks; Airflow's own pages need none of them without a login."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].rstrip("/") in CLOSED:
            await send({"type": "http.response.start", "status": 404, "headers": [(b"content-length", b"0")]})
            await send({"type": "http.response.body", "body": b""})
        else:
            await self._app(scope, receive, send)
