"""`kith cache pull`: keep a host's own copy of what a profile store serves."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Annotated

import typer

from profiling.store import open_store
from profiling.store.arrow_store import ArrowStore
from profiling.store.cache import pull as run
from ray_tasks.cli.options import Json, output, print_json
from ray_tasks.cli.store import StoreAddress

app = typer.Typer(no_args_is_help=True, help="A host's own copy of what a store serves.")


@app.callback()
def cache() -> None:
    """A host's own copy of what a store serves."""


@app.command("pull")
def pull(
    store: StoreAddress,
    cache: Annotated[Path, typer.Option(help="The folder of the copy; readers open it as arrow://FOLDER.")],
    every: Annotated[
        float | None, typer.Option(min=1, help="Stay, and look again after so many seconds, until stopped.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Bring a host's copy to what a store serves: new segments, its pointer, and whom it hides."""
    while True:
        with contextlib.closing(open_store(store)) as source:
            done = run(source, ArrowStore.create(cache))
        if as_json:
            print_json(done.to_json())
        else:
            fetched = f"{len(done.fetched)} segments of {done.rows:,} rows" if done.fetched else "nothing new"
            output.print(
                f"generation {done.generation} in {cache}: {fetched}, {len(done.dropped)} segments dropped, "
                f"{done.forgotten} users more are hidden",
                highlight=False,
            )
        if every is None:
            return
        time.sleep(every)
