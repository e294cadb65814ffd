"""Rows of a CSV file that people made, with errors that say file, row and what to do."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from profiling.errors import PopulationError

ENCODING = "utf-8-sig"  # spreadsheets put a byte order mark first
INT64 = range(-(1 << 63), 1 << 63)


@dataclass(frozen=True)
class Row:
    """One row: its file, its line, and its values by column; blank ones are missing."""

    file: Path
    line: int
    values: dict[str, str]

    def text(self, column: str) -> str | None:
        """The value, None where it is blank."""
        return self.values.get(column) or None

    def needed(self, column: str) -> str:
        """The value of a column that must have one."""
        return self.text(column) or self.refuse(f"{column} is empty", "fill it in or delete the row")

    def one_of(self, column: str, meanings: dict[str, str]) -> str | None:
        """The meaning of a word, whatever its case; None where it is blank."""
        text = self.text(column)
        if text is None:
            return None
        if text.lower() not in meanings:
            self.refuse(f"{column} {text!r} is none of {', '.join(meanings)}", "write one of these or leave it empty")
        return meanings[text.lower()]

    def whole(self, column: str, allowed: range) -> int | None:
        """A whole number of a range; None where it is blank."""
        text = self.text(column)
        if text is None:
            return None
        if not text.removeprefix("-").isdecimal() or len(text) > len(str(INT64.start)) or int(text) not in allowed:
            self.refuse(f"{column} {text!r} is no whole number from {allowed.start} to {allowed.stop - 1}", "mend it")
        return int(text)

    def number(self, column: str) -> float | None:
        """A finite number; None where it is blank."""
        text = self.text(column)
        if text is None:
            return None
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            self.refuse(f"{column} {text!r} is no number", "write it with a decimal point or leave it empty")
        return value

    def refuse(self, what: str, way_out: str) -> NoReturn:
        """Stop the import at this row."""
        raise PopulationError(f"{self.file}: row {self.line}: {what}; {way_out}")


def read_rows(file: Path, needed: tuple[str, ...], optional: tuple[str, ...]) -> Iterator[Row]:
    """The rows of a CSV file in UTF-8, separated by commas, or by semicolons where the first line has no comma.

    Columns may stand in any order, further ones are ignored, blank rows are passed by. A missing file has no rows.

    Raises
    ------
    PopulationError
        One line: the file cannot be read, a column is missing, or a row is longer than the first line.
    """
    if not file.exists():
        return
    try:
        with file.open(encoding=ENCODING, newline="") as stream:
            separator = ";" if "," not in (first := stream.readline()) and ";" in first else ","
            stream.seek(0)
            reader = csv.reader(stream, delimiter=separator, strict=True)
            columns = _columns(file, next(reader, []), needed)
            for values in reader:
                if any(value.strip() for value in values):
                    yield _row(file, reader.line_num, columns, values, needed + optional)
    except UnicodeDecodeError:
        raise PopulationError(f"{file}: is not UTF-8; save it as CSV in UTF-8") from None
    except csv.Error as error:
        raise PopulationError(f"{file}: row {reader.line_num}: {error}; check its quotation marks") from None
    except OSError as error:
        raise PopulationError(f"{file}: cannot be read ({error.strerror}); check its permissions") from None


def _columns(file: Path, first: list[str], needed: tuple[str, ...]) -> list[str]:
    columns = [name.strip().lower() for name in first]
    for name in needed:
        if columns.count(name) != 1:
            problem = "is missing from" if name not in columns else "stands twice in"
            raise PopulationError(f"{file}: column {name!r} {problem} the first row; see README, 'Your own photos'")
    return columns


def _row(file: Path, line: int, columns: list[str], values: list[str], known: tuple[str, ...]) -> Row:
    row = Row(file, line, {name: value.strip() for name, value in zip(columns, values, strict=False) if name in known})
    if any(value.strip() for value in values[len(columns) :]):
        row.refuse(
            f"has {len(values)} values for {len(columns)} columns", "put text with separators in quotation marks"
        )
    return row
