"""Publish, delta, rollback, forget and drop in any order, against dicts: a reader always sees one whole generation."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from profiling.errors import StoreError
from profiling.store import ProfileStore, Retention, Snapshot, drop_expired, open_store
from tests.profiling.store.populations import (
    BUCKETS,
    Oracle,
    answer,
    draw_profiles,
    expected,
    publish,
    write_generation,
)

USERS = list(range(30))
ANYBODY = [*USERS, 31]  # one is in no generation
FAR = 1e12  # seconds since 1970: any grace time is over


class StoreMachine(RuleBasedStateMachine):
    """`fresh` gives the URI of an empty store; the class is made anew for each kind."""

    fresh: Callable[[], str]

    @initialize()
    def open(self) -> None:
        self.uri = type(self).fresh()
        self.store: ProfileStore = open_store(self.uri)
        self.tables: dict[int, pa.Table] = {}  # by number of the store
        self.shown: dict[int, Oracle] = {}
        self.active: int | None = None
        self.replaced: dict[int, int | None] = {}
        self.dropped: set[int] = set()
        self.forgotten: set[int] = set()
        self.pinned: list[tuple[Snapshot, Oracle]] = []
        self.seed = 0

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()

    def table_after(self, kept: set[int], changed: set[int], added: set[int]) -> pa.Table:
        """The active table with users gone, redrawn and added."""
        self.seed += 1
        old = None if self.active is None else self.tables[self.active]
        known = set() if old is None else set(old["user_id"].to_pylist())
        new = sorted((added - known) | (changed & known & kept))
        tables = [draw_profiles(new, self.seed)]
        if old is not None:
            stay = [user in kept and user not in changed for user in old["user_id"].to_pylist()]
            tables.append(old.filter(pa.array(stay, pa.bool_())))
        return pa.concat_tables(tables)

    some = st.sets(st.sampled_from(USERS))

    @rule(kept=some, changed=some, added=some, delta=st.booleans())
    def publish(self, kept: set[int], changed: set[int], added: set[int], delta: bool) -> None:
        table = self.table_after(kept, changed, added)
        active = self.store.active()
        base = not delta or active is None
        old = None if base or active is None else self.tables[active.number]
        done = publish(self.store, f"g{self.seed}", table, None if base else active, old)
        self.tables[done.number] = table
        gone: Oracle = {}
        if not base and active is not None:  # who is gone is known to be gone, on this base
            gone = {user: row for user, row in self.shown[active.number].items() if row[0] not in ("unknown",)}
            gone = dict.fromkeys(gone, ("gone",))
        self.shown[done.number] = gone | expected(table)
        self.replaced[done.number], self.active = self.active, done.number

    @rule(changed=some, buckets=st.integers(0, BUCKETS - 1))
    def die(self, changed: set[int], buckets: int) -> None:
        """A publish that wrote some buckets and was killed."""
        self.seed += 1
        write_generation(self.store, f"g{self.seed}", draw_profiles(sorted(changed), self.seed), only=buckets)

    @precondition(lambda self: self.active is not None)
    @rule()
    def rollback(self) -> None:
        before = self.replaced[self.active]
        if before is None:
            with pytest.raises(StoreError, match="replaced none"):
                self.store.rollback()
        elif before in self.dropped:
            with pytest.raises(StoreError, match="is dropped"):
                self.store.rollback()
        else:
            assert self.store.rollback().number == before
            self.active = before

    @rule(user=st.sampled_from(ANYBODY))
    def forget(self, user: int) -> None:
        self.store.forget([user])
        self.forgotten.add(user)

    @precondition(lambda self: self.active is not None)
    @rule()
    def pin(self) -> None:
        self.pinned = [*self.pinned[-2:], (self.store.snapshot(), self.shown[self.active])]

    @rule(newest=st.integers(1, 3))
    def drop(self, newest: int) -> None:
        self.pinned = []  # the grace time is over
        gone = {each.number for each in drop_expired(self.store, Retention(newest, 0, 0), now=FAR)}
        assert self.active not in gone
        for number in gone & self.tables.keys():
            with pytest.raises(StoreError, match="is dropped"):
                self.store.pin(self.store.find(number))
        if self.active is not None:
            assert self.replaced[self.active] not in gone
        self.dropped |= gone

    @rule()
    def open_again(self) -> None:
        self.pinned = []
        self.store.close()
        self.store = open_store(self.uri)

    def assert_shows(self, snapshot: Snapshot, oracle: Oracle) -> None:
        for user, found in zip(ANYBODY, snapshot.get_many(ANYBODY), strict=True):
            if user in self.forgotten:
                assert found.reason == "forgotten"
            elif oracle.get(user, ("unknown",)) == ("gone",):
                assert (found.reason, len(found.vectors)) == ("gone", 0)
            else:
                assert answer(found) == oracle.get(user, ("unknown",))

    @invariant()
    def readers_see_one_generation(self) -> None:
        if self.active is not None:
            self.assert_shows(self.store.snapshot(), self.shown[self.active])
        else:
            assert self.store.active() is None
        for snapshot, oracle in self.pinned:
            self.assert_shows(snapshot, oracle)


EXAMPLES = {"arrow": 40, "cassandra": 4}
STEPS = 15


@pytest.mark.slow
def test_any_order_of_events_shows_whole_generations(fresh_store: Callable[[], str], kind: str) -> None:
    machine = type("Machine", (StoreMachine,), {"fresh": staticmethod(fresh_store)})
    quiet = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        machine,
        settings=settings(
            max_examples=EXAMPLES[kind],
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=quiet,
            derandomize=True,
        ),
    )
