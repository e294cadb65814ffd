"""Whose cluster it is, at the edges of the definition."""

from __future__ import annotations

import pyarrow as pa
import pytest

from profiling.evaluation import label_clusters

OWNER, PARTNER, FRIEND, OTHER = 7, 8, 9, -1
MISSED = None  # a detection that is no true face


def label(people: list[int | None], person_ids: list[int], state: str = "member") -> dict[str, object] | None:
    photos = list(range(len(people)))
    members = pa.table(
        {
            "user_id": [OWNER] * len(people),
            "photo_id": photos,
            "face": pa.array([0] * len(people), pa.int16()),
            "cluster": pa.array([3] * len(people), pa.int16()),
            "state": [state] * len(people),
        }
    )
    matches = pa.table(
        {"photo_id": photos, "face": pa.array([0] * len(people), pa.int16()), "person_id": pa.array(people, pa.int64())}
    )
    rows = label_clusters(members, matches, pa.table({"user_id": [OWNER], "person_ids": [person_ids]})).to_pylist()
    return rows[0] if rows else None


@pytest.mark.parametrize(
    ("people", "person_ids", "owner", "person", "purity"),
    [
        ([OWNER, OWNER, FRIEND], [OWNER], True, OWNER, 2 / 3),
        ([OWNER, FRIEND], [OWNER], False, OWNER, 1 / 2),  # half is not most
        ([OWNER, PARTNER, FRIEND], [OWNER, PARTNER], True, OWNER, 1 / 3),  # a joint account owns both
        ([OWNER, OWNER, FRIEND, OTHER], [OWNER], False, OWNER, 1 / 2),  # commonest, yet not most
        ([OWNER, MISSED, MISSED], [OWNER], True, OWNER, 1.0),  # unmatched faces say nothing
        ([OWNER, OWNER], [], False, OWNER, 1.0),  # an account without a face of its own
    ],
)
def test_most_of_the_matched_faces_decide(
    people: list[int | None], person_ids: list[int], owner: bool, person: int, purity: float
) -> None:
    found = label(people, person_ids)
    assert found is not None
    assert (found["owner"], found["person_id"]) == (owner, person)
    assert found["purity"] == pytest.approx(purity)


def test_cluster_of_unmatched_faces_is_nobodys() -> None:
    found = label([MISSED, MISSED], [OWNER])
    assert found is not None
    assert [found[name] for name in ("owner", "person_id", "purity", "matched")] == [False, None, None, 0]


def test_only_members_speak() -> None:
    assert label([OWNER, OWNER], [OWNER], state="duplicate") is None
