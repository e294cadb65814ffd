"""The truth folder: who is on which photo, which only `kith evaluate` and the training commands read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from profiling.errors import PopulationError

SPLITS = ("train", "test", "all")
BOX = {name: pa.float32() for name in ("x", "y", "w", "h")}
FACES = {"photo_id": pa.int64(), "person_id": pa.int64(), **BOX}
USERS = {"user_id": pa.int64(), "person_ids": pa.list_(pa.int64())}
USERS_OPTIONAL = {"gender": pa.string(), "birth_year": pa.int64(), "kind": pa.string(), "split": pa.string()}
UPLOADS = {
    "upload_id": pa.int64(),
    "uploader_id": pa.int64(),
    "uri": pa.string(),
    "person_ids": pa.list_(pa.int64()),
    **{name: pa.list_(kind) for name, kind in BOX.items()},
}


@dataclass(frozen=True)
class Truth:
    """Tables `users`, `faces` and `uploads` of a truth folder, columns checked and cast."""

    users: pa.Table
    faces: pa.Table
    uploads: pa.Table

    def of_split(self, split: str) -> Truth:
        """The users of one split ("train", "test" or "all") and the uploads that these users made; all faces stay.

        Raises
        ------
        PopulationError
            When the split is unknown, or the truth has no split column or nobody in it.
        """
        if split not in SPLITS:
            raise PopulationError(f"split {split!r} is none of {', '.join(SPLITS)}")
        if split == "all":
            return self
        users = self.users.filter(pc.equal(self.users["split"], split))
        if users.num_rows == 0:
            raise PopulationError(f"truth/users.parquet: no user is of the split {split!r}; use --split all")
        mine = pc.is_in(self.uploads["uploader_id"], value_set=users["user_id"].combine_chunks())
        return Truth(users, self.faces, self.uploads.filter(mine))


def make_truth(users: pa.Table, faces: pa.Table, uploads: pa.Table | None = None) -> Truth:
    """Check and cast truth tables; missing optional columns are null, missing uploads are none.

    Raises
    ------
    PopulationError
        One line that names the table and the column that is missing or of a wrong type, or the repeated user.
    """
    users = _cast("users", users, USERS, USERS_OPTIONAL)
    if len(pc.unique(users["user_id"])) != users.num_rows:
        raise PopulationError("truth/users.parquet: a user_id appears twice; keep one row a user")
    empty = pa.schema(list(UPLOADS.items())).empty_table()
    made = _cast("uploads", empty if uploads is None else uploads, UPLOADS, {})
    _check_uploads(made)
    return Truth(users.sort_by("user_id"), _cast("faces", faces, FACES, {}), made.sort_by("upload_id"))


def read_truth(folder: Path) -> Truth:
    """Read `users.parquet`, `faces.parquet` and, when there, `uploads.parquet` of a truth folder."""
    tables: list[pa.Table | None] = []
    for name in ("users", "faces", "uploads"):
        path = folder / f"{name}.parquet"
        if name == "uploads" and not path.exists():
            tables.append(None)
            continue
        try:
            tables.append(pq.read_table(path))
        except (OSError, pa.ArrowException):
            raise PopulationError(f"{path}: cannot be read as Parquet; name a folder with truth tables") from None
    return make_truth(tables[0], tables[1], tables[2])


def _cast(name: str, table: pa.Table, required: dict[str, pa.DataType], optional: dict[str, pa.DataType]) -> pa.Table:
    columns = {}
    for column, kind in (required | optional).items():
        if column not in table.column_names:
            if column in required:
                raise PopulationError(f"truth/{name}.parquet: column {column!r} is missing; see README, 'Truth'")
            columns[column] = pa.nulls(table.num_rows, kind)
            continue
        try:
            columns[column] = table[column].cast(kind, safe=not pa.types.is_float32(kind))
        except pa.ArrowException:
            found = table[column].type
            raise PopulationError(f"truth/{name}.parquet: column {column!r} is {found}, not {kind}") from None
        if column in required and table[column].null_count:
            raise PopulationError(f"truth/{name}.parquet: column {column!r} holds nulls; give every row a value")
    return pa.table(columns)


def _check_uploads(uploads: pa.Table) -> None:
    lengths = [np.asarray(pc.list_value_length(uploads[name])) for name in ("person_ids", *BOX)]
    if any(not np.array_equal(lengths[0], other) for other in lengths[1:]):
        raise PopulationError("truth/uploads.parquet: person_ids, x, y, w and h of a row differ in length")
