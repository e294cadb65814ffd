"""The tables of the demo population, as rows of what was planned and drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import pyarrow as pa

from profiling.demo.cast import Member, face_of, stated_birth_year, true_birth_year
from profiling.demo.photos import Box
from profiling.demo.shots import Shot
from profiling.demo.tagging import Tag
from profiling.evaluation import truth
from profiling.tables import GENDERS, POPULATION

Rows: TypeAlias = list[dict[str, Any]]

TRUTH = {
    "truth/users": truth.USERS | truth.USERS_OPTIONAL,
    "truth/faces": truth.FACES,
    "truth/uploads": truth.UPLOADS,
}
SIDES = ("x", "y", "w", "h")


def make_tables(
    members: Sequence[Member],
    owners: Mapping[int, list[int]],
    pairs: Sequence[tuple[int, int]],
    shots: Sequence[Shot],
    uploads: Sequence[Shot],
    tags: Sequence[Tag],
) -> dict[str, pa.Table]:
    """All tables of the population by the path of their file, less ".parquet".

    Photos and uploads are numbered from 1 in the order of their shots; `owners` are the people behind each account.
    """
    members = sorted(members, key=lambda member: member.user_id)
    rows = {
        "users": [_user(member) for member in members],
        "photos": [_photo(number, shot) for number, shot in enumerate(shots, 1)],
        "tags": [_tag(tag) for tag in tags],
        "friendships": [{"user_a": a, "user_b": b} for a, b in pairs],
        "truth/users": [_truth(place, member, owners[member.user_id]) for place, member in enumerate(members)],
        "truth/faces": [face for number, shot in enumerate(shots, 1) for face in _faces(number, shot)],
        "truth/uploads": [_upload(number, shot) for number, shot in enumerate(uploads, 1)],
    }
    return {name: pa.Table.from_pylist(found, _schema(name)) for name, found in rows.items()}


def _schema(name: str) -> pa.Schema:
    if name in TRUTH:
        return pa.schema(list(TRUTH[name].items()))
    return pa.schema([(column.name, column.type) for column in POPULATION[name]])


def _gender(member: Member) -> str:
    return GENDERS[face_of(member).man]


def _user(member: Member) -> dict[str, Any]:
    return {
        "user_id": member.user_id,
        "first_name": member.first_name,
        "last_name": member.last_name,
        "gender": _gender(member) if member.says_gender else None,
        "birth_year": stated_birth_year(member),
        "consent": member.consent,
    }


def _photo(number: int, shot: Shot) -> dict[str, Any]:
    return {
        "photo_id": number,
        "owner_id": shot.scene.owner_id,
        "uri": shot.uri,
        "width": shot.width,
        "height": shot.height,
        "camera": shot.capture.camera,
        "was_avatar": shot.scene.avatar,
        "taken_at": shot.capture.taken_at,
    }


def _tag(tag: Tag) -> dict[str, Any]:
    return {"photo_id": tag.photo_id, "user_id": tag.user_id, "source": tag.source} | _sides(tag.box)


def _sides(box: Box | None) -> dict[str, Any]:
    return dict(zip(SIDES, box, strict=True)) if box else {}


def _truth(place: int, member: Member, person_ids: list[int]) -> dict[str, Any]:
    return {
        "user_id": member.user_id,
        "person_ids": person_ids,
        "gender": _gender(member),
        "birth_year": true_birth_year(member),
        "kind": member.kind,
        "split": ("train", "test")[place % 2],
    }


def _faces(number: int, shot: Shot) -> Rows:
    placed = zip(shot.scene.people, shot.boxes, strict=True)
    return [{"photo_id": number, "person_id": person} | _sides(box) for person, box in placed]


def _upload(number: int, shot: Shot) -> dict[str, Any]:
    lists = {side: [box[i] for box in shot.boxes] for i, side in enumerate(SIDES)}
    return {
        "upload_id": number,
        "uploader_id": shot.scene.owner_id,
        "uri": shot.uri,
        "person_ids": list(shot.scene.people),
    } | lists
