"""What every benchmark of speed does the same way: two sides, one run, the same answer, interleaved, median and spread.

A benchmark is a list of cases. Each case has sides that do the same work on the same data; the first is ours. The
sides' answers are compared before anything is timed, all sides warm up, then they take turns, so that a machine that
slows down slows all of them. Results are appended to `results/NAME.json` with machine, versions and commit;
`write_page.py` makes docs/benchmarks.md of them.
"""

from __future__ import annotations

import argparse
import gc
import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("numpy", "scipy", "scikit-learn", "pandas", "pyarrow", "torch", "ray", "duckdb", "onnxruntime", "openvino")
KEPT_RUNS = 20  # newest runs a results file keeps


@dataclass(frozen=True)
class Side:
    """One way of doing the work; `share` of it where the whole would take too long for a peer (1 = all)."""

    name: str
    call: Callable[[], Any]
    share: float = 1.0


@dataclass(frozen=True)
class Timed:
    """What a side returns that tells its own seconds, such as those of a command without its start-up.

    `told` goes beside the side's figures, by what it is.
    """

    answer: Any
    seconds: float
    told: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """One row of a table: `units` of work, our side first, its peers after.

    `same` gets all sides' answers and raises AssertionError when they differ; `wanted` is the ratio of medians (peer's
    seconds over ours) to be reached against each peer by name. What runs for minutes needs no warming up: with
    `warm` false, the answers of the first turn are compared.
    """

    name: str
    units: float
    unit: str
    sides: Sequence[Side]
    same: Callable[..., None]
    wanted: dict[str, float] = field(default_factory=dict)
    warm: bool = True


@dataclass
class Measured:
    """Seconds of whole work of one side, by repetition."""

    side: str
    seconds: list[float]
    told: dict[str, str] = field(default_factory=dict)

    @property
    def median(self) -> float:
        """Seconds."""
        return statistics.median(self.seconds)

    @property
    def spread(self) -> float:
        """Half the range between the quartiles, as a share of the median."""
        if len(self.seconds) < 2:
            return 0.0
        low, _, high = statistics.quantiles(self.seconds, n=4, method="inclusive")
        return (high - low) / 2 / self.median


def measure(case: Case, repeats: int) -> list[Measured]:
    """Check that the sides agree (which warms them up), then let them take turns."""
    if case.warm:
        case.same(*[_answer(side.call()) for side in case.sides])
    found = [Measured(side.name, []) for side in case.sides]
    for turn in range(repeats):
        answers = [_take_turn(side, measured) for side, measured in zip(case.sides, found, strict=True)]
        if turn == 0 and not case.warm:
            case.same(*answers)
    return found


def _take_turn(side: Side, measured: Measured) -> Any:
    gc.collect()
    started = time.perf_counter()
    answer = side.call()
    seconds = time.perf_counter() - started
    if isinstance(answer, Timed):
        seconds, measured.told = answer.seconds, answer.told
    measured.seconds.append(seconds / side.share)
    return _answer(answer)


def _answer(returned: Any) -> Any:
    return returned.answer if isinstance(returned, Timed) else returned


def options(about: str, repeats: int = 7) -> argparse.ArgumentParser:
    """The arguments that all benchmarks take."""
    parser = argparse.ArgumentParser(description=about.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=repeats, help="turns that each side takes")
    parser.add_argument("--tiny", action="store_true", help="a size that shows that it runs; nothing is kept")
    parser.add_argument("--dry", action="store_true", help="print, keep nothing")
    return parser


def run(name: str, title: str, cases: Sequence[Case], given: argparse.Namespace) -> list[dict[str, Any]]:
    """Measure, print and keep; the rows that were found."""
    rows, table = [], Table(title=title, title_justify="left", show_edge=False)
    for column in ("case", "side", "median s", "± quartiles", "units/s", "peer / ours", "wanted"):
        table.add_column(column, justify="left" if column in ("case", "side") else "right")
    for case in cases:
        measured = measure(case, 1 if given.tiny else given.repeats)
        ours = measured[0].median
        for side in measured:
            ratio = None if side is measured[0] else side.median / ours
            wanted = case.wanted.get(side.side)
            rows.append(_row(case, side, ratio, wanted))
            table.add_row(
                case.name if side is measured[0] else "",
                side.side,
                f"{side.median:.4g}",
                f"{side.spread:.1%}",
                f"{case.units / side.median:,.0f} {case.unit}/s",
                "" if ratio is None else f"{ratio:.2f}",
                "" if wanted is None else f"≥ {wanted:g}",
            )
    Console(width=130).print(table)
    if not (given.tiny or given.dry):
        keep(name, title, rows)
    return rows


def keep(name: str, title: str, rows: list[dict[str, Any]], facts: Sequence[str] = ()) -> None:
    """Append a run to results/NAME.json; `facts` are lines about what is no rate: quantiles, memory."""
    path = RESULTS / f"{name}.json"
    runs = json.loads(path.read_text())["runs"] if path.exists() else []
    runs.append(
        {"at": datetime.now(UTC).isoformat(timespec="seconds"), **machine(), "rows": rows}
        | ({"facts": list(facts)} if facts else {})
    )
    path.write_text(json.dumps({"title": title, "runs": runs[-KEPT_RUNS:]}, indent=1) + "\n")


def machine() -> dict[str, Any]:
    """Processor, cores, memory, versions and commit."""
    git = subprocess.run(
        ["git", "-C", str(RESULTS), "describe", "--always", "--dirty"],  # noqa: S607
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return {
        "commit": git.stdout.strip() or "unknown",
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "threads": os.environ.get("OMP_NUM_THREADS", "all"),
        "python": platform.python_version(),
        "versions": {package: _version(package) for package in PACKAGES},
    }


def require(*modules: str) -> None:
    """End with a line where a peer is missing.

    Raises
    ------
    SystemExit
        With what to install.
    """
    import importlib.util

    missing = [module for module in modules if importlib.util.find_spec(module) is None]
    if missing:
        sys.exit(f"benchmark: {', '.join(missing)} not installed; make bench-setup installs what we compare with")


def _row(case: Case, side: Measured, ratio: float | None, wanted: float | None) -> dict[str, Any]:
    return {
        "case": case.name,
        "side": side.side,
        "median_s": round(side.median, 6),
        "spread": round(side.spread, 4),
        "units": case.units,
        "unit": case.unit,
        "ratio": ratio and round(ratio, 3),
        "wanted": wanted,
        "seconds": [round(seconds, 6) for seconds in side.seconds],
        **({"told": side.told} if side.told else {}),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
