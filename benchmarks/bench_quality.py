"""How well owners and uploads are told, for every network that can be used here, over several populations with truth.

    python benchmarks/bench_quality.py
    python benchmarks/bench_quality.py --populations A=FOLDER:test B=FOLDER --models dlib edgeface-xs

Builds a lake for each population and network, or takes up the one that is there, with shipped scorers and nothing
fitted; judges the last generation of each and all of a network together. Without --populations it makes the four that
the project is measured on from ../shared: A (Haverford76, 300 users, seed 7; scorers were trained on its train users,
so only its test users are judged), B and C (seeds 8 and 9) and D (Caltech36, 200 users, seed 7). Weights that no
package carries are looked for in KITH_MODELS, by default ../shared/data/weights.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from profiling import evaluation
from profiling.embedding import MODELS, find_weights, get_model, load_calibration
from profiling.embedding.registry import MODELS_FOLDER
from profiling.errors import ModelError
from profiling.evaluation.quality_table import POOLED, draw_tables
from profiling.scorer import load_scorer
from profiling.settings import load_settings
from ray_tasks.build import build
from ray_tasks.evaluating import assess_generation
from ray_tasks.lake import Lake
from ray_tasks.ray_session import RaySession

HERE = Path(__file__).parent
SHARED = HERE.parent.parent / "shared"
WORK = HERE.parent / "build" / "quality"  # populations and lakes; git ignores build/
RESULTS = HERE / "results"


@dataclass(frozen=True)
class Population:
    """A population folder with truth, and which of its users are judged."""

    name: str
    folder: Path
    split: str = "all"

    @classmethod
    def parse(cls, text: str) -> Population:
        """Read NAME=FOLDER or NAME=FOLDER:SPLIT."""
        name, equals, where = text.partition("=")
        folder, colon, split = where.rpartition(":")
        if not (equals and name and where):
            raise argparse.ArgumentTypeError(f"{text!r}: write NAME=FOLDER or NAME=FOLDER:SPLIT")
        return cls(name, Path(folder), split) if colon else cls(name, Path(where))


MEASURED_ON = (("A", "Haverford76", 300, 7, "test"), ("B", "Haverford76", 300, 8, "all"),
               ("C", "Haverford76", 300, 9, "all"), ("D", "Caltech36", 200, 7, "all"))  # fmt: skip


def make_populations(shared: Path, work: Path) -> list[Population]:
    """The four populations that the project is measured on; those that are there are not made again."""
    data, made = shared / "data", []
    for name, school, users, seed, split in MEASURED_ON:
        folder = work / "populations" / name
        if not (folder / "truth" / "uploads.parquet").exists():
            tool = [sys.executable, str(shared / "tools" / "make_photo_population.py")]
            sources = ["--identities", data / "lfw_dev", "--labels", data / "lfw_dev_labels.json",
                       "--graph", data / "facebook100" / school, "--backgrounds", data / "no_face"]  # fmt: skip
            options = ["--out", folder, "--max-users", users, "--seed", seed]
            subprocess.run([*tool, *map(str, sources + options)], check=True)
        made.append(Population(name, folder, split))
    return made


def usable(model: str) -> bool:
    """Whether this network's weights, calibration and scorer are all here."""
    try:
        find_weights(get_model(model))
        load_calibration(model)
        load_scorer(get_model(model).sha256)
    except ModelError:
        return False
    return True


def measure(
    model: str, populations: Sequence[Population], lakes: Path, session: RaySession, console: Console
) -> dict[str, Any]:
    """Metrics of one network by population, and pooled."""
    settings = load_settings(changes={"embedding.model": json.dumps(model)})
    found = {}
    for population in populations:
        console.print(f"{model}, population {population.name}", highlight=False)
        lake = Lake.create(lakes / model / population.name)
        generation = build(population.folder, lake, settings, session, console)
        truth = population.folder / "truth"
        found[population.name] = assess_generation(lake, generation, truth, population.split, session, console)
    metrics = {name: each.metrics for name, each in found.items()}
    return metrics | {POOLED: evaluation.pool(list(found.values()))}


def main() -> None:
    """Measure, print the tables, write them and the numbers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--populations", nargs="+", type=Population.parse, metavar="NAME=FOLDER[:SPLIT]")
    parser.add_argument("--models", nargs="+", choices=sorted(MODELS), help="networks [default: all that can be used]")
    parser.add_argument("--lakes", type=Path, default=WORK / "lakes", help="folder of LAKES/MODEL/POPULATION")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder for quality.json and quality.md")
    parser.add_argument("--cpus", type=int, help="cores that the builds may use")
    told = parser.parse_args()
    console = Console(stderr=True)
    if told.populations is None and not (SHARED / "tools").is_dir():
        parser.error("there is no ../shared to make populations from; name some with --populations")
    os.environ.setdefault(MODELS_FOLDER, str(SHARED / "data" / "weights"))
    populations = told.populations or make_populations(SHARED, WORK)
    models = told.models or [model for model in MODELS if usable(model)]
    with RaySession(None, told.cpus) as session:
        found = {model: measure(model, populations, told.lakes, session, console) for model in models}
    told.out.mkdir(parents=True, exist_ok=True)
    (told.out / "quality.json").write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    tables = draw_tables(found)
    (told.out / "quality.md").write_text(tables, encoding="utf-8")
    Console(soft_wrap=True).print(tables, markup=False, highlight=False)


if __name__ == "__main__":
    main()
