"""Peak private memory of every process of a build, by what the process is.

    python benchmarks/memory.py POPULATION [POPULATION …]

Builds each population into a fresh lake with `kith build` and samples the unique set size (memory that no other process
shares) of the command and all its descendants. Prints one table; a build whose memory grows with its users shows here.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import psutil
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

SAMPLE_S = 0.25  # seconds between samples
MIB = 1 << 20
ROLES = {  # part of the command line -> what it is
    "ray::DetectActor": "detector",
    "ray::EmbedActor": "embedder",
    "ray::": "stage worker",
    "decoder_child": "decoder",
    "gcs_server": "Ray (gcs, raylet, agents)",
    "raylet": "Ray (gcs, raylet, agents)",
    "ray/dashboard": "Ray (gcs, raylet, agents)",
    "ray/_private": "Ray (gcs, raylet, agents)",
    "ray_tasks": "main process",
}


def role_of(process: psutil.Process) -> str:
    """What a process of a build is."""
    line = " ".join(process.cmdline())
    return next((role for part, role in ROLES.items() if part in line), "other")


def measure(population: Path) -> tuple[dict[str, float], float]:
    """Peak private memory in MiB by role, and seconds, of one build."""
    peaks: dict[str, float] = defaultdict(float)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "ray_tasks", "build", str(population), "--lake", f"{folder}/lake", "--json"]
        started = time.monotonic()
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as build:
            main = psutil.Process(build.pid)
            while build.poll() is None:
                for process in _family(main):
                    try:
                        size = process.memory_full_info().uss / MIB
                        role = role_of(process)
                    except (psutil.NoSuchProcess, psutil.ZombieProcess):
                        continue
                    peaks[role] = max(peaks[role], size)
                time.sleep(SAMPLE_S)
        if build.returncode:
            raise SystemExit(f"{population}: the build failed with exit code {build.returncode}")
        return dict(peaks), time.monotonic() - started


def _family(main: psutil.Process) -> list[psutil.Process]:
    try:
        return [main, *main.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def main() -> None:
    """Measure each population and print the table."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("population", type=Path, nargs="+")
    results = {}
    for population in arguments.parse_args().population:
        users = pq.read_metadata(population / "users.parquet").num_rows
        photos = pq.read_metadata(population / "photos.parquet").num_rows
        results[f"{users} users, {photos:,} photos"] = measure(population)
    table = Table(title="peak private memory of one process, MiB", title_justify="left", show_edge=False)
    table.add_column("process")
    for name in results:
        table.add_column(name, justify="right")
    for role in dict.fromkeys(role for peaks, _ in results.values() for role in peaks):
        table.add_row(role, *(f"{peaks.get(role, 0):,.0f}" for peaks, _ in results.values()))
    table.add_row("seconds", *(f"{seconds:,.0f}" for _, seconds in results.values()))
    Console().print(table)


if __name__ == "__main__":
    main()
