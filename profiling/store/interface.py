"""The one interface of profile stores: what a publisher, a reader and whoever keeps a store can ask of it.

A *segment* is what one publish wrote: a base, or a delta on one. A generation is a base and an ordered list of deltas;
a reader pins one and takes, for each user, the newest segment among exactly these that knows the user. Segments become
visible by one change of the pointer alone, so a publish that dies, or one that is rolled back, is in nobody's list.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from profiling.errors import ModelError, StoreConflictError, StoreError
from profiling.store.erasure import StoreErasure
from profiling.store.records import DROPPED, READY, WRITING, Counts, Head, StoredGeneration, StoredProfile


class Snapshot(ABC):
    """One generation, pinned for a whole request: whatever is published meanwhile, answers come from it alone.

    The ledger of the forgotten is the exception: each call reads it afresh.
    """

    erased = 0  # `Head.erased` when it was pinned

    def __init__(self, generation: StoredGeneration) -> None:
        self.generation = generation

    @abstractmethod
    def get_many(self, users: Sequence[int]) -> list[StoredProfile]:
        """What the generation holds for each user, in the order asked; never fewer answers than users."""

    def get(self, user: int) -> StoredProfile:
        """What the generation holds for one user."""
        return self.get_many((user,))[0]


class ProfileStore(ABC):
    """A profile store that is there; `open_store` finds the right kind by its URI."""

    name: str  # for people: the URI without a password
    _last: Snapshot | None = None  # of the generation that was active when a snapshot was last asked for

    # --- what an implementation gives ----------------------------------------------------------------------------
    @abstractmethod
    def generations(self) -> list[StoredGeneration]:
        """All generations ever begun, oldest first."""

    @abstractmethod
    def head(self) -> Head:
        """The pointer and the ledger's version as they are now."""

    @abstractmethod
    def write(self, generation: StoredGeneration, bucket: int, rows: pa.Table) -> Counts:
        """Write one bucket of the generation's own segment; twice is once, and the first one stays."""

    @abstractmethod
    def written(self, generation: StoredGeneration) -> dict[int, Counts]:
        """What was written of its own segment, by bucket: complete buckets only."""

    @abstractmethod
    def count(self, generation: StoredGeneration) -> Counts:
        """Users and rows of its own segment, counted where they lie, not remembered."""

    @abstractmethod
    def read(self, generation: StoredGeneration) -> Iterator[pa.Table]:
        """Rows of its own segment, of `stored_schema`, in pieces of any order; a user's rows come in one piece."""

    @abstractmethod
    def pin(self, generation: StoredGeneration) -> Snapshot:
        """A snapshot of any generation that is ready, active or not."""

    @abstractmethod
    def forget(self, users: Iterable[int]) -> None:
        """Hide users from every read, in all generations there are and will be; returns once that holds."""

    @abstractmethod
    def forgotten(self) -> npt.NDArray[np.int64]:
        """Ids of the ledger, sorted."""

    @abstractmethod
    def erase(self, users: Iterable[int]) -> StoreErasure:
        """Remove every row of users who were forgotten before, from all generations; twice is once."""

    @abstractmethod
    def close(self) -> None:
        """Give connections back; snapshots end with it."""

    @abstractmethod
    def _reserve(self, record: StoredGeneration) -> bool:
        """File a new record; False when its number is taken."""

    @abstractmethod
    def _prepare(self, record: StoredGeneration) -> None:
        """Make room for the rows of a generation that is to be written; twice is once."""

    @abstractmethod
    def _update(self, record: StoredGeneration, was: str) -> bool:
        """Replace a record whose state is `was`; False when it is another by now."""

    @abstractmethod
    def _swap(self, expected: int | None, record: StoredGeneration) -> bool:
        """Point at `record` and file it, if the pointer is at `expected` and it is ready; False when not."""

    @abstractmethod
    def _remove(self, bases: set[int], deltas: set[int]) -> None:
        """Give back the room of segments that no generation needs any more."""

    # --- what follows from it ------------------------------------------------------------------------------------
    def begin(
        self, id: str, model: str, dim: int, buckets: int, parent: StoredGeneration | None = None
    ) -> StoredGeneration:
        """Begin to write a generation, or take up one that was begun and not finished.

        Parameters
        ----------
        parent : the generation that a delta stands on; None writes a base.

        Raises
        ------
        StoreError
            The parent is of another model: vectors of different models never meet.
        """
        if parent is not None and (parent.model, parent.dim) != (model, dim):
            raise StoreError(f"{self.name}: generation {parent.id} is of another model; publish a base, not a delta")
        below = () if parent is None else parent.segments
        wanted = (id, model, dim, buckets, below)
        while True:
            known = self.generations()
            for each in known:
                if (
                    each.state == WRITING
                    and (each.id, each.model, each.dim, each.buckets, each.segments[:-1]) == wanted
                ):
                    self._prepare(each)
                    return each
            number = 1 + max((each.number for each in known), default=0)
            segments = (*below, number)
            record = StoredGeneration(number, id, model, dim, segments, buckets, WRITING, time.time())
            if self._reserve(record):
                self._prepare(record)
                return record

    def finish(self, generation: StoredGeneration) -> StoredGeneration:
        """Count what was written and call the generation ready.

        Raises
        ------
        StoreError
            A bucket is missing, or the store holds another number of rows than was written.
        """
        parts = self.written(generation)
        if len(parts) != generation.buckets:
            missing = generation.buckets - len(parts)
            raise StoreError(f"{self.name}: {missing} buckets of {generation.id} were not written; publish it again")
        expected, found = sum(parts.values(), Counts()), self.count(generation)
        if found != expected:
            self.abandon(generation)
            raise StoreError(
                f"{self.name}: holds {found.rows} rows of {found.users} users of {generation.id} where {expected.rows} "
                f"of {expected.users} were written; the active generation stays; publish it again"
            )
        ready = replace(generation, state=READY, users=found.users, rows=found.rows)
        if generation.state == WRITING and not self._update(ready, WRITING):
            raise StoreConflictError(
                f"{self.name}: {generation.id} was finished or dropped meanwhile; publish it again"
            )
        return ready

    def activate(self, generation: StoredGeneration, expected: int | None, back: bool = False) -> StoredGeneration:
        """Have readers take this generation from now on.

        Parameters
        ----------
        expected : number of the generation that the caller saw active. back : a rollback: what it goes back to stays
            on record as it was.

        Raises
        ------
        StoreConflictError
            Another one is active by now; nothing was changed.
        StoreError
            It is not ready.
        """
        current = self.find(generation.number)
        if current.state != READY:
            raise StoreError(f"{self.name}: generation {current.id} is {current.state}; publish it again")
        if current.number == expected == self.head().active:
            return current
        if not back:
            current = replace(current, replaced=expected)
        if not self._swap(expected, current):
            raise StoreConflictError(
                f"{self.name}: another generation became active meanwhile; look at kith generations, then run again"
            )
        return current

    def abandon(self, generation: StoredGeneration) -> None:
        """Retire a generation that turned out wrong; it is in no later list."""
        for state in (WRITING, READY):
            if self._update(replace(generation, state=DROPPED), state):
                return

    def rollback(self, to: str | None = None) -> StoredGeneration:
        """Go back to the generation that the active one replaced, or to the newest ready one with the id `to`."""
        active = self.active()
        if active is None:
            raise StoreError(f"{self.name}: holds no active generation; there is nothing to roll back")
        if to is not None:
            target = self.ready(to)
            if target is None:
                known = ", ".join(each.id for each in self.generations() if each.state == READY)
                raise StoreError(f"{self.name}: has no generation {to!r} to go back to; there are {known}")
        elif active.replaced is None:
            raise StoreError(f"{self.name}: generation {active.id} replaced none; there is nothing to roll back to")
        else:
            target = self.find(active.replaced)
        return self.activate(target, active.number, back=True)

    def find(self, number: int) -> StoredGeneration:
        """The generation with this number."""
        for each in self.generations():
            if each.number == number:
                return each
        raise StoreError(f"{self.name}: has no generation number {number}; look at kith generations")

    def ready(self, id: str) -> StoredGeneration | None:
        """The newest ready generation that was made of the lake's generation `id`."""
        found = [each for each in self.generations() if each.id == id and each.state == READY]
        return found[-1] if found else None

    def active(self) -> StoredGeneration | None:
        """The generation that readers take; None = nothing was published yet."""
        number = self.head().active
        return None if number is None else self.find(number)

    def snapshot(self, model: str | None = None) -> Snapshot:
        """Pin the active generation.

        Parameters
        ----------
        model : what the reader's own vectors are of (`ModelEntry.vectors_id`).

        Raises
        ------
        StoreError
            Nothing was published yet.
        ModelError
            The active generation is of another model.
        """
        head = self.head()
        number = head.active
        if number is None:
            raise StoreError(f"{self.name}: holds no active generation; kith publish one")
        last = self._last
        if last is None or last.generation.number != number or last.erased != head.erased:
            last = self._last = self.pin(self.find(number))
            last.erased = head.erased
        found = last.generation
        if model is not None and found.model != model:
            raise ModelError(
                f"{self.name}: generation {found.id} is of model {found.model[:12]}, not {model[:12]}; "
                "vectors of different models cannot be compared"
            )
        return last
