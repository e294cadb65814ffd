"""The command line: `kith …`. Errors are one line that says what to do; exit code 0 only when the work is done."""

from __future__ import annotations

import sys

import typer

from profiling.errors import KithError
from ray_tasks.cli import build, inspect, models, populations, training

INTERRUPTED = 130  # exit code after Ctrl-C, as shells give it

app = typer.Typer(
    name="kith",
    help="Face profiles for every member of a photo-sharing network, offline, for the whole population.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command("demo")(populations.demo)
app.command("import")(populations.import_photos)
app.command("build")(build.build)
app.command("status")(inspect.status)
app.command("report")(inspect.report)
app.command("evaluate")(inspect.evaluate)
app.command("audit")(inspect.audit)
app.command("train-scorer")(training.train_scorer)
app.add_typer(models.app, name="models")


def main() -> None:
    """Run the command line."""
    try:
        app()
    except KithError as error:
        sys.stderr.write(f"kith: {error}\n")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.stderr.write("kith: stopped; run the same command again to go on\n")
        sys.exit(INTERRUPTED)
