"""Fit a scorer on a generation whose truth is known, or on what its tags say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from profiling import evaluation
from profiling.co_occurrence import add_across
from profiling.embedding import get_model
from profiling.errors import ModelError
from profiling.scorer import Scorer
from profiling.training import TrainingTables, judge_scorer, train_scorer
from profiling.weak_labels import STATED, weak_labels
from ray_tasks.generation_tables import GenerationTables
from ray_tasks.generations import Generation
from ray_tasks.lake import Lake
from ray_tasks.stages.partition_rows import open_friendships, rows_mark
from ray_tasks.stages.score import distance_scale, scorer_of


@dataclass(frozen=True)
class Trained:
    """A new scorer, and how it does on held-back users beside the one that builds use now.

    Parameters
    ----------
    held_back : shares of the new one's last round, cross-validated. in_use : the same of the other (None: there is no
        other), whose training may have seen these users. better : whether the new one should be proposed.
    """

    scorer: Scorer
    held_back: dict[str, float]
    in_use: dict[str, float] | None
    better: bool


def train(lake: Lake, generation: Generation, truth_folder: Path | None, split: str, precision: float) -> Trained:
    """A scorer of the generation's network.

    Parameters
    ----------
    truth_folder : the scorer is fitted on the users of one split of this truth; None = on the owners whom tags name.
    precision : profiles that are their owner's, of all profiles: what the margin aims at.

    Raises
    ------
    PopulationError
        The truth is of another population, or too small to learn from, or no tag names an owner.
    """
    tables = GenerationTables(lake, generation)
    data = _training_tables(lake, generation, tables)
    about: dict[str, Any] = {"calibration": generation.artefacts["calibration"]}
    stated: Mapping[str, float] = {}
    if truth_folder is None:
        labels, stated = weak_labels(data.clusters), STATED
        about |= {"labels": "tags"}
    else:
        truth = evaluation.read_truth(truth_folder).of_split(split)
        labels = _true_labels(tables, truth)
        about |= {"labels": "truth", "split": split, "users": len(truth.users)}
    scorer = train_scorer(data, labels, precision, about, stated)
    reached = scorer.provenance["cross_validated"][-1]
    held_back = {name: reached[name] for name in ("leader_accuracy", "precision", "coverage")}
    used = _in_use(tables)
    in_use = None if used is None else judge_scorer(data, labels, used, stated)
    return Trained(scorer, held_back, in_use, in_use is None or is_better(held_back, in_use, precision))


def is_better(new: Mapping[str, float], now: Mapping[str, float], wanted: float) -> bool:
    """Nearer to the wanted precision; among those that reach it, more users with a profile."""
    return (min(new["precision"], wanted), new["coverage"]) > (min(now["precision"], wanted), now["coverage"])


def _in_use(tables: GenerationTables) -> Scorer | None:
    try:
        return scorer_of(tables.settings)
    except ModelError:
        return None


def _true_labels(tables: GenerationTables, truth: evaluation.Truth) -> pa.Table:
    faces = tables.faces(get_model(tables.settings.embedding.model).dim)
    matches = evaluation.match_faces(faces, tables.table("cluster", "looked"), truth.faces)
    return evaluation.label_clusters(tables.table("cluster", "members"), matches, truth.users)


def _training_tables(lake: Lake, generation: Generation, tables: GenerationTables) -> TrainingTables:
    friendships = open_friendships(lake, rows_mark(generation.manifests(lake, "partition")))
    indptr, friends = friendships.neighbours(0, friendships.rows)
    return TrainingTables(
        users=tables.table("partition", "users"),
        clusters=add_across(tables.table("cluster", "clusters"), tables.table("co_occurrence", "co_occurrence")),
        indptr=indptr,
        friend_rows=np.asarray(friends),
        eps=distance_scale(tables.settings),
        model_sha256=get_model(tables.settings.embedding.model).sha256,
    )
