"""`kith retire`: take away generations, results and faces that are older than the settings say."""

from __future__ import annotations

import contextlib
from typing import Annotated, Any

import typer

from profiling.store import Retention, drop_expired, open_store
from profiling.store.records import READY
from ray_tasks.cli.options import (
    Changes,
    Cpus,
    Json,
    LakeFolder,
    RayAddress,
    SettingsFile,
    Wait,
    output,
    print_json,
    read_settings,
)
from ray_tasks.lake import Lake
from ray_tasks.lock import WriterLock
from ray_tasks.ray_session import RaySession
from ray_tasks.retiring import retire as run


def retire(
    lake: LakeFolder,
    store: Annotated[
        list[str] | None, typer.Option("--store", envvar="KITH_STORE", help="A store it is published to; repeatable.")
    ] = None,
    wait: Wait = 0.0,
    settings: SettingsFile = None,
    change: Changes = None,
    ray: RayAddress = None,
    cpus: Cpus = None,
    as_json: Json = False,
) -> None:
    """Take away what is older than the settings say (sections store and retention); what is served stays."""
    chosen = read_settings(settings, change)
    kept, dropped = set(), []
    with RaySession(ray, cpus) as session, WriterLock(Lake.open(lake), "retire", wait) as held:
        for uri in store or []:
            with contextlib.closing(open_store(uri)) as opened:
                of = chosen.store
                gone = drop_expired(opened, Retention(of.keep_generations, of.keep_days, of.grace_s))
                dropped += [f"{each.id} of {opened.name}" for each in gone]
                kept |= {each.id for each in opened.generations() if each.state == READY}
        done = run(held, chosen.retention, session, kept)
    told: dict[str, Any] = done.to_json() | {"dropped": dropped}
    if as_json:
        print_json(told)
        return
    output.print(
        f"{len(done.generations)} generations, {done.results:,} results, {done.rows:,} files of rows and the faces of "
        f"{done.photos:,} photos went; {len(dropped)} generations of stores were dropped",
        highlight=False,
    )
