"""Copying the results of users whose inputs have not changed, so that a night costs what changed.

Beside its results a stage keeps a table `digests`: for each user of the bucket the digest of everything that the
result depends on. Whichever earlier results are offered, those of a user are taken only when the digest is the same,
so not a bit depends on what is offered.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from profiling.albums import Flags, Ints, find, integers
from profiling.digests import Digests, pack_digests, unpack_digests
from profiling.tables import DIGESTS

NOBODY = -1


@dataclass(frozen=True)
class Copies:
    """Which users' results are copied, and from which of the earlier results.

    Parameters
    ----------
    user_id : int64 [users], ascending. digests : uint64 [users, 2].
    source : int64 [users], number of the earlier result that knows the user's digest; `NOBODY` = to be computed.
    """

    user_id: Ints
    digests: Digests
    source: Ints

    @classmethod
    def of(cls, user_id: Ints, digests: Digests, earlier: Sequence[pa.Table]) -> Copies:
        """Look for the digests in earlier tables ``digests``, the first that knows a user counts."""
        source = np.full(len(user_id), NOBODY, np.int64)
        for number, theirs in enumerate(earlier):
            place, same = find(integers(theirs["user_id"]), user_id)
            if same.any():
                known = unpack_digests(theirs["input_digest"])
                same[same] = (known[same] == digests[place[same]]).all(axis=1)
                at = place[same]
                source[at] = np.where(source[at] == NOBODY, number, source[at])
        return cls(user_id, digests, source)

    @property
    def fresh(self) -> Flags:
        """bool [users]: who is computed."""
        return np.asarray(self.source == NOBODY)

    def counts(self) -> dict[str, int]:
        """Users computed and copied, for the manifest."""
        computed = int(np.count_nonzero(self.fresh))
        return {"computed": computed, "copied": len(self.source) - computed}

    def table(self) -> pa.Table:
        """Table ``digests`` of this result."""
        return pa.table([pa.array(self.user_id), pack_digests(self.digests)], schema=DIGESTS)

    def rows_of_fresh(self, table: pa.Table, key: str = "user_id") -> pa.Table:
        """The rows of a table that are about users to be computed."""
        place, known = find(integers(table[key]), self.user_id)
        return table.filter(pa.array(known & self.fresh[place] if len(self.user_id) else known))

    def join(self, computed: pa.Table, read: Callable[[int], pa.Table], *keys: str) -> pa.Table:
        """What was computed and what is copied, sorted by user_id and then by `keys`.

        Parameters
        ----------
        computed : rows of the users to be computed.
        read : the same table of an earlier result, by its number; called only for those that are copied from.
        """
        parts = [computed]
        for number in np.unique(self.source[~self.fresh]).tolist():
            theirs = read(number)
            place, known = find(integers(theirs["user_id"]), self.user_id)
            mine = theirs.filter(pa.array(known & (self.source[place] == number)))
            parts.append(mine.select(computed.column_names).cast(computed.schema))
        if len(parts) == 1:
            return computed
        whole = pa.concat_tables(parts).combine_chunks()
        order = np.lexsort([integers(whole[key]) for key in reversed(("user_id", *keys))])
        return whole.take(pa.array(order))


def with_rows(table: pa.Table, user_id: Ints, row: npt.NDArray[np.int32]) -> pa.Table:
    """The table with the row numbers of today's population: they shift when somebody joins or leaves."""
    place = table.column_names.index("row")
    now = row[find(integers(table["user_id"]), user_id)[0]] if len(user_id) else row[:0]
    return table.set_column(place, table.schema.field(place), pa.array(now, pa.int32()))
