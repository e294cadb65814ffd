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
    out: Annotated[Path, typer.Option(help="The scorer's file; a picture is put beside it.", show_default=False)],
    truth: Annotated[Path | None, typer.Option(help="The truth folder. [default: the owners' tags]")] = None,
    split: Annotated[str, typer.Option(help="Users of train, test or all to fit on.")] = "train",
    precision: Annotated[float, typer.Option(min=0.5, max=1.0, help="Precision that the margin aims at.")] = 0.99,
) -> None:
    """Fit a scorer on the clusters of the last build; use it with --set scoring.scorer=FILE.

    It learns from the truth, or without one from the tags by which people name the owners of the albums.
    """
    from profiling.curve_picture import draw_curve
    from ray_tasks.scorer_training import train

    opened = Lake.open(lake)
    scorer = train(opened, find_generation(opened, None, CLUSTERED), truth, split, precision)
    picture = out.with_suffix(".svg")
    try:
        out.write_text(scorer.to_json() + "\n", encoding="utf-8")
        picture.write_text(draw_curve(scorer.provenance), encoding="utf-8")
    except OSError as error:
        raise ModelError(f"{out}: cannot be written ({error.strerror}); choose another file with --out") from None
    learned = scorer.provenance
    reached = learned["cross_validated"][-1]
    output.print(f"scorer {scorer.id}, margin {scorer.margin:.3f}: {out}, curve {picture}", highlight=False)
    output.print(
        f"{learned['labelled_users']} users labelled by {learned['labels']}; held out, the last rounds' precision is "
        f"{reached['precision']:.4f} at coverage {reached['coverage']:.4f}",
        highlight=False,
        soft_wrap=True,
    )
