"""Several copies of a small drawn population as one: enough labelled users to train a scorer on."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

STEP = 1_000_000  # between the ids of one copy and the next; drawn ids are far below it
IDS = ("user_id", "photo_id", "owner_id", "user_a", "user_b", "person_id")
TABLES = ("users", "photos", "tags", "friendships", "truth/faces", "truth/users")


def repeat_population(source: Path, folder: Path, copies: int, split: str = "train") -> Path:
    """Write `copies` of a population, each with ids of its own, over the same photos; all are labelled for `split`."""
    (folder / "truth").mkdir(parents=True)
    for name in TABLES:
        table = pq.read_table(source / f"{name}.parquet", partitioning=None)
        parts = [_copy(table, source, number) for number in range(copies)]
        whole = pa.concat_tables(parts)
        if "split" in whole.schema.names:
            place = whole.schema.get_field_index("split")
            whole = whole.set_column(place, "split", pa.array([split] * len(whole)))
        pq.write_table(whole, folder / f"{name}.parquet")
    return folder


def _copy(table: pa.Table, source: Path, number: int) -> pa.Table:
    for place, field in enumerate(table.schema):
        column = table[field.name]
        if field.name in IDS:
            table = table.set_column(place, field, pc.add(column, number * STEP).cast(field.type))
        elif field.name == "person_ids":
            moved = [[each + number * STEP for each in people] for people in column.to_pylist()]
            table = table.set_column(place, field, pa.array(moved, field.type))
        elif field.name == "uri":
            table = table.set_column(place, field, pa.array([str(source / each) for each in column.to_pylist()]))
    return table
