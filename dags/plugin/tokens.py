"""Forms that only our own pages can send: a signed token for one user and one deed, and a look at where it came from.

Airflow's cookie is SameSite=Lax, so another site's form does not carry it; this holds for browsers and for pages of the
same site that the cookie does not stop.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.configuration import conf
from fastapi import HTTPException, Request, status
from itsdangerous import BadSignature, SignatureExpired, URLSafeTimedSerializer

SALT = "kith-pages"
MAX_AGE_S = 1800  # half an hour to read a confirmation
HERE = "same-origin"  # what a browser says in Sec-Fetch-Site of a form of ours


def sign(user: BaseUser, deed: Mapping[str, str]) -> str:
    """A token that lets `user` do exactly `deed`, for half an hour."""
    return str(_serializer().dumps({"user": user.get_id(), **deed}))


def check(token: str, user: BaseUser, deed: Mapping[str, str]) -> None:
    """Refuse a token that is not this user's for this deed.

    Raises
    ------
    HTTPException
        403; nothing was done.
    """
    try:
        signed = _serializer().loads(token, max_age=MAX_AGE_S)
    except SignatureExpired:
        raise _refused("the confirmation is older than half an hour; go back and load the page again") from None
    except BadSignature:
        raise _refused("the confirmation was not signed by this server; go back and load the page again") from None
    if signed != {"user": user.get_id(), **deed}:
        raise _refused("the confirmation is for something else; go back and load the page again")


def from_our_pages(request: Request) -> None:
    """Refuse a form that another site's page sends; browsers say where it comes from."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:
        ours = site == HERE
    else:  # a browser from before 2023, or a program
        ours = origin is None or urlsplit(origin).netloc == request.headers.get("host")
    if not ours:
        raise _refused("this form was sent from another site; nothing was done")


def _serializer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(conf.get_mandatory_value("api", "secret_key"), salt=SALT)


def _refused(why: str) -> HTTPException:
    return HTTPException(status.HTTP_403_FORBIDDEN, why)
