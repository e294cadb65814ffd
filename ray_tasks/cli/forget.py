"""`kith forget`: hide people at once, and erase what is known of them."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated

import typer

from profiling.errors import LakeError, SettingsError
from profiling.store import ProfileStore, open_store
from ray_tasks.cli.options import Changes, Json, SettingsFile, output, print_json, read_settings
from ray_tasks.cli.store import MAX_ID
from ray_tasks.forgetting import hide_users
from ray_tasks.lake import Lake

NAMED = 5  # users that the question names


def forget(
    users: Annotated[list[int] | None, typer.Argument(help="Ids of users.", min=-MAX_ID - 1, max=MAX_ID)] = None,
    lake: Annotated[str | None, typer.Option(help="A lake that knows them.")] = None,
    store: Annotated[str | None, typer.Option("--store", envvar="KITH_STORE", help="A store that knows them.")] = None,
    file: Annotated[Path | None, typer.Option("--file", help="A text file of more ids, one a line.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    settings: SettingsFile = None,
    change: Changes = None,
    as_json: Json = False,
) -> None:
    """Forget people: nobody sees anything of them from now on, a running build included."""
    wanted = sorted({*(users or []), *(read_ids(file) if file is not None else [])})
    if not wanted:
        raise SettingsError("nobody is named; give ids of users, or --file")
    if lake is None and store is None:
        raise LakeError("--lake and --store are missing; name at least one place that knows these users")
    days = read_settings(settings, change).forgetting.days
    with contextlib.ExitStack() as stack:
        opened = None if lake is None else Lake.open(lake)
        profiles: ProfileStore | None = None
        if store is not None:
            profiles = stack.enter_context(contextlib.closing(open_store(store)))
        if not yes:
            _ask(wanted)
        hidden = hide_users(wanted, opened, profiles)
    if as_json:
        print_json(hidden.to_json() | {"erase_within_days": days})
        return
    where = " and ".join(place for place in (hidden.lake, hidden.store) if place is not None)
    output.print(f"{len(wanted)} users are hidden from now on in {where}", highlight=False)


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
