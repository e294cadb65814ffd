"""Users by bucket: their order, their dense row numbers, and who has consented."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from profiling.errors import PopulationError
from profiling.population import Population
from profiling.tables import POPULATION, USERS
from ray_tasks.partitioning.work import Ids, Mask, Work, ids_of, look_up, select, sort_rows

MAX_ROWS = np.iinfo(np.int32).max  # row numbers are int32
_GIVEN = pa.schema([(column.name, column.type) for column in POPULATION["users"]])
_KEYS = pa.schema([("user_id", pa.int64()), ("consent", pa.bool_())])


class Directory:
    """Every user of the population, one bucket in memory at a time.

    Rows are numbered through the buckets in order and by user_id within one, so `offsets[b]` to `offsets[b + 1]` are
    the rows of bucket b.

    Raises
    ------
    PopulationError
        A user_id stands there twice, nobody is left, or there are more users than row numbers.
    """

    def __init__(self, work: Work, population: Population) -> None:
        self._whole = work.shuffle("users", _GIVEN)
        self._keys = work.shuffle("user-keys", _KEYS)
        for checked in population.batches("users"):
            known = ~work.is_forgotten(ids_of(checked.rows, "user_id"))
            work.tally.count(0, "users.forgotten", int((~known).sum()))
            rows = select(checked.rows, known)
            work.send(self._whole, rows, "user_id")
            work.send(self._keys, rows.select(["user_id", "consent"]), "user_id")
            work.tally.set_aside(0, "users", work.without_forgotten(checked)[0])
            work.advance(len(checked.rows))
        self._whole.finish()
        self._keys.finish()
        self.offsets: npt.NDArray[np.int64] = np.concatenate([[0], np.cumsum(self._keys.rows)])
        if self.offsets[-1] == 0:
            raise PopulationError("users: nobody is left without broken and forgotten rows; a population needs a user")
        if self.offsets[-1] > MAX_ROWS:
            raise PopulationError(f"users: {self.offsets[-1]} users are too many; a lake holds up to {MAX_ROWS}")
        for bucket in range(work.lake.buckets):
            refuse_duplicates("users", "user_id", self._sorted_keys(bucket))

    def users(self, bucket: int) -> pa.Table:
        """Table `users` of a bucket, as USERS, sorted by user_id."""
        rows = sort_rows(self._whole.read(bucket), "user_id")
        numbers = np.arange(self.offsets[bucket], self.offsets[bucket + 1], dtype=np.int32)
        return rows.append_column("row", pa.array(numbers)).select(USERS.names).cast(USERS)

    def find(self, bucket: int, ids: Ids) -> tuple[npt.NDArray[np.int32], Mask]:
        """Row number (-1 = no such user) and consent of ids that all hash into this bucket."""
        keys = self._sorted_keys(bucket)
        place = look_up(ids_of(keys, "user_id"), ids)
        consent = np.append(keys["consent"].to_numpy(), False)[place]
        return np.where(place < 0, -1, place + self.offsets[bucket]).astype(np.int32), consent.astype(np.bool_)

    def _sorted_keys(self, bucket: int) -> pa.Table:
        return sort_rows(self._keys.read(bucket), "user_id")


def refuse_duplicates(table: str, key: str, rows: pa.Table) -> None:
    """Stop when two neighbours of the sorted rows have the same key.

    Raises
    ------
    PopulationError
        Naming one such id.
    """
    ids = ids_of(rows, key)
    twice = np.flatnonzero(ids[1:] == ids[:-1])
    if len(twice):
        raise PopulationError(
            f'{table}: {key} {ids[twice[0]]} stands there more than once; see README, "The population folder"'
        )
