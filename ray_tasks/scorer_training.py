"""Fit a scorer on a generation whose truth is known, or on what its tags say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from profiling import evaluation
from profiling.co_occurrence import add_across
from profiling.embedding import get_model
from profiling.scorer import Scorer
from profiling.training import TrainingTables, train_scorer
from profiling.weak_labels import STATED, weak_labels
from ray_tasks.generation_tables import GenerationTables
from ray_tasks.generations import Generation
from ray_tasks.lake import Lake
from ray_tasks.stages.partition_rows import open_friendships, rows_mark
from ray_tasks.stages.score import distance_scale


def train(lake: Lake, generation: Generation, truth_folder: Path | None, split: str, precision: float) -> Scorer:
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
    about = {"calibration": generation.artefacts["calibration"]}
    if truth_folder is None:
        about |= {"labels": "tags"}
        return train_scorer(data, weak_labels(data.clusters), precision, about, STATED)
    truth = evaluation.read_truth(truth_folder).of_split(split)
    told: dict[str, Any] = {"labels": "truth", "split": split, "users": len(truth.users)}
    return train_scorer(data, _true_labels(tables, truth), precision, about | told)


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
