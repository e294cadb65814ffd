"""`kith store create`, `publish`, `rollback`, `generations`, `profiles get`: what a profile store is told and asked."""

from __future__ import annotations

import contextlib
import logging
import time
from typing import Annotated, Any

import typer
from rich.table import Table

from profiling.errors import StoreError
from profiling.store import STORE_REASONS, StoredProfile, create_store, open_store
from profiling.store.addresses import ArrowAddress, parse_address
from ray_tasks.cli.options import (
    Changes,
    Cpus,
    GenerationName,
    Json,
    LakeFolder,
    RayAddress,
    SettingsFile,
    console,
    output,
    print_json,
    read_settings,
)
from ray_tasks.generations import find_generation
from ray_tasks.lake import Lake

StoreAddress = Annotated[
    str,
    typer.Option(
        "--store", envvar="KITH_STORE", help="arrow://FOLDER or cassandra://USER@HOST/KEYSPACE.", show_default=False
    ),
]
MAX_ID = 2**63 - 1  # user_id is int64
MODEL_SHOWN = 8  # hex digits of a model's id

# Cassandra's driver logs a traceback for what an error of ours tells in one line.
logging.getLogger("cassandra").setLevel(logging.CRITICAL)

profiles = typer.Typer(no_args_is_help=True, help="Profiles in a store.")
stores = typer.Typer(no_args_is_help=True, help="Profile stores: where generations are published to.")


def publish(
    lake: LakeFolder,
    store: StoreAddress,
    generation: GenerationName = None,
    approve: Annotated[bool, typer.Option("--approve", help="Publish although a gate failed: you looked.")] = False,
    against: Annotated[
        str | None, typer.Option(help="Only if this generation is still the active one: what you compared with.")
    ] = None,
    base: Annotated[bool, typer.Option("--base", help="Write all users, although a delta would do.")] = False,
    settings: SettingsFile = None,
    change: Changes = None,
    ray: RayAddress = None,
    cpus: Cpus = None,
    as_json: Json = False,
) -> None:
    """Publish a generation: readers change over when all of it is written and was read back."""
    from ray_tasks.publishing import Order
    from ray_tasks.publishing import publish as run
    from ray_tasks.ray_session import RaySession

    chosen = read_settings(settings, change).store
    opened = Lake.open(lake)
    found = find_generation(opened, generation)
    if isinstance(parse_address(store), ArrowAddress):
        made = create_store(store)
        store = made.name  # an absolute path: Ray's workers stand elsewhere
        made.close()
    with RaySession(ray, cpus) as session:
        done = run(Order(opened, found, store, approve, against, base), session, chosen, console)
    if as_json:
        print_json(done.to_json())
        return
    of, what = done.generation, "was there already"
    if done.written:
        what = f"{of.kind} of {of.users:,} users, {of.rows:,} rows"
    output.print(
        f"generation {of.id} is active in {done.store}: {what}; {done.checked:,} users read back, all equal; "
        f"{done.seconds:.1f} s",
        highlight=False,
    )


def rollback(
    store: StoreAddress,
    to: Annotated[str | None, typer.Option(help="Id of a generation. [default: the one that was replaced]")] = None,
    as_json: Json = False,
) -> None:
    """Have readers take the generation that was active before, from now on."""
    with contextlib.closing(open_store(store)) as opened:
        before = opened.active()
        now = opened.rollback(to)
    if as_json:
        print_json({"generation": now.id, "number": now.number, "before": None if before is None else before.id})
        return
    output.print(f"generation {now.id} is active in {opened.name}", highlight=False)


def generations(store: StoreAddress, as_json: Json = False) -> None:
    """The generations of a store, oldest first; dropped ones are records only."""
    with contextlib.closing(open_store(store)) as opened:
        active = opened.head().active
        known = opened.generations()
    if as_json:
        print_json([each.to_json() | {"kind": each.kind, "active": each.number == active} for each in known])
        return
    table = Table(box=None, pad_edge=False)
    for name in ("no", "generation", "state", "made of", "users", "rows", "model", "begun"):
        table.add_column(name, justify="right" if name in ("no", "users", "rows") else "left", no_wrap=True)
    for each in known:
        made = f"base {each.base}, {each.deltas} deltas" if each.deltas else "a base"
        begun = time.strftime("%m-%d %H:%M", time.localtime(each.created))
        state = "[bold]active[/]" if each.number == active else each.state
        counts = (f"{each.users:,}", f"{each.rows:,}")
        table.add_row(str(each.number), each.id, state, made, *counts, each.model[:MODEL_SHOWN], begun)
    output.print(table)


@stores.command("create")
def create(
    store: StoreAddress,
    replication: Annotated[
        str | None, typer.Option(help="Of a Cassandra keyspace: DATACENTER:COPIES,… [needed to make one]")
    ] = None,
) -> None:
    """Make a store; one that is there stays as it is."""
    if not isinstance(parse_address(store), ArrowAddress) and replication is None:
        raise StoreError("--replication is missing; write DATACENTER:COPIES, for example datacenter1:3")
    with contextlib.closing(create_store(store, replication)) as made:
        output.print(f"{made.name}: ready; publish with kith publish LAKE --store …", highlight=False)


@profiles.command("get")
def get(
    users: Annotated[list[int], typer.Argument(help="Ids of users.", min=-MAX_ID - 1, max=MAX_ID, show_default=False)],
    store: StoreAddress,
    vectors: Annotated[bool, typer.Option("--vectors", help="With --json: the vectors too.")] = False,
    as_json: Json = False,
) -> None:
    """What the active generation holds for users; exit code 1 when one of them has no profile."""
    with contextlib.closing(open_store(store)) as opened:
        snapshot = opened.snapshot()
        found = snapshot.get_many(users)
        rows = [_row(each, vectors) for each in found]
    of = snapshot.generation
    if as_json:
        print_json({"generation": of.id, "model": of.model, "dim": of.dim, "profiles": rows})
    else:
        for each in found:
            output.print(_line(each), highlight=False)
    if not all(each.resolved for each in found):
        raise typer.Exit(1)


def _row(found: StoredProfile, vectors: bool) -> dict[str, Any]:
    row: dict[str, Any] = {"user_id": found.user_id, "reason": found.reason, "profiles": len(found.vectors)}
    if found.resolved:
        row |= {"clusters": list(found.clusters), "weight": found.weight, "faces": found.faces}
        row["margin"] = None if found.margin != found.margin else found.margin
    if vectors:
        row["vectors"] = found.vectors.tolist()
    return row


def _line(found: StoredProfile) -> str:
    if not found.resolved:
        meaning = STORE_REASONS.get(found.reason, found.reason)
        return f"user {found.user_id}: no profile: {meaning} ({found.reason})"
    count = "one profile" if len(found.vectors) == 1 else f"{len(found.vectors)} profiles"
    return f"user {found.user_id}: {count} of {found.faces} faces, weight {found.weight:.2f}, margin {found.margin:.2f}"
