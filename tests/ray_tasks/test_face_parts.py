"""Which part speaks for which photo: versions, failures tried again, parts cut in any way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from profiling.tables import SEEN, faces_schema
from profiling.vectors import pack_vectors
from ray_tasks.lake import Lake, Manifest
from ray_tasks.parts import PhotoList
from ray_tasks.stages.face_parts import FaceParts, split_photos

DIM = 4


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.create(tmp_path / "lake", 1)


def photos(*ids: int, version: int = 0) -> PhotoList:
    return PhotoList(np.array(ids, np.int64), np.full(len(ids), version, np.int64), [f"{each}.jpg" for each in ids])


def part(lake: Lake, ids: tuple[int, ...], reason: str = "ok", version: int = 0, value: float = 1.0) -> Manifest:
    rows = [{"photo_id": each, "version": version, "reason": reason, "faces": int(reason == "ok")} for each in ids]
    faces = faces_schema(DIM).empty_table()
    if reason == "ok":
        columns = {name: np.full(len(ids), value, np.float32) for name in faces.column_names}
        columns |= {"photo_id": np.array(ids), "face": np.zeros(len(ids), np.int16)}
        arrays = {name: pa.array(column) for name, column in columns.items()}
        arrays["landmarks"] = pa.array([[value] * 10] * len(ids), pa.list_(pa.float32(), 10))
        arrays["embedding"] = pack_vectors(np.full((len(ids), DIM), value))
        faces = pa.table([arrays[name].cast(faces.schema.field(name).type) for name in arrays], schema=faces.schema)
    with lake.attempt("embed", 0, f"{len(lake.results('embed', 0)):032d}") as attempt:
        attempt.write("seen", pa.Table.from_pylist(rows, schema=SEEN))
        attempt.write("faces", faces)
        return attempt.commit()


def test_what_no_part_holds_in_this_version_is_missing(lake: Lake) -> None:
    parts = [part(lake, (1, 2)), part(lake, (5,), version=1)]
    assert FaceParts(lake, parts, photos(1, 2, 3, 5)).missing().photo_ids.tolist() == [3, 5]
    assert FaceParts(lake, parts, photos(1, 2, 5, version=1)).missing().photo_ids.tolist() == [1, 2]


def test_photos_that_are_not_wanted_any_more_have_no_faces(lake: Lake) -> None:
    found = FaceParts(lake, [part(lake, (3, 1, 2))], photos(1, 3)).faces(DIM)
    assert found["photo_id"].to_pylist() == [1, 3]


def test_failures_are_missing_only_when_asked_for_and_a_later_success_speaks(lake: Lake) -> None:
    failed = part(lake, (1, 2), reason="missing")
    before = FaceParts(lake, [failed], photos(1, 2))
    assert len(before.missing()) == 0
    assert before.missing(retry_failed=True).photo_ids.tolist() == [1, 2]
    after = FaceParts(lake, [failed, part(lake, (2,))], photos(1, 2))
    assert after.seen()["reason"].to_pylist() == ["missing", "ok"]
    assert after.digest() != before.digest()


def test_of_two_good_parts_the_older_speaks(lake: Lake) -> None:
    parts = [part(lake, (1,), value=0.25), part(lake, (1,), value=0.5)]
    assert FaceParts(lake, parts, photos(1)).faces(DIM)["norm"].to_pylist() == [0.25]


def test_parts_cut_otherwise_hold_the_same_faces(lake: Lake, tmp_path: Path) -> None:
    other = Lake.create(tmp_path / "other", 1)
    one = FaceParts(lake, [part(lake, (1, 2, 3))], photos(1, 2, 3))
    two = FaceParts(other, [part(other, (3,)), part(other, (1, 2))], photos(1, 2, 3))
    assert one.digest() == two.digest()
    assert one.faces(DIM).equals(two.faces(DIM))


def test_every_photo_is_in_one_part_and_parts_are_told_apart() -> None:
    pieces = list(split_photos(photos(*range(10)), 4))
    assert [len(piece) for _, piece in pieces] == [4, 4, 2]
    assert len({mark for mark, _ in pieces}) == 3
    again = [mark for mark, _ in split_photos(photos(*range(10)), 4, earlier=3)]
    assert not set(again) & {mark for mark, _ in pieces}
