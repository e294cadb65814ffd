"""Fit a scorer on a generation whose truth is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from profiling import evaluation
from profiling.co_occurrence import add_across
from profiling.embedding import get_model
from profiling.scorer import Scorer
from profiling.training import TrainingTables, train_scorer
from ray_tasks.generation_tables import GenerationTables
from ray_tasks.generations import Generation
from ray_tasks.lake import Lake
from ray_tasks.stages.partition_rows import open_friendships, rows_mark
from ray_tasks.stages.score import distance_scale


def train(lake: Lake, generation: Generation, truth_folder: Path, split: str, precision: float) -> Scorer:
    """A scorer of the generation's network, fitted on the users of one split of the truth.

    Parameters
    ----------
    precision : profiles that are their owner's, of all profiles: what the margin aims at.

    Raises
    ------
    PopulationError
        The truth is of another population, or too small to learn from.
    """
    truth = evaluation.read_truth(truth_folder).of_split(split)
    tables = GenerationTables(lake, generation)
    entry = get_model(tables.settings.embedding.model)
    members = tables.table("cluster", "members")
    matches = evaluation.match_faces(tables.faces(entry.dim), tables.table("cluster", "looked"), truth.faces)
    labels = evaluation.label_clusters(members, matches, truth.users)
    friendships = open_friendships(lake, rows_mark(generation.manifests(lake, "partition")))
    indptr, friends = friendships.neighbours(0, friendships.rows)
    data = TrainingTables(
        users=tables.table("partition", "users"),
        clusters=add_across(tables.table("cluster", "clusters"), tables.table("co_occurrence", "co_occurrence")),
        indptr=indptr,
        friend_rows=np.asarray(friends),
        eps=distance_scale(tables.settings),
        model_sha256=entry.sha256,
    )
    about = {"split": split, "users": len(truth.users), "calibration": generation.artefacts["calibration"]}
    return train_scorer(data, labels, precision, about)
