"""`kith demo` and `kith import`: where populations come from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from profiling.errors import PopulationError
from ray_tasks.cli.options import Cpus, Json, RayAddress, console, output, print_json

DEMO_FOLDER = Path("demo")  # made where the command is given


def demo(
    folder: Annotated[Path, typer.Option(help="Where the demo lives.")] = DEMO_FOLDER,
    cpus: Cpus = None,
    ray: RayAddress = None,
    as_json: Json = False,
) -> None:
    """Draw a population, build it, and write its report: no data, no service, no network needed."""
    from ray_tasks.demonstration import demonstrate

    found = demonstrate(folder.absolute(), console, cpus, ray)
    if as_json:
        print_json(found)
        return
    for line in found["lines"]:
        output.print(line, highlight=False)


def import_photos(
    folder: Annotated[Path, typer.Argument(help="One subfolder of photos a user.", show_default=False)],
    out: Annotated[Path, typer.Option(help="The population folder to write.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Make a population of folders of photos, with users.csv, friends.csv and tags.csv when they are there."""
    from profiling.importing import import_folder

    if not folder.is_dir():
        raise PopulationError(f"{folder}: is no folder; give the one that holds a subfolder of photos for each user")
    counts = import_folder(folder, out)
    if as_json:
        print_json(counts)
        return
    found = ", ".join(f"{counts[name]:,} {name}" for name in ("users", "photos", "tags", "friendships"))
    output.print(f"population {out.absolute()}: {found}", highlight=False)
    for reason, count in counts["skipped"].items():
        output.print(f"{count:,} files left out: {reason}", highlight=False)
    output.print(f"build it with: kith build {out} --lake {out}-lake", highlight=False)
