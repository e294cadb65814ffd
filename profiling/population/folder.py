"""Open a population folder: find its tables, check their columns, and stream them in checked batches.

The folder may be a path or any fsspec URL. A table is one file `users.parquet` or a folder of Parquet files, named
`users` or `users.parquet`.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from profiling.errors import PopulationError
from profiling.object_urls import read_object_urls
from profiling.population.casting import castable
from profiling.population.checks import Checked, check_batch
from profiling.tables import POPULATION, REQUIRED_TABLES

README = 'see README, "The population folder"'
BATCH_ROWS = 1 << 16  # rows checked at a time: some 10 MB of photos
READ_BYTES = 1 << 20  # bytes of a column chunk held while its pages are decoded
HASH_BYTES = 1 << 22  # bytes hashed at a time


@dataclass(frozen=True)
class TableFile:
    """One Parquet file: where it stands, its name for people, its rows, its known columns, and when it was written."""

    path: str
    label: str
    rows: int
    columns: tuple[str, ...]
    state: tuple[int, str]


@dataclass(frozen=True)
class Population:
    """A population whose files are there and have the right columns.

    `tables` holds every table of the contract; an absent optional one has no files. `this_year` bounds birth years.
    """

    folder: str
    tables: dict[str, tuple[TableFile, ...]]
    this_year: int
    filesystem: Any

    def rows(self, table: str) -> int:
        """Rows of a table, broken ones included."""
        return sum(file.rows for file in self.tables[table])

    def batches(self, table: str, batch_rows: int = BATCH_ROWS) -> Iterator[Checked]:
        """Stream a table in checked batches of at most `batch_rows` rows, files by name.

        Raises
        ------
        PopulationError
            A file is damaged further in, or changed since it was opened.
        """
        for file in self.tables[table]:
            for raw in self._read(file, batch_rows):
                yield check_batch(table, raw, self.this_year)

    def digest(self) -> str:
        """32 hex digits of the bytes of all tables: equal exactly when the snapshot is the same files."""
        digest = hashlib.blake2b(digest_size=16)
        for table, files in sorted(self.tables.items()):
            for file in files:
                digest.update(f"{table} {file.state[0]}\n".encode())
                try:
                    with self.filesystem.open(file.path, "rb") as stream:
                        while block := stream.read(HASH_BYTES):
                            digest.update(block)
                except OSError as error:
                    _refuse(file.label, error)
        return digest.hexdigest()

    def check_unchanged(self) -> None:
        """Refuse a snapshot that was written to while it was read.

        Raises
        ------
        PopulationError
            Naming the file.
        """
        for file in (file for files in self.tables.values() for file in files):
            if _state(self.filesystem, file.path, file.label) != file.state:
                raise PopulationError(f"{file.label}: changed while it was read; run again when it is complete")

    def _read(self, file: TableFile, batch_rows: int) -> Iterator[pa.RecordBatch]:
        try:
            with self.filesystem.open(file.path, "rb") as stream:
                parquet = pq.ParquetFile(stream, buffer_size=READ_BYTES, pre_buffer=False)
                yield from parquet.iter_batches(batch_rows, columns=list(file.columns))
        except (pa.ArrowException, OSError) as error:
            _refuse(file.label, error)


def open_population(folder: str, this_year: int | None = None) -> Population:
    """Find and check the tables of a population folder; no row is read.

    Parameters
    ----------
    folder : path or fsspec URL.
    this_year : the latest possible birth year; None asks the clock.

    Raises
    ------
    PopulationError
        One line: a table, a file or a required column is missing, cannot be read or has a type that cannot be cast,
        or there are no users at all.
    """
    read_object_urls()
    try:
        filesystem, root = fsspec.core.url_to_fs(folder)
        there = filesystem.isdir(root)
    except (ValueError, ImportError, OSError) as error:
        raise PopulationError(f"{folder}: cannot be opened ({_first_line(error)}); name a population folder") from None
    if not there:
        raise PopulationError(f"{folder}: is no folder; name a population folder; {README}")
    tables = {table: _find_table(filesystem, root.rstrip("/"), table) for table in POPULATION}
    for table in REQUIRED_TABLES:
        if not tables[table]:
            raise PopulationError(f"{folder}: {table}.parquet is missing; {README}")
    year = datetime.datetime.now(datetime.UTC).year if this_year is None else this_year
    population = Population(folder, tables, year, filesystem)
    if population.rows("users") == 0:
        raise PopulationError(f"{tables['users'][0].label}: holds no users; a population needs at least one; {README}")
    return population


def _find_table(filesystem: Any, root: str, table: str) -> tuple[TableFile, ...]:
    """The files of a table by name; none when the table is absent."""
    names = [name for name in (f"{table}.parquet", table) if filesystem.exists(f"{root}/{name}")]
    if len(names) > 1:
        raise PopulationError(f"{names[0]}: the folder '{table}' is there too; keep one of them; {README}")
    if not names:
        return ()
    path = f"{root}/{names[0]}"
    if not filesystem.isdir(path):
        if names[0] == table:
            raise PopulationError(f"{table}: is neither a folder nor named {table}.parquet; {README}")
        return (_inspect(filesystem, path, names[0], table),)
    found = sorted(str(entry) for entry in filesystem.ls(path, detail=False))
    parts = [entry for entry in found if entry.endswith(".parquet") and entry.rsplit("/", 1)[-1][0] not in "._"]
    if not parts:
        raise PopulationError(f"{names[0]}: this folder holds no .parquet file; {README}")
    return tuple(_inspect(filesystem, part, f"{names[0]}/{part.rsplit('/', 1)[-1]}", table) for part in parts)


def _inspect(filesystem: Any, path: str, label: str, table: str) -> TableFile:
    state = _state(filesystem, path, label)
    try:
        with filesystem.open(path, "rb") as stream:
            parquet = pq.ParquetFile(stream)
            schema, rows = parquet.schema_arrow, parquet.metadata.num_rows
    except (pa.ArrowException, OSError) as error:
        _refuse(label, error)
    known = []
    for column in POPULATION[table]:
        places = schema.get_all_field_indices(column.name)
        if len(places) > 1:
            raise PopulationError(f"{label}: column '{column.name}' is there {len(places)} times; {README}")
        if not places and column.required:
            raise PopulationError(f"{label}: column '{column.name}' is missing; {README}")
        if not places:
            continue
        given = schema.field(places[0]).type
        if not castable(given, column.type):
            raise PopulationError(f"{label}: column '{column.name}' is {given}, not {column.type}; {README}")
        known.append(column.name)
    return TableFile(path, label, rows, tuple(known), state)


def _state(filesystem: Any, path: str, label: str) -> tuple[int, str]:
    try:
        about = filesystem.info(path)
    except OSError as error:
        _refuse(label, error)
    written = (
        about.get("mtime") or about.get("ETag") or about.get("etag") or about.get("e_tag") or about.get("LastModified")
    )
    return int(about["size"]), str(written)


def _refuse(label: str, error: Exception) -> NoReturn:
    what = getattr(error, "strerror", None) or _first_line(error)
    raise PopulationError(f"{label}: cannot be read as Parquet ({what}); write it again; {README}") from None


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
