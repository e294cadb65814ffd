"""Generations of a lake for a page: what each holds, whether its gates passed, and where it stands in the store."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from profiling.errors import StoreConflictError, StoreError
from profiling.report import ReportData
from profiling.store import StoredGeneration, open_store
from profiling.store.addresses import ArrowAddress, parse_address
from profiling.store.records import READY
from ray_tasks.generation_tables import GenerationTables
from ray_tasks.generations import Generation, generations
from ray_tasks.lake import Lake
from ray_tasks.reporting import generation_data
from ray_tasks.showing.visible import Visible

ACTIVE = "active"  # readers of the store take it
STORED = "in the store"  # complete; a rollback may lead to it
KEPT = "in the lake only"
NONE = "none"  # what `Order.against` calls the active generation of a store that was never published to


@dataclass(frozen=True)
class Shown:
    """One generation: ids, counts, names of the gates that failed, and its state in the store."""

    id: str
    name: str
    created: float
    users: int
    profiles: int
    rounds: int
    failed: tuple[str, ...]
    state: str


@dataclass(frozen=True)
class StoreView:
    """What a store says: the active generation, what a rollback leads to (ids), or in `problem` why it cannot say.

    `states` maps ids of the lake's generations to `ACTIVE` or `STORED`.
    """

    name: str = ""
    active: str | None = None
    before: str | None = None
    states: dict[str, str] | None = None
    problem: str = ""

    @property
    def against(self) -> str:
        """What is active now, for a publish that must be refused once it is another one."""
        return self.active or NONE


def view_store(uri: str | None) -> StoreView:
    """A store's pointer and generations; a store that cannot be opened is told, not raised.

    A folder that is not there yet is an empty store: the first publish makes it.
    """
    if not uri:
        return StoreView(problem="no profile store is known: set KITH_STORE or the variable kith_store")
    try:
        address = parse_address(uri)
        if isinstance(address, ArrowAddress) and not Path(address.folder).exists():
            return StoreView(f"arrow://{address.folder}")
        with contextlib.closing(open_store(uri)) as store:
            active, known = store.active(), store.generations()
            before = _before(active, known)
            states = {each.id: STORED for each in known if each.state == READY}
            states |= {active.id: ACTIVE} if active else {}
            return StoreView(store.name, _id(active), _id(before), states)
    except StoreError as error:
        return StoreView(problem=str(error))


def list_generations(lake: Lake, store: StoreView) -> list[Shown]:
    """All generations of a lake, newest first."""
    return [show_generation(each, store) for each in reversed(generations(lake))]


def show_generation(generation: Generation, store: StoreView) -> Shown:
    """What a list says of a generation."""
    audit = generation.audit
    return Shown(
        id=generation.id,
        name=generation.name,
        created=generation.created,
        users=int(audit["users"]),
        profiles=int(audit["profiles"]),
        rounds=len(generation.rounds),
        failed=tuple(gate["name"] for gate in audit["gates"] if not gate["passed"]),
        state=(store.states or {}).get(generation.id, KEPT),
    )


def report_of(lake: Lake, generation: Generation) -> ReportData:
    """The report of a generation without users; users that it names nevertheless are such as may be shown."""
    found = generation_data(GenerationTables(lake, generation))
    hubs: dict[str, Any] = dict(found.audit["hubs"])
    hubs["worst"] = Visible(lake, generation).named(hubs["worst"])
    return replace(found, audit={**found.audit, "hubs": hubs})


def roll_back(uri: str, against: str) -> StoredGeneration:
    """Have readers take the generation again that the active one replaced, if the active one is still `against`.

    Raises
    ------
    StoreConflictError
        Another generation is active by now; nothing was changed.
    StoreError
        There is nothing to go back to, or the store is out of reach.
    """
    with contextlib.closing(open_store(uri)) as store:
        active = store.active()
        if active is None or active.id != against:
            now = NONE if active is None else active.id
            raise StoreConflictError(f"{store.name}: generation {now} is active, not {against}; load the list again")
        target = _before(active, store.generations())
        if target is None:
            raise StoreError(f"{store.name}: generation {active.id} replaced none; there is nothing to roll back to")
        return store.activate(target, active.number, back=True)


def _before(active: StoredGeneration | None, known: Sequence[StoredGeneration]) -> StoredGeneration | None:
    """The generation that the active one replaced."""
    if active is None:
        return None
    return next((each for each in known if each.number == active.replaced), None)


def _id(generation: StoredGeneration | None) -> str | None:
    return None if generation is None else generation.id
