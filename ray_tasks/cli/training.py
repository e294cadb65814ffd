"""`kith train-scorer`: fit the weight and the margin on labelled users."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from profiling.errors import ModelError
from ray_tasks.cli.options import Json, LakeFolder, output, print_json
from ray_tasks.generations import CLUSTERED, find_generation
from ray_tasks.lake import Lake


def train_scorer(
    lake: LakeFolder,
    out: Annotated[Path, typer.Option(help="The scorer's file; a picture is put beside it.", show_default=False)],
    truth: Annotated[Path | None, typer.Option(help="The truth folder. [default: the owners' tags]")] = None,
    split: Annotated[str, typer.Option(help="Users of train, test or all to fit on.")] = "train",
    precision: Annotated[float, typer.Option(min=0.5, max=1.0, help="Precision that the margin aims at.")] = 0.99,
    as_json: Json = False,
) -> None:
    """Fit a scorer on the clusters of the last build; use it with --set scoring.scorer=FILE.

    It learns from the truth, or without one from the tags by which people name the owners of the albums.
    """
    from profiling.curve_picture import draw_curve
    from ray_tasks.scorer_training import train

    opened = Lake.open(lake)
    trained = train(opened, find_generation(opened, None, CLUSTERED), truth, split, precision)
    scorer = trained.scorer
    picture = out.with_suffix(".svg")
    try:
        out.write_text(scorer.to_json() + "\n", encoding="utf-8")
        picture.write_text(draw_curve(scorer.provenance), encoding="utf-8")
    except OSError as error:
        raise ModelError(f"{out}: cannot be written ({error.strerror}); choose another file with --out") from None
    if as_json:
        shares = {"held_back": trained.held_back, "in_use": trained.in_use, "better": trained.better}
        print_json({"scorer": scorer.id, "file": str(out.absolute()), "margin": scorer.margin} | shares)
        return
    learned = scorer.provenance
    output.print(f"scorer {scorer.id}, margin {scorer.margin:.3f}: {out}, curve {picture}", highlight=False)
    said = (
        f"{learned['labelled_users']} users labelled by {learned['labels']}; held out, {_in_words(trained.held_back)}"
    )
    if trained.in_use is not None:
        said += f"; with the scorer in use {_in_words(trained.in_use)}"
    output.print(said, highlight=False, soft_wrap=True)


def _in_words(shares: dict[str, float]) -> str:
    return f"the last rounds' precision is {shares['precision']:.4f} at coverage {shares['coverage']:.4f}"
