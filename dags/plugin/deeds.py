"""Publish and roll back: a page that asks, a form that says yes, and a line in the audit log of who said it."""

from __future__ import annotations

from typing import Annotated

from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import APIRouter, Depends, Form, HTTPException, Request, Response, status
from fastapi.responses import RedirectResponse

from dags.plugin.access import must_publish
from dags.plugin.addresses import GenerationId, PlaceDep
from dags.plugin.places import LakePlace
from dags.plugin.rendering import render
from dags.plugin.runs import start_publication, write_audit
from dags.plugin.tokens import check, from_our_pages, sign
from profiling.errors import StoreError
from ray_tasks.generations import find_generation
from ray_tasks.lake import Lake
from ray_tasks.showing.overview import StoreView, roll_back, view_store

PUBLISH_EVENT, ROLLBACK_EVENT = "kith_publish", "kith_roll_back"  # of the audit log

Against = Annotated[str, Form(pattern=r"^(none|g[0-9a-f]{12})$")]
Token = Annotated[str, Form(max_length=2000)]

router = APIRouter(dependencies=[Depends(must_publish)])
sent = [Depends(from_our_pages)]


@router.get("/lakes/{lake}/generations/{generation}/publish")
def ask_publish(request: Request, user: GetUserDep, place: PlaceDep, generation: GenerationId) -> Response:
    """Ask whether a generation shall be published, and show the gates that failed."""
    found = find_generation(Lake.open(place.lake), generation)
    store = _readable(place)
    failed = [gate for gate in found.audit["gates"] if not gate["passed"]]
    token = sign(user, _publish_deed(place, found.id, store.against))
    return render(request, "publish.html", place=place, generation=found, store=store, failed=failed, token=token)


@router.post("/lakes/{lake}/generations/{generation}/publish", dependencies=sent)
def publish(
    request: Request,
    user: GetUserDep,
    place: PlaceDep,
    generation: GenerationId,
    against: Against,
    token: Token,
    approve: Annotated[bool, Form()] = False,
) -> Response:
    """Start the run that publishes."""
    check(token, user, _publish_deed(place, generation, against))
    found = find_generation(Lake.open(place.lake), generation)
    if not approve and not found.audit["passed"]:
        raise HTTPException(
            status.HTTP_409_CONFLICT, f"generation {found.id} failed its gates; tick that you have looked at them"
        )
    told = {"lake": place.lake, "generation": found.id, "against": against, "approve": approve}
    write_audit(user, PUBLISH_EVENT, told)
    start_publication(user, place, found.id, against, approve)
    return _back(request, place)


@router.get("/lakes/{lake}/rollback")
def ask_roll_back(request: Request, user: GetUserDep, place: PlaceDep) -> Response:
    """Ask whether readers shall get the generation before."""
    store = _readable(place)
    token = sign(user, _rollback_deed(place, store.against))
    return render(request, "rollback.html", place=place, store=store, token=token)


@router.post("/lakes/{lake}/rollback", dependencies=sent)
def do_roll_back(request: Request, user: GetUserDep, place: PlaceDep, against: Against, token: Token) -> Response:
    """Move the pointer back."""
    check(token, user, _rollback_deed(place, against))
    write_audit(user, ROLLBACK_EVENT, {"lake": place.lake, "from": against})
    roll_back(str(place.store), against)
    return _back(request, place)


def _publish_deed(place: LakePlace, generation: str, against: str) -> dict[str, str]:
    """What a token to publish is good for."""
    about = {"lake": place.key, "store": str(place.store), "generation": generation, "against": against}
    return {"deed": PUBLISH_EVENT, **about}


def _rollback_deed(place: LakePlace, against: str) -> dict[str, str]:
    """What a token to roll back is good for."""
    return {"deed": ROLLBACK_EVENT, "lake": place.key, "store": str(place.store), "against": against}


def _readable(place: LakePlace) -> StoreView:
    """The lake's store, which must answer."""
    store = view_store(place.store)
    if store.problem:
        raise StoreError(store.problem)
    return store


def _back(request: Request, place: LakePlace) -> Response:
    root = request.scope.get("root_path", "")
    return RedirectResponse(f"{root}/lakes/{place.key}/generations", status.HTTP_303_SEE_OTHER)
