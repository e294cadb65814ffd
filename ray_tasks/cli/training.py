"""`kith train-scorer`: fit the weight and the margin on labelled users."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from profiling.errors import ModelError
from ray_tasks.cli.options import LakeFolder, output
from ray_tasks.generations import CLUSTERED, find_generation
from ray_tasks.lake import Lake


def train_scorer(
    lake: LakeFolder,
    truth: Annotated[Path, typer.Option(help="The truth folder.", show_default=False)],
    out: Annotated[Path, typer.Option(help="The scorer's file.", show_default=False)],
    split: Annotated[str, typer.Option(help="Users of train, test or all to fit on.")] = "train",
    precision: Annotated[float, typer.Option(min=0.5, max=1.0, help="Precision that the margin aims at.")] = 0.99,
) -> None:
    """Fit a scorer on the clusters of the last build and the truth; use it with --set scoring.scorer=FILE."""
    from ray_tasks.scorer_training import train

    opened = Lake.open(lake)
    scorer = train(opened, find_generation(opened, None, CLUSTERED), truth, split, precision)
    try:
        out.write_text(scorer.to_json() + "\n", encoding="utf-8")
    except OSError as error:
        raise ModelError(f"{out}: cannot be written ({error.strerror}); choose another file with --out") from None
    output.print(f"scorer {scorer.id}, margin {scorer.margin:.3f}: {out}", highlight=False)
