"""The population folder as a whole: what opens, and the one line that says why something does not."""

from __future__ import annotations

import datetime
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from profiling.errors import PopulationError
from profiling.population import open_population
from profiling.tables import POPULATION

USERS = pa.table({"user_id": [1, 2, 3]})
PHOTOS = pa.table({"photo_id": [10, 11], "owner_id": [1, 2], "uri": ["a.jpg", "b.jpg"]})


def write(folder: Path, **tables: pa.Table) -> str:
    folder.mkdir(exist_ok=True)
    for name, table in ({"users": USERS, "photos": PHOTOS} | tables).items():
        pq.write_table(table, folder / f"{name}.parquet")
    return str(folder)


def rows(folder: str, table: str, **options: int) -> list[dict[str, object]]:
    checked = open_population(folder).batches(table, **options)
    return pa.concat_tables([each.rows for each in checked]).to_pylist()


def read_all(folder: str) -> None:
    population = open_population(folder)
    for table in POPULATION:
        for _ in population.batches(table):
            pass


def refusal(folder: str | Path) -> str:
    """The one line that opening and reading everything ends with."""
    with pytest.raises(PopulationError) as caught:
        read_all(str(folder))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_missing_optional_columns_and_tables_read_as_null(tmp_path: Path) -> None:
    folder = write(tmp_path / "p")
    population = open_population(folder)
    assert [population.rows(name) for name in POPULATION] == [3, 2, 0, 0]
    assert list(population.batches("tags")) == []
    user = rows(folder, "users")[0]
    assert user == {
        "user_id": 1,
        "first_name": None,
        "last_name": None,
        "gender": None,
        "birth_year": None,
        "consent": True,
    }
    assert rows(folder, "photos")[1]["width"] is None


def test_extra_columns_are_ignored(tmp_path: Path) -> None:
    folder = write(tmp_path / "p", users=USERS.append_column("shoe", pa.array([[1], [2], None])))
    assert list(rows(folder, "users")[0]) == [column.name for column in POPULATION["users"]]


@pytest.mark.parametrize("name", ["photos", "photos.parquet"])
def test_a_table_may_be_a_folder_of_files(tmp_path: Path, name: str) -> None:
    folder = write(tmp_path / "p")
    os.unlink(f"{folder}/photos.parquet")
    parts = Path(folder) / name
    parts.mkdir()
    for number in range(2):
        pq.write_table(PHOTOS.slice(number, 1), parts / f"part-{number}.parquet")
    (parts / "_SUCCESS").touch()
    pq.write_table(PHOTOS, parts / ".part-0.parquet")
    assert [row["photo_id"] for row in rows(folder, "photos")] == [10, 11]


def test_batches_of_any_size_give_the_same_rows(tmp_path: Path) -> None:
    many = pa.table({"user_id": pa.array(range(1000)), "first_name": ["Ünal", "李", "Ольга", None] * 250})
    folder = write(tmp_path / "p")
    pq.write_table(many, f"{folder}/users.parquet", row_group_size=37)
    whole = rows(folder, "users")
    assert rows(folder, "users", batch_rows=13) == whole
    assert [row["user_id"] for row in whole] == list(range(1000))


def test_the_digest_follows_the_bytes_of_every_table(tmp_path: Path) -> None:
    folder = write(tmp_path / "p")
    digest = open_population(folder).digest()
    assert open_population(folder).digest() == digest
    write(tmp_path / "p", friendships=pa.table({"user_a": [1], "user_b": [2]}))
    other = open_population(folder).digest()
    assert other != digest
    (tmp_path / "p" / "images").mkdir()
    assert open_population(folder).digest() == other


def test_the_digest_notices_one_letter_in_a_file_of_the_same_size(tmp_path: Path) -> None:
    folder = write(tmp_path / "p")
    path = Path(folder, "photos.parquet")
    digest, data = open_population(folder).digest(), path.read_bytes()
    path.write_bytes(data.replace(b"a.jpg", b"c.jpg"))
    assert len(path.read_bytes()) == len(data)
    assert open_population(folder).digest() != digest


def test_birth_years_are_bounded_by_the_clock(tmp_path: Path) -> None:
    assert open_population(write(tmp_path / "p")).this_year == datetime.datetime.now(datetime.UTC).year


@pytest.mark.parametrize("table", ["users", "photos"])
def test_a_missing_required_table_is_refused(tmp_path: Path, table: str) -> None:
    folder = write(tmp_path / "p")
    os.unlink(f"{folder}/{table}.parquet")
    assert f"{table}.parquet is missing" in refusal(folder)


@pytest.mark.parametrize(
    ("table", "column"),
    [(table, column.name) for table, columns in POPULATION.items() for column in columns if column.required],
)
def test_a_missing_required_column_is_refused(tmp_path: Path, table: str, column: str) -> None:
    values = {c.name: pa.nulls(1, c.type) for c in POPULATION[table] if c.name != column}
    line = refusal(write(tmp_path / "p", **{table: pa.table(values)}))
    assert line.startswith(f"{table}.parquet: column '{column}' is missing; see README")


@pytest.mark.parametrize(
    ("table", "column", "values"),
    [
        ("users", "user_id", pa.array(["1", "2"])),
        ("users", "consent", pa.array(["yes", "no"])),
        ("users", "birth_year", pa.array(["1980", "1981"])),
        ("photos", "uri", pa.array([1, 2])),
        ("photos", "owner_id", pa.array([True, False])),
        ("photos", "taken_at", pa.array(["2001-01-01", "2002"])),
        ("photos", "width", pa.array([[1], [2]])),
    ],
)
def test_a_column_of_another_kind_is_refused(tmp_path: Path, table: str, column: str, values: pa.Array) -> None:
    given = {"users": USERS, "photos": PHOTOS}[table].slice(0, 2)
    given = given.drop_columns([column]) if column in given.column_names else given
    line = refusal(write(tmp_path / "p", **{table: given.append_column(column, values)}))
    assert line.startswith(f"{table}.parquet: column '{column}' is ")


def test_a_column_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    twice = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["user_id", "user_id"])
    assert "column 'user_id' is there 2 times" in refusal(write(tmp_path / "p", users=twice))


def test_a_population_without_users_is_refused(tmp_path: Path) -> None:
    assert "users.parquet: holds no users" in refusal(write(tmp_path / "p", users=USERS.slice(0, 0)))


@pytest.mark.parametrize("data", [b"", b"user_id\n1\n", b"PAR1" + b"\0" * 100])
def test_a_file_that_is_no_parquet_is_refused(tmp_path: Path, data: bytes) -> None:
    folder = write(tmp_path / "p")
    Path(folder, "users.parquet").write_bytes(data)
    assert refusal(folder).startswith("users.parquet: cannot be read as Parquet (")


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "p")
    path = Path(folder, "photos.parquet")
    path.write_bytes(path.read_bytes()[:-20])
    assert refusal(folder).startswith("photos.parquet: cannot be read as Parquet (")


def test_a_file_damaged_in_its_middle_is_refused(tmp_path: Path) -> None:
    many = pa.table({"user_id": pa.array(range(100_000))})
    folder = write(tmp_path / "p", users=many)
    path = Path(folder, "users.parquet")
    data = bytearray(path.read_bytes())
    data[1000:200_000] = os.urandom(199_000)
    path.write_bytes(data)
    assert refusal(folder).startswith("users.parquet: cannot be read as Parquet (")


def test_a_folder_that_is_none_or_empty_is_refused(tmp_path: Path) -> None:
    assert "is no folder" in refusal(tmp_path / "nowhere")
    assert "users.parquet is missing" in refusal(tmp_path)
    assert "cannot be opened" in refusal("nosuchprotocol://bucket/p")
    (tmp_path / "photos").mkdir()
    assert "holds no .parquet file" in refusal(tmp_path)


def test_a_table_that_is_there_as_file_and_folder_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "p")
    Path(folder, "users").mkdir()
    assert "keep one of them" in refusal(folder)


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "p")
    population = open_population(folder)
    population.check_unchanged()
    pq.write_table(PHOTOS.slice(0, 1), f"{folder}/photos.parquet")
    with pytest.raises(PopulationError, match=r"photos\.parquet: changed while it was read"):
        population.check_unchanged()


def test_a_population_behind_an_fsspec_url_opens(tmp_path: Path) -> None:
    assert [row["user_id"] for row in rows("file://" + write(tmp_path / "p"), "users")] == [1, 2, 3]
