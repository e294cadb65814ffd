"""What stands in an address: each part is checked before anything is looked up."""

from __future__ import annotations

from typing import Annotated

from airflow.api_fastapi.common.db.common import SessionDep
from fastapi import Depends, HTTPException, Path, status

from dags.plugin.places import KEY_DIGITS, LakePlace, known_places

LEAST_ID, MOST_ID = -(2**63), 2**63 - 1  # user_id is int64

LakeKey = Annotated[str, Path(pattern=rf"^[0-9a-f]{{{KEY_DIGITS}}}$")]
GenerationId = Annotated[str, Path(pattern=r"^g[0-9a-f]{12}$")]
UserId = Annotated[int, Path(ge=LEAST_ID, le=MOST_ID)]


def find_place(lake: LakeKey, session: SessionDep) -> LakePlace:
    """The lake that a key stands for: one that is configured or that a run was told, no other folder."""
    place = known_places(session).get(lake)
    if place is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "no run and no configuration names this lake any more")
    return place


PlaceDep = Annotated[LakePlace, Depends(find_place)]
