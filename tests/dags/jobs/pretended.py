"""A job for the operator's tests: counts its runs in a folder, talks, waits, and ends as it is told."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from ray_tasks.heartbeat import watched

ONCE = "once"  # fails the first time


def main(folder: str, seconds: str, code: str) -> int:
    with open(Path(folder) / "runs", "a") as runs:
        runs.write(f"{os.getpid()}\n")
    sys.stdout.write("the job begins\n")
    sys.stdout.flush()
    deadline = time.monotonic() + float(seconds)
    while time.monotonic() < deadline and not (Path(folder) / "enough").exists():
        time.sleep(0.1)
    begun = len((Path(folder) / "runs").read_text().split())
    failure = int(begun == 1) if code == ONCE else int(code)
    if failure:
        sys.stdout.write("kith: users.parquet: is no such thing; give another\n")
        return failure
    sys.stdout.write(json.dumps({"runs": begun, "argv": sys.argv[1:]}) + "\n")
    return 0


if __name__ == "__main__":
    with watched(os.environ):
        code = main(*sys.argv[1:4])
    sys.exit(code)
