"""Populations of real photos that the benchmarks of the whole pipeline build, made once, in `build/`.

They come from ../shared: people of LFW among the friendships of Haverford76, drawn with seed 7. The dev population has
300 users; smaller and larger ones are of the same kind. Without ../shared, or for `--tiny`, people are drawn by code.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq

HERE = Path(__file__).parent
SHARED = HERE.parent.parent / "shared"
MADE = HERE.parent / "build" / "populations"  # git ignores build/
SCHOOL, SEED = "Haverford76", 7
TINY_USERS = 6


def real_population(users: int, shared: Path = SHARED) -> Path:
    """The folder of a population of so many users.

    Raises
    ------
    SystemExit
        ../shared is not there.
    """
    folder = MADE / f"{SCHOOL}-{users}-{SEED}"
    if (folder / "truth" / "uploads.parquet").exists():
        return folder
    data = shared / "data"
    if not (data / "lfw_dev").is_dir():
        sys.exit(f"benchmark: {data / 'lfw_dev'} is not there; run it where the real photos are, or with --tiny")
    sources = ["--identities", data / "lfw_dev", "--labels", data / "lfw_dev_labels.json"]
    sources += ["--graph", data / "facebook100" / SCHOOL, "--backgrounds", data / "no_face"]
    chosen = ["--out", folder, "--max-users", users, "--seed", SEED]
    tool = [sys.executable, str(shared / "tools" / "make_photo_population.py")]
    subprocess.run([*tool, *map(str, sources + chosen)], check=True)
    return folder


def drawn_population(folder: Path, users: int = TINY_USERS) -> Path:
    """A few drawn people, for a run that only shows that it runs."""
    from profiling.demo import draw_population

    if not (folder / "users.parquet").exists():
        draw_population(folder, users=users)
    return folder


def rows_of(population: Path, table: str) -> int:
    """Rows of a table of a population."""
    return int(pq.read_metadata(population / f"{table}.parquet").num_rows)
