"""`kith compact`: merge the parts that nights have added, without the photos that are gone."""

from __future__ import annotations

from typing import Annotated

import typer

from ray_tasks.cli.options import (
    Changes,
    Cpus,
    Json,
    LakeFolder,
    RayAddress,
    SettingsFile,
    output,
    print_json,
    read_settings,
)
from ray_tasks.compacting import compact as run
from ray_tasks.lake import Lake
from ray_tasks.lock import WriterLock
from ray_tasks.ray_session import RaySession


def compact(
    lake: LakeFolder,
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait while another command writes the lake.")] = 0.0,
    settings: SettingsFile = None,
    change: Changes = None,
    ray: RayAddress = None,
    cpus: Cpus = None,
    as_json: Json = False,
) -> None:
    """Make few parts of the many that nights have added; faces of photos that are gone leave the files."""
    size = read_settings(settings, change).embedding.photos_per_part
    with RaySession(ray, cpus) as session, WriterLock(Lake.open(lake), "compact", wait) as held:
        done = run(held, session, size)
    if as_json:
        print_json(done.to_json())
        return
    output.print(
        f"{done.before:,} parts became {done.after:,}; the faces of {done.photos_gone:,} photos that are gone left "
        "the files",
        highlight=False,
    )
