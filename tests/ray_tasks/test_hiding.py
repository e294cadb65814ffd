"""Whoever is forgotten is in nothing that is read or committed afterwards; everybody else is as before."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from profiling.tables import MEMBERS, PEOPLE, PHOTOS, SEEN, TAGS, USERS, faces_schema, profiles_schema
from profiling.vectors import pack_vectors
from ray_tasks.hiding import hide, read_raw
from ray_tasks.lake import Lake
from ray_tasks.ledger import add_to_ledger, read_ledger

GONE = 7
USER_IDS = [3, GONE, 9]


def filled(schema: pa.Schema, **columns: pa.Array) -> pa.Table:
    """A table of three rows; columns that are not given are null."""
    return pa.table([columns.get(field.name, pa.nulls(3, field.type)) for field in schema], schema=schema)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake.create(tmp_path / "lake", 1)
    photos = filled(PHOTOS, photo_id=pa.array([30, 70, 90]), owner_id=pa.array(USER_IDS))
    with lake.attempt("partition", 0, "p") as attempt:
        attempt.write("photos", photos)
        attempt.commit()
    return lake


def vectors() -> pa.Array:
    return pack_vectors(np.arange(12).reshape(3, 4).astype(np.float16))


def faces() -> pa.Table:
    return filled(faces_schema(4), photo_id=pa.array([30, 70, 90]), embedding=vectors())


def test_rows_go_and_rows_of_whole_tables_become_blank(lake: Lake) -> None:
    ledger = add_to_ledger(lake.folder, [GONE])
    ids, rows = pa.array(USER_IDS), pa.array([0, 1, 2], pa.int32())

    def hidden(name: str, table: pa.Table) -> list[dict[str, object]]:
        return list(hide("any", name, table, ledger, lambda: np.array([70])).to_pylist())

    users = filled(USERS, user_id=ids, row=rows, first_name=pa.array(["a", "b", "c"]), consent=pa.array([True] * 3))
    assert [row["consent"] for row in hidden("users", users)] == [True, False, True]
    assert [row["first_name"] for row in hidden("users", users)] == ["a", None, "c"]
    profiles = filled(
        profiles_schema(4), user_id=ids, row=rows, reason=pa.array(["ok"] * 3), profile=vectors(),
        input_digest=pa.array([b"0123456789abcdef"] * 3, pa.binary(16)), faces=pa.array([5, 6, 7], pa.int32()),
    )  # fmt: skip
    blank = hidden("profiles", profiles)
    assert [row["row"] for row in blank] == [0, 1, 2]
    assert (blank[1]["reason"], blank[1]["profile"], blank[1]["input_digest"]) == ("no_consent", None, None)
    assert [blank[0], blank[2]] == [profiles.to_pylist()[0], profiles.to_pylist()[2]]
    raw = hide("any", "profiles", profiles, ledger, lambda: np.array([70]))["profile"].combine_chunks()
    assert not np.frombuffer(raw.buffers()[1], np.uint8)[8:16].any(), "the bytes behind a null are the person's"
    people = filled(PEOPLE, user_id=ids, row=rows, birth_year=pa.array([1.0, 2.0, 3.0], pa.float32()))
    assert [row["birth_year"] for row in hidden("people", people)] == [1.0, None, 3.0]
    for name, schema in (("members", MEMBERS), ("tags", TAGS)):
        table = filled(schema, user_id=ids, owner_id=pa.array([1, 1, 1]))
        assert [row["user_id"] for row in hidden(name, table)] == [3, 9]
    tags = filled(TAGS, user_id=pa.array([1, 1, 1]), owner_id=ids)
    assert [row["owner_id"] for row in hidden("tags", tags)] == [3, 9]
    for name, table in (("faces", faces()), ("looked", filled(SEEN, photo_id=pa.array([30, 70, 90])))):
        assert [row["photo_id"] for row in hidden(name, table)] == [30, 90]
    assert hide("uploads-x", "faces", faces(), ledger, lambda: np.array([70])).num_rows == 3


def test_readers_leave_them_out_whatever_columns_they_ask_for(lake: Lake) -> None:
    with lake.attempt("cluster", 0, "c") as attempt:
        attempt.write("members", filled(MEMBERS, user_id=pa.array(USER_IDS), cluster=pa.array([1, 2, 3], pa.int16())))
        manifest = attempt.commit()
    assert lake.read(manifest, "members", ["cluster"])["cluster"].to_pylist() == [1, 2, 3]
    add_to_ledger(lake.folder, [GONE])
    assert len(lake.read(manifest, "members")) == 3, "one piece of work sees one ledger"
    lake.hiding.look_again()
    found = lake.read(manifest, "members", ["cluster"])
    assert (found.column_names, found["cluster"].to_pylist()) == (["cluster"], [1, 3])


def test_a_commit_leaves_out_who_was_forgotten_since_its_files_were_begun(lake: Lake) -> None:
    with lake.attempt("embed-x", 0, "e") as attempt:
        attempt.write("faces", faces())
        add_to_ledger(lake.folder, [GONE])
        attempt.write("faces", faces())
        manifest = attempt.commit()
    files = [read_raw(lake.folder / name) for name in manifest.files["faces"]]
    assert [file["photo_id"].to_pylist() for file in files] == [[30, 90], [30, 90]]
    assert lake.sweep() == 0, "files of the first writing were left"


def test_the_ledger_keeps_who_and_since_when(tmp_path: Path) -> None:
    lake = Lake.create(tmp_path / "lake", 1)
    assert read_ledger(lake.folder).version == 0
    first = add_to_ledger(lake.folder, [5, 3, 5])
    again = add_to_ledger(lake.folder, [5, 4])
    assert again.users.tolist() == [3, 4, 5]
    assert again.hidden_at[2] == first.hidden_at[1] < again.hidden_at[1]
    assert add_to_ledger(lake.folder, [4]).version == again.version
    assert again.holds(np.array([2, 3, 5, 6])).tolist() == [False, True, True, False]
