"""`kith forget`: hide people at once, and erase what is known of them."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Annotated

import typer

from profiling.errors import LakeError, SettingsError
from profiling.store import ProfileStore, open_store
from ray_tasks.cli.options import (
    Changes,
    Cpus,
    Json,
    RayAddress,
    SettingsFile,
    Wait,
    console,
    output,
    print_json,
    read_settings,
)
from ray_tasks.cli.store import MAX_ID
from ray_tasks.forgetting import erase_in_store, erase_users, hide_users
from ray_tasks.lake import Lake
from ray_tasks.ray_session import RaySession
from ray_tasks.receipts import Receipt, waiting

NAMED = 5  # users that the question names


def forget(
    users: Annotated[list[int] | None, typer.Argument(help="Ids of users.", min=-MAX_ID - 1, max=MAX_ID)] = None,
    lake: Annotated[str | None, typer.Option(help="A lake that knows them.")] = None,
    store: Annotated[str | None, typer.Option("--store", envvar="KITH_STORE", help="A store that knows them.")] = None,
    file: Annotated[Path | None, typer.Option("--file", help="A text file of more ids, one a line.")] = None,
    now: Annotated[bool, typer.Option("--now", help="Erase them at once, and all others who wait for it.")] = False,
    due: Annotated[bool, typer.Option("--due", help="Erase all who wait, if one has to be by tomorrow.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    wait: Wait = 0.0,
    settings: SettingsFile = None,
    change: Changes = None,
    ray: RayAddress = None,
    cpus: Cpus = None,
    as_json: Json = False,
) -> None:
    """Forget people: nobody sees anything of them from now on, a running build included."""
    wanted = sorted({*(users or []), *(read_ids(file) if file is not None else [])})
    if not wanted and not (now or due):
        raise SettingsError("nobody is named; give ids of users, or --file")
    if lake is None and (store is None or due):
        raise LakeError("--lake and --store are missing; name at least one place that knows these users")
    days = read_settings(settings, change).forgetting.days
    with contextlib.ExitStack() as stack:
        opened = None if lake is None else Lake.open(lake)
        profiles: ProfileStore | None = None
        if store is not None:
            profiles = stack.enter_context(contextlib.closing(open_store(store)))
        if wanted and not yes:
            _ask(wanted)
        hidden = hide_users(wanted, opened, profiles)
        receipt = None
        if now or (opened is not None and due and waiting(opened, hidden.store).due(days)):
            receipt = _erase(opened, profiles, wanted, wait, stack.enter_context(RaySession(ray, cpus)))
    if as_json:
        told = None if receipt is None else receipt.to_json()
        print_json(hidden.to_json() | {"erase_within_days": days, "receipt": told})
        return
    where = " and ".join(place for place in (hidden.lake, hidden.store) if place is not None)
    if wanted:
        output.print(f"{len(wanted)} users are hidden from now on in {where}", highlight=False)
    if receipt is not None:
        _show(receipt)
    elif due:
        output.print(f"nobody's erasure is due in {where}", highlight=False)


def _erase(
    lake: Lake | None, store: ProfileStore | None, users: list[int], wait: float, session: RaySession
) -> Receipt | None:
    if lake is not None:
        return erase_users(lake, store, session, users, wait, console)
    return None if store is None else erase_in_store(store)


def _show(receipt: Receipt) -> None:
    ended = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(receipt.erased_at))
    rows = sum(receipt.tables.values())
    output.print(f"{len(receipt.users)} users are erased, {ended}", highlight=False)
    if receipt.lake is not None:
        files = f", reports deleted: {', '.join(receipt.reports)}" if receipt.reports else ""
        output.print(f"  {receipt.lake}: {rows:,} rows of {len(receipt.tables)} tables{files}", highlight=False)
    if receipt.store is not None:
        output.print(f"  {receipt.store['store']}: {receipt.store['rows']:,} rows", highlight=False)
    for line in receipt.remains:
        output.print(f"  remains: {line}", highlight=False)


def read_ids(file: Path) -> list[int]:
    """Ids of a text file, one a line.

    Raises
    ------
    SettingsError
        It cannot be read, or a line is no id; nobody was forgotten.
    """
    try:
        lines = file.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError):
        raise SettingsError(f"--file {file}: cannot be read; give a text file of user ids, one a line") from None
    ids = []
    for number, line in enumerate(lines, 1):
        if text := line.strip():
            try:
                ids.append(int(text))
            except ValueError:
                raise SettingsError(f"--file {file}: line {number} is no user id; nobody was forgotten") from None
            if not -MAX_ID - 1 <= ids[-1] <= MAX_ID:
                raise SettingsError(f"--file {file}: line {number} is no 64-bit id; nobody was forgotten")
    return ids


def _ask(users: list[int]) -> None:
    shown = ", ".join(str(user) for user in users[:NAMED]) + (", …" if len(users) > NAMED else "")
    typer.confirm(f"Forget {len(users)} users ({shown})? This cannot be taken back", abort=True, err=True)
