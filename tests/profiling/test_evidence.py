"""Each column of evidence on one small album made by hand, and what holds for all of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from profiling import tables
from profiling.albums import Albums
from profiling.evidence import PROBE_ERROR, WORST_AGE, base_evidence
from profiling.sightings import Sightings
from profiling.tagging import CONFIRMED, tag_votes

OWNER, FRIEND = 11, 12  # user ids; the owner is cluster 0, the friend cluster 1
# photo: 1 owner alone, avatar; 2 owner and friend; 3 owner and friend; 4 friend alone; 5 owner twice (a collage)
PHOTO = np.array([0, 1, 1, 2, 2, 3, 4, 4])
LABEL = np.array([0, 0, 1, 0, 1, 1, 0, 0])
BOXES = [(0.1, 0.1, 0.2, 0.2) if i in (0, 1, 3, 5, 6) else (0.6, 0.1, 0.2, 0.2) for i in range(8)]


def album(**changes: Any) -> Sightings:
    columns: dict[str, Any] = {
        "user_id": np.array([OWNER]),
        "user_row": np.array([0]),
        "photo_id": np.arange(1, 6),
        "photo_user": np.zeros(5, np.int64),
        "photo_quality": np.array([5.0, 1.0, 1.0, 0.0, 1.0]),
        "photo_avatar": np.array([True, False, False, False, False]),
        "photo_year": np.array([2003.0, 2003.0, np.nan, 2003.0, 2003.0]),
        "face_number": np.array([0, 0, 1, 0, 1, 0, 0, 1]),
        "face_photo": PHOTO,
        "face_user": np.zeros(8, np.int64),
        "vectors": np.ones((8, 4), np.float16),
        "boxes": np.array(BOXES),
        "score": np.where(LABEL == 0, 0.999, 0.99),
        "sharpness": np.where(LABEL == 0, 200.0, 100.0),
        "norm": np.where(LABEL == 0, 1.5, 1.4),
        "age": np.where(LABEL == 0, 40.0, 75.0),
        "female": np.where(LABEL == 0, 0.9, 0.2),
        "nonface_distance": np.ones(8),
    }
    every = np.ones(8, np.bool_)
    return Sightings.of(Albums(**(columns | changes)), LABEL, every, every)


def people(**changes: Any) -> pa.Table:
    row = {"user_id": OWNER, "row": 0, "birth_year": 1963.0, "birth_year_confidence": 0.8, "female": 0.95}
    return pa.Table.from_pylist([row | changes], schema=tables.PEOPLE)


def tags(*rows: tuple[int, int, tuple[float, ...] | None, str]) -> pa.Table:
    found = []
    for photo_id, user_id, box, source in rows:
        frame = dict(zip("xywh", box or (None,) * 4, strict=True))
        found.append({"photo_id": photo_id, "owner_id": OWNER, "user_id": user_id, "source": source, **frame})
    return pa.Table.from_pylist(found, schema=tables.TAGS)


def evidence(named: pa.Table | None = None, about: pa.Table | None = None) -> dict[str, list[float]]:
    found = base_evidence(album(), tags() if named is None else named, people() if about is None else about)
    assert tuple(found) == tables.ALBUM_EVIDENCE
    assert all(column.dtype == np.float32 for column in found.values())
    return {name: column.tolist() for name, column in found.items()}


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("size", [np.log1p(4), np.log1p(3)]),
        ("share", [4 / 5, 3 / 5]),
        ("solo", [1 / 2, 1 / 2]),
        ("group", [3 / 3, 2 / 3]),
        ("avatar", [1, 0]),
        ("same_photo", [1 / 4, 0]),
        ("gender_agreement", [0.9 * 0.8, 0.9 * -0.6]),
        ("age_agreement", [0, -0.8 * (35 - PROBE_ERROR) / WORST_AGE]),
    ],
)
def test_columns_counted_by_hand(column: str, expected: list[float]) -> None:
    assert evidence()[column] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("column", ["quality", "score", "sharpness", "norm"])
def test_what_depends_on_the_camera_is_set_against_the_album(column: str) -> None:
    better, worse = evidence()[column]
    assert better > 0 > worse
    faces = np.bincount(LABEL)
    assert better * faces[0] + worse * faces[1] == pytest.approx(0, abs=1e-6)


def test_what_is_not_known_is_nan() -> None:
    found = evidence(about=people(birth_year=None, female=None))
    tagged = ("tags_owner", "tags_confirmed", "tags_rejected", "tags_others")
    for column in ("age_agreement", "gender_agreement", *tagged):
        assert np.isnan(found[column]).all()
    undated = base_evidence(album(photo_year=np.full(5, np.nan)), tags(), people())
    assert np.isnan(undated["age_agreement"]).all()
    without = base_evidence(album(photo_avatar=np.zeros(5, np.bool_)), tags(), people())
    assert np.isnan(without["avatar"]).all()
    strangers = evidence(about=people(user_id=99))
    assert np.isnan(strangers["gender_agreement"]).all()


def votes(*rows: tuple[int, int, tuple[float, ...] | None, str]) -> list[float]:
    return tag_votes(album(), tags(*rows)).tolist()


def test_a_box_speaks_for_the_face_that_it_covers() -> None:
    assert votes((2, OWNER, (0.12, 0.1, 0.2, 0.2), "manual")) == [1, 0]
    assert votes((2, OWNER, (0.58, 0.12, 0.2, 0.2), "manual")) == [0, 1]
    assert votes((2, OWNER, (0.3, 0.6, 0.2, 0.2), "manual")) == [0, 0]
    assert votes((1, OWNER, (0.0, 0.0, 0.7, 0.7), "manual")) == [0, 0]  # centres apart, hardly overlapping
    assert votes((1, OWNER, (0.05, 0.02, 0.36, 0.36), "manual")) == [1, 0]  # too large, but centred


def test_without_a_box_all_faces_share_the_vote() -> None:
    assert votes((1, OWNER, None, "manual")) == [1, 0]
    assert votes((3, OWNER, None, "manual")) == [0.5, 0.5]


def test_confirmed_tags_count_more() -> None:
    assert votes((1, OWNER, None, "confirmed"), (4, OWNER, None, "manual")) == [CONFIRMED, 1]


def test_each_tag_of_the_owner_counts_in_one_column_only() -> None:
    columns = {"manual": "tags_owner", "confirmed": "tags_confirmed", "rejected": "tags_rejected"}
    for source, column in columns.items():
        found = evidence(tags((1, OWNER, None, source)))
        assert found[column][0] > 0
        assert found[column][1] == 0
        for other in (*(set(columns.values()) - {column}), "tags_others"):
            assert np.isnan(found[other]).all()
    unspoken = tags((1, OWNER, None, "manual"))
    unspoken = unspoken.set_column(unspoken.column_names.index("source"), "source", pa.nulls(1, pa.string()))
    assert evidence(unspoken)["tags_owner"] == [0.5, 0]


def test_tags_of_others_are_counted_apart() -> None:
    rows = ((4, FRIEND, None, "manual"), (1, OWNER, None, "manual"))
    found = evidence(tags(*rows, (2, FRIEND, None, "rejected")))
    assert found["tags_owner"] == [0.5, 0]
    assert found["tags_others"] == [0, 0.5]


def test_tags_on_photos_that_were_not_selected_say_nothing() -> None:
    assert votes((77, OWNER, None, "manual")) == [0, 0]
