"""The pages that only show: generations, users by reason, one user, and what a run has made."""

from __future__ import annotations

from typing import Annotated

from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import APIRouter, Query, Request, Response, status
from fastapi.responses import RedirectResponse
from markupsafe import Markup

from dags.plugin.access import may_publish
from dags.plugin.addresses import LEAST_ID, MOST_ID, GenerationId, PlaceDep, UserId
from dags.plugin.places import LakePlace, known_places, place_of_run
from dags.plugin.rendering import render, render_message
from dags.plugin.runs import Publication, find_run, generation_of, publications
from profiling.errors import LakeError
from profiling.leaders import REASONS
from profiling.report import render_generation, render_user
from ray_tasks.generations import find_generation
from ray_tasks.lake import Lake
from ray_tasks.showing.overview import list_generations, report_of, show_generation, view_store
from ray_tasks.showing.people import LISTED, Place, list_users, tell_story

PROFILED = "ok"  # what became of a user with a profile

router = APIRouter()


@router.get("/profiles")
def profiles(request: Request, user: GetUserDep, session: SessionDep) -> Response:
    """The lakes that are known; the only one at once."""
    places = list(known_places(session).values())
    if len(places) == 1:
        return _generations(request, user, session, places[0])
    return render(request, "lakes.html", places=places)


@router.get("/lakes/{lake}/generations")
def generations(request: Request, user: GetUserDep, session: SessionDep, place: PlaceDep) -> Response:
    """Generations of a lake, newest first."""
    return _generations(request, user, session, place)


@router.get("/lakes/{lake}/generations/{generation}")
def generation(
    request: Request, user: GetUserDep, session: SessionDep, place: PlaceDep, generation: GenerationId
) -> Response:
    """One generation's report."""
    return _generation(request, user, session, place, generation)


@router.get("/runs/{dag_id}/{run_id}")
def run(request: Request, user: GetUserDep, session: SessionDep, dag_id: str, run_id: str) -> Response:
    """The report of the generation that a DAG run made."""
    found = find_run(session, dag_id, run_id)
    if found is None:
        text = "runs of this DAG make no generation; rebuild_profiles and nightly_profiles do"
        return render_message(request, status.HTTP_404_NOT_FOUND, text)
    place, made = place_of_run(session, found), generation_of(session, found)
    if place is None or made is None:
        return render(request, "unmade.html", run_id=run_id, state=str(found.state))
    return _generation(request, user, session, place, made)


@router.get("/lakes/{lake}/generations/{generation}/people")
def people(
    request: Request,
    user: GetUserDep,
    place: PlaceDep,
    generation: GenerationId,
    reason: Annotated[str | None, Query(pattern=r"^[a-z_]{1,32}$")] = None,
    bucket: Annotated[int, Query(ge=0)] = 0,
    after: Annotated[int | None, Query(ge=LEAST_ID, le=MOST_ID)] = None,
) -> Response:
    """Users by what became of them, a page at a time; first those without a profile for the commonest reason."""
    lake = Lake.open(place.lake)
    found = find_generation(lake, generation)
    counts = {code: count for code in LISTED if (count := found.audit["users_by_reason"].get(code))}
    chosen = reason or max(counts, key=lambda code: (code != PROFILED, counts[code]), default=PROFILED)
    page = list_users(lake, found, chosen, Place(bucket, after))
    return render(
        request,
        "people.html",
        place=place,
        generation=found,
        reason=chosen,
        meaning=REASONS[chosen],
        reasons=[(code, REASONS[code], count) for code, count in counts.items()],
        page=page,
        first=(bucket, after) == (0, None),
    )


@router.get("/lakes/{lake}/generations/{generation}/users")
def find_user(
    request: Request,
    user: GetUserDep,
    place: PlaceDep,
    generation: GenerationId,
    wanted: Annotated[int, Query(alias="user", ge=LEAST_ID, le=MOST_ID)],
) -> Response:
    """To the page of the user whose id was written into the form."""
    root = request.scope.get("root_path", "")
    address = f"{root}/lakes/{place.key}/generations/{generation}/users/{wanted}"
    return RedirectResponse(address, status.HTTP_303_SEE_OTHER)


@router.get("/lakes/{lake}/generations/{generation}/users/{user_id}")
def one_user(
    request: Request, user: GetUserDep, place: PlaceDep, generation: GenerationId, user_id: UserId
) -> Response:
    """One user's clusters with crops, evidence and explanation."""
    lake = Lake.open(place.lake)
    found = find_generation(lake, generation)
    story = tell_story(lake, found, user_id)
    body = Markup(render_user(story))  # noqa: S704 - escaped by the report's own templates
    return render(request, "user.html", place=place, generation=found, user_id=user_id, name=story.name, body=body)


def _generations(request: Request, user: GetUserDep, session: SessionDep, place: LakePlace) -> Response:
    store = view_store(place.store)
    lake = Lake.open(place.lake)
    runs = publications(session, place)
    return render(
        request,
        "generations.html",
        place=place,
        store=store,
        generations=list_generations(lake, store),
        latest=runs[0] if runs else None,
        allowed=may_publish(request, user),
    )


def _generation(request: Request, user: GetUserDep, session: SessionDep, place: LakePlace, wanted: str) -> Response:
    lake = Lake.open(place.lake)
    found = find_generation(lake, wanted)
    if found.id != wanted:
        raise LakeError(f"{place.lake}: has no generation {wanted!r}")
    store = view_store(place.store)
    data = report_of(lake, found)
    body = Markup(render_generation(data))  # noqa: S704 - escaped by the report's own templates
    return render(
        request,
        "generation.html",
        place=place,
        store=store,
        data=data,
        shown=show_generation(found, store),
        latest=_latest(publications(session, place), wanted),
        allowed=may_publish(request, user),
        body=body,
    )


def _latest(runs: list[Publication], generation: str) -> Publication | None:
    """The newest publication of a generation."""
    return next((run for run in runs if run.generation == generation), None)
