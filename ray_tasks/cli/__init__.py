"""The command line: `kith …`. Errors are one line that says what to do; exit code 0 only when the work is done."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from typing import Any

import typer

from profiling.errors import KithError
from ray_tasks.cli import (
    alerts,
    audit,
    build,
    cache,
    compact,
    explain,
    forget,
    inspect,
    models,
    plan,
    populations,
    recognize,
    retire,
    services,
    store,
    training,
)
from ray_tasks.heartbeat import watched
from ray_tasks.sealing import open_password

INTERRUPTED = 130  # exit code after Ctrl-C, as shells give it


def stoppable(command: Callable[..., None]) -> Callable[..., None]:
    """Say, after Ctrl-C, what Typer would not: that nothing is lost."""

    @functools.wraps(command)
    def run(*arguments: Any, **options: Any) -> None:
        try:
            command(*arguments, **options)
        except KeyboardInterrupt:
            sys.stderr.write("kith: stopped; run the same command again to go on\n")
            sys.exit(INTERRUPTED)

    return run


app = typer.Typer(
    name="kith",
    help="Face profiles for every member of a photo-sharing network, offline, for the whole population.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command("demo")(stoppable(populations.demo))
app.command("import")(stoppable(populations.import_photos))
app.command("build")(stoppable(build.build))
app.command("status")(stoppable(inspect.status))
app.command("report")(stoppable(inspect.report))
app.command("evaluate")(stoppable(inspect.evaluate))
app.command("audit")(stoppable(audit.audit))
app.command("alerts")(stoppable(alerts.alerts))
app.command("explain")(stoppable(explain.explain))
app.command("publish")(stoppable(store.publish))
app.command("rollback")(stoppable(store.rollback))
app.command("generations")(stoppable(store.generations))
app.command("recognize")(stoppable(recognize.recognize))
app.command("forget")(stoppable(forget.forget))
app.command("up")(stoppable(services.up))
app.command("down")(stoppable(services.down))
app.command("compact")(stoppable(compact.compact))
app.command("retire")(stoppable(retire.retire))
app.command("plan")(stoppable(plan.plan))
app.command("train-scorer")(stoppable(training.train_scorer))
app.add_typer(store.stores, name="store")
app.add_typer(store.profiles, name="profiles")
app.add_typer(cache.app, name="cache")
app.add_typer(models.app, name="models")


def main() -> None:
    """Run the command line."""
    try:
        open_password(os.environ)
        with watched(os.environ):
            app()
    except KithError as error:
        sys.stderr.write(f"kith: {error}\n")
        sys.exit(error.exit_code)
    except OSError as error:  # a full disk, a folder taken away: nothing that another try would not find again
        sys.stderr.write(f"kith: {error.filename or 'a file'}: {error.strerror or error}; mend it and run again\n")
        sys.exit(KithError.exit_code)
